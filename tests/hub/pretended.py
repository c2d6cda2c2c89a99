"""Many open rooms whose gates, engine and hub only pretend; their rows are real."""

from __future__ import annotations

import contextlib
import os
import selectors
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import event

from governance import people, rooms
from governance.database import Database
from governance.settings import Settings
from governance.tables import Admission, Member, Person, Project, ProjectRole, Room, RoomState
from governance.tiers import Tier
from hub.client import Server
from hub.gate import SIDS, of_room

STATISTICS = 1.0
"""Seconds that Debian 12's engine takes for one container's."""


def open_rooms(database: Database, settings: Settings, number: int, now: datetime) -> list[str]:
    """Rows of this many open rooms: ten to a project, one to a person, somebody inside each."""
    until = date(2099, 1, 1)
    with database.write() as tx:
        for at in range(1, number // 10 + 1):
            tx.add(
                Project(
                    id=at, key=f"p{at}", title="P", tier=Tier.SYNTHETIC, controller="C", permit="P", permit_until=until
                )
            )
        for at in range(1, number + 1):
            accepted = {"terms_version": people.TERMS_VERSION, "training_until": until}
            tx.add(Person(id=at, name=f"n{at}", full_name="N", **accepted))
        tx.flush()
        for at in range(1, number + 1):
            project_id = (at - 1) // 10 + 1
            tx.add(Member(project_id=project_id, person_id=at, role=ProjectRole.ANALYST))
            tx.add(
                Room(
                    id=f"room{at:06d}",
                    person_id=at,
                    project_id=project_id,
                    size="small",
                    slot=at,
                    wanted=RoomState.OPEN,
                    actual=RoomState.OPEN,
                    changed_at=now,
                )
            )
        tx.flush()
        for at in range(1, number + 1):
            tx.add(Admission(sid=f"sid{at}", room_id=f"room{at:06d}", ends_at=now + timedelta(hours=12)))
    return [f"room{at:06d}" for at in range(1, number + 1)]


@dataclass
class PretendedHub:
    """Says that every room it was told of is ready."""

    rooms: list[str]
    calls: Counter[str] = field(default_factory=Counter)

    async def servers(self) -> dict[str, Server]:
        self.calls["servers"] += 1
        return dict.fromkeys(self.rooms, Server.READY)

    async def server(self, room: str) -> Server | None:
        self.calls["server"] += 1
        return Server.READY


@dataclass
class PretendedEngine:
    """Has a container for each room: this very process, so that its control group can be read."""

    names: list[str]
    calls: Counter[str] = field(default_factory=Counter)

    def containers(self, **_: Any) -> list[dict[str, Any]]:
        self.calls["containers"] += 1
        return [{"Id": name, "Names": [f"/{name}"]} for name in self.names]

    def inspect_container(self, container: str) -> dict[str, Any]:
        self.calls["inspect"] += 1
        return {"State": {"Pid": os.getpid()}}

    def stats(self, *_: Any, **__: Any) -> dict[str, Any]:
        self.calls["stats"] += 1
        time.sleep(STATISTICS)
        return {}


class PretendedGates:
    """Answers on every gate's runtime socket, as its HAProxy would: one map of tickets, one counter, one budget."""

    def __init__(self, settings: Settings, sids: dict[str, set[str]]) -> None:
        self.sids = sids
        self.shown = dict.fromkeys(sids, 0)
        self.told: Counter[str] = Counter()
        self.closed = threading.Event()
        self._selector = selectors.DefaultSelector()
        for room in sids:
            admin = of_room(settings, room).admin
            admin.parent.mkdir(parents=True)
            (admin.parent.parent / "etc").mkdir()
            listener = socket.socket(socket.AF_UNIX)
            listener.bind(str(admin))
            listener.listen(64)
            self._selector.register(listener, selectors.EVENT_READ, room)
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while not self.closed.is_set():
            for key, _ in self._selector.select(0.1):
                connection, _ = key.fileobj.accept()  # type: ignore[union-attr]
                with connection:
                    line = b"".join(iter(lambda c=connection: c.recv(4096), b"")).decode().strip()
                    connection.sendall(self._answer(key.data, line).encode())

    def _answer(self, room: str, line: str) -> str:
        match line.split():
            case ["show", "table", _]:
                return f"# table: door\n0x1: key=start use=0 exp=0 gpc0=1 bytes_out_cnt={self.shown[room]}\n"
            case ["show", "map", name]:
                entries = self.sids[room] if name == SIDS else []
                return "".join(f"0x{at} {sid} yes\n" for at, sid in enumerate(entries))
            case ["add", "map", name, key, _] if name == SIDS:
                self.sids[room].add(key)
            case ["del", "map", name, key] if name == SIDS:
                self.sids[room].discard(key)
        self.told[" ".join(line.split()[:2])] += 1
        return ""

    def close(self) -> None:
        self.closed.set()
        self._thread.join()
        for key in list(self._selector.get_map().values()):
            key.fileobj.close()  # type: ignore[union-attr]


@contextlib.contextmanager
def pretended_gates(
    database: Database, settings: Settings, room_ids: list[str], now: datetime
) -> Iterator[PretendedGates]:
    """The gates of these rooms, each letting in exactly those that the rows admit."""
    with database.read() as tx:
        sids = {room: set(rooms.admissions(tx, room, now)) for room in room_ids}
    gates = PretendedGates(settings, sids)
    try:
        yield gates
    finally:
        gates.close()


@contextlib.contextmanager
def statements(database: Database) -> Iterator[Counter[str]]:
    """Counts what is said to the database inside the block, by its first word."""
    said: Counter[str] = Counter()

    def count(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        verb = statement.split(None, 1)[0].upper()
        if verb != "BEGIN":  # which SQLAlchemy says of itself on PostgreSQL
            said[verb] += 1

    event.listen(database.engine, "before_cursor_execute", count)
    try:
        yield said
    finally:
        event.remove(database.engine, "before_cursor_execute", count)
