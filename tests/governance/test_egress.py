from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta

import pytest

from governance import egress, people, projects, rooms
from governance.database import Database
from governance.egress import MIB, Reading
from governance.errors import Invalid
from governance.settings import Settings
from governance.tables import AuditEvent, EgressDay, Meter, ProjectRole, Room
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
        days = egress.take_in(tx, {room: Reading(gate, total, 0)}, settings, NOW + timedelta(hours=hours))
        return days[tx.get_one(Room, room).person_id]


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


def test_many_who_count_at_once_lose_no_byte(
    database: Database, settings: Settings, two_rooms: tuple[str, str]
) -> None:
    """16 rooms' worth of writers, of one person, who had no row of the day; all begin at the same moment."""
    writers, times, more = 16, 5, 1000
    together = threading.Barrier(writers)

    def add_up(writer: int) -> None:
        together.wait()
        for _ in range(times):
            with database.write() as tx:
                room = tx.get_one(Room, two_rooms[writer % 2])
                meter = tx.get(Meter, room.id)
                total = (meter.bytes if meter else 0) + more
                egress.take_in(tx, {room.id: Reading("a", total, 0)}, settings, NOW)

    with ThreadPoolExecutor(writers) as pool:
        list(pool.map(add_up, range(writers)))
    with database.read() as tx:
        assert [row.shown for row in tx.query(EgressDay)] == [writers * times * more]
        assert sum(meter.bytes for meter in tx.query(Meter)) == writers * times * more


def test_all_rooms_of_a_person_are_added_up_in_one_reading(
    database: Database, settings: Settings, two_rooms: tuple[str, str]
) -> None:
    with database.write() as tx:
        readings = {room: Reading("a", 700, 1) for room in two_rooms}
        days = egress.take_in(tx, readings, settings, NOW)
    assert [day.shown for day in days.values()] == [1400]
