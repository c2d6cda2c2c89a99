"""The API for rooms, on the front network only. Who calls follows from the gate's address, never from what is said."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any, Protocol, cast

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from governance import clusters, data, egress, rooms
from governance.about import About, about
from governance.database import Database
from governance.errors import STATUS, NotFound, Refused
from governance.settings import Settings
from governance.tables import Person
from inspection import places, types
from inspection.report import advice
from output_review import frozen, service, store
from output_review.findings import Found, by_check
from output_review.tables import ReleaseRequest, RequestFile

log = logging.getLogger("intake")
router = APIRouter(prefix="/api/requests")
facts = APIRouter(prefix="/api/room")
Clock = Callable[[], datetime]
TOLD_FOR = timedelta(minutes=15)
"""What happened to clusters is said for this long, so that a page that sleeps hears of it, too."""
PLACES = 3
"""Of each kind of finding that its author is told."""
LENGTH = re.compile(r"[0-9]{1,18}")


class Speech(Protocol):
    """Sentences in the caller's language."""

    def gettext(self, message: str) -> str:
        """A sentence."""

    def refusal(self, refused: Refused) -> str:
        """Why something is refused."""


Speak = Callable[[str], Speech]
"""From what a caller prefers (`Accept-Language`) to sentences."""


@dataclass(frozen=True, slots=True)
class Intake:
    """What every call needs; one for the app."""

    settings: Settings
    database: Database
    clock: Clock
    speak: Speak


@dataclass(frozen=True, slots=True)
class Caller(Intake):
    """The room behind the gate that a call comes from."""

    room: str
    speech: Speech

    def own(self, tx: Session, number: int) -> ReleaseRequest:
        """A request made from this room; another's is answered like one that is not there."""
        row = store.request(tx, number)
        if row.room_id != self.room:
            raise NotFound("There is no request {number}.", number=number)
        return row


def caller(http: Request) -> Caller:
    """Look the caller's address up; raises NotAllowed when it is no open room's gate."""
    here = cast(Intake, http.app.state.intake)
    slot = here.settings.slot_of_front(http.client.host if http.client else "")
    with here.database.read() as tx:
        room = rooms.behind(tx, slot, here.settings, here.clock()).room
    return Caller(here.settings, here.database, here.clock, here.speak, room.id, _speech(http))


Here = Annotated[Caller, Depends(caller)]


class NewRequest(BaseModel):
    """A request as its author begins it."""

    model_config = ConfigDict(extra="forbid")
    title: str


class NewFile(BaseModel):
    """A file as its author describes it."""

    model_config = ConfigDict(extra="forbid")
    name: str
    description: str
    purpose: str
    population: str
    persons: int | None = None
    data_sets: list[str] = []


@router.get("")
def mine(here: Here) -> dict[str, Any]:
    """My requests from this room, newest first, what a request may hold, and how the room stands."""
    with here.database.read() as tx:
        standing = rooms.standing(tx, here.room)
        project = standing.project
        day = egress.today(tx, standing.person.id, here.settings, here.clock())
        idle_since = egress.active_at(tx, standing.room)
        other = advice("type")
        return {
            "requests": [_shown(tx, row, here.speech) for row in store.of_room(tx, here.room)],
            "room": {
                "shown": day.shown,
                "budget": day.budget,
                "clusters": project.clusters,
                "notices": [
                    {"id": name, "words": here.speech.refusal(why)}
                    for name, _, why in clusters.told(tx, here.room, here.clock() - TOLD_FOR)
                ],
                "closes_at": (idle_since + timedelta(minutes=here.settings.idle_minutes)).isoformat(),
            },
            "data_sets": [version.name for version in data.of_project(tx, project.id)],
            "accepted": {
                "endings": types.accepted(),
                "others": {
                    ending: here.speech.gettext(advice(one.refusal))
                    for one in types.TYPES
                    if one.refusal
                    for ending in one.endings
                },
                "other": here.speech.gettext(other),
                "largest_file": service.LARGEST_FILE,
                "largest_request": service.LARGEST_REQUEST,
                "most_files": service.MOST_FILES,
            },
        }


@router.post("", status_code=201)
def create(here: Here, new: NewRequest) -> dict[str, Any]:
    """Begin a request."""
    with here.database.write() as tx:
        row = service.create(tx, rooms.standing(tx, here.room), new.title, here.clock())
        return _shown(tx, row, here.speech)


@router.get("/{number}")
def show(here: Here, number: int) -> dict[str, Any]:
    """One request with its files."""
    with here.database.read() as tx:
        return _shown(tx, here.own(tx, number), here.speech)


@router.post("/{number}/files", status_code=201)
def announce(here: Here, number: int, new: NewFile) -> dict[str, Any]:
    """Describe a file; its bytes come next, to `files/<file>`."""
    with here.database.write() as tx:
        row = here.own(tx, number)
        return {"file": service.announce(tx, row, service.Output(**new.model_dump())).id}


@router.put("/{number}/files/{file}")
async def content(here: Here, number: int, file: int, http: Request) -> dict[str, Any]:
    """A file's bytes, as a stream whose length is said before."""
    said = http.headers.get("content-length", "")
    if not LENGTH.fullmatch(said):
        raise HTTPException(411, "Say the length of the file (Content-Length).")
    length = int(said)
    await asyncio.to_thread(_expects, here, number, file, length)
    sha256 = await frozen.originals(here.settings.state).receive(http.stream(), length)
    await asyncio.to_thread(_froze, here, number, file, sha256, length)
    return {"sha256": sha256}


@router.post("/{number}/submit")
def submit(here: Here, number: int) -> dict[str, Any]:
    """Hand a request in."""
    with here.database.write() as tx:
        row = here.own(tx, number)
        service.submit(tx, row, tx.get_one(Person, row.person_id), here.clock())
        return _shown(tx, row, here.speech)


@router.post("/{number}/revise")
def revise(here: Here, number: int) -> dict[str, Any]:
    """Take a returned request up again."""
    with here.database.write() as tx:
        row = here.own(tx, number)
        service.revise(tx, row, tx.get_one(Person, row.person_id), here.clock())
        return _shown(tx, row, here.speech)


@router.post("/{number}/give-up")
def give_up(here: Here, number: int) -> dict[str, Any]:
    """Leave a draft whose sending failed."""
    with here.database.write() as tx:
        row = here.own(tx, number)
        service.give_up(tx, row, tx.get_one(Person, row.person_id), here.clock())
        return _shown(tx, row, here.speech)


@router.post("/{number}/withdraw")
def withdraw(here: Here, number: int) -> dict[str, Any]:
    """Take a request back."""
    with here.database.write() as tx:
        row = here.own(tx, number)
        service.withdraw(tx, row, tx.get_one(Person, row.person_id), here.clock())
        return _shown(tx, row, here.speech)


@facts.get("")
def about_room(here: Here) -> About:
    """What the room is for, with whom, on which data and until when."""
    with here.database.read() as tx:
        return about(tx, rooms.standing(tx, here.room), here.settings)


@facts.post("/close")
def close_room(here: Here) -> dict[str, Any]:
    """Close the room: its own work is done. Nobody else's can be named."""
    with here.database.write() as tx:
        reason = Refused("A background run in this room ended, and closed it as it was told to. Your files are kept.")
        rooms.want_closed(tx, rooms.standing(tx, here.room).room, here.clock(), reason=reason)
        return {"room": here.room, "state": "closing"}


class ShortCalls:
    """Refuses what is longer than a call may be, or does not say its length, before a byte of it is read.

    All but a file's bytes, which are no call: they are counted while they are written.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        refused = _not_short(scope) if scope["type"] == "http" and scope["method"] != "PUT" else None
        await (refused or self.app)(scope, receive, send)


def _not_short(scope: Scope) -> Response | None:
    headers = Headers(scope=scope)
    length = headers.get("content-length", "0")
    if "transfer-encoding" in headers or not LENGTH.fullmatch(length):
        return _error(411, "Say the length (Content-Length).")
    return _error(413, "This is too long.") if int(length) > service.LARGEST_CALL else None


def create_app(settings: Settings, database: Database, clock: Clock, speak: Speak) -> FastAPI:
    """The app; it shares no route with the portal's."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    frozen.originals(settings.state).sweep()
    app.state.intake = Intake(settings, database, clock, speak)
    app.include_router(router)
    app.include_router(facts)
    app.add_middleware(ShortCalls)

    @app.get("/health")
    def health() -> dict[str, str]:
        with database.read() as tx:
            tx.execute(select(1))
        return {"part": "intake", "state": "up"}

    @app.exception_handler(Refused)
    def refused(http: Request, e: Exception) -> Response:
        return _error(STATUS.get(type(e), 403), _speech(http).refusal(cast(Refused, e)))

    @app.exception_handler(HTTPException)
    def http_error(_http: Request, e: Exception) -> Response:
        known = cast(HTTPException, e)
        return _error(known.status_code, str(known.detail))

    @app.exception_handler(RequestValidationError)
    def not_so(_http: Request, e: Exception) -> Response:
        first = cast(RequestValidationError, e).errors()[0]
        field = ".".join(str(part) for part in first["loc"][1:])
        return _error(400, f"{field}: {first['msg']}")

    @app.exception_handler(Exception)
    def broken(_http: Request, e: Exception) -> Response:
        log.error("a call failed", exc_info=e)
        return _error(500, "Something went wrong here. It is logged. Try again in a minute.")

    return app


def _error(status: int, words: str) -> Response:
    """An answer that repeats what was said, which may hold half of a character that no answer can."""
    return JSONResponse({"error": words.encode(errors="replace").decode()}, status)


def _expects(here: Caller, number: int, file: int, length: int) -> None:
    with here.database.read() as tx:
        service.expects(tx, here.own(tx, number), file, length)


def _froze(here: Caller, number: int, file: int, sha256: str, length: int) -> None:
    with here.database.write() as tx:
        service.froze(tx, here.own(tx, number), file, sha256, length, here.clock())


def _speech(http: Request) -> Speech:
    here = cast(Intake, http.app.state.intake)
    return here.speak(http.headers.get("accept-language", ""))


def _shown(tx: Session, row: ReleaseRequest, speech: Speech) -> dict[str, Any]:
    return {
        "request": row.id,
        "title": row.title,
        "round": row.round,
        "status": row.status,
        "words": _words(tx, row, speech),
        "changed_at": row.changed_at.isoformat(),
        "files": [_shown_file(file, speech) for file in store.files(tx, row.id)],
    }


def _words(tx: Session, row: ReleaseRequest, speech: Speech) -> str | None:
    """What was said with the last decision; while the inspection fails, that it is no fault of the files."""
    if late := service.delayed(tx, row):
        return speech.refusal(late)
    return speech.gettext(row.words) if row.words else None


def _shown_file(file: RequestFile, speech: Speech) -> dict[str, Any]:
    why = advice(file.refusal["reason"]) if file.refusal else None
    return {
        "file": file.id,
        "name": file.name,
        "state": file.state,
        "description": file.description,
        "purpose": file.purpose,
        "population": file.population,
        "persons": file.persons,
        "data_sets": file.data_sets,
        "advice": speech.gettext(why) if why else None,
        "findings": [_said(found, speech) for found in by_check(file.findings)],
    }


def _said(found: Found, speech: Speech) -> dict[str, Any]:
    """What a checker is told of it, too, in the author's language."""
    listed = [places.words(one["place"], speech.gettext) for one in found.findings[:PLACES]]
    return {
        "severity": found.severity,
        "title": speech.gettext(found.check.title) if found.check else found.id,
        "mend": speech.gettext(found.check.mend) if found.check else "",
        "count": found.count,
        "places": listed,
    }
