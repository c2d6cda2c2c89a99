"""A clock that was set back opens nothing that has ended, and keeps nobody from leaving; the way out is a command."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import text

from governance import audit, logins, people, projects, rooms, stops
from governance.audit import Event
from governance.database import Database
from governance.errors import Invalid, NotAllowed, Unavailable
from governance.settings import Settings
from governance.tables import Login, Person, Project, ProjectRole, Room, RoomState, StopKind
from governance.tiers import Tier
from tests.conftest import NOW

PERMIT_UNTIL = date(2026, 3, 31)
AFTER = datetime(2026, 4, 2, 12, 0, tzinfo=projects.LOCAL)
"""The permit has ended."""
BACK, FORWARD = AFTER - timedelta(days=30), AFTER + timedelta(days=400)


@pytest.fixture
def ada(database: Database) -> Person:
    with database.write() as tx:
        person = people.add(tx, "ada", "Ada", NOW, password="a long password", training_until=date(2030, 1, 1))
        people.accept_terms(tx, person, NOW)
        project = projects.add(tx, "p1", "P", Tier.SYNTHETIC, "C", "P-1", PERMIT_UNTIL, NOW)
        projects.add_member(tx, project, person, ProjectRole.LEAD, NOW)
    return person


def open_room(database: Database, settings: Settings, person: Person, now: datetime) -> Room:
    with database.write() as tx:
        return rooms.want_open(tx, person, projects.keyed(tx, "p1"), "small", settings, now)


def something_happens(database: Database, now: datetime) -> None:
    with database.write() as tx:
        audit.append(tx, Event("login.ended"), now)


def test_an_ended_permit_does_not_open_again_however_much_is_recorded_meanwhile(
    database: Database, settings: Settings, ada: Person
) -> None:
    with pytest.raises(NotAllowed, match="permit"):
        open_room(database, settings, ada, AFTER)
    something_happens(database, AFTER)
    for minutes in range(3):
        now = BACK + timedelta(minutes=minutes)
        with pytest.raises(Unavailable, match="clock says 2026-03-03"):
            open_room(database, settings, ada, now)
        something_happens(database, now)
    with database.read() as tx:
        assert audit.clock_set_back(tx, now) == AFTER
        assert tx.query(Room).count() == 0
        assert audit.verify(tx).broken_at is None


def test_a_clock_that_a_time_service_moves_by_seconds_is_not_set_back(
    database: Database, settings: Settings, ada: Person
) -> None:
    something_happens(database, NOW + audit.CLOCK_SLACK)
    assert open_room(database, settings, ada, NOW).wanted == RoomState.OPEN


def test_whoever_is_in_may_leave_under_any_clock(database: Database, settings: Settings, ada: Person) -> None:
    room = open_room(database, settings, ada, NOW)
    begun = logins.begin(database, "ada", "a long password", lambda: NOW)
    assert begun is not None
    something_happens(database, NOW + timedelta(days=1))
    back = NOW - timedelta(days=30)
    with database.write() as tx, pytest.raises(Unavailable):
        rooms.admit(tx, room, None, back)
    with database.write() as tx:
        rooms.want_closed(tx, tx.get_one(Room, room.id), back, reason=rooms.CLOSED_BY_PERSON)
        rooms.became(tx, tx.get_one(Room, room.id), RoomState.CLOSED, back)
        logins.end(tx, tx.query(Login).one(), back)
        stops.stop(tx, tx.query(Project).one(), StopKind.PAUSE, None, back)
        projects.remove_member(tx, tx.query(Project).one(), tx.get_one(Person, ada.id), back)
        assert audit.verify(tx).broken_at is None


def test_after_a_jump_forward_a_command_is_the_way_out(database: Database, settings: Settings, ada: Person) -> None:
    something_happens(database, FORWARD)
    with pytest.raises(Unavailable):
        open_room(database, settings, ada, NOW)
    with database.write() as tx:
        assert audit.confirm_clock(tx, NOW) == FORWARD
    assert open_room(database, settings, ada, NOW).wanted == RoomState.OPEN
    with pytest.raises(Unavailable):  # from here on as ever
        open_and_close(database, settings, ada, NOW - timedelta(days=30))
    with database.write() as tx:
        with pytest.raises(Invalid, match="nothing to confirm"):
            audit.confirm_clock(tx, NOW)
        assert audit.verify(tx).broken_at is None


def open_and_close(database: Database, settings: Settings, person: Person, now: datetime) -> None:
    with database.write() as tx:
        room = tx.query(Room).one()
        rooms.want_closed(tx, room, now, reason=rooms.CLOSED_BY_PERSON)
    open_room(database, settings, person, now)


def test_a_latest_time_that_was_changed_by_hand_is_found(database: Database, ada: Person) -> None:
    with database.engine.begin() as connection:
        connection.execute(text("UPDATE audit_head SET latest_at = '2020-01-01 00:00:00'"))
    with database.read() as tx:
        assert audit.verify(tx).why == "the head's latest time is not that of the events"
