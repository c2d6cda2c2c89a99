"""The job table: work that must be done once, by whichever process takes it, also after a crash.

A job is claimed with a lease. Who dies holding one loses it when the lease ends, and another takes it; so work is
written to be done again without harm.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from governance.tables import Job

LEASE = timedelta(minutes=5)
BACK_OFF = (timedelta(seconds=2), timedelta(seconds=10), timedelta(minutes=1), timedelta(minutes=5))


def add(tx: Session, kind: str, key: str, payload: dict[str, Any], now: datetime) -> None:
    """Have something done after the caller's transaction; a job with the same key is not added twice."""
    if tx.scalar(select(Job.id).where(Job.key == key)) is None:
        tx.add(Job(kind=kind, key=key, payload=payload, attempts=0, ready_at=now))


def claim(tx: Session, kinds: Sequence[str], now: datetime) -> Job | None:
    """Take the oldest job that waits, or whose holder's lease ended; None when there is none."""
    free = or_(Job.lease_until.is_(None), Job.lease_until <= now)
    waiting = select(Job).where(Job.kind.in_(kinds), Job.done_at.is_(None), Job.ready_at <= now, free).order_by(Job.id)
    job = tx.scalars(waiting.limit(1).with_for_update(skip_locked=True)).first()
    if job is None:
        return None
    taken = update(Job).where(Job.id == job.id, Job.attempts == job.attempts, free)
    if tx.execute(taken.values(lease_until=now + LEASE, attempts=Job.attempts + 1)).rowcount != 1:  # type: ignore[attr-defined]
        return None
    tx.refresh(job)
    return job


def done(tx: Session, job: Job, now: datetime) -> None:
    """Record that a job is done."""
    row = tx.get_one(Job, job.id)
    row.done_at, row.lease_until = now, None


def failed(tx: Session, job: Job, now: datetime, why: str) -> None:
    """Give a job back, to be tried again after a while that grows."""
    row = tx.get_one(Job, job.id)
    row.lease_until, row.why = None, why[:500]
    row.ready_at = now + BACK_OFF[min(row.attempts, len(BACK_OFF)) - 1]
