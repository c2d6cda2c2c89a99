"""Rooms as they are wanted and as they are, and who is admitted to them now."""

from __future__ import annotations

import os
import secrets
import string
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, delete, exists, or_, select
from sqlalchemy.orm import Session

from governance import audit, projects, stops
from governance.audit import Event
from governance.errors import Invalid, NotAllowed, NotFound, Refused, Unavailable
from governance.settings import GATES, Settings
from governance.tables import Admission, Login, Member, Meter, Person, Project, ProjectRole, Room, RoomState, Stop

GIB = 1 << 30
SLOT_REST = timedelta(hours=1)
"""A closed room's addresses are not given to another room for this long."""
LONGEST_ADMISSION = timedelta(hours=12)


CLOSED_BY_PERSON = Refused("You closed this room. Your files are kept.")
CLOSED_BY_OPERATOR = Refused("An operator closed this room. Your files are kept.")
ENDED_BY_ITSELF = Refused("The room ended by itself, perhaps because its memory was used up. Your files are kept.")
DID_NOT_START = Refused("The room could not be started. The operator finds the cause in the hub's log.")


def closed_idle(minutes: int) -> Refused:
    """Why a room in which nothing happened is closed."""
    return Refused(
        "Nothing happened in this room for {minutes} minutes, so it was closed. Your files are kept.", minutes=minutes
    )


ENDED = (RoomState.CLOSED, RoomState.FAILED)
_WATCHED = or_(Room.wanted != RoomState.CLOSED, Room.actual.not_in(ENDED))


@dataclass(frozen=True, slots=True)
class Size:
    """How much of the machine a room may use."""

    memory: int
    """bytes; there is no swap beyond it"""
    cpus: float
    processes: int


SIZES: dict[str, Size] = {
    "small": Size(memory=2 * GIB, cpus=1, processes=512),
    "medium": Size(memory=8 * GIB, cpus=2, processes=1024),
    "large": Size(memory=32 * GIB, cpus=8, processes=2048),
}


def sizes() -> dict[str, Size]:
    """The sizes that this host can hold, by name; the smallest always is one.

    The engine refuses more processors than there are, and what promises more memory is ended when it takes it.
    """
    memory, cpus = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"), os.cpu_count() or 1
    fitting = {name: size for name, size in SIZES.items() if size.memory <= memory and size.cpus <= cpus}
    return {"small": SIZES["small"]} | fitting


@dataclass(frozen=True, slots=True)
class Standing:
    """A room with the rows that decide about it."""

    room: Room
    person: Person
    project: Project


def want_open(
    tx: Session,
    person: Person,
    project: Project,
    size: str,
    settings: Settings,
    now: datetime,
    *,
    image: str = "base",
) -> Room:
    """Say that a person's room in a project should run.

    Raises:
        NotAllowed: the person may not be in this project's rooms now.
        Invalid: there is no such size or image.
        Unavailable: every address of this host is in use.
    """
    refused = projects.refusal(tx, person, project, now, direct_person_level=settings.direct_person_level)
    if refused:
        raise refused
    if size not in sizes():
        raise Invalid("there is no room size {size} here: choose one of {sizes}", size=size, sizes=", ".join(sizes()))
    images = settings.room_images
    if image not in images:
        raise Invalid("there is no image {image}: choose one of {images}", image=image, images=", ".join(images))
    room = tx.scalar(select(Room).where(Room.person_id == person.id, Room.project_id == project.id))
    if room is None:
        closed = RoomState.CLOSED
        room = Room(id=_new_id(), person_id=person.id, project_id=project.id, size=size, wanted=closed, actual=closed)
        room.changed_at = now
        tx.add(room)
    if room.actual in ENDED:
        room.size, room.image, room.actual, room.reason = size, image, RoomState.STARTING, None
    if room.slot is None:
        room.slot = _free_slot(tx, now)
    if room.wanted != RoomState.OPEN:
        room.wanted = RoomState.OPEN
        audit.append(
            tx,
            Event("room.wanted", person.id, project.id, {"room": room.id, "size": room.size, "image": room.image}),
            now,
        )
    room.changed_at = now
    tx.flush()
    return room


def want_closed(tx: Session, room: Room, now: datetime, *, reason: Refused) -> None:
    """Say that a room should not run; its admissions end with it."""
    tx.execute(delete(Admission).where(Admission.room_id == room.id))
    if room.wanted != RoomState.CLOSED:
        room.wanted, room.reason, room.changed_at = RoomState.CLOSED, reason.as_json(), now
        audit.append(tx, Event("room.unwanted", room.person_id, room.project_id, {"room": room.id}), now)


def became(tx: Session, room: Room, state: RoomState, now: datetime, *, reason: Refused | None = None) -> None:
    """Record what a room is now (the hub's and the reconciler's word)."""
    if room.actual != state:
        room.actual, room.changed_at = state, now
        room.reason = reason.as_json() if reason else None
        audit.append(tx, Event(f"room.{state}", room.person_id, room.project_id, {"room": room.id}), now)


def ran(tx: Session, room_id: str, image: str, digest: str, now: datetime) -> None:
    """Record which image a room that starts is made from: its tag, a hash of what went in, and the engine's digest."""
    room = standing(tx, room_id).room
    room.image_digest = digest
    detail: dict[str, str | int | None] = {"room": room.id, "image": image, "digest": digest}
    audit.append(tx, Event("room.image", room.person_id, room.project_id, detail), now)


def mounted(tx: Session, room_id: str, versions: Iterable[tuple[str, str]], now: datetime) -> None:
    """Record which data a room that starts is given: (name, SHA-256) of each."""
    room = standing(tx, room_id).room
    for name, sha256 in versions:
        detail: dict[str, str | int | None] = {"room": room.id, "name": name, "sha256": sha256}
        audit.append(tx, Event("data.mounted", room.person_id, room.project_id, detail), now)


def standing(tx: Session, room_id: str) -> Standing:
    """A room with its person and project; raises NotFound."""
    row = tx.execute(
        select(Room, Person, Project)
        .join(Person, Room.person_id == Person.id)
        .join(Project, Room.project_id == Project.id)
        .where(Room.id == room_id)
    ).one_or_none()
    if row is None:
        raise NotFound("there is no room {room}", room=room_id)
    return Standing(*row)


def behind(tx: Session, slot: int | None, settings: Settings, now: datetime) -> Standing:
    """The open room whose gate is in this place of the front network: who calls from there is who this says.

    Raises:
        NotAllowed: there is none, or its person may not be in it now.
    """
    room = tx.scalar(select(Room).where(Room.slot == slot, Room.wanted == RoomState.OPEN))
    here = standing(tx, room.id) if room is not None else None
    if here is None or access_refused(tx, here, settings, now):
        raise NotAllowed("This address is no open room's.")
    return here


def every(tx: Session) -> list[Standing]:
    """Every room that should be open, or has not ended."""
    rows = tx.execute(
        select(Room, Person, Project)
        .join(Person, Room.person_id == Person.id)
        .join(Project, Room.project_id == Project.id)
        .where(_WATCHED)
    )
    return [Standing(*row) for row in rows]


@dataclass(frozen=True, slots=True)
class Watched(Standing):
    """A room with everything that a look at it asks the rows."""

    refused: Refused | None
    """Why it must not run now."""
    active_at: datetime
    """When anything last happened in it."""
    sids: frozenset[str]
    """The tickets that its gate lets in now."""


def watched(tx: Session, settings: Settings, now: datetime) -> list[Watched]:
    """`every`, with what is to be so now: three questions, however many rooms there are."""
    rows = tx.execute(
        select(Room, Person, Project, Member.role, Meter.active_at)
        .join(Person, Room.person_id == Person.id)
        .join(Project, Room.project_id == Project.id)
        .outerjoin(Member, (Member.person_id == Room.person_id) & (Member.project_id == Room.project_id))
        .outerjoin(Meter, Meter.room_id == Room.id)
        .where(_WATCHED)
    ).all()
    stopped = stops.unlifted(tx)
    sids: defaultdict[str, set[str]] = defaultdict(set)
    for room_id, sid in tx.execute(select(Admission.room_id, Admission.sid).where(Admission.ends_at > now)):
        sids[room_id].add(sid)
    return [
        Watched(
            room,
            person,
            project,
            _refused(room, person, project, role, stopped, settings, now),
            max(active_at or room.changed_at, room.changed_at),
            frozenset(sids[room.id]),
        )
        for room, person, project, role, active_at in rows
    ]


def of_person(tx: Session, person: Person) -> dict[int, Room]:
    """A person's rooms by project id."""
    return {room.project_id: room for room in tx.scalars(select(Room).where(Room.person_id == person.id))}


def of_project(tx: Session, project: Project) -> list[Room]:
    """Every room that was ever opened in a project."""
    return list(tx.scalars(select(Room).where(Room.project_id == project.id).order_by(Room.id)))


def access_refused(tx: Session, here: Standing, settings: Settings, now: datetime) -> Refused | None:
    """Why this room must not run now; None while its person may be in it and it is wanted."""
    role, stopped = projects.role_of(tx, here.person, here.project), stops.unlifted(tx)
    return _refused(here.room, here.person, here.project, role, stopped, settings, now)


def _refused(
    room: Room,
    person: Person,
    project: Project,
    role: ProjectRole | None,
    stopped: Mapping[int | None, Stop],
    settings: Settings,
    now: datetime,
) -> Refused | None:
    if room.wanted != RoomState.OPEN:
        return Refused.of_json(room.reason) if room.reason else CLOSED_BY_PERSON
    direct = settings.direct_person_level
    return projects.refusal_by(person, project, role, stopped, now, direct_person_level=direct)


def admit(tx: Session, room: Room, login: Login | None, now: datetime) -> Admission:
    """Let a new ticket into a room until the earliest of 12 hours, the login's end and the permit's end."""
    project = tx.get_one(Project, room.project_id)
    ends = [now + LONGEST_ADMISSION, projects.permit_ends(project)]
    if login is not None:
        ends.append(login.ends_at)
    admission = Admission(
        sid=secrets.token_hex(16),
        room_id=room.id,
        login=login.cookie_sha256 if login else None,
        ends_at=min(ends),
    )
    tx.add(admission)
    audit.append(tx, Event("room.entered", room.person_id, room.project_id, {"room": room.id}), now)
    return admission


def admissions(tx: Session, room_id: str, now: datetime) -> list[str]:
    """The sids that a room's gate lets in now."""
    live = select(Admission.sid).where(Admission.room_id == room_id, Admission.ends_at > now)
    return list(tx.scalars(live))


def leftovers(tx: Session, now: datetime) -> bool:
    """Whether there is anything for `free_slots` to do."""
    ended = (exists().where(Admission.ends_at <= now), exists().where(Login.ends_at <= now))
    return bool(tx.scalar(select(or_(exists().where(*_rested(now)), *ended))))


def free_slots(tx: Session, now: datetime) -> None:
    """Give back the addresses of rooms that have been closed for an hour; forget admissions and logins that ended."""
    for room in tx.scalars(select(Room).where(*_rested(now))):
        room.slot = None
    tx.execute(delete(Admission).where(Admission.ends_at <= now))
    tx.execute(delete(Login).where(Login.ends_at <= now))


def _rested(now: datetime) -> tuple[ColumnElement[bool], ...]:
    return (
        Room.slot.is_not(None),
        Room.actual.in_(ENDED),
        Room.wanted == RoomState.CLOSED,
        Room.changed_at < now - SLOT_REST,
    )


def _free_slot(tx: Session, now: datetime) -> int:
    free_slots(tx, now)
    tx.flush()
    taken = set(tx.scalars(select(Room.slot).where(Room.slot.is_not(None))))
    for slot in range(GATES):
        if slot not in taken:
            return slot
    raise Unavailable("every room of this host is in use: close a room, or wait an hour after closing one")


def _new_id() -> str:
    return "".join(secrets.choice(string.ascii_lowercase) for _ in range(10))
