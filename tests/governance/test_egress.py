from __future__ import annotations

from datetime import date, timedelta

import pytest

from governance import egress, people, projects, rooms
from governance.database import Database
from governance.egress import MIB
from governance.errors import Invalid
from governance.settings import Settings
from governance.tables import AuditEvent, ProjectRole, Room
from governance.tiers import Tier
from tests.conftest import NOW


@pytest.fixture
def two_rooms(database: Database, settings: Settings) -> tuple[str, str]:
    """One person's rooms in two projects."""
    with database.write() as tx:
        ada = people.add(tx, "ada", "Ada", NOW, training_until=date(2027, 1, 1))
        people.accept_terms(tx, ada, NOW)
        made = []
        for key in ("p1", "p2"):
            project = projects.add(tx, key, key, Tier.SYNTHETIC, "C", "P-1", date(2026, 12, 31), NOW)
            projects.add_member(tx, project, ada, ProjectRole.LEAD, NOW)
            made.append(rooms.want_open(tx, ada, project, "small", settings, NOW).id)
    return made[0], made[1]


def count(database: Database, room: str, gate: str, total: int, settings: Settings, hours: int = 0) -> egress.Shown:
    with database.write() as tx:
        return egress.counted(tx, tx.get_one(Room, room), gate, total, 0, settings, NOW + timedelta(hours=hours))


def test_what_a_gate_counts_adds_up_over_its_restarts(
    database: Database, settings: Settings, two_rooms: tuple[str, str]
) -> None:
    room, other = two_rooms
    assert count(database, room, "a", 1000, settings).shown == 1000
    assert count(database, room, "a", 1500, settings).shown == 1500
    assert count(database, room, "b", 200, settings).shown == 1700  # started anew: counts from nothing
    assert count(database, room, "b", 200, settings).shown == 1700
    assert count(database, other, "c", 300, settings).shown == 2000  # all rooms of a person together


def test_a_budget_is_for_a_day_and_can_be_raised(
    database: Database, settings: Settings, two_rooms: tuple[str, str]
) -> None:
    room, _ = two_rooms
    most = settings.shown_per_day_mib * MIB
    assert count(database, room, "a", most - 1, settings).left == 1
    assert count(database, room, "a", most + 5, settings).left == 0
    with database.write() as tx:
        egress.grant(tx, people.named(tx, "ada"), 1, NOW)
    assert count(database, room, "a", most + 5, settings).left == MIB - 5
    tomorrow = count(database, room, "a", most + 9, settings, hours=24)
    assert (tomorrow.shown, tomorrow.left) == (4, most - 4)
    with database.read() as tx:
        kinds = [event.kind for event in tx.query(AuditEvent).order_by(AuditEvent.number)]
    assert kinds.count("egress.used_up") == 1
    assert kinds.count("egress.granted") == 1


def test_a_grant_is_more_than_nothing(database: Database, two_rooms: tuple[str, str]) -> None:
    with pytest.raises(Invalid, match="at least 1"), database.write() as tx:
        egress.grant(tx, people.named(tx, "ada"), 0, NOW)
