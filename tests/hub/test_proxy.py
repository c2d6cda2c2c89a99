"""What JupyterHub's routes become: ways of the edge, to rooms that the rows grant."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from governance import people, projects, rooms
from governance.database import Database
from governance.settings import Settings
from governance.tables import ProjectRole
from governance.tiers import Tier
from hub import edge, haproxy, proxy
from hub.proxy import GateProxy


def test_the_hub_leads_to_a_room_only_while_the_rows_grant_it(
    database: Database, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = datetime.now(UTC)
    with database.write() as tx:
        ada = people.add(tx, "ada", "Ada", now, training_until=date(2099, 1, 1))
        people.accept_terms(tx, ada, now)
        project = projects.add(tx, "p1", "P", Tier.SYNTHETIC, "C", "P-1", date(2099, 1, 1), now)
        projects.add_member(tx, project, ada, ProjectRole.LEAD, now)
        room = rooms.want_open(tx, ada, project, "small", settings, now).id
    monkeypatch.setattr(edge, "folder", lambda _: tmp_path)
    monkeypatch.setattr(proxy, "load", lambda _: settings)
    monkeypatch.setattr(proxy, "Database", lambda _: database)
    routes = GateProxy(installation="unit")
    host = settings.room_host(room)
    route = f"{host}/user/{room}/", "http://10.0.0.1:9000", {"user": room}

    asyncio.run(routes.add_route(*route))
    assert haproxy.read_map(tmp_path / "rooms.map") == {host: "10.0.0.1:9000"}

    with database.write() as tx:
        rooms.want_closed(tx, rooms.standing(tx, room).room, now, reason=rooms.CLOSED_BY_PERSON)
    edge.route(settings, host, None)  # as the reconciler does then
    asyncio.run(routes.add_route(*route))  # as the hub does when it misses a route
    assert haproxy.read_map(tmp_path / "rooms.map") == {}
