"""Sessions: a login of one person from one browser. The cookie is random; the database knows its hash only."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from threading import BoundedSemaphore

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from governance import audit
from governance.audit import Event
from governance.database import Database
from governance.errors import NotAllowed, Unavailable
from governance.people import password_fits
from governance.tables import Login, LoginFailure, Person

Clock = Callable[[], datetime]
LONGEST = timedelta(hours=12)
FAILURES = 10
WINDOW = timedelta(minutes=15)
"""Ten wrong passwords for one name within 15 minutes stop that name until they are older."""
AT_ONCE = 2
"""Passwords that are checked side by side: each takes 64 MiB and three passes over them, on purpose (`people`)."""
WAITING = 8
"""Logins that wait for their check. Each holds one of 40 threads that answer pages (anyio's limit): more come back."""

_places = BoundedSemaphore(AT_ONCE + WAITING)
_turns = BoundedSemaphore(AT_ONCE)


def begin(database: Database, name: str, password: str, clock: Clock) -> tuple[str, Person] | None:
    """Log in; returns the cookie's value and the person, or None when name and password do not belong together.

    An attempt counts as a failure before its password is checked, and is forgotten when that was right: however many
    come at once, no more are checked. The check itself holds no lock of the database: anybody may make us do it.

    Raises:
        NotAllowed: too many wrong passwords for this name lately.
        Unavailable: too many others are logging in at this moment.
    """
    with _place():
        attempt, person = _counted(database, name, clock)
        with _turns:
            fits = password_fits(person, password)
        with database.write() as tx:
            now = clock()
            if not fits or person is None or tx.get_one(Person, person.id).disabled_at is not None:
                if person is not None:
                    audit.append(tx, Event("login.refused", person.id), now)
                return None
            tx.execute(delete(LoginFailure).where(LoginFailure.id == attempt))
            cookie = secrets.token_urlsafe(32)
            tx.add(Login(cookie_sha256=_digest(cookie), person_id=person.id, started_at=now, ends_at=now + LONGEST))
            audit.append(tx, Event("login.begun", person.id), now)
            return cookie, person


@contextmanager
def _place() -> Iterator[None]:
    if not _places.acquire(blocking=False):
        raise Unavailable("Many people are logging in just now. Try again in a moment.")
    try:
        yield
    finally:
        _places.release()


def _counted(database: Database, name: str, clock: Clock) -> tuple[int, Person | None]:
    """Count an attempt as a failure, if the name may have another; returns its row's id and whose name it is."""
    with database.write() as tx:
        now = clock()
        recent = select(func.count()).where(LoginFailure.name == name[:32], LoginFailure.at > now - WINDOW)
        if tx.scalars(recent).one() >= FAILURES:
            raise NotAllowed(
                "Too many wrong passwords. Wait {minutes} minutes and try again.", minutes=WINDOW.seconds // 60
            )
        tx.execute(delete(LoginFailure).where(LoginFailure.at <= now - WINDOW))
        attempt = LoginFailure(name=name[:32], at=now)
        tx.add(attempt)
        tx.flush()
        return attempt.id, tx.scalar(select(Person).where(Person.name == name))


def current(tx: Session, cookie: str | None, now: datetime) -> tuple[Login, Person] | None:
    """The login a cookie stands for, with its person, unless it has ended."""
    if not cookie:
        return None
    login = tx.get(Login, _digest(cookie))
    person = tx.get(Person, login.person_id) if login else None
    if login is None or person is None or login.ends_at <= now or person.disabled_at is not None:
        return None
    return login, person


def end(tx: Session, login: Login, now: datetime) -> None:
    """Log out: the login's admissions to rooms go with it (the reconciler then cuts their connections)."""
    row = tx.get(Login, login.cookie_sha256)
    if row is not None:
        tx.delete(row)
        audit.append(tx, Event("login.ended", login.person_id), now)


def end_all(tx: Session, person: Person, now: datetime) -> None:
    """End every session of a person, in whatever browser it is."""
    for login in tx.scalars(select(Login).where(Login.person_id == person.id)):
        end(tx, login, now)


def forget_failures(tx: Session, person: Person) -> None:
    """Let a person log in at once, however many wrong passwords were tried on their name."""
    tx.execute(delete(LoginFailure).where(LoginFailure.name == person.name))


def _digest(cookie: str) -> str:
    return hashlib.sha256(cookie.encode()).hexdigest()
