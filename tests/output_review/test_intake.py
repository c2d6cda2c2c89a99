"""What the intake refuses by itself, whatever the gate before it lets through."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from governance import data, people, projects, rooms
from governance import settings as settings_module
from governance.database import Database
from governance.settings import Settings
from governance.tables import ProjectRole, Room, RoomState
from governance.tiers import Tier
from output_review.intake import create_app
from output_review.service import LARGEST_CALL
from portal.translation import translator
from tests.conftest import NOW


@pytest.fixture
def client(
    database: Database, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[TestClient]:
    """A caller behind the gate of Ada's open room."""
    monkeypatch.setattr(settings_module, "STATE", tmp_path)
    (settings.state / "frozen" / "originals").mkdir(parents=True)
    with database.write() as tx:
        ada = people.add(tx, "ada", "Ada", NOW, training_until=date(2027, 1, 1))
        people.accept_terms(tx, ada, NOW)
        project = projects.add(tx, "p1", "P", Tier.SYNTHETIC, "C", "P-1", date(2026, 12, 31), NOW)
        projects.add_member(tx, project, ada, ProjectRole.LEAD, NOW)
        room = rooms.want_open(tx, ada, project, "small", settings, NOW)
        rooms.became(tx, tx.get_one(Room, room.id), RoomState.OPEN, NOW)
        slot = room.slot
    assert slot is not None
    app = create_app(settings, database, lambda: NOW, lambda _: translator("en"))
    address = str(settings.front_address(slot))
    with TestClient(app, client=(address, 1)) as client:
        yield client


def test_a_call_is_short_and_says_its_length(client: TestClient) -> None:
    longest = b'{"title": "T"}'.ljust(LARGEST_CALL)
    headers = {"Content-Type": "application/json"}
    assert client.post("/api/requests", content=longest, headers=headers).status_code == 201
    assert client.post("/api/requests", content=longest + b" ", headers=headers).status_code == 413
    assert client.post("/api/requests", content=iter([longest]), headers=headers).status_code == 411
    assert client.post("/api/requests", content=b"{}", headers=headers | {"Content-Length": "-1"}).status_code == 411
    assert client.request("DELETE", "/api/requests", content=longest + b" ").status_code == 413
    assert len(client.get("/api/requests").json()["requests"]) == 1


def test_a_files_bytes_are_longer_than_a_call(client: TestClient) -> None:
    number = client.post("/api/requests", json={"title": "T"}).json()["request"]
    about = {"name": "a.csv", "description": "d", "purpose": "p", "population": "a"}
    file = client.post(f"/api/requests/{number}/files", json=about).json()["file"]
    sent = client.put(f"/api/requests/{number}/files/{file}", content=b"1" * (LARGEST_CALL + 1))
    assert sent.status_code == 200, sent.text


def test_a_room_is_told_what_it_is_for(client: TestClient, database: Database, settings: Settings) -> None:
    with database.write() as tx:
        project = projects.keyed(tx, "p1")
        projects.set_purpose(tx, project, "To  see\nhow", NOW)
        data.add(tx, project, "registers", ("f" * 64, 2, 1000), NOW)
        bob = people.add(tx, "bob", "Bob", NOW)
        projects.add_member(tx, project, bob, ProjectRole.ANALYST, NOW)
        eve = people.add(tx, "eve", "Eve", NOW)  # of another project: nobody here hears of her
        other = projects.add(tx, "p2", "Q", Tier.SYNTHETIC, "C", "P-2", date(2026, 12, 31), NOW)
        projects.add_member(tx, other, eve, ProjectRole.LEAD, NOW)
    told = client.get("/api/room").json()
    assert told == {
        "project": "p1",
        "title": "P",
        "purpose": "To see how",
        "tier": "synthetic",
        "controller": "C",
        "permit": "P-1",
        "permit_until": "2026-12-31",
        "person": "ada",
        "full_name": "Ada",
        "members": [{"full_name": "Ada", "role": "lead"}, {"full_name": "Bob", "role": "analyst"}],
        "data": [{"name": "registers", "files": 2, "size": 1000, "added_at": "2026-03-01T12:00:00Z"}],
        "size": "small",
        "memory": 2 << 30,
        "cpus": 1,
        "image": "base",
        "packages": True,
        "portal": settings.portal_origin,
    }
    assert client.post("/api/room", json={}).status_code == 405


def test_a_room_closes_itself_and_no_other(client: TestClient, database: Database) -> None:
    assert client.get("/api/room/close").status_code == 405
    assert client.post("/api/room/close").json()["state"] == "closing"
    with database.read() as tx:
        (room,) = (standing.room for standing in rooms.every(tx))
        assert room.wanted == RoomState.CLOSED
    assert client.post("/api/room/close").status_code == 403  # it is no open room's gate now
