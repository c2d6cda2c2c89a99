"""A firewall that somebody took down is missed before a room starts, and put up again."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest

from governance.errors import Unavailable
from hub import container, doctor, walls
from hub.plan import RoomPlan
from tests.conftest import Stack, until
from tests.escapes.attempts import attempt


@attempt(
    "H1",
    "work for long while the firewall is down, or open a room then",
    wall="`hub/doctor.py` `demand`, `hub/reconciler.py`",
    answer="no room starts; up again within 15 s",
)
@pytest.mark.parametrize("how", ["the table is gone", "a rule is added"])
def test_a_firewall_that_was_taken_down_is_put_up_again(stack: Stack, how: str) -> None:
    table = walls.table(stack.settings)
    until(lambda: walls.broken(stack.settings) is None, 30)
    doctor.demand(stack.settings, stack.docker)
    command = ["delete", "table", "inet", table]
    if how == "a rule is added":
        command = ["insert", "rule", "inet", table, "input", "accept"]
    subprocess.run([walls.NFT, *command], check=True)
    with pytest.raises(Unavailable, match="no room is opened now"):
        doctor.demand(stack.settings, stack.docker)
    until(lambda: walls.broken(stack.settings) is None, 40)


def test_the_doctor_finds_every_wall_standing_and_tries_them(stack: Stack) -> None:
    found = json.loads(stack.sluse("doctor", "--json"))
    assert [one for one in found if one["wrong"] and one["mandatory"]] == []
    assert "a room does not reach the host" in {one["name"] for one in found}


@attempt(
    "H2",
    "profit from a wall that is there and does nothing",
    wall="`hub/doctor.py` `tried`",
    answer="`sluse doctor` says so",
)
def test_the_doctor_sees_a_wall_that_stands_and_does_nothing(stack: Stack) -> None:
    """Everything is where it was looked for, but a room does reach the host: only a try shows that."""
    until(lambda: walls.broken(stack.settings) is None, 30)
    open_bridge = {"com.docker.network.bridge.inhibit_ipv4": "true"}
    real = container.network

    def weak(plan: RoomPlan) -> dict[str, Any]:
        made = real(plan)
        return made | {"options": {k: v for k, v in made["options"].items() if k not in open_bridge}}

    table = walls.table(stack.settings)
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(container, "network", weak)
            for chain in ("input", "output"):
                subprocess.run([walls.NFT, "insert", "rule", "inet", table, chain, "accept"], check=True)
            found = {one.name: one.wrong for one in doctor.tried(stack.settings, stack.docker)}
    finally:
        until(lambda: walls.broken(stack.settings) is None, 40)
    assert "reaches this host" in (found["a room does not reach the host"] or "")
