"""Sessions: a login of one person from one browser. The cookie is random; the database knows its hash only."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from governance import audit
from governance.audit import Event
from governance.database import Database
from governance.errors import NotAllowed
from governance.people import password_fits
from governance.tables import Login, LoginFailure, Person

LONGEST = timedelta(hours=12)
FAILURES = 10
WINDOW = timedelta(minutes=15)
"""Ten wrong passwords for one name within 15 minutes stop that name until they are older."""


def begin(database: Database, name: str, password: str, now: datetime) -> tuple[str, Person] | None:
    """Log in; returns the cookie's value and the person, or None when name and password do not belong together.

    The password is checked outside the write lock: it takes a while on purpose, and anybody may make us do it.

    Raises:
        NotAllowed: too many wrong passwords for this name lately.
    """
    with database.read() as tx:
        recent = select(func.count()).where(LoginFailure.name == name[:32], LoginFailure.at > now - WINDOW)
        if tx.scalars(recent).one() >= FAILURES:
            raise NotAllowed(
                "Too many wrong passwords. Wait {minutes} minutes and try again.", minutes=WINDOW.seconds // 60
            )
        person = tx.scalar(select(Person).where(Person.name == name))
    fits = password_fits(person, password)
    with database.write() as tx:
        if not fits or person is None or tx.get_one(Person, person.id).disabled_at is not None:
            tx.execute(delete(LoginFailure).where(LoginFailure.at <= now - WINDOW))
            tx.add(LoginFailure(name=name[:32], at=now))
            if person is not None:
                audit.append(tx, Event("login.refused", person.id), now)
            return None
        cookie = secrets.token_urlsafe(32)
        tx.add(Login(cookie_sha256=_digest(cookie), person_id=person.id, started_at=now, ends_at=now + LONGEST))
        audit.append(tx, Event("login.begun", person.id), now)
        return cookie, person


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


def _digest(cookie: str) -> str:
    return hashlib.sha256(cookie.encode()).hexdigest()
