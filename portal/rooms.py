"""My projects, and the way into their rooms."""

from __future__ import annotations

from contextlib import nullcontext, suppress
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form
from starlette.responses import Response

from governance import data, egress, projects, rooms
from governance.errors import NotAllowed, NotFound, Refused, Unavailable
from governance.rooms import SIZES, Standing
from governance.tables import DataVersion, Project, ProjectRole, Room, RoomState
from governance.tiers import TIERS
from portal import guard, lab_files
from portal.site import Member, go, member
from portal.tickets import mint

router = APIRouter()
Me = Annotated[Member, Depends(member)]


@dataclass(frozen=True, slots=True)
class MyProject:
    """A project as its member sees it."""

    project: Project
    role: ProjectRole
    data: list[DataVersion]
    room: Room | None
    refused: NotAllowed | None


@router.get("/")
def my_projects(here: Me) -> Response:
    """My projects with what each holds, its expiry and my room."""
    now, direct = here.site.clock(), here.site.settings.direct_person_level
    with here.site.database.read() as tx:
        mine = rooms.of_person(tx, here.person)
        shown = [
            MyProject(
                project,
                role,
                data.of_project(tx, project.id),
                mine.get(project.id),
                projects.refusal(tx, here.person, project, now, direct_person_level=direct),
            )
            for project, role in projects.of_person(tx, here.person)
        ]
        day = egress.today(tx, here.person.id, here.site.settings, now)
    return here.page(
        "projects.html", projects=shown, sizes=rooms.sizes(), every_size=SIZES, images=_images(here), day=day
    )


@router.post("/projects/{key}/room")
def open_room(
    here: Me, key: str, size: Annotated[str, Form()] = "small", image: Annotated[str, Form()] = "base"
) -> Response:
    """Have my room in a project opened."""
    with here.site.database.write() as tx:
        project = projects.keyed(tx, key)
        room = rooms.want_open(tx, here.person, project, size, here.site.settings, here.site.clock(), image=image)
    here.site.reconciler.look(room.id)
    return go(f"/rooms/{room.id}?enter=1")


@router.get("/rooms/{room}")
def show_room(here: Me, room: str, enter: bool = False, waited: bool = False) -> Response:
    """How my room is: starting, open, closed or failed.

    Args:
        enter: the browser goes in, at once: the room's own address waits for it.
        waited: that took too long there, so it waits here, where it is told why.
    """
    standing = _mine(here, room)
    reason = Refused.of_json(standing.room.reason) if standing.room.reason else None
    direct = not TIERS[standing.project.tier].direct
    return here.page(
        "room.html",
        here=standing,
        enter=enter,
        waited=waited,
        reason=reason,
        sizes=rooms.sizes(),
        every_size=SIZES,
        images=_images(here),
        direct_person_level=direct,
    )


@router.get("/rooms/{room}/state")
def room_state(here: Me, room: str) -> dict[str, Any]:
    """The state, for the page that waits."""
    standing = _mine(here, room)
    waited = (here.site.clock() - standing.room.changed_at).total_seconds()
    return {"state": standing.room.actual, "seconds": round(waited, 1)}


@router.post("/rooms/{room}/enter")
def enter_room(here: Me, room: str) -> Response:
    """Admit this login to the room, and hand the browser the ticket as a form that sends itself to the room's host.

    While the room starts, the edge answers there with a page that waits for it (`hub/templates/waiting.html`).
    """
    settings = here.site.settings
    with here.site.database.write() as tx:
        now = here.site.clock()
        standing = _owned(here, rooms.standing(tx, room))
        refused = rooms.access_refused(tx, standing, settings, now)
        if refused:
            raise NotAllowed(refused.message, **refused.values)
        is_starting = standing.room.actual == RoomState.STARTING
        if standing.room.actual != RoomState.OPEN and not is_starting:
            raise Unavailable("This room is not open yet. Wait until it is, then go in.")
        admission = rooms.admit(tx, standing.room, here.login, now)
    with suppress(Unavailable) if is_starting else nullcontext():  # a gate that is made later knows the rows
        here.site.reconciler.admit(room)
    ticket = mint(settings, room, admission, now)
    files = lab_files.folder(settings, standing.room.image)
    answer = here.page("enter.html", origin=settings.room_origin(room), ticket=ticket, files=files)
    answer.headers["Content-Security-Policy"] = guard.POLICY.format(forms=settings.room_origin(room))
    return answer


@router.post("/rooms/{room}/close")
def close_room(here: Me, room: str) -> Response:
    """Close my room; what runs in it ends, files are kept."""
    with here.site.database.write() as tx:
        standing = _owned(here, rooms.standing(tx, room))
        rooms.want_closed(tx, standing.room, here.site.clock(), reason=rooms.CLOSED_BY_PERSON)
    here.site.reconciler.look(room)
    return go(f"/rooms/{room}")


def _images(here: Member) -> dict[str, str]:
    """What each image that a room can have is for, in English; by name."""
    profiles = here.site.settings.every_profile.values()
    return {
        image: next((p.title for p in profiles if p.image == image), image) for image in here.site.settings.room_images
    }


def _mine(here: Member, room: str) -> Standing:
    with here.site.database.read() as tx:
        return _owned(here, rooms.standing(tx, room))


def _owned(here: Member, standing: Standing) -> Standing:
    """Another's room is answered like one that is not there."""
    if standing.room.person_id != here.person.id:
        raise NotFound("there is no room {room}", room=standing.room.id)
    return standing
