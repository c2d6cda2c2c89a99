"""People, their passwords and roles, and what lets them into rooms at all: terms and training."""

from __future__ import annotations

import re
from datetime import date, datetime

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError
from sqlalchemy import select
from sqlalchemy.orm import Session

from governance import audit
from governance.audit import Event
from governance.errors import Invalid, NotFound
from governance.tables import Person, PersonRole, PlatformRole

TERMS_VERSION = 1
"""Raised when the terms of use change: everybody must accept them again."""

NAME = re.compile(r"[a-z][a-z0-9-]{0,30}[a-z0-9]")
SHORTEST_PASSWORD = 12

_hasher = PasswordHasher()  # argon2id with the library's current parameters (RFC 9106, low-memory profile)
_UNUSABLE = _hasher.hash("nobody's password: verified when a name is unknown, so that the answer takes as long")


def add(
    tx: Session,
    name: str,
    full_name: str,
    now: datetime,
    *,
    password: str | None = None,
    training_until: date | None = None,
) -> Person:
    """Make an account; without a password nobody can log in to it yet.

    Raises:
        Invalid: the name cannot be used or is taken, or the password is too short.
    """
    if not NAME.fullmatch(name):
        raise Invalid("a person's name is 2 to 32 lower-case letters, digits and hyphens, not {name}", name=repr(name))
    if tx.scalar(select(Person).where(Person.name == name)):
        raise Invalid("a person called {name} exists already", name=name)
    person = Person(name=name, full_name=full_name, training_until=training_until)
    if password is not None:
        person.password_hash = password_hash(password)
    tx.add(person)
    tx.flush()
    audit.append(tx, Event("person.added", person.id), now)
    return person


def password_hash(password: str) -> str:
    """Hash a new password, or raise Invalid when it is too short."""
    if len(password) < SHORTEST_PASSWORD:
        raise Invalid("a password has at least {shortest} characters", shortest=SHORTEST_PASSWORD)
    return _hasher.hash(password)


def password_fits(person: Person | None, password: str) -> bool:
    """Whether this is the person's password; takes as long for a person who does not exist."""
    stored = person.password_hash if person else None
    try:
        return _hasher.verify(stored or _UNUSABLE, password) and stored is not None
    except (Argon2Error, InvalidHashError):
        return False


def named(tx: Session, name: str) -> Person:
    """The person of this name; raises NotFound."""
    person = tx.scalar(select(Person).where(Person.name == name))
    if person is None:
        raise NotFound("no person is called {name}", name=name)
    return person


def give_role(tx: Session, person: Person, role: PlatformRole, controller: str, now: datetime) -> None:
    """Make a person checker, lead checker, operator or auditor for one data controller; nothing happens twice."""
    if tx.get(PersonRole, (person.id, role, controller)) is None:
        tx.add(PersonRole(person_id=person.id, role=role, controller=controller))
        audit.append(tx, Event("role.given", person.id, detail={"role": role, "controller": controller}), now)


def roles(tx: Session, person: Person) -> list[PlatformRole]:
    """The platform roles a person has for any data controller."""
    found = tx.scalars(select(PersonRole.role).where(PersonRole.person_id == person.id).distinct())
    return sorted(found)


def controllers(tx: Session, person: Person, role: PlatformRole) -> list[str]:
    """The data controllers for whom a person has a role."""
    return list(
        tx.scalars(
            select(PersonRole.controller)
            .where(PersonRole.person_id == person.id, PersonRole.role == role)
            .order_by(PersonRole.controller)
        )
    )


def accept_terms(tx: Session, person: Person, now: datetime) -> None:
    """Record that a person accepted the terms of use as they are now."""
    person.terms_version = TERMS_VERSION
    audit.append(tx, Event("terms.accepted", person.id, detail={"version": TERMS_VERSION}), now)
