"""The audit chain: every event carries the hash of the one before it.

The chain shows an altered or missing record in the middle; a removed tail shows only against a signed copy of the head
kept elsewhere.

It also knows the latest time that anything was recorded at. A clock that says less was set back, and would open what
has ended; so nothing is granted under it, while whatever closes or ends something is recorded as ever.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from governance.errors import Invalid, Unavailable
from governance.tables import AuditEvent, AuditHead

START = "0" * 64
CLOCK_SLACK = timedelta(minutes=2)
"""How far a clock may go back: a time service sets it right by seconds."""
CLOCK_CONFIRMED = "clock.confirmed"
GRANTS = frozenset(
    {
        "egress.granted",
        "person.training",
        "project.added",
        "project.permit",
        "request.approval",
        "request.objection",
        "room.entered",
        "room.wanted",
    }
)
"""Events that let somebody in or something out until a time: none of them is recorded while the clock is set back."""


@dataclass(frozen=True, slots=True)
class Event:
    """What happened. Ids only: no names, no free text that a person wrote."""

    kind: str
    person_id: int | None = None
    project_id: int | None = None
    detail: dict[str, str | int | None] = field(default_factory=dict)


def link(previous: str, number: int, at: datetime, event: Event) -> str:
    """The hash of an event: SHA-256 of the previous hash and the event as canonical JSON (sorted keys, UTC)."""
    record = {
        "number": number,
        "at": at.astimezone(UTC).isoformat(timespec="microseconds"),
        "kind": event.kind,
        "person": event.person_id,
        "project": event.project_id,
        "detail": event.detail,
    }
    text = json.dumps(record, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(f"{previous}\n{text}".encode()).hexdigest()


def append(tx: Session, event: Event, now: datetime) -> None:
    """Add an event inside the caller's transaction: what happened and its record are kept, or lost, together.

    Raises:
        Unavailable: it would grant something, and the clock was set back.
    """
    head = tx.scalars(select(AuditHead)).one()
    if event.kind in GRANTS and _is_set_back(head, now):
        raise Unavailable(
            "The platform's clock says {now}, but something was recorded at {latest} already. Nothing is opened or "
            "decided until the operator has set it right.",
            now=_shown(now),
            latest=_shown(head.latest_at or now),
        )
    number = head.number + 1
    sha256 = link(head.sha256, number, now, event)
    tx.add(
        AuditEvent(
            number=number,
            at=now,
            kind=event.kind,
            person_id=event.person_id,
            project_id=event.project_id,
            detail=event.detail,
            sha256=sha256,
        )
    )
    head.number, head.sha256, head.latest_at = number, sha256, _latest(head.latest_at, event.kind, now)
    tx.flush()


def clock_set_back(tx: Session, now: datetime) -> datetime | None:
    """The latest time that anything was recorded at, when the clock is behind it by more than `CLOCK_SLACK`."""
    head = tx.scalars(select(AuditHead)).one()
    return head.latest_at if _is_set_back(head, now) else None


def confirm_clock(tx: Session, now: datetime) -> datetime:
    """Record that the clock is right as it is now; returns the latest time that was recorded at before.

    For after a jump forward: what was recorded under it has times that are still to come, and stays in the chain.

    Raises:
        Invalid: the clock is not behind what was recorded, so there is nothing to confirm.
    """
    latest = clock_set_back(tx, now)
    if latest is None:
        raise Invalid("the clock is not behind what was recorded: there is nothing to confirm")
    append(tx, Event(CLOCK_CONFIRMED, detail={"latest": latest.isoformat()}), now)
    return latest


def _is_set_back(head: AuditHead, now: datetime) -> bool:
    return head.latest_at is not None and now < head.latest_at - CLOCK_SLACK


def _latest(before: datetime | None, kind: str, at: datetime) -> datetime:
    return at if before is None or kind == CLOCK_CONFIRMED else max(before, at)


def _shown(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%F %T} UTC"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What `verify` found: the number of events that hold, and the first that does not."""

    events: int
    broken_at: int | None = None
    why: str | None = None
    latest_at: datetime | None = field(default=None, compare=False)
    """The latest time of them, since the clock was last confirmed."""


def verify(tx: Session, heads: Mapping[int, str] | None = None) -> Verdict:
    """Follow the chain from its start and say where it first breaks.

    Args:
        heads: signed copies kept elsewhere (event number -> hash). A chain that was written anew, or cut, breaks there.
    """
    head = tx.scalars(select(AuditHead)).one_or_none()
    events = select(AuditEvent).order_by(AuditEvent.number).execution_options(yield_per=1000)
    with closing(tx.scalars(events)) as rows:
        verdict = follow(rows, heads or {})
    if verdict.broken_at is not None:
        return verdict
    if head is None or head.number != verdict.events:
        return Verdict(verdict.events, verdict.events + 1, "the head and the last event differ")
    if head.latest_at != verdict.latest_at:
        return Verdict(verdict.events, verdict.events, "the head's latest time is not that of the events")
    return verdict


def follow(rows: Iterable[AuditEvent], heads: Mapping[int, str]) -> Verdict:
    """Check rows in their order, from event 1, and against signed heads."""
    previous, expected, latest = START, 1, None
    for row in rows:
        if row.number != expected:
            return Verdict(expected - 1, expected, "the event is missing")
        event = Event(row.kind, row.person_id, row.project_id, row.detail)
        if row.sha256 != link(previous, row.number, row.at, event):
            return Verdict(expected - 1, expected, "the event was altered")
        if heads.get(row.number, row.sha256) != row.sha256:
            return Verdict(expected - 1, expected, "the event is not the one whose hash was signed")
        previous, expected, latest = row.sha256, expected + 1, _latest(latest, row.kind, row.at)
    if any(number >= expected for number in heads):
        return Verdict(expected - 1, expected, "events after this one were signed and are gone")
    return Verdict(expected - 1, latest_at=latest)
