"""What rooms are answered when they install packages (PEP 691, JSON alone): read-only, and only what is on the list.

Who calls follows from the gate's address. For a name or a version that is not on the list nobody outside is asked. pip
passes over a page that is refused without a word, and says of a file that is refused only the reason in the status
line: so a refused package has a page with one file, whose name says why and which nobody gets.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Annotated, Any, cast

import httpx
from fastapi import APIRouter, Depends, FastAPI, Request
from sqlalchemy import select
from starlette.responses import JSONResponse, Response, StreamingResponse

from governance import rooms
from governance.database import Database
from governance.errors import STATUS, Refused
from governance.settings import Settings
from governance.tiers import TIERS
from mirror.allowed import METADATA, Allowed, AllowedFile, usable

log = logging.getLogger("mirror")
Clock = Callable[[], datetime]
SIMPLE = "application/vnd.pypi.simple.v1+json"
NOT_ON_THE_LIST, NOT_IN_THIS_TIER, TOO_MUCH, NO_INDEX = 403, 451, 429, 502
"""How a file is refused; the gate says each in words (`hub.policy.REASONS`)."""
LABELS = {
    (UNKNOWN := "not.on.the.list.of.this.platform"): NOT_ON_THE_LIST,
    (OTHER_VERSIONS := "other.versions.are.not.on.the.list.of.this.platform"): NOT_ON_THE_LIST,
    (NONE_AT_ALL := "no.packages.in.projects.of.this.tier"): NOT_IN_THIS_TIER,
    (SILENT := "the.package.index.outside.does.not.answer"): NO_INDEX,
    (ENOUGH := "this.is.as.much.as.can.be.installed.in.a.day"): TOO_MUCH,
}
"""The version, in place of one, of the file that nobody gets (PEP 440, a local version); and how that is refused."""
MOST = 4 << 30
"""Bytes that one person's rooms may be sent in a day; the count begins anew when this process does."""
MOST_NAMES = 400
"""Pages and files, each counted once, that one person may ask for in a day: each may be a call outside, a message."""
PAGE_KEPT = 300
"""Seconds that a page is believed, when a file of it is asked for."""

router = APIRouter(prefix="/packages")
READ = ["GET", "HEAD"]


@dataclass(slots=True)
class Day:
    """What each person was sent today, in bytes, and what they asked for."""

    day: date = date.min
    sent: Counter[int] = field(default_factory=Counter)
    asked: dict[int, set[str]] = field(default_factory=dict)

    def _begin(self, today: date) -> None:
        if today != self.day:
            self.day, self.sent, self.asked = today, Counter(), {}

    def may_ask(self, person: int, what: str, today: date) -> bool:
        """Count a page or a file; whether it is not one too many."""
        self._begin(today)
        asked = self.asked.setdefault(person, set())
        if len(asked) < MOST_NAMES:
            asked.add(what)
        return what in asked

    def may_have(self, person: int, size: int, today: date) -> bool:
        """Count bytes that are about to be sent; whether they are not too many."""
        self._begin(today)
        if self.sent[person] + size > MOST:
            return False
        self.sent[person] += size
        return True


@dataclass(frozen=True, slots=True)
class Mirror:
    """What every call needs; one for the app."""

    settings: Settings
    database: Database
    clock: Clock
    allowed: AllowedFile
    index: httpx.AsyncClient
    """The process that asks outside."""
    day: Day = field(default_factory=Day)
    pages: dict[str, tuple[datetime, list[dict[str, Any]]]] = field(default_factory=dict)
    """What the index said last of each package, and when."""


@dataclass(frozen=True, slots=True)
class Caller:
    """The room behind the gate that a call comes from."""

    mirror: Mirror
    room: str
    person: int
    allowed: Allowed
    """Empty where the project's tier lets nothing be installed."""
    refused: int
    """How a package that is not on it is refused."""

    def may_ask(self, what: str) -> bool:
        """Count a page or file of a package; whether it is not one too many today."""
        mirror = self.mirror
        if mirror.day.may_ask(self.person, what, mirror.clock().date()):
            return True
        log.warning("room %s asked for %s packages today and gets no more", self.room, MOST_NAMES)
        return False

    async def files_of(self, package: str) -> list[dict[str, Any]] | None:
        """The files of a package that may be had and that rooms can use; None when the index does not say."""
        now = self.mirror.clock()
        said_at, there = self.mirror.pages.get(package, (None, []))
        if said_at is None or (now - said_at).total_seconds() > PAGE_KEPT:
            try:
                answer = await self.mirror.index.get(f"/index/{package}/", headers={"Accept": SIMPLE})
                answer.raise_for_status()
                there = [file for file in answer.json()["files"] if usable(file["filename"])]
            except (httpx.HTTPError, ValueError, LookupError, TypeError, AttributeError) as e:
                log.error("the index has no page of %s: %s", package, e)
                return None
            self.mirror.pages[package] = now, there
        return [file for file in there if self.allowed.has(package, file["filename"])]


def caller(http: Request) -> Caller:
    """Look the caller's address up; raises NotAllowed when it is no open room's gate."""
    mirror = cast(Mirror, http.app.state.mirror)
    slot = mirror.settings.slot_of_front(http.client.host if http.client else "")
    with mirror.database.read() as tx:
        standing = rooms.behind(tx, slot, mirror.settings, mirror.clock())
        room, person, tier = standing.room.id, standing.person.id, standing.project.tier
    if not TIERS[tier].packages:
        return Caller(mirror, room, person, Allowed({}), NOT_IN_THIS_TIER)
    return Caller(mirror, room, person, mirror.allowed.now(), NOT_ON_THE_LIST)


Here = Annotated[Caller, Depends(caller)]


@router.api_route("/simple/", methods=READ)
def names(here: Here) -> Response:
    """The list."""
    return _simple(
        {"meta": {"api-version": "1.0"}, "projects": [{"name": name} for name in sorted(here.allowed.versions)]}
    )


@router.api_route("/simple/{name}/", methods=READ)
async def files(here: Here, name: str) -> Response:
    """The files of a package, in the versions that are on the list."""
    package = here.allowed.package(name)
    if package is None:
        log.info("room %s asked for %.100r, which is not on the list", here.room, name)
        return _page(name, [_nobodys(name, NONE_AT_ALL if here.refused == NOT_IN_THIS_TIER else UNKNOWN)])
    if not here.may_ask(package):
        return _page(package, [_nobodys(package, ENOUGH)])
    there = await here.files_of(package)
    if there is None:
        return _page(package, [_nobodys(package, SILENT)])
    if here.allowed.versions[package]:
        there.append(_nobodys(package, OTHER_VERSIONS))
    return _page(package, there)


@router.api_route("/files/{name}/{filename}", methods=READ)
async def content(here: Here, name: str, filename: str) -> Response:
    """A file, or what a wheel says of itself."""
    for label, status in LABELS.items():
        if f"-0+{label}-" in filename:
            return Response(status_code=status)
    package = here.allowed.package(name)
    if package is None or not here.allowed.has(package, filename):
        return Response(status_code=here.refused)
    if not here.may_ask(filename):
        return Response(status_code=TOO_MUCH)
    there = await here.files_of(package)
    if there is None:
        return Response(status_code=NO_INDEX)
    if not _stands_in(there, filename):
        return Response(status_code=404)
    index = here.mirror.index
    try:
        answer = await index.send(index.build_request("GET", f"/index/{package}/{filename}"), stream=True)
    except httpx.HTTPError as e:
        log.error("the index does not answer: %s", e)
        return Response(status_code=NO_INDEX)
    length = answer.headers.get("content-length", "")
    if answer.status_code != httpx.codes.OK or not length.isdecimal():
        await answer.aclose()
        log.error("the index has no %s: it answers %s", filename, answer.status_code)
        return Response(status_code=404 if answer.status_code == httpx.codes.NOT_FOUND else NO_INDEX)
    if not here.mirror.day.may_have(here.person, int(length), here.mirror.clock().date()):
        await answer.aclose()
        log.warning("room %s was sent %s bytes of packages today and gets no more", here.room, MOST)
        return Response(status_code=TOO_MUCH)
    log.info("room %s is sent %s, %s bytes", here.room, filename, length)
    return StreamingResponse(
        _through(answer), headers={"Content-Length": length}, media_type="application/octet-stream"
    )


def _stands_in(there: list[dict[str, Any]], filename: str) -> bool:
    """Whether a page names a file, or says of a wheel that its own word on itself lies beside it."""
    wheel = filename.removesuffix(METADATA)
    file = next((one for one in there if one["filename"] == wheel), None)
    return file is not None and (wheel == filename or bool(file.get("core-metadata")))


async def _through(answer: httpx.Response) -> AsyncIterator[bytes]:
    try:
        async for piece in answer.aiter_raw():
            yield piece
    finally:
        await answer.aclose()


def _page(package: str, there: list[dict[str, Any]]) -> Response:
    return _simple(
        {"meta": {"api-version": "1.0"}, "name": package, "files": list(_linked(package, there))},
    )


def _linked(package: str, there: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Each file with an address here, whatever the index said."""
    for file in there:
        yield file | {"url": f"../../files/{package}/{file['filename']}"}


def _nobodys(package: str, label: str) -> dict[str, Any]:
    """A file that pip shows in place of what is not to be had."""
    return {"filename": f"{package.replace('-', '_')}-0+{label}-py3-none-any.whl", "hashes": {}}


def _simple(said: dict[str, Any]) -> Response:
    return JSONResponse(said, media_type=SIMPLE)


def create_app(settings: Settings, database: Database, clock: Clock, index: httpx.AsyncClient) -> FastAPI:
    """The app; it has no call that changes anything."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    mirror = Mirror(settings, database, clock, AllowedFile(settings.installation), index)
    app.state.mirror = mirror
    app.include_router(router)

    @app.get("/health")
    def health() -> Response:
        with database.read() as tx:
            tx.execute(select(1))
        mirror.allowed.now()
        return JSONResponse({"part": "mirror", "state": "up"})

    @app.exception_handler(Refused)
    def refused(_http: Request, e: Exception) -> Response:
        return JSONResponse({"error": str(e)}, STATUS.get(type(e), 403))

    @app.exception_handler(Exception)
    def broken(_http: Request, e: Exception) -> Response:
        log.error("a call failed", exc_info=e)
        return JSONResponse({"error": "Something went wrong here. It is logged."}, 500)

    return app
