"""What a researcher reads of their requests outside the room: nothing of their own, until it was released."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fastapi.testclient import TestClient
from sqlalchemy.orm import Session

from governance import people, projects, rooms
from governance import settings as settings_module
from governance.database import Database
from governance.settings import Settings
from governance.tables import Person, PlatformRole, Project, ProjectRole
from governance.tiers import Tier
from output_review import frozen, release, service, store
from output_review.domain import Actor, Status
from output_review.service import Inspection, Output
from output_review.tables import ReleaseRequest
from portal.app import create_app
from tests.conftest import NOW

PASSWORD = "a long enough password"
TITLE, NAME, WORDS = "0101701234-M-F20", "0202801234-K-F31", "A person's whole history"
"""What an author could carry out in a title, a name and the words on a file."""
OUTSIDE = {Status.RELEASED, Status.RECALLED}
STORED = b"region;persons\nNord;120\n"


@dataclass
class Scene:
    settings: Settings
    database: Database
    ada: Person
    grace: Person
    project: Project
    room: str
    portal: TestClient

    def request(self, tx: Session, until: Status) -> ReleaseRequest:
        """A request of one file that has come this far."""
        row = service.create(tx, rooms.standing(tx, self.room), TITLE, NOW)
        file = service.announce(tx, row, Output(f"{NAME}.csv", WORDS, WORDS, WORDS))
        sha256 = frozen.canonical(self.settings.state).put(STORED)
        service.froze(tx, row, file.id, sha256, len(STORED), NOW)
        if until == Status.WITHDRAWN:
            service.withdraw(tx, row, self.ada, NOW)
        if until in {Status.DRAFT, Status.WITHDRAWN}:
            return row
        service.submit(tx, row, self.ada, NOW)
        if until == Status.QUARANTINED:
            service.quarantine(tx, row, Actor.INSPECTION, NOW, "A stored file was changed.")
        if until in {Status.SUBMITTED, Status.QUARANTINED}:
            return row
        report = {"kind": "csv", "policy": "x/1", "dropped": [], "findings": []}
        service.inspected(tx, row, {file.id: Inspection(report, sha256, len(STORED), sha256)}, NOW)
        if until in {Status.RETURNED, Status.REJECTED}:
            service.decide(tx, row, until, self.grace, "Merge the regions.", NOW)
        if until == Status.APPROVED:
            service.vote(tx, row, file.id, sha256, self.grace, approve=True, reason="", now=NOW)
        return row


@pytest.fixture
def scene(database: Database, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    """Ada, who is logged in, with a room."""
    monkeypatch.setattr(settings_module, "STATE", tmp_path)
    for folder in ("frozen/canonical", "releases/heads"):
        (settings.state / folder).mkdir(parents=True)
    with database.write() as tx:
        ada = people.add(tx, "ada", "Ada", NOW, password=PASSWORD, training_until=date(2027, 1, 1))
        people.accept_terms(tx, ada, NOW)
        grace = people.add(tx, "grace", "Grace", NOW)
        people.give_role(tx, grace, PlatformRole.CHECKER, "C", NOW)
        project = projects.add(tx, "p1", "P", Tier.SYNTHETIC, "C", "P-1", date(2026, 12, 31), NOW)
        projects.add_member(tx, project, ada, ProjectRole.LEAD, NOW)
        room = rooms.want_open(tx, ada, project, "small", settings, NOW)
    app = create_app(settings, database, lambda: NOW)
    base = settings.portal_origin.replace("http:", "https:")
    headers = {"Origin": settings.portal_origin, "Accept-Language": "en"}
    with TestClient(app, base_url=base, follow_redirects=False, headers=headers) as portal:
        assert portal.post("/login", data={"name": "ada", "password": PASSWORD}).status_code == 303
        yield Scene(settings, database, ada, grace, project, room.id, portal)


def what_is_known(page: str) -> list[str]:
    return [text for text in (TITLE, NAME, WORDS) if text in page]


def test_nothing_that_was_written_in_the_room_is_read_outside_before_it_is_released(scene: Scene) -> None:
    with scene.database.write() as tx:
        numbers = {status: scene.request(tx, status).id for status in Status if status not in OUTSIDE}
    page = scene.portal.get("/requests").text
    assert what_is_known(page) == []
    for status, number in numbers.items():
        assert (f"Request {number}<" in page) == (status != Status.DRAFT)
        for path in (f"/review/{number}", f"/requests/{number}/download"):
            assert what_is_known(scene.portal.get(path).text) == [], path
    assert page.count("Merge the regions.") == 2  # a checker's own words
    for path in ("/", "/review"):
        assert what_is_known(scene.portal.get(path).text) == [], path


def test_what_was_released_is_read_from_its_manifest(scene: Scene) -> None:
    with scene.database.write() as tx:
        number = scene.request(tx, Status.APPROVED).id
    key = Ed25519PrivateKey.generate()
    release.release(scene.settings, scene.database, number, key, lambda: NOW)
    page = scene.portal.get("/requests").text
    assert what_is_known(page) == [TITLE, NAME]
    with scene.database.write() as tx:  # what is written into the rows afterwards was approved by nobody
        store.request(tx, number).title = "another title"
    assert "another title" not in scene.portal.get("/requests").text
    with scene.database.write() as tx:
        service.decide(tx, store.request(tx, number), Status.RECALLED, scene.grace, "It names a person.", NOW)
    page = scene.portal.get("/requests").text
    assert what_is_known(page) == []
    assert "It names a person." in page


def test_a_bundle_that_is_away_breaks_no_page(scene: Scene) -> None:
    with scene.database.write() as tx:
        number = scene.request(tx, Status.APPROVED).id
    release.release(scene.settings, scene.database, number, Ed25519PrivateKey.generate(), lambda: NOW)
    release.path(scene.settings, number).unlink()
    answer = scene.portal.get("/requests")
    assert (answer.status_code, what_is_known(answer.text)) == (200, [])
    assert f"Request {number}" in answer.text
