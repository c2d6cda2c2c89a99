"""A firewall that somebody took down is missed before a room starts, and put up again."""

from __future__ import annotations

import json
import subprocess
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed

from governance.errors import Unavailable
from hub import container, doctor, walls
from hub.client import Hub
from hub.plan import RoomPlan
from hub.reconciler import Reconciler
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
    refused = False
    for _ in range(3):  # the reconciler may put it up again just in between
        subprocess.run([walls.NFT, *command], check=True)
        try:
            doctor.demand(stack.settings, stack.docker)
        except Unavailable as e:
            refused = "no room is opened now" in str(e)
            break
        until(lambda: walls.broken(stack.settings) is None, 40)
    assert refused
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
        # The reconciler would put the wall up again before it was tried.
        with pytest.MonkeyPatch.context() as patch, stack.held("reconciler"):
            patch.setattr(container, "network", weak)
            for chain in ("input", "output"):
                subprocess.run([walls.NFT, "insert", "rule", "inet", table, chain, "accept"], check=True)
            found = {one.name: one.wrong for one in doctor.tried(stack.settings, stack.docker)}
    finally:
        until(lambda: walls.broken(stack.settings) is None, 40)
    assert "reaches this host" in (found["a room does not reach the host"] or "")


@attempt(
    "H3",
    "have a room opened while a wall is down",
    wall="`hub/doctor.py` `demand`, asked by `hub/spawner.py`",
    answer="the room could not be started",
)
def test_no_room_starts_while_a_wall_is_down(stack: Stack) -> None:
    ada = stack.person("ada")
    key = stack.project(ada)
    table = walls.table(stack.settings)
    refusals = []
    for _ in range(3):  # the reconciler may put it up again just in between
        until(lambda: walls.broken(stack.settings) is None, 40)
        subprocess.run([walls.NFT, "delete", "table", "inet", table], check=True)
        try:
            stack.sluse("room", "open", key, ada.name)
        except AssertionError as e:
            refusals.append(str(e))
            break
        stack.sluse("room", "close", stack.open_room(key, ada).id)
    until(lambda: walls.broken(stack.settings) is None, 40)
    assert "could not be started" in "".join(refusals)
    stack.open_room(key, ada)


@attempt(
    "H4",
    "go on in a room while nobody can say whether they may",
    wall="`hub/reconciler.py` `look_without_rows`",
    answer="after five minutes every door is shut",
)
def test_every_door_is_shut_and_opens_again(stack: Stack) -> None:
    """That it happens after five minutes without the rows is tested with a clock, in tests/hub/test_reconciler.py."""
    ada = stack.person("ada")
    room = stack.open_room(stack.project(ada), ada)
    kernel = room.kernel()
    assert kernel.run("x = 7") == ""
    reconciler = Reconciler(
        stack.settings, stack.database, Hub(stack.settings), stack.docker, lambda: datetime.now(UTC)
    )

    def answers(*statuses: int) -> bool:
        try:
            return room.request("GET", "/api/status").status_code in statuses
        except httpx.TransportError:  # the edge may close an idle connection just then
            return False

    reconciler._shut_every_door()
    until(lambda: answers(404, 503), 5)  # no way there, or, once the hub has put the way back, no gate
    with pytest.raises(ConnectionClosed):
        kernel.run("print(x)")
    until(lambda: answers(200), 90)  # the hub looks at its rooms each 30 s, and at its routes each 20
    kernel.socket = room.websocket(kernel.id)
    assert kernel.run("print(x)") == "7\n"  # what ran goes on
