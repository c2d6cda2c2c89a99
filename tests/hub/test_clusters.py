"""What clusters compute is counted for each, whatever becomes of another meanwhile."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from governance import egress
from governance.database import Database
from governance.errors import NotFound, Refused
from governance.settings import Settings
from governance.tables import Cluster, ClusterContainer, ClusterPart, Room
from hub.clusters import COUNT_EVERY, ContainerBackend
from tests.conftest import NOW
from tests.hub.pretended import open_rooms, statements


@dataclass
class Scene:
    """Clusters by name, with a container each that used the processor for so long."""

    database: Database
    backend: ContainerBackend
    used: dict[str, float] = field(default_factory=dict)
    ended: list[str] = field(default_factory=list)
    now: datetime = NOW

    def count(self, *names: str) -> list[str]:
        self.now += COUNT_EVERY
        asyncio.run(self.backend._count(names, set(names), COUNT_EVERY.total_seconds()))
        return self.ended


@pytest.fixture
def scene(database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Scene:
    open_rooms(database, settings, 10, NOW)
    scene = Scene(database, ContainerBackend(parent=None))
    with database.write() as tx:
        for name in ("busy", "idle", "other"):
            cluster = Cluster(name=name, room_id="room000001", profile="base", image="i", started_at=NOW, active_at=NOW)
            tx.add(cluster)
            tx.flush()
            scheduler = ClusterPart.SCHEDULER
            tx.add(
                ClusterContainer(name=name, cluster=name, part=scheduler, place=4, cores=1, memory=1, started_at=NOW)
            )
    given = SimpleNamespace(database=database, settings=settings, clock=lambda: scene.now)
    monkeypatch.setattr(ContainerBackend, "given", given)
    names = {f"sluse-{settings.installation}-scheduler-{name}": name for name in ("busy", "idle", "other")}
    used = lambda asked: {name: scene.used[names[name]] for name in asked if names[name] in scene.used}  # noqa: E731
    scene.backend._used, scene.backend.processor = {}, SimpleNamespace(used=used)

    async def end(name: str, why: Refused, **_: Any) -> None:
        if name == "other":
            raise NotFound("The cluster has ended. Start a new one.")
        scene.ended.append(name)

    monkeypatch.setattr(scene.backend, "_end", end)
    return scene


def test_an_idle_cluster_ends_and_one_that_computes_does_not(scene: Scene, settings: Settings) -> None:
    scene.used = {"busy": 0.0, "idle": 0.0}
    assert scene.count("busy", "idle") == []
    for _ in range(settings.cluster_idle_minutes * 2 + 1):
        scene.used["busy"] += 10
        scene.used["idle"] += 0.1
        scene.count("busy", "idle")
    assert set(scene.ended) == {"idle"}
    with scene.database.read() as tx:
        assert egress.active_at(tx, tx.get_one(Room, "room000001")) == scene.now  # what computes keeps its room open


def test_a_cluster_that_ends_while_it_is_counted_keeps_no_other_from_its_end(scene: Scene) -> None:
    scene.now += timedelta(days=1)
    assert scene.count("other", "idle") == ["idle"]


def test_a_count_asks_the_rows_as_often_for_many_as_for_one(scene: Scene) -> None:
    with statements(scene.database) as one:
        scene.count("busy")
    with statements(scene.database) as three:
        scene.count("busy", "idle", "other")
    assert one == three == {"SELECT": 2}
