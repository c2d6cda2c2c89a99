"""What the portal offers of rooms, and says of the one that is open."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from types import SimpleNamespace

import pytest
from fastapi.testclient import TestClient

from governance import people, projects, rooms
from governance.database import Database
from governance.settings import Settings
from governance.tables import ProjectRole, Room, RoomState
from governance.tiers import Tier
from portal.app import create_app
from tests.conftest import NOW

PASSWORD = "a long enough password"


@pytest.fixture
def portal(database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    """Ada, logged in, with one project and no room; nothing is there that would start one."""
    with database.write() as tx:
        ada = people.add(tx, "ada", "Ada", NOW, password=PASSWORD, training_until=date(2027, 1, 1))
        people.accept_terms(tx, ada, NOW)
        project = projects.add(tx, "p1", "P", Tier.SYNTHETIC, "C", "P-1", date(2026, 12, 31), NOW)
        projects.add_member(tx, project, ada, ProjectRole.ANALYST, NOW)
    app = create_app(settings, database, lambda: NOW)
    monkeypatch.setattr(app.state.site.reconciler, "look", lambda _: None)
    headers = {"Origin": settings.portal_origin, "Accept-Language": "en"}
    base = settings.portal_origin.replace("http:", "https:")
    with TestClient(app, base_url=base, follow_redirects=False, headers=headers) as client:
        assert client.post("/login", data={"name": "ada", "password": PASSWORD}).status_code == 303
        yield client


def host(monkeypatch: pytest.MonkeyPatch, gib: int, processors: int) -> None:
    pages = {"SC_PAGE_SIZE": 4096, "SC_PHYS_PAGES": (gib << 30) // 4096}
    monkeypatch.setattr(rooms, "os", SimpleNamespace(sysconf=pages.__getitem__, cpu_count=lambda: processors))


@pytest.mark.parametrize(
    ("gib", "processors", "offered"),
    [
        (1, 1, ["small"]),
        (16, 1, ["small"]),
        (7, 8, ["small"]),
        (8, 2, ["small", "medium"]),
        (64, 4, ["small", "medium"]),
        (64, 8, ["small", "medium", "large"]),
    ],
)
def test_sizes_that_the_host_cannot_hold_are_not_offered(
    portal: TestClient, monkeypatch: pytest.MonkeyPatch, gib: int, processors: int, offered: list[str]
) -> None:
    host(monkeypatch, gib, processors)
    assert re.findall(r'<option value="(small|medium|large)"', portal.get("/").text) == offered
    for size in ("large", "medium", "small"):
        answer = portal.post("/projects/p1/room", data={"size": size})
        assert answer.status_code == (303 if size in offered else 400)
        if size in offered:
            break
        assert f"choose one of {', '.join(offered)}" in answer.text


def test_the_size_of_the_room_is_shown(portal: TestClient, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    host(monkeypatch, 8, 2)
    shown = "Medium – 2 CPU, 8 GB"
    assert f"open, {shown}" not in " ".join(portal.get("/").text.split())
    room = portal.post("/projects/p1/room", data={"size": "medium"}).headers["location"].split("?")[0]
    with database.write() as tx:
        rooms.became(tx, tx.query(Room).one(), RoomState.OPEN, NOW)
    host(monkeypatch, 4, 1)  # one that is open is shown on whatever it runs
    assert f"open, {shown}" in " ".join(portal.get("/").text.split())
    assert f"{shown} · Tables and statistics" in " ".join(portal.get(room).text.split())
