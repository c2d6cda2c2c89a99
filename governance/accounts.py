"""What becomes of an account: another password, closing, opening again. Sessions end with what they began under."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from governance import audit, logins, people
from governance.audit import Event
from governance.errors import NotAllowed
from governance.tables import Person


def new_password(tx: Session, person: Person, password: str, now: datetime) -> None:
    """Give a person another password. Their sessions end, and wrong passwords of before no longer hold them up.

    Raises:
        NotAllowed: the account is closed.
        Invalid: the password is too short.
    """
    if person.disabled_at is not None:
        raise NotAllowed("the account of {name} is closed: open it with sluse person reopen", name=person.name)
    person.password_hash = people.password_hash(password)
    audit.append(tx, Event("person.password", person.id), now)
    logins.forget_failures(tx, person)
    logins.end_all(tx, person, now)


def close(tx: Session, person: Person, now: datetime) -> None:
    """Close an account: its sessions end, its rooms close at the reconciler's next look, its votes count no longer.

    Nothing is wiped, and roles stay where they are. Closing twice is closing once.
    """
    if person.disabled_at is not None:
        return
    person.disabled_at = now
    audit.append(tx, Event("person.closed", person.id), now)
    logins.end_all(tx, person, now)


def reopen(tx: Session, person: Person, now: datetime) -> None:
    """Open a closed account again, with the roles and the password it had; raises NotAllowed when it is not closed."""
    if person.disabled_at is None:
        raise NotAllowed("the account of {name} is not closed, so it cannot be opened again", name=person.name)
    person.disabled_at = None
    audit.append(tx, Event("person.reopened", person.id), now)
