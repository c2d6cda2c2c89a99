"""What clusters compute is counted for each, whatever becomes of another meanwhile."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from governance.database import Database
from governance.errors import NotFound
from governance.settings import Settings
from governance.tables import ClusterPart
from hub.clusters import ContainerBackend


def test_a_cluster_that_ends_while_it_is_counted_keeps_no_other_from_its_end(
    database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = SimpleNamespace(database=database, settings=settings, clock=lambda: datetime.now(UTC))
    backend = ContainerBackend(parent=None)
    monkeypatch.setattr(ContainerBackend, "given", given)
    backend._used = {}
    idle_for, ended = backend._idle_for, []

    async def end(name: str, *_: Any, **__: Any) -> None:
        ended.append(name)

    def idle(name: str) -> timedelta:
        return timedelta(days=1) if name == "idle" else idle_for(name)  # no row says that the other runs

    members: dict[str, set[tuple[ClusterPart, str]]] = {"ended": set(), "idle": set()}
    for attribute, stands in (("_end", end), ("_idle_for", idle), ("_members", members.__getitem__)):
        monkeypatch.setattr(backend, attribute, stands)
    with pytest.raises(NotFound):
        idle_for("ended")
    asyncio.run(backend._count(["ended", "idle"], set(), 10))
    assert ended == ["idle"]
