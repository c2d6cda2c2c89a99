from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError

from governance import audit
from governance.audit import Event, Verdict
from governance.database import Database
from tests.conftest import NOW

TRIGGERS_OFF = {
    "sqlite": ["DROP TRIGGER audit_no_update", "DROP TRIGGER audit_no_delete"],
    "postgresql": ["ALTER TABLE audit_events DISABLE TRIGGER ALL"],
}


def fill(database: Database, events: int = 5) -> None:
    for number in range(events):
        with database.write() as tx:
            audit.append(tx, Event("room.open", 1, 2, {"number": number}), NOW + timedelta(minutes=number))


def tamper(database: Database, statement: str) -> None:
    """Change the table as somebody would who owns the database."""
    with database.engine.begin() as connection:
        for off in TRIGGERS_OFF[connection.dialect.name]:
            connection.execute(text(off))
        connection.execute(text(statement))


def verdict(database: Database) -> Verdict:
    with database.read() as tx:
        return audit.verify(tx)


def test_an_untouched_chain_holds(database: Database) -> None:
    fill(database)
    assert verdict(database) == Verdict(5)


def test_an_empty_chain_holds(database: Database) -> None:
    assert verdict(database) == Verdict(0)


@pytest.mark.parametrize("change", ["kind = 'x'", "person_id = 9", "at = '2020-01-01 00:00:00'", "detail = '{}'"])
def test_an_altered_event_is_found(database: Database, change: str) -> None:
    fill(database)
    tamper(database, f"UPDATE audit_events SET {change} WHERE number = 3")
    assert verdict(database) == Verdict(2, 3, "the event was altered")


def test_a_missing_event_is_found(database: Database) -> None:
    fill(database)
    tamper(database, "DELETE FROM audit_events WHERE number = 3")
    assert verdict(database) == Verdict(2, 3, "the event is missing")


def test_a_cut_tail_differs_from_the_head(database: Database) -> None:
    fill(database)
    tamper(database, "DELETE FROM audit_events WHERE number > 3")
    assert verdict(database).broken_at == 4


@pytest.mark.parametrize("statement", ["UPDATE audit_events SET kind = 'x'", "DELETE FROM audit_events"])
def test_the_chain_is_append_only(database: Database, statement: str) -> None:
    fill(database, 1)
    with pytest.raises(DatabaseError, match="append-only"), database.write() as tx:
        tx.execute(text(statement))
    assert verdict(database) == Verdict(1)


def test_an_event_is_lost_with_its_transaction(database: Database) -> None:
    fill(database, 1)

    def fail() -> None:
        with database.write() as tx:
            audit.append(tx, Event("room.open"), NOW)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert verdict(database) == Verdict(1)
