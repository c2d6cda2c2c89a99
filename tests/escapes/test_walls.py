"""A firewall that somebody took down is missed before a room starts, and put up again."""

from __future__ import annotations

import subprocess

import pytest

from governance.errors import Unavailable
from hub import walls
from tests.conftest import Stack, until


@pytest.mark.parametrize("how", ["the table is gone", "a rule is added"])
def test_a_firewall_that_was_taken_down_is_put_up_again(stack: Stack, how: str) -> None:
    table = walls.table(stack.settings)
    until(lambda: walls.broken(stack.settings) is None, 30)
    walls.demand(stack.settings)
    command = ["delete", "table", "inet", table]
    if how == "a rule is added":
        command = ["insert", "rule", "inet", table, "input", "accept"]
    subprocess.run([walls.NFT, *command], check=True)
    with pytest.raises(Unavailable, match="no room is opened now"):
        walls.demand(stack.settings)
    until(lambda: walls.broken(stack.settings) is None, 40)
