"""People, their passwords and roles, and what lets them into rooms at all: terms and training."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError
from sqlalchemy import select
from sqlalchemy.orm import Session

from governance import audit
from governance.audit import Event
from governance.errors import Invalid, NotFound
from governance.tables import Member, Person, PersonRole, PlatformRole, Project

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


def take_role(tx: Session, person: Person, role: PlatformRole, controller: str, now: datetime) -> None:
    """Take a platform role back: what its holder voted on undecided requests no longer counts.

    Raises:
        NotFound: the person does not have this role for this data controller.
    """
    held = tx.get(PersonRole, (person.id, role, controller))
    if held is None:
        raise NotFound(
            "{name} is no {role} for {controller}", name=person.name, role=role.replace("_", " "), controller=controller
        )
    tx.delete(held)
    audit.append(tx, Event("role.taken", person.id, detail={"role": role, "controller": controller}), now)


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


def train(tx: Session, person: Person, until: date, now: datetime) -> None:
    """Say until when a person's training counts, that day included; saying the same again changes nothing."""
    if person.training_until != until:
        person.training_until = until
        audit.append(tx, Event("person.training", person.id, detail={"until": until.isoformat()}), now)


def accept_terms(tx: Session, person: Person, now: datetime) -> None:
    """Record that a person accepted the terms of use as they are now."""
    person.terms_version = TERMS_VERSION
    audit.append(tx, Event("terms.accepted", person.id, detail={"version": TERMS_VERSION}), now)


@dataclass(frozen=True, slots=True)
class Account:
    """A person as an operator sees them."""

    name: str
    full_name: str
    roles: list[dict[str, str]]
    """Each platform role: `role` and `controller`."""
    projects: list[dict[str, str]]
    """Each membership: `project`, by its key, and `role`."""
    training_until: date | None
    terms_accepted: bool
    """The terms as they are now."""
    closed_at: datetime | None


def accounts(tx: Session) -> list[Account]:
    """Everybody, by name; three queries however many they are."""
    roles, memberships = defaultdict(list), defaultdict(list)
    for held in tx.scalars(select(PersonRole).order_by(PersonRole.controller, PersonRole.role)):
        roles[held.person_id].append({"role": str(held.role), "controller": held.controller})
    for member, key in tx.execute(select(Member, Project.key).join(Project).order_by(Project.key)):
        memberships[member.person_id].append({"project": key, "role": str(member.role)})
    return [
        Account(
            name=person.name,
            full_name=person.full_name,
            roles=roles[person.id],
            projects=memberships[person.id],
            training_until=person.training_until,
            terms_accepted=person.terms_version == TERMS_VERSION,
            closed_at=person.disabled_at,
        )
        for person in tx.scalars(select(Person).order_by(Person.name))
    ]
