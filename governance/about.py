"""What a room is told of itself: what it is for, with whom, on which data and until when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from governance import data
from governance.rooms import SIZES, Standing
from governance.settings import Settings
from governance.tables import Member, Person
from governance.tiers import TIERS, Tier


@dataclass(frozen=True, slots=True)
class Colleague:
    """A member of the project, the person of the room among them."""

    full_name: str
    role: str


@dataclass(frozen=True, slots=True)
class DataSet:
    """A snapshot that the project has now; a room that was open before it was added does not see it yet."""

    name: str
    """Its folder in `/data`."""
    files: int
    size: int
    """Bytes."""
    added_at: datetime


@dataclass(frozen=True, slots=True)
class About:
    """The facts, as a room's page shows them."""

    project: str
    """Its key."""
    title: str
    purpose: str
    tier: Tier
    controller: str
    permit: str
    permit_until: date
    person: str
    """The name that the person logs in with."""
    full_name: str
    members: list[Colleague]
    data: list[DataSet]
    size: str
    memory: int
    """Bytes."""
    cpus: float
    image: str
    packages: bool
    """Whether it may install packages."""
    portal: str
    """The portal's address."""


def about(tx: Session, here: Standing, settings: Settings) -> About:
    """The facts of a room, as the rows have them now; two queries."""
    project, size = here.project, SIZES[here.room.size]
    members = select(Person.full_name, Member.role).join(Member).where(Member.project_id == project.id)
    return About(
        project=project.key,
        title=project.title,
        purpose=project.purpose,
        tier=project.tier,
        controller=project.controller,
        permit=project.permit,
        permit_until=project.permit_until,
        person=here.person.name,
        full_name=here.person.full_name,
        members=[Colleague(name, str(role)) for name, role in tx.execute(members.order_by(Person.full_name))],
        data=[DataSet(d.name, d.files, d.size, d.added_at) for d in data.of_project(tx, project.id)],
        size=here.room.size,
        memory=size.memory,
        cpus=size.cpus,
        image=here.room.image,
        packages=TIERS[project.tier].packages,
        portal=settings.portal_origin,
    )
