"""Stopping a project or the whole site: the row first; rooms close at once, and nothing opens or leaves."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from governance import audit
from governance.audit import Event
from governance.errors import NotAllowed, NotFound
from governance.tables import Person, Project, Stop, StopKind


def refusal(tx: Session, project: Project) -> NotAllowed | None:
    """Why nothing of this project goes on now; None when nothing stops it."""
    return refusal_by(unlifted(tx), project)


def unlifted(tx: Session) -> dict[int | None, Stop]:
    """Every stop that holds now, by its project's id; the site's is under None."""
    return {stop.project_id: stop for stop in tx.scalars(select(Stop).where(Stop.lifted_at.is_(None)))}


def refusal_by(stops: Mapping[int | None, Stop], project: Project) -> NotAllowed | None:
    """`refusal` by the stops that hold now."""
    stop = stops.get(project.id)
    if stop and stop.kind is StopKind.END:
        return NotAllowed("This project was ended. Its rooms stay closed. Ask the operator what becomes of its files.")
    if None in stops:
        return NotAllowed(
            "The whole site is stopped for now. Your files are kept. The operator says when it opens again."
        )
    if stop:
        return NotAllowed("This project is paused. Your files are kept. The operator says when it goes on.")
    return None


def stop(tx: Session, project: Project | None, kind: StopKind, by: Person | None, now: datetime) -> None:
    """Stop a project, or the site; stopping twice is stopping once, and an end comes in the place of a pause.

    Raises:
        NotAllowed: the site can only be paused.
    """
    if project is None and kind is StopKind.END:
        raise NotAllowed("the site can only be paused: to remove it, use ./up destroy")
    here = own(tx, project)
    if here is not None and (here.kind == kind or here.kind == StopKind.END):
        return
    if here is not None:
        here.lifted_at = now
    tx.add(Stop(project_id=project.id if project else None, kind=kind, by=by.id if by else None, at=now))
    kind_of = "project" if project else "site"
    _record(tx, f"{kind_of}.{'paused' if kind is StopKind.PAUSE else 'ended'}", project, by, now)


def lift(tx: Session, project: Project | None, by: Person | None, now: datetime) -> None:
    """Let a paused project, or the site, go on. Rooms open when people open them.

    Raises:
        NotFound: it is not paused.
        NotAllowed: the project was ended.
    """
    here = own(tx, project)
    if here is None:
        raise NotFound("it is not paused, so it cannot be resumed")
    if here.kind == StopKind.END:
        raise NotAllowed("an ended project cannot be resumed: add a new one")
    here.lifted_at = now
    _record(tx, "project.resumed" if project else "site.resumed", project, by, now)


def own(tx: Session, project: Project | None) -> Stop | None:
    """The stop of a project itself, or of the site; the site's does not show on its projects."""
    wanted = Stop.project_id == project.id if project else Stop.project_id.is_(None)
    return tx.scalar(select(Stop).where(wanted, Stop.lifted_at.is_(None)))


def of_projects(tx: Session) -> dict[int, StopKind]:
    """How each project that is stopped by itself is stopped, by its id."""
    stopped = select(Stop).where(Stop.project_id.is_not(None), Stop.lifted_at.is_(None))
    return {stop.project_id: stop.kind for stop in tx.scalars(stopped) if stop.project_id is not None}


def _record(tx: Session, kind: str, project: Project | None, by: Person | None, now: datetime) -> None:
    tx.flush()
    audit.append(tx, Event(kind, by.id if by else None, project.id if project else None), now)
