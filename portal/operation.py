"""What an operator sees and stops: projects with their rooms, and the whole site."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Form
from sqlalchemy.orm import Session
from starlette.responses import Response

from governance import people, projects, rooms, stops
from governance.errors import Invalid, NotAllowed
from governance.tables import PlatformRole, Project, Stop, StopKind
from output_review import service
from portal.site import Member, go, member

router = APIRouter(prefix="/operation")
Me = Annotated[Member, Depends(member)]
Sure = Annotated[bool, Form()]


@dataclass(frozen=True, slots=True)
class Running:
    """A project as its operator sees it."""

    project: Project
    stop: Stop | None
    """Its own, not the site's."""
    open_rooms: int


@router.get("")
def overview(here: Me) -> Response:
    """The projects of the data controllers I operate for, and what stops them."""
    with here.site.database.read() as tx:
        mine = _controllers(tx, here)
        running = [standing.project.id for standing in rooms.every(tx)]
        shown = [
            Running(project, stops.own(tx, project), running.count(project.id))
            for project in projects.of_controllers(tx, mine)
        ]
        site = stops.own(tx, None)
        waiting = service.waiting(tx)
    return here.page("operation.html", projects=shown, site=site, running=len(running), waiting=waiting)


@router.post("/projects/{key}/{act}")
def project(here: Me, key: str, act: str, sure: Sure = False) -> Response:
    """Pause, resume or end one project."""
    with here.site.database.write() as tx:
        found = projects.keyed(tx, key)
        if found.controller not in _controllers(tx, here):
            raise NotAllowed("Only an operator for {controller} does that.", controller=found.controller)
        _do(tx, here, found, act, sure=sure)
    here.site.reconciler.look_at_all()
    return go("/operation")


@router.post("/site/{act}")
def site(here: Me, act: str, sure: Sure = False) -> Response:
    """Stop or resume everything."""
    with here.site.database.write() as tx:
        _controllers(tx, here)
        _do(tx, here, None, act, sure=sure)
    here.site.reconciler.look_at_all()
    return go("/operation")


def _do(tx: Session, here: Member, project: Project | None, act: str, *, sure: bool) -> None:
    now = here.site.clock()
    if act == "resume":
        stops.lift(tx, project, here.person, now)
        return
    kinds = {"pause": StopKind.PAUSE, "end": StopKind.END}
    if act not in kinds:
        raise Invalid("Choose to pause, to resume or to end.")
    if not sure and (project is None or act == "end"):
        raise Invalid("Tick the box that says you are sure, then press the button again.")
    stops.stop(tx, project, kinds[act], here.person, now)


def _controllers(tx: Session, here: Member) -> list[str]:
    """The data controllers I operate for; raises NotAllowed when there are none."""
    mine = people.controllers(tx, here.person, PlatformRole.OPERATOR)
    if not mine:
        raise NotAllowed("This page is for operators.")
    return mine
