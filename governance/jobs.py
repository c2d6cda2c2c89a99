"""The job table: work that must be done once, by whichever process takes it, also after a crash.

A job is claimed with a lease. Who dies holding one loses it when the lease ends, and another takes it; so work is
written to be done again without harm. Those for whom something is done take turns: nobody's work waits behind all of
another's.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session, aliased

from governance.tables import Job

WORKERS = max(2, os.cpu_count() or 1)
"""Jobs that are done side by side: with two, one that takes long does not hold up everything."""
LEASE = timedelta(minutes=5)
BACK_OFF = (timedelta(seconds=2), timedelta(seconds=10), timedelta(minutes=1), timedelta(minutes=5))


def add(tx: Session, kind: str, key: str, payload: dict[str, Any], now: datetime, *, whose: str) -> None:
    """Have something done after the caller's transaction; a job with the same key is not added twice.

    Args:
        whose: for whom it is done, such as a room's id.
    """
    if tx.scalar(select(Job.id).where(Job.key == key)) is None:
        tx.add(Job(kind=kind, key=key, payload=payload, whose=whose, attempts=0, ready_at=now))


def is_waiting(tx: Session, kinds: Sequence[str], now: datetime) -> bool:
    """Whether there is anything to claim: asked before, since a claim writes."""
    return tx.scalar(select(Job.id).where(*_waits(kinds, now)).limit(1)) is not None


def claim(tx: Session, kinds: Sequence[str], now: datetime) -> Job | None:
    """Take a job that waits, or whose holder's lease ended; None when there is none.

    It is the oldest one of whoever's last turn was longest ago.
    """
    earlier = aliased(Job)
    last_turn = select(func.max(earlier.taken_at)).where(earlier.whose == Job.whose).scalar_subquery()
    waiting = select(Job).where(*_waits(kinds, now)).order_by(last_turn.asc().nulls_first(), Job.id)
    job = tx.scalars(waiting.limit(1)).first()
    if job is not None:
        job.taken_at, job.lease_until, job.attempts = now, now + LEASE, job.attempts + 1
    return job


def done(tx: Session, job: Job, now: datetime) -> None:
    """Record that a job is done."""
    row = tx.get_one(Job, job.id)
    row.done_at, row.lease_until = now, None


def goes_on(tx: Session, job: Job, now: datetime) -> None:
    """Give a job back of which a part is done; the next turn is somebody else's."""
    row = tx.get_one(Job, job.id)
    row.lease_until, row.ready_at, row.attempts, row.why = None, now, 0, None


def failed(tx: Session, job: Job, now: datetime, why: str) -> None:
    """Give a job back, to be tried again after a while that grows."""
    row = tx.get_one(Job, job.id)
    row.lease_until, row.why = None, why[:500]
    row.ready_at = now + BACK_OFF[min(row.attempts, len(BACK_OFF)) - 1]


def failure(tx: Session, key: str) -> str | None:
    """Why the last attempt at a job failed that is not done yet."""
    return tx.scalar(select(Job.why).where(Job.key == key, Job.done_at.is_(None)))


@dataclass(frozen=True, slots=True)
class Failing:
    """Jobs whose last attempt failed, and that are tried again."""

    number: int
    why: str | None
    """Of the one that was tried last."""


def failing(tx: Session, kinds: Sequence[str]) -> Failing:
    """The jobs of these kinds whose last attempt failed."""
    reasons = select(Job.why).where(Job.kind.in_(kinds), Job.done_at.is_(None), Job.why.is_not(None))
    rows = list(tx.scalars(reasons.order_by(Job.taken_at.desc())))
    return Failing(len(rows), rows[0] if rows else None)


def _waits(kinds: Sequence[str], now: datetime) -> tuple[ColumnElement[bool], ...]:
    free = or_(Job.lease_until.is_(None), Job.lease_until <= now)
    return Job.kind.in_(kinds), Job.done_at.is_(None), Job.ready_at <= now, free
