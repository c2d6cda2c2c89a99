"""Opening a room from the command line: for tests, and for an operator who helps."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from governance import people, projects, rooms
from governance.database import Database
from governance.errors import Refused, Unavailable
from governance.settings import Settings
from governance.tables import RoomState
from portal.reconciler import Reconciler
from portal.tickets import mint

LONGEST = 200.0
"""Seconds; a little more than the reconciler gives a start."""


@dataclass(frozen=True, slots=True)
class Opened:
    """An open room and a ticket into it."""

    room: str
    origin: str
    ticket: str
    seconds: float


def open_room(
    settings: Settings,
    database: Database,
    project: str,
    person: str,
    size: str,
    clock: Callable[[], datetime],
    image: str = "base",
) -> Opened:
    """Open a person's room in a project and admit one ticket to it.

    Raises:
        Refused: the person may not enter, or the room does not start; the message says why.
    """
    began = time.monotonic()
    reconciler = Reconciler(settings)
    with database.write() as tx:
        wanted = people.named(tx, person), projects.keyed(tx, project), size, settings, clock()
        room = rooms.want_open(tx, *wanted, image=image)
    reconciler.look(room.id)
    _wait(database, room.id, began + LONGEST)
    with database.write() as tx:
        admission = rooms.admit(tx, rooms.standing(tx, room.id).room, None, clock())
    reconciler.admit(room.id)
    ticket = mint(settings, room.id, admission, clock())
    return Opened(room.id, settings.room_origin(room.id), ticket, round(time.monotonic() - began, 2))


def _wait(database: Database, room: str, deadline: float) -> None:
    while time.monotonic() < deadline:
        with database.read() as tx:
            row = rooms.standing(tx, room).room
        if row.actual == RoomState.OPEN:
            return
        if row.actual != RoomState.STARTING:
            raise Refused.of_json(row.reason) if row.reason else Unavailable("the room was closed")
        time.sleep(0.05)
    raise Unavailable("the room did not open in time: see the reconciler's log")


def wait_until_closed(database: Database, room: str, seconds: float = 60) -> None:
    """Return when a room that is being closed is closed; raises Unavailable when it does not become so."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with database.read() as tx:
            if rooms.standing(tx, room).room.actual in rooms.ENDED:
                return
        time.sleep(0.1)
    raise Unavailable("nobody can enter the room any more, but it is not gone yet: see the reconciler's log")
