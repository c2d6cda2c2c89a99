"""Projects, their members, and who may enter a project's rooms."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from governance import audit, stops
from governance.audit import Event
from governance.errors import Invalid, NotAllowed, NotFound
from governance.people import TERMS_VERSION
from governance.tables import Member, Person, Project, ProjectRole
from governance.tiers import Tier, may_open_direct

KEY = re.compile(r"[a-z][a-z0-9-]{0,38}[a-z0-9]")
LOCAL = ZoneInfo("Europe/Copenhagen")


def add(
    tx: Session, key: str, title: str, tier: Tier, controller: str, permit: str, permit_until: date, now: datetime
) -> Project:
    """Make a project; raises Invalid when the key cannot be used or is taken."""
    if not KEY.fullmatch(key):
        raise Invalid("a project's key is 2 to 40 lower-case letters, digits and hyphens, not {key}", key=repr(key))
    if tx.scalar(select(Project).where(Project.key == key)):
        raise Invalid("a project with the key {key} exists already", key=key)
    project = Project(key=key, title=title, tier=tier, controller=controller, permit=permit, permit_until=permit_until)
    tx.add(project)
    tx.flush()
    audit.append(tx, Event("project.added", project_id=project.id, detail={"tier": tier}), now)
    return project


def allow_clusters(tx: Session, project: Project, now: datetime, *, allowed: bool) -> None:
    """Say whether a project's rooms may start clusters."""
    if project.clusters != allowed:
        project.clusters = allowed
        audit.append(tx, Event("project.clusters", project_id=project.id, detail={"allowed": str(allowed)}), now)


def keyed(tx: Session, key: str) -> Project:
    """The project with this key; raises NotFound."""
    project = tx.scalar(select(Project).where(Project.key == key))
    if project is None:
        raise NotFound("no project has the key {key}", key=key)
    return project


def add_member(tx: Session, project: Project, person: Person, role: ProjectRole, now: datetime) -> None:
    """Give a person a role in a project, in the place of the one they had."""
    member = tx.get(Member, (project.id, person.id))
    if member is None:
        tx.add(Member(project_id=project.id, person_id=person.id, role=role))
    elif member.role == role:
        return
    else:
        member.role = role
    audit.append(tx, Event("member.set", person.id, project.id, {"role": role}), now)


def remove_member(tx: Session, project: Project, person: Person, now: datetime) -> None:
    """Take a person's role in a project away; their room closes at the reconciler's next look."""
    member = tx.get(Member, (project.id, person.id))
    if member is None:
        raise NotFound("{name} is no member of {key}", name=person.name, key=project.key)
    tx.delete(member)
    audit.append(tx, Event("member.removed", person.id, project.id), now)


def of_person(tx: Session, person: Person) -> list[tuple[Project, ProjectRole]]:
    """The projects a person is a member of, by title, with the role."""
    rows = tx.execute(
        select(Project, Member.role).join(Member).where(Member.person_id == person.id).order_by(Project.title)
    )
    return [(project, role) for project, role in rows]


def of_controllers(tx: Session, controllers: Sequence[str]) -> list[Project]:
    """The projects that use these data controllers' data, by title."""
    return list(tx.scalars(select(Project).where(Project.controller.in_(controllers)).order_by(Project.title)))


def permit_ends(project: Project) -> datetime:
    """The moment a permit ends: its last day counts until midnight in Copenhagen."""
    after = date.fromordinal(project.permit_until.toordinal() + 1)
    return datetime(after.year, after.month, after.day, tzinfo=LOCAL)


def refusal(
    tx: Session, person: Person, project: Project, now: datetime, *, direct_person_level: bool
) -> NotAllowed | None:
    """Why this person may not be in a room of this project now, with what to do about it; None when they may.

    The one rule for entering. The reconciler asks it again each minute, so losing any of these closes the room.
    """
    return stops.refusal(tx, project) or _refusal(
        person, project, role_of(tx, person, project), now, direct_person_level=direct_person_level
    )


def _refusal(
    person: Person, project: Project, role: ProjectRole | None, now: datetime, *, direct_person_level: bool
) -> NotAllowed | None:
    today = now.astimezone(LOCAL).date()
    if person.disabled_at is not None:
        return NotAllowed("Your account is closed. Ask the operator of this installation if that is a mistake.")
    if role is None:
        return NotAllowed("You are not a member of this project. Ask its lead to add you.")
    if now >= permit_ends(project):
        return NotAllowed(
            "The permit {permit} ended on {day}. Ask the project's lead to have it extended by {controller}.",
            permit=project.permit,
            day=project.permit_until,
            controller=project.controller,
        )
    if person.terms_version != TERMS_VERSION:
        return NotAllowed("You have not accepted the terms of use. Read and accept them, then open the room.")
    if person.training_until is None or person.training_until < today:
        return NotAllowed(
            "Your training in handling health data is missing or out of date. Ask the operator for a course."
        )
    if not may_open_direct(project.tier, direct_person_level=direct_person_level):
        return NotAllowed(
            "This project's data may be seen only as a picture of a screen, which this installation cannot show yet."
        )
    return None


def role_of(tx: Session, person: Person, project: Project) -> ProjectRole | None:
    """A person's role in a project, if any."""
    member = tx.get(Member, (project.id, person.id))
    return member.role if member else None
