"""What rooms show people: bytes counted outside the room, per person and day, against a budget.

A person can read what a room shows; the budget bounds how much that is, and the rows say how much it was.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select
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


@dataclass(frozen=True, slots=True)
class Reading:
    """What a running gate has counted since it started."""

    gate: str
    """This start of this gate; another start counts from nothing."""
    bytes: int
    """Sent to its person, websockets included (to within 5 s)."""
    acts: int
    """Requests that change something, and visits of the page."""


def today(tx: Session, person_id: int, settings: Settings, now: datetime) -> Shown:
    """What a person has been shown today, and how much they may be."""
    return days(tx, [person_id], settings, now)[person_id]


def days(tx: Session, person_ids: Collection[int], settings: Settings, now: datetime) -> dict[int, Shown]:
    """`today` of each of these persons."""
    rows = _rows(tx, person_ids, now)
    return {person_id: _shown(rows.get(person_id), settings) for person_id in person_ids}


def take_in(tx: Session, readings: Mapping[str, Reading], settings: Settings, now: datetime) -> dict[int, Shown]:
    """Add up what gates have counted since they were last read.

    Args:
        readings: by room id. What was taken in before is not taken in twice.

    Returns:
        The day of each person whose room is among them, after it.
    """
    rooms = list(tx.scalars(select(Room).where(Room.id.in_(readings))))
    meters = {meter.room_id: meter for meter in tx.scalars(select(Meter).where(Meter.room_id.in_(readings)))}
    rows = _rows(tx, {room.person_id for room in rooms}, now)
    for room in rooms:
        reading = readings[room.id]
        meter = meters.get(room.id) or _new_meter(tx, room.id, now)
        if meter.gate != reading.gate:
            meter.gate, meter.bytes, meter.acts = reading.gate, 0, 0
        more = max(0, reading.bytes - meter.bytes)
        if reading.acts > meter.acts:
            meter.active_at = now
        meter.bytes, meter.acts = reading.bytes, reading.acts
        if more:
            row = rows.get(room.person_id) or _new_row(tx, rows, room.person_id, now)
            before = _shown(row, settings)
            row.shown += more
            if before.left and not _shown(row, settings).left:
                detail: dict[str, str | int | None] = {"room": room.id, "bytes": row.shown}
                audit.append(tx, Event("egress.used_up", room.person_id, room.project_id, detail), now)
    tx.flush()
    return {room.person_id: _shown(rows.get(room.person_id), settings) for room in rooms}


def active(tx: Session, room_ids: Collection[str], now: datetime) -> None:
    """These rooms compute: they are not idle."""
    meters = {meter.room_id: meter for meter in tx.scalars(select(Meter).where(Meter.room_id.in_(room_ids)))}
    for room_id in room_ids:
        (meters.get(room_id) or _new_meter(tx, room_id, now)).active_at = now


def active_at(tx: Session, room: Room) -> datetime:
    """When anything last happened in a room: a change, a visit, computing, or its opening."""
    meter = tx.get(Meter, room.id)
    return max(meter.active_at, room.changed_at) if meter else room.changed_at


def grant(tx: Session, person: Person, mib: int, now: datetime) -> None:
    """Let a person be shown more today, in MiB; raises Invalid when that is not more."""
    if mib < 1:
        raise Invalid("say how many MiB more {name} may be shown today: at least 1", name=person.name)
    rows = _rows(tx, [person.id], now)
    (rows.get(person.id) or _new_row(tx, rows, person.id, now)).granted += mib * MIB
    audit.append(tx, Event("egress.granted", person.id, detail={"mib": mib}), now)


def _shown(row: EgressDay | None, settings: Settings) -> Shown:
    usual = settings.shown_per_day_mib * MIB
    return Shown(row.shown, usual + row.granted) if row else Shown(0, usual)


def _rows(tx: Session, person_ids: Collection[int], now: datetime) -> dict[int, EgressDay]:
    chosen = select(EgressDay).where(EgressDay.person_id.in_(person_ids), EgressDay.day == _day(now))
    return {row.person_id: row for row in tx.scalars(chosen)}


def _new_row(tx: Session, rows: dict[int, EgressDay], person_id: int, now: datetime) -> EgressDay:
    rows[person_id] = EgressDay(person_id=person_id, day=_day(now), shown=0, granted=0)
    tx.add(rows[person_id])
    return rows[person_id]


def _new_meter(tx: Session, room_id: str, now: datetime) -> Meter:
    meter = Meter(room_id=room_id, gate="", bytes=0, acts=0, active_at=now)
    tx.add(meter)
    return meter


def _day(now: datetime) -> date:
    return now.astimezone(LOCAL).date()
