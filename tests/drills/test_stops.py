"""Ten open rooms, one command: how long until none is left."""

from __future__ import annotations

import time

import httpx

from tests.conftest import Room, Stack, until
from tests.drills.results import keep
from tests.stories.test_stops import gone

ROOMS = 10


def lets_in(room: Room) -> bool:
    """A connection that is cut is one more way of being shut out."""
    try:
        return room.request("GET", "/api/status").status_code == 200
    except httpx.TransportError:
        return False


def test_ten_rooms_are_gone_within_ten_seconds(stack: Stack) -> None:
    people = [stack.person("ada") for _ in range(ROOMS)]
    key = stack.project(*people)
    rooms = [stack.open_room(key, person) for person in people]
    begun = time.monotonic()
    stack.sluse("project", "pause", key)
    until(lambda: not any(lets_in(room) for room in rooms), 10)
    shut = time.monotonic() - begun
    until(lambda: all(gone(room) for room in rooms), 10)
    keep(
        "stop",
        {
            "rooms": ROOMS,
            "nobody is in, seconds": round(shut, 2),
            "all gone, seconds": round(time.monotonic() - begun, 2),
        },
    )
