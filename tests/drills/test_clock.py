"""Every process of an installation lives under a clock of another day: what opens, what ends, and the way out."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest

from sluse import processes
from tests.conftest import SLUSE, Person, Stack, until

ANOTHER_DAY = ("LD_PRELOAD", "LD_LIBRARY_PATH", "DATEFUDGE")
"""What Debian's `datefudge` gives a program."""


@contextmanager
def clock(stack: Stack, moved: timedelta) -> Iterator[None]:
    """The installation's processes and commands run under a clock that is moved; then under the true one.

    The engine, and so rooms and gates, keep the true clock.
    """
    printed = subprocess.run(
        ["datefudge", f"{datetime.now(UTC) + moved:%F %T UTC}", "env"], capture_output=True, text=True, check=True
    ).stdout
    given = dict(line.split("=", 1) for line in printed.splitlines() if line.startswith(ANOTHER_DAY))
    processes.stop(stack.settings)
    os.environ.update(given)
    try:
        processes.start(stack.settings)
        wait_until_up()
        yield
    finally:
        for name in given:
            os.environ.pop(name, None)
        processes.start(stack.settings)
        wait_until_up()


def wait_until_up() -> None:
    deadline = time.monotonic() + 120
    while (answer := sluse("status"))[0] != 0:
        assert time.monotonic() < deadline, answer[1]


def sluse(*arguments: str) -> tuple[int, str]:
    """A command and what it said, one line."""
    done = subprocess.run([SLUSE, *arguments], capture_output=True, text=True, check=False)
    return done.returncode, " ".join((done.stdout + done.stderr).split())


def opens(stack: Stack, project: str, person: Person) -> str:
    """Ask the portal for a room; returns its address, or what the page says."""
    with stack.portal(person) as http:
        answer = http.post(f"/projects/{project}/room")
        return answer.headers["location"] if answer.status_code == 303 else answer.text


def closes(stack: Stack, room: str, person: Person) -> None:
    """Close a room and log out, by the portal."""
    with stack.portal(person) as http:
        assert http.post(f"/rooms/{room}/close").status_code == 303
        until(lambda: http.get(f"/rooms/{room}/state").json()["state"] == "closed", 120)
        assert http.post("/logout").status_code == 303
        assert http.get("/").headers["location"] == "/login"


@pytest.fixture
def ada(stack: Stack) -> Person:
    return stack.person("ada")


def project(stack: Stack, person: Person, ends: timedelta) -> str:
    return stack.project(person, until=datetime.now(UTC).date() + ends)


def test_a_clock_that_was_set_back_opens_no_ended_permit_and_keeps_nobody_in(stack: Stack, ada: Person) -> None:
    ended, runs, another = (project(stack, ada, timedelta(days=days)) for days in (-5, 900, 900))
    assert "permit" in opens(stack, ended, ada)
    room = stack.open_room(runs, ada)
    with clock(stack, timedelta(days=-30)):
        for key in (ended, another):
            assert "clock" in opens(stack, key, ada)
            code, said = sluse("room", "open", key, ada.name)
            assert (code, "clock says" in said, "Traceback" in said) == (1, True, False), said
        assert "clock" in sluse("doctor", "--quick")[1]
        closes(stack, room.id, ada)
    for key in (runs, another):
        assert opens(stack, key, ada).startswith("/rooms/")
    assert "permit" in opens(stack, ended, ada)
    assert "each bound to the one before it" in sluse("audit", "verify")[1]


def test_after_a_jump_forward_a_command_is_the_way_out(stack: Stack, ada: Person) -> None:
    ends, runs = project(stack, ada, timedelta(days=300)), project(stack, ada, timedelta(days=900))
    ended = stack.open_room(ends, ada)
    try:
        with clock(stack, timedelta(days=400)):
            until(lambda: state(stack, ended.id, ada) == "closed")
            assert "permit" in opens(stack, ends, ada)
            room = opens(stack, runs, ada).removeprefix("/rooms/").removesuffix("?enter=1")
            until(lambda: state(stack, room, ada) == "open", 120)
        assert "clock" in opens(stack, ends, ada)
        closes(stack, room, ada)
    finally:
        confirmed = sluse("clock", "confirm", "--yes")
    assert "was wrong when something was recorded" in confirmed[1]
    for key in (ends, runs):
        assert opens(stack, key, ada).startswith("/rooms/")
    assert "each bound to the one before it" in sluse("audit", "verify")[1]


def state(stack: Stack, room: str, person: Person) -> str:
    with stack.portal(person) as http:
        return str(http.get(f"/rooms/{room}/state").json()["state"])
