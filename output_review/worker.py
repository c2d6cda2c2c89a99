"""The jobs process: has submitted requests inspected in the sandbox and records what came of it."""

from __future__ import annotations

import io
import json
import logging
import tarfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

import httpx
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from sqlalchemy.exc import SQLAlchemyError

from governance import jobs
from governance.database import Database
from governance.errors import Refused, Unavailable
from governance.heartbeat import Beat
from governance.settings import Settings
from governance.tables import Job
from output_review import frozen, service, store
from output_review.domain import Actor, Status
from output_review.frozen import FrozenStore, Tampered
from output_review.service import Inspection
from output_review.tables import FileState, RequestFile

log = logging.getLogger("jobs")
Clock = Callable[[], datetime]
Short = Annotated[str, StringConstraints(max_length=500)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


Count = Annotated[int, Field(ge=0, lt=1 << 53)]
Values = Annotated[dict[Short, Short | Count], Field(max_length=5)]


class _Place(_Strict):
    """`inspection.places.Place`, without what is empty."""

    cell: Count | None = None
    output: Count | None = None
    part: Short = ""
    path: Short = ""
    line: Count | None = None
    row: Count | None = None
    column: Count | None = None
    heading: Short = ""
    byte: Count | None = None
    elsewhere: bool = False


class _Finding(_Strict):
    check: Short
    version: Count
    kind: Short
    severity: Literal["block", "decide", "note"]
    confidence: Literal["high", "low"]
    place: _Place
    said: Short
    values: Values


class _Dropped(_Strict):
    what: Short
    place: _Place
    values: Values


class _Report(_Strict):
    """What the sandbox says: it opened hostile bytes, so nothing but this shape is taken from it."""

    kind: Short
    policy: Short
    dropped: list[_Dropped]
    findings: list[_Finding]


class _Refusal(_Strict):
    refused: Short
    detail: Short


class _Later(_Strict):
    """A file whose turn did not come; anything else that says nothing of a file refuses it."""

    later: Literal[True]


TURN = 32 << 20
"""Bytes of files that are sent to one sandbox; a file has 16 MiB at most."""


def run(settings: Settings, database: Database, clock: Clock, beat: Beat) -> None:
    """Have requests inspected, some side by side, for ever."""
    frozen.canonical(settings.state).sweep()
    workers = [
        threading.Thread(target=_work, args=(settings, database, clock, beat, f"worker {number + 1}"), daemon=True)
        for number in range(jobs.WORKERS)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()


def _work(settings: Settings, database: Database, clock: Clock, beat: Beat, name: str) -> None:
    """Take one job at a time. Who has been heard of by the end of a lease hangs."""
    while True:
        try:
            job = _claimed(database, clock)
        except SQLAlchemyError as e:
            log.error("the database does not answer: %s", e)
            beat(name, IDLE, wrong="the database does not answer")
            time.sleep(5)
            continue
        beat(name, jobs.LEASE if job else IDLE)
        if job is None:
            time.sleep(0.3)
            continue
        try:
            inspect(settings, database, job, clock)
        except Exception as e:
            _try_again(database, job, clock, e)


IDLE = timedelta(seconds=30)


def _claimed(database: Database, clock: Clock) -> Job | None:
    with database.read() as tx:
        if not jobs.is_waiting(tx, [service.INSPECT], clock()):
            return None
    with database.write() as tx:
        return jobs.claim(tx, [service.INSPECT], clock())


def _try_again(database: Database, job: Job, clock: Clock, why: Exception) -> None:
    """What kept a request from being inspected is the platform's fault: it is logged, and not told of any file."""
    if isinstance(why, Refused):
        log.error("request %s is inspected again later: %s", job.payload["request"], why)
    else:
        log.error("request %s is inspected again later", job.payload["request"], exc_info=why)
    try:
        with database.write() as tx:
            jobs.failed(tx, job, clock(), str(why) if isinstance(why, Refused) else type(why).__name__)
    except SQLAlchemyError as e:
        log.error("the database does not answer; the job is free again when its lease ends: %s", e)


def inspect(settings: Settings, database: Database, job: Job, clock: Clock) -> None:
    """Do one turn of an inspection: what is finished is kept. Done again after a crash it comes to the same.

    Raises:
        Unavailable: no sandbox answered.
        OSError: what it answered could not be kept.
    """
    number = int(job.payload["request"])
    with database.read() as tx:
        submitted = store.request(tx, number).status == Status.SUBMITTED
        files = [file for file in store.files(tx, number) if file.state is FileState.FROZEN]
    tampered, found = None, {}
    if submitted:
        try:
            given = _turn(files, frozen.originals(settings.state))
            found = keep(sandboxed(settings, given), frozen.canonical(settings.state), given)
        except Tampered as e:
            tampered = str(e)
    with database.write() as tx:
        row = store.request(tx, number)
        if tampered:
            service.quarantine(tx, row, Actor.INSPECTION, clock(), tampered)
        elif row.status == Status.SUBMITTED and not service.inspected(tx, row, found, clock()):
            jobs.goes_on(tx, job, clock())
            return
        jobs.done(tx, job, clock())  # the author may have withdrawn it meanwhile


def _turn(files: Sequence[RequestFile], originals: FrozenStore) -> dict[int, tuple[str, bytes]]:
    """The first files, and their bytes, that fit into one turn."""
    given: dict[int, tuple[str, bytes]] = {}
    size = 0
    for file in files:
        size += file.size or 0
        if given and size > TURN:
            break
        given[file.id] = (file.name, originals.read(file.original_sha256 or ""))
    return given


def sandboxed(settings: Settings, given: Mapping[int, tuple[str, bytes]]) -> dict[str, bytes]:
    """Send files to the sandbox as a tar and take back what it made, by `<id>/<part>`.

    A sandbox that came to its end and answers nonsense has made nothing: every file is then refused.

    Raises:
        Unavailable: none came to its end, which is no file's fault.
    """
    transport = httpx.HTTPTransport(uds=str(settings.run / "sandboxd" / "sandboxd.sock"))
    with httpx.Client(transport=transport, base_url="http://sandboxd", timeout=ANSWERS_WITHIN) as http:
        try:
            answer = http.post("/inspect", content=packed(given))
        except httpx.TransportError as e:
            raise Unavailable("the sandbox cannot be reached: {reason}", reason=repr(e)) from e
    if answer.status_code != httpx.codes.OK:
        raise Unavailable("no sandbox: {status} {why}", status=answer.status_code, why=answer.text[:300])
    try:
        return unpacked(answer.content)
    except (tarfile.TarError, EOFError, ValueError, OverflowError):
        return {}


ANSWERS_WITHIN = 270.0
"""Seconds, less than a lease: time for somebody else's turn and one's own."""


def packed(given: Mapping[int, tuple[str, bytes]]) -> bytes:
    """Files as the sandbox reads them: a tar of `<id>/<name>`."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for number, (name, content) in given.items():
            header = tarfile.TarInfo(f"{number}/{name}")
            header.size = len(content)
            tar.addfile(header, io.BytesIO(content))
    return out.getvalue()


def unpacked(answer: bytes) -> dict[str, bytes]:
    """The members of the sandbox's tar, in memory: no name in it ever becomes a path, and none grows in reading."""
    with tarfile.open(fileobj=io.BytesIO(answer), mode="r:") as tar:
        return {m.name: file.read() for m in tar if m.isreg() and not m.issparse() and (file := tar.extractfile(m))}


def keep(made: Mapping[str, bytes], kept: FrozenStore, given: Mapping[int, object]) -> dict[int, Inspection]:
    """Store canonical copies and views; returns what came of each file, but of those whose turn did not come.

    A file without a report that holds is refused, and so is the first one if it is said of all that their turn did not
    come: that is not so.
    """
    inspections = {number: _keep(made, kept, number) for number in given}
    done = {number: inspection for number, inspection in inspections.items() if inspection is not None}
    return done or dict.fromkeys(list(given)[:1], FAILED)


FAILED = Inspection({"refused": "failed", "detail": ""})


def _keep(made: Mapping[str, bytes], kept: FrozenStore, number: int) -> Inspection | None:
    try:
        said: dict[str, Any] = json.loads(made.get(f"{number}/report.json", b"null"))
        if "later" in said:
            _Later(**said)
            return None
        if "refused" in said:
            return Inspection(_Refusal(**said).model_dump())
        report = _Report(**said).model_dump(exclude_unset=True)
    except (TypeError, ValueError, ValidationError, RecursionError):
        return FAILED
    canonical, view = made.get(f"{number}/canonical"), made.get(f"{number}/view.html")
    if canonical is None or view is None:
        return FAILED
    return Inspection(report, kept.put(canonical), len(canonical), kept.put(view))
