"""The audit chain: every event carries the hash of the one before it.

The chain shows an altered or missing record in the middle; a removed tail shows only against a signed copy of the head
kept elsewhere.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from governance.tables import AuditEvent, AuditHead

START = "0" * 64


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
    """Add an event inside the caller's transaction: what happened and its record are kept, or lost, together."""
    head = tx.scalars(select(AuditHead).with_for_update()).one()
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
    head.number, head.sha256 = number, sha256
    tx.flush()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What `verify` found: the number of events that hold, and the first that does not."""

    events: int
    broken_at: int | None = None
    why: str | None = None


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
    return verdict


def follow(rows: Iterable[AuditEvent], heads: Mapping[int, str]) -> Verdict:
    """Check rows in their order, from event 1, and against signed heads."""
    previous, expected = START, 1
    for row in rows:
        if row.number != expected:
            return Verdict(expected - 1, expected, "the event is missing")
        event = Event(row.kind, row.person_id, row.project_id, row.detail)
        if row.sha256 != link(previous, row.number, row.at, event):
            return Verdict(expected - 1, expected, "the event was altered")
        if heads.get(row.number, row.sha256) != row.sha256:
            return Verdict(expected - 1, expected, "the event is not the one whose hash was signed")
        previous, expected = row.sha256, expected + 1
    if any(number >= expected for number in heads):
        return Verdict(expected - 1, expected, "events after this one were signed and are gone")
    return Verdict(expected - 1)
