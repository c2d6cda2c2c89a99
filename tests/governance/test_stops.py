from __future__ import annotations

from datetime import date

import pytest

from governance import people, projects, rooms, stops
from governance.database import Database
from governance.errors import NotAllowed, NotFound
from governance.settings import Settings
from governance.tables import AuditEvent, ProjectRole, StopKind
from governance.tiers import Tier
from tests.conftest import NOW


@pytest.fixture
def two_projects(database: Database) -> Database:
    with database.write() as tx:
        ada = people.add(tx, "ada", "Ada", NOW, training_until=date(2027, 1, 1))
        people.accept_terms(tx, ada, NOW)
        for key in ("p1", "p2"):
            project = projects.add(tx, key, key, Tier.SYNTHETIC, "C", "P-1", date(2026, 12, 31), NOW)
            projects.add_member(tx, project, ada, ProjectRole.LEAD, NOW)
    return database


def may_open(database: Database, settings: Settings, key: str) -> bool:
    try:
        with database.write() as tx:
            rooms.want_open(tx, people.named(tx, "ada"), projects.keyed(tx, key), "small", settings, NOW)
    except NotAllowed:
        return False
    return True


def stop(database: Database, key: str | None, kind: StopKind) -> None:
    with database.write() as tx:
        stops.stop(tx, projects.keyed(tx, key) if key else None, kind, None, NOW)


def lift(database: Database, key: str | None) -> None:
    with database.write() as tx:
        stops.lift(tx, projects.keyed(tx, key) if key else None, None, NOW)


def test_a_paused_project_opens_no_room_and_others_do(two_projects: Database, settings: Settings) -> None:
    stop(two_projects, "p1", StopKind.PAUSE)
    assert not may_open(two_projects, settings, "p1")
    assert may_open(two_projects, settings, "p2")
    lift(two_projects, "p1")
    assert may_open(two_projects, settings, "p1")


def test_a_stopped_site_opens_no_room_at_all(two_projects: Database, settings: Settings) -> None:
    stop(two_projects, None, StopKind.PAUSE)
    assert not may_open(two_projects, settings, "p1")
    assert not may_open(two_projects, settings, "p2")
    lift(two_projects, None)
    assert may_open(two_projects, settings, "p2")


def test_lifting_the_site_does_not_lift_a_project(two_projects: Database, settings: Settings) -> None:
    stop(two_projects, "p1", StopKind.PAUSE)
    stop(two_projects, None, StopKind.PAUSE)
    lift(two_projects, None)
    assert not may_open(two_projects, settings, "p1")
    assert may_open(two_projects, settings, "p2")


def test_an_end_is_for_good(two_projects: Database, settings: Settings) -> None:
    stop(two_projects, "p1", StopKind.PAUSE)
    stop(two_projects, "p1", StopKind.END)
    stop(two_projects, "p1", StopKind.PAUSE)
    with pytest.raises(NotAllowed, match="cannot be resumed"):
        lift(two_projects, "p1")
    assert not may_open(two_projects, settings, "p1")
    with two_projects.read() as tx:
        kinds = [event.kind for event in tx.query(AuditEvent).order_by(AuditEvent.number)][-2:]
    assert kinds == ["project.paused", "project.ended"]


def test_what_is_not_stopped_cannot_be_resumed(two_projects: Database) -> None:
    with pytest.raises(NotFound, match="not paused"):
        lift(two_projects, "p1")
    with pytest.raises(NotAllowed, match="only be paused"):
        stop(two_projects, None, StopKind.END)
