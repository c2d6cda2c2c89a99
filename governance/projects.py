"""Projects, their members, and who may enter a project's rooms."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from governance import audit, stops
from governance.audit import Event
from governance.errors import Invalid, NotAllowed, NotFound
from governance.people import TERMS_VERSION
from governance.tables import DataVersion, FormerMember, Member, Person, Project, ProjectRole, Stop, StopKind
from governance.tiers import Tier, may_open_direct

LONGEST_PURPOSE = 2000
"""Characters."""
KEY = re.compile(r"[a-z][a-z0-9-]{0,38}[a-z0-9]")
LONGEST_PERMIT = 100
"""Characters of a permit's reference, as its column has them."""
LOCAL = ZoneInfo("Europe/Copenhagen")


def add(
    tx: Session,
    key: str,
    title: str,
    tier: Tier,
    controller: str,
    permit: str,
    permit_until: date,
    now: datetime,
    *,
    purpose: str = "",
) -> Project:
    """Make a project.

    Raises:
        Invalid: the key cannot be used or is taken, the permit has no reference, or the purpose is too long.
    """
    if not KEY.fullmatch(key):
        raise Invalid("a project's key is 2 to 40 lower-case letters, digits and hyphens, not {key}", key=repr(key))
    if tx.scalar(select(Project).where(Project.key == key)):
        raise Invalid("a project with the key {key} exists already", key=key)
    _check_permit(permit)
    project = Project(
        key=key,
        title=title,
        purpose=_purpose(purpose),
        tier=tier,
        controller=controller,
        permit=permit,
        permit_until=permit_until,
    )
    tx.add(project)
    tx.flush()
    audit.append(tx, Event("project.added", project_id=project.id, detail={"tier": tier}), now)
    return project


def allow_clusters(tx: Session, project: Project, now: datetime, *, allowed: bool) -> None:
    """Say whether a project's rooms may start clusters."""
    if project.clusters != allowed:
        project.clusters = allowed
        audit.append(tx, Event("project.clusters", project_id=project.id, detail={"allowed": str(allowed)}), now)


def set_purpose(tx: Session, project: Project, purpose: str, now: datetime) -> None:
    """Say what a project's permit is for; raises Invalid when that is too long. The same again changes nothing."""
    if project.purpose != _purpose(purpose):
        project.purpose = _purpose(purpose)
        audit.append(tx, Event("project.purpose", project_id=project.id), now)


def _purpose(words: str) -> str:
    words = " ".join(words.split())
    if len(words) > LONGEST_PURPOSE:
        raise Invalid("a purpose has {most} characters at most", most=LONGEST_PURPOSE)
    return words


def set_permit(tx: Session, project: Project, until: date, now: datetime, *, permit: str | None = None) -> None:
    """Say until when a project's permit holds, that day included, and under which reference if that changed.

    Rooms close at the reconciler's next look when the day is past. Saying the same again changes nothing.

    Raises:
        NotAllowed: the project was ended.
        Invalid: the reference is empty or too long.
    """
    stop = stops.own(tx, project)
    if stop is not None and stop.kind is StopKind.END:
        raise NotAllowed("{key} was ended, and its permit with it: add a new project", key=project.key)
    reference = project.permit if permit is None else permit
    _check_permit(reference)
    if (project.permit_until, project.permit) == (until, reference):
        return
    detail: dict[str, str | int | None] = {
        "until": until.isoformat(),
        "reference": "same" if reference == project.permit else "changed",
    }
    project.permit_until, project.permit = until, reference
    audit.append(tx, Event("project.permit", project_id=project.id, detail=detail), now)


def _check_permit(reference: str) -> None:
    if not reference.strip() or len(reference) > LONGEST_PERMIT:
        raise Invalid("a permit's reference is 1 to {longest} characters", longest=LONGEST_PERMIT)


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
    tx.merge(FormerMember(project_id=project.id, person_id=person.id, until=now))
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
    role, stopped = role_of(tx, person, project), stops.unlifted(tx)
    return refusal_by(person, project, role, stopped, now, direct_person_level=direct_person_level)


def refusal_by(
    person: Person,
    project: Project,
    role: ProjectRole | None,
    stopped: Mapping[int | None, Stop],
    now: datetime,
    *,
    direct_person_level: bool,
) -> NotAllowed | None:
    """`refusal` by the rows that decide about it: the person's role in the project, and the stops that hold now."""
    if stop := stops.refusal_by(stopped, project):
        return stop
    today = now.astimezone(LOCAL).date()
    if person.disabled_at is not None:
        return NotAllowed("Your account is closed. Ask the operator of this installation if that is a mistake.")
    if role is None:
        return NotAllowed("You are not a member of this project. Ask the operator of this installation to add you.")
    if now >= permit_ends(project):
        return NotAllowed(
            "The permit {permit} ended on {day}. When {controller} has extended it, ask the operator of this "
            "installation to record the new day.",
            permit=project.permit,
            day=project.permit_until,
            controller=project.controller,
        )
    if person.terms_version != TERMS_VERSION:
        return NotAllowed("You have not accepted the terms of use. Read and accept them, then open the room.")
    if person.training_until is None or person.training_until < today:
        return NotAllowed(
            "Your training in handling health data is missing or out of date. Take the course, then ask the operator "
            "of this installation to record it."
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


@dataclass(frozen=True, slots=True)
class Summary:
    """A project as an operator sees it."""

    key: str
    title: str
    purpose: str
    tier: Tier
    controller: str
    permit: str
    permit_until: date
    clusters: bool
    stop: StopKind | None
    """Its own, not the site's."""
    members: list[dict[str, str]]
    """Each member: `person`, by name, and `role`."""
    data: list[str]
    """The names of its data sets."""


def summaries(tx: Session) -> list[Summary]:
    """Every project, by key; four queries however many they are."""
    members, data = defaultdict(list), defaultdict(list)
    for member, name in tx.execute(select(Member, Person.name).join(Person).order_by(Person.name)):
        members[member.project_id].append({"person": name, "role": str(member.role)})
    for version in tx.scalars(select(DataVersion).order_by(DataVersion.name)):
        data[version.project_id].append(version.name)
    stopped = stops.of_projects(tx)
    return [
        Summary(
            key=project.key,
            title=project.title,
            purpose=project.purpose,
            tier=project.tier,
            controller=project.controller,
            permit=project.permit,
            permit_until=project.permit_until,
            clusters=project.clusters,
            stop=stopped.get(project.id),
            members=members[project.id],
            data=data[project.id],
        )
        for project in tx.scalars(select(Project).order_by(Project.key))
    ]
