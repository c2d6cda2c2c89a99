"""The reconciler's decisions, with a hub that says what the test wants; rows are real."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import pytest

from governance import egress, people, projects, rooms, stops
from governance.database import Database
from governance.egress import Reading
from governance.errors import Unavailable
from governance.settings import Settings
from governance.tables import ProjectRole, RoomState, StopKind
from governance.tiers import Tier
from hub import storage
from hub.client import Server
from hub.reconciler import START_WITHIN, Reconciler
from tests.conftest import NOW


@dataclass
class SaidHub:
    """Answers what it was told to, and remembers what it was asked to do."""

    says: dict[str, Server] = field(default_factory=dict)
    away: bool = False
    cause: str | None = None
    did: list[str] = field(default_factory=list)

    async def servers(self) -> dict[str, Server]:
        if self.away:
            raise Unavailable("the hub does not answer: {reason}", reason="test")
        return self.says

    async def server(self, room: str) -> Server | None:
        return (await self.servers()).get(room)

    async def start(self, room: str) -> None:
        self.did.append("start")

    async def stop(self, room: str) -> None:
        if self.away:
            raise Unavailable("the hub does not answer: {reason}", reason="test")
        self.did.append("stop")

    async def failure(self, room: str) -> str | None:
        return self.cause


@dataclass
class SaidProcessor:
    """Says how long every room's container has used the processor."""

    seconds: float = 0.0

    def used(self, names: Collection[str]) -> dict[str, float]:
        return dict.fromkeys(names, self.seconds)


@dataclass
class Scene:
    database: Database
    hub: SaidHub
    processor: SaidProcessor
    reconciler: Reconciler
    room: str
    now: datetime = NOW

    def look(self) -> tuple[RoomState, RoomState]:
        """One look; returns what is wanted and what is."""
        asyncio.run(self.reconciler.look())
        with self.database.read() as tx:
            row = rooms.standing(tx, self.room).room
            return row.wanted, row.actual


@pytest.fixture
def scene(database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Scene:
    with database.write() as tx:
        ada = people.add(tx, "ada", "Ada", NOW, training_until=date(2027, 1, 1))
        people.accept_terms(tx, ada, NOW)
        project = projects.add(tx, "p1", "P", Tier.SYNTHETIC, "C", "P-1", date(2026, 3, 31), NOW)
        projects.add_member(tx, project, ada, ProjectRole.LEAD, NOW)
        room = rooms.want_open(tx, ada, project, "small", settings, NOW).id
    hub, processor = SaidHub(), SaidProcessor()
    scene = Scene(database, hub, processor, None, room)  # type: ignore[arg-type]
    scene.reconciler = Reconciler(settings, database, hub, None, lambda: scene.now, processor)  # type: ignore[arg-type]
    monkeypatch.setattr(scene.reconciler, "_mend_walls", lambda: None)
    monkeypatch.setattr(storage, "close_unused", lambda *_: None)
    monkeypatch.setattr(scene.reconciler, "_lead_nowhere", lambda _: None)
    for part in ("_shut_door", "_remove_rest"):  # Docker and the edge; the stories have real ones
        monkeypatch.setattr(scene.reconciler, part, lambda room, part=part: hub.did.append(part))
    return scene


def test_a_wanted_room_is_started_and_becomes_open(scene: Scene) -> None:
    assert scene.look() == (RoomState.OPEN, RoomState.STARTING)
    scene.hub.says = {scene.room: Server.PENDING}
    assert scene.look() == (RoomState.OPEN, RoomState.STARTING)
    scene.hub.says = {scene.room: Server.READY}
    assert scene.look() == (RoomState.OPEN, RoomState.OPEN)
    assert scene.hub.did == ["start"]


def test_an_open_room_that_the_hub_has_not_yet_looked_at_is_not_ended(scene: Scene) -> None:
    scene.hub.says = {scene.room: Server.READY}
    scene.look()
    scene.hub.says = {scene.room: Server.PENDING}
    assert scene.look() == (RoomState.OPEN, RoomState.OPEN)
    scene.hub.says = {}
    assert scene.look() == (RoomState.CLOSED, RoomState.CLOSED)


def test_a_hub_that_is_away_ends_no_open_room(scene: Scene) -> None:
    scene.hub.says = {scene.room: Server.READY}
    scene.look()
    scene.hub.away = True
    assert scene.look() == (RoomState.OPEN, RoomState.OPEN)


def test_a_start_that_failed_is_told(scene: Scene) -> None:
    scene.hub.says, scene.hub.cause = {scene.room: Server.NONE}, "no memory"
    assert scene.look() == (RoomState.CLOSED, RoomState.FAILED)
    assert scene.look() == (RoomState.CLOSED, RoomState.FAILED)  # and stays told


def test_a_start_does_not_wait_for_a_hub_that_stays_away(scene: Scene) -> None:
    scene.hub.away = True
    assert scene.look() == (RoomState.OPEN, RoomState.STARTING)
    scene.now += START_WITHIN + timedelta(seconds=1)
    assert scene.look() == (RoomState.CLOSED, RoomState.FAILED)


def test_the_permits_end_closes_the_room_door_first(scene: Scene) -> None:
    scene.hub.says = {scene.room: Server.READY}
    scene.look()
    scene.now = datetime(2026, 4, 1, 0, 0, tzinfo=projects.LOCAL)
    assert scene.look() == (RoomState.CLOSED, RoomState.CLOSED)
    assert scene.hub.did == ["_shut_door", "stop", "_remove_rest"]


def test_the_door_is_shut_even_while_the_hub_is_away(scene: Scene) -> None:
    scene.hub.says = {scene.room: Server.READY}
    scene.look()
    scene.hub.away = True
    scene.now = datetime(2026, 4, 1, 0, 0, tzinfo=projects.LOCAL)
    assert scene.look() == (RoomState.CLOSED, RoomState.OPEN)  # not closed before it is gone
    assert scene.hub.did == ["_shut_door"]
    scene.hub.away = False
    assert scene.look() == (RoomState.CLOSED, RoomState.CLOSED)


def test_a_room_wanted_again_while_it_closes_is_started_again(scene: Scene, settings: Settings) -> None:
    scene.hub.says = {scene.room: Server.READY}
    scene.look()

    async def stop(room: str) -> None:
        with scene.database.write() as tx:
            here = rooms.standing(tx, room)
            rooms.want_open(tx, here.person, here.project, "small", settings, scene.now)

    scene.hub.stop = stop  # type: ignore[method-assign]
    scene.hub.says = {}
    assert scene.look() == (RoomState.OPEN, RoomState.STARTING)


def test_an_idle_room_closes_and_one_that_computes_does_not(scene: Scene, settings: Settings) -> None:
    scene.hub.says = {scene.room: Server.READY}
    scene.look()
    for _ in range(settings.idle_minutes // 60 + 2):  # nobody is there, and a kernel computes half of the time
        scene.now += timedelta(hours=1)
        scene.processor.seconds += 1800
        assert scene.look() == (RoomState.OPEN, RoomState.OPEN)
    scene.now += timedelta(minutes=settings.idle_minutes - 1)
    scene.processor.seconds += 60  # what JupyterLab itself uses
    assert scene.look() == (RoomState.OPEN, RoomState.OPEN)
    scene.now += timedelta(minutes=2)
    assert scene.look() == (RoomState.CLOSED, RoomState.CLOSED)
    with scene.database.read() as tx:
        assert "Nothing happened" in (rooms.standing(tx, scene.room).room.reason or {})["message"]


def test_doors_are_shut_when_the_rows_cannot_be_asked_for_five_minutes(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    shut: list[datetime] = []
    monkeypatch.setattr(scene.reconciler, "_shut_every_door", lambda: shut.append(scene.now))
    for minutes in (1, 4, 6):
        scene.now = NOW + timedelta(minutes=minutes)
        asyncio.run(scene.reconciler.look_without_rows())
    assert shut == [NOW + timedelta(minutes=6)]


def test_whoever_does_something_is_not_idle(scene: Scene, settings: Settings) -> None:
    scene.hub.says = {scene.room: Server.READY}
    scene.look()
    for acts in range(1, 4):
        scene.now += timedelta(minutes=settings.idle_minutes - 1)
        with scene.database.write() as tx:
            egress.take_in(tx, {scene.room: Reading("gate", acts * 100, acts)}, settings, scene.now)
        assert scene.look() == (RoomState.OPEN, RoomState.OPEN)
    scene.now += timedelta(minutes=settings.idle_minutes - 1)
    with scene.database.write() as tx:  # a page that only asks, and nobody who does anything
        egress.take_in(tx, {scene.room: Reading("gate", 900, 3)}, settings, scene.now)
    scene.now += timedelta(minutes=2)
    assert scene.look() == (RoomState.CLOSED, RoomState.CLOSED)


@pytest.mark.parametrize("whole_site", [True, False])
def test_a_stop_closes_the_room(scene: Scene, whole_site: bool) -> None:
    scene.hub.says = {scene.room: Server.READY}
    scene.look()
    with scene.database.write() as tx:
        project = None if whole_site else projects.keyed(tx, "p1")
        stops.stop(tx, project, StopKind.PAUSE, None, scene.now)
    assert scene.look() == (RoomState.CLOSED, RoomState.CLOSED)
