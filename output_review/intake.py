"""The API for rooms, on the front network only. Who calls follows from the gate's address, never from what is said."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, cast

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from governance import rooms
from governance.database import Database
from governance.errors import STATUS, NotAllowed, NotFound, Refused
from governance.settings import Settings
from governance.tables import Person, Room, RoomState
from output_review import frozen, service, store
from output_review.inspection.report import REFUSALS
from output_review.tables import ReleaseRequest, RequestFile

log = logging.getLogger("intake")
router = APIRouter(prefix="/api/requests")
Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Intake:
    """What every call needs; one for the app."""

    settings: Settings
    database: Database
    clock: Clock


@dataclass(frozen=True, slots=True)
class Caller(Intake):
    """The room behind the gate that a call comes from."""

    room: str

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
        room = tx.scalar(select(Room).where(Room.slot == slot, Room.wanted == RoomState.OPEN))
        if room is None or rooms.access_refused(tx, rooms.standing(tx, room.id), here.settings, here.clock()):
            raise NotAllowed("This address is no open room's.")
    return Caller(here.settings, here.database, here.clock, room.id)


Here = Annotated[Caller, Depends(caller)]


class NewRequest(BaseModel):
    """A request as its author begins it."""

    model_config = ConfigDict(extra="forbid")
    title: str
    purpose: str


class NewFile(BaseModel):
    """A file as its author describes it."""

    model_config = ConfigDict(extra="forbid")
    name: str
    description: str
    population: str
    persons: int | None = None


@router.get("")
def mine(here: Here) -> dict[str, Any]:
    """My requests from this room, newest first."""
    with here.database.read() as tx:
        return {"requests": [_shown(tx, row) for row in store.of_room(tx, here.room)]}


@router.post("", status_code=201)
def create(here: Here, new: NewRequest) -> dict[str, Any]:
    """Begin a request."""
    with here.database.write() as tx:
        return _shown(tx, service.create(tx, rooms.standing(tx, here.room), new.title, new.purpose, here.clock()))


@router.get("/{number}")
def show(here: Here, number: int) -> dict[str, Any]:
    """One request with its files."""
    with here.database.read() as tx:
        return _shown(tx, here.own(tx, number))


@router.post("/{number}/files", status_code=201)
def announce(here: Here, number: int, new: NewFile) -> dict[str, Any]:
    """Describe a file; its bytes come next, to `files/<file>`."""
    with here.database.write() as tx:
        row = here.own(tx, number)
        return {"file": service.announce(tx, row, new.name, new.description, new.population, new.persons).id}


@router.put("/{number}/files/{file}")
async def content(here: Here, number: int, file: int, http: Request) -> dict[str, Any]:
    """A file's bytes, as a stream whose length is said before."""
    said = http.headers.get("content-length", "")
    if not said.isdigit():
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
        return _shown(tx, row)


@router.post("/{number}/withdraw")
def withdraw(here: Here, number: int) -> dict[str, Any]:
    """Take a request back."""
    with here.database.write() as tx:
        row = here.own(tx, number)
        service.withdraw(tx, row, tx.get_one(Person, row.person_id), here.clock())
        return _shown(tx, row)


def create_app(settings: Settings, database: Database, clock: Clock) -> FastAPI:
    """The app; it shares no route with the portal's."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.state.intake = Intake(settings, database, clock)
    app.include_router(router)

    @app.exception_handler(Refused)
    def refused(_http: Request, e: Exception) -> Response:
        return JSONResponse({"error": str(e)}, STATUS.get(type(e), 403))

    @app.exception_handler(HTTPException)
    def http_error(_http: Request, e: Exception) -> Response:
        known = cast(HTTPException, e)
        return JSONResponse({"error": str(known.detail)}, known.status_code)

    @app.exception_handler(RequestValidationError)
    def not_so(_http: Request, e: Exception) -> Response:
        first = cast(RequestValidationError, e).errors()[0]
        field = ".".join(str(part) for part in first["loc"][1:])
        return JSONResponse({"error": f"{field}: {first['msg']}"}, 400)

    @app.exception_handler(Exception)
    def broken(_http: Request, e: Exception) -> Response:
        log.error("a call failed", exc_info=e)
        return JSONResponse({"error": "Something went wrong here. It is logged. Try again in a minute."}, 500)

    return app


def _expects(here: Caller, number: int, file: int, length: int) -> None:
    with here.database.read() as tx:
        service.expects(tx, here.own(tx, number), file, length)


def _froze(here: Caller, number: int, file: int, sha256: str, length: int) -> None:
    with here.database.write() as tx:
        service.froze(tx, here.own(tx, number), file, sha256, length, here.clock())


def _shown(tx: Session, row: ReleaseRequest) -> dict[str, Any]:
    return {
        "request": row.id,
        "title": row.title,
        "status": row.status,
        "words": row.words,
        "changed_at": row.changed_at.isoformat(),
        "files": [_shown_file(file) for file in store.files(tx, row.id)],
    }


def _shown_file(file: RequestFile) -> dict[str, Any]:
    advice = REFUSALS.get(file.refusal["reason"], REFUSALS["failed"]) if file.refusal else None
    return {"file": file.id, "name": file.name, "state": file.state, "advice": advice}
