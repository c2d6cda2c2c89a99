"""What rooms show people: bytes counted outside the room, per person and day, against a budget.

A person can read what a room shows; the budget bounds how much that is, and the rows say how much it was.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy.orm import Session

from governance import audit
from governance.audit import Event
from governance.errors import Invalid
from governance.projects import LOCAL
from governance.settings import Settings
from governance.tables import EgressDay, Meter, Person, Room

MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Shown:
    """A person's day, in bytes."""

    shown: int
    budget: int

    @property
    def left(self) -> int:
        return max(0, self.budget - self.shown)


def today(tx: Session, person_id: int, settings: Settings, now: datetime) -> Shown:
    """What a person has been shown today, and how much they may be."""
    row = tx.get(EgressDay, (person_id, _day(now)))
    usual = settings.shown_per_day_mib * MIB
    return Shown(row.shown, usual + row.granted) if row else Shown(0, usual)


def counted(tx: Session, room: Room, gate: str, total: int, acts: int, settings: Settings, now: datetime) -> Shown:
    """Take in what a gate has counted since it started; returns the person's day after it.

    Args:
        gate: this start of the gate.
        total: bytes sent since that start; what was taken in before is not taken in twice.
        acts: what the person did since that start.
    """
    meter = _meter(tx, room, now)
    if meter.gate != gate:
        meter.gate, meter.bytes, meter.acts = gate, 0, 0
    more = max(0, total - meter.bytes)
    if acts > meter.acts:
        meter.active_at = now
    meter.bytes, meter.acts = total, acts
    if not more:
        return today(tx, room.person_id, settings, now)
    before = today(tx, room.person_id, settings, now)
    _row(tx, room.person_id, now).shown += more
    tx.flush()
    after = today(tx, room.person_id, settings, now)
    if before.left and not after.left:
        detail: dict[str, str | int | None] = {"room": room.id, "bytes": after.shown}
        audit.append(tx, Event("egress.used_up", room.person_id, room.project_id, detail), now)
    return after


def active(tx: Session, room: Room, now: datetime) -> None:
    """The room computes: it is not idle."""
    _meter(tx, room, now).active_at = now


def active_at(tx: Session, room: Room) -> datetime:
    """When anything last happened in a room: a change, a visit, computing, or its opening."""
    meter = tx.get(Meter, room.id)
    return max(meter.active_at, room.changed_at) if meter else room.changed_at


def grant(tx: Session, person: Person, mib: int, now: datetime) -> None:
    """Let a person be shown more today, in MiB; raises Invalid when that is not more."""
    if mib < 1:
        raise Invalid("say how many MiB more {name} may be shown today: at least 1", name=person.name)
    _row(tx, person.id, now).granted += mib * MIB
    audit.append(tx, Event("egress.granted", person.id, detail={"mib": mib}), now)


def _meter(tx: Session, room: Room, now: datetime) -> Meter:
    meter = tx.get(Meter, room.id)
    if meter is None:
        meter = Meter(room_id=room.id, gate="", bytes=0, acts=0, active_at=now)
        tx.add(meter)
    return meter


def _row(tx: Session, person_id: int, now: datetime) -> EgressDay:
    row = tx.get(EgressDay, (person_id, _day(now)))
    if row is None:
        row = EgressDay(person_id=person_id, day=_day(now), shown=0, granted=0)
        tx.add(row)
    return row


def _day(now: datetime) -> date:
    return now.astimezone(LOCAL).date()
