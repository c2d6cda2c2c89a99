"""The reconciler's decisions, with a hub that says what the test wants; rows are real."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import pytest

from governance import people, projects, rooms
from governance.database import Database
from governance.errors import Unavailable
from governance.settings import Settings
from governance.tables import ProjectRole, RoomState
from governance.tiers import Tier
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

    async def start(self, room: str) -> None:
        self.did.append("start")

    async def stop(self, room: str) -> None:
        if self.away:
            raise Unavailable("the hub does not answer: {reason}", reason="test")
        self.did.append("stop")

    async def failure(self, room: str) -> str | None:
        return self.cause


@dataclass
class Scene:
    database: Database
    hub: SaidHub
    reconciler: Reconciler
    room: str
    now: datetime = NOW

    def look(self) -> tuple[RoomState, RoomState]:
        """One look; returns what is wanted and what is."""
        asyncio.run(self.reconciler.look_at(self.room))
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
    hub = SaidHub()
    scene = Scene(database, hub, None, room)  # type: ignore[arg-type]
    scene.reconciler = Reconciler(settings, database, hub, None, lambda: scene.now)  # type: ignore[arg-type]
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
