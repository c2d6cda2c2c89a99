"""The jobs process: has submitted requests inspected in the sandbox and records what came of it."""

from __future__ import annotations

import io
import json
import logging
import tarfile
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Annotated, Any

import httpx
from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from governance import jobs
from governance.database import Database
from governance.errors import Unavailable
from governance.settings import Settings
from governance.tables import Job
from output_review import frozen, service, store
from output_review.domain import Actor, Status
from output_review.frozen import FrozenStore, Tampered
from output_review.service import Inspection

log = logging.getLogger("jobs")
Clock = Callable[[], datetime]
Short = Annotated[str, StringConstraints(max_length=500)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _Finding(_Strict):
    rule: Short
    place: Short
    evidence: Short


class _Dropped(_Strict):
    what: Short
    place: Short


class _Report(_Strict):
    """What the sandbox says: it opened hostile bytes, so nothing but this shape is taken from it."""

    kind: Short
    dropped: list[_Dropped]
    findings: list[_Finding]


class _Refusal(_Strict):
    refused: Short
    detail: Short


def run(settings: Settings, database: Database, clock: Clock) -> None:
    """Take jobs one at a time, for ever."""
    frozen.canonical(settings.state).sweep()
    while True:
        with database.write() as tx:
            job = jobs.claim(tx, [service.INSPECT], clock())
        if job is None:
            time.sleep(0.3)
            continue
        try:
            inspect(settings, database, job, clock)
        except Exception as e:
            log.exception("job %s failed and is tried again", job.id)
            with database.write() as tx:
                jobs.failed(tx, job, clock(), type(e).__name__)


def inspect(settings: Settings, database: Database, job: Job, clock: Clock) -> None:
    """Do one inspection; done again after a crash it comes to the same."""
    number = int(job.payload["request"])
    with database.read() as tx:
        submitted = store.request(tx, number).status == Status.SUBMITTED
        files = store.files(tx, number)
    tampered, found = None, {}
    if submitted:
        try:
            given = {f.id: (f.name, frozen.originals(settings.state).read(f.original_sha256 or "")) for f in files}
            found = keep(sandboxed(settings, given), frozen.canonical(settings.state), given)
        except Tampered as e:
            tampered = str(e)
    with database.write() as tx:
        row = store.request(tx, number)
        if tampered:
            service.quarantine(tx, row, Actor.INSPECTION, clock(), tampered)
        elif row.status == Status.SUBMITTED:  # the author may have withdrawn it meanwhile
            service.inspected(tx, row, found, clock())
        jobs.done(tx, job, clock())


def sandboxed(settings: Settings, given: Mapping[int, tuple[str, bytes]]) -> dict[str, bytes]:
    """Send files to the sandbox as a tar and take back what it made, by `<id>/<part>`.

    A sandbox that ends early, runs too long or answers nonsense has made nothing: every file is then refused.
    """
    transport = httpx.HTTPTransport(uds=str(settings.run / "sandboxd" / "sandboxd.sock"))
    with httpx.Client(transport=transport, base_url="http://sandboxd", timeout=300) as http:
        try:
            answer = http.post("/inspect", content=packed(given))
        except httpx.TransportError as e:
            raise Unavailable("the sandbox cannot be reached: {reason}", reason=e) from e
    if answer.status_code == httpx.codes.UNPROCESSABLE_ENTITY:
        return {}
    if answer.status_code != httpx.codes.OK:
        raise Unavailable("the sandbox answered {status}", status=answer.status_code)
    try:
        return unpacked(answer.content)
    except (tarfile.TarError, EOFError, ValueError, OverflowError):
        return {}


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
    """Store canonical copies and views; a file without a report that holds is refused."""
    return {number: _keep(made, kept, number) for number in given}


def _keep(made: Mapping[str, bytes], kept: FrozenStore, number: int) -> Inspection:
    failed = Inspection({"refused": "failed", "detail": ""})
    try:
        said: dict[str, Any] = json.loads(made.get(f"{number}/report.json", b"null"))
        if "refused" in said:
            return Inspection(_Refusal(**said).model_dump())
        report = _Report(**said).model_dump()
    except (TypeError, ValueError, ValidationError, RecursionError):
        return failed
    canonical, view = made.get(f"{number}/canonical"), made.get(f"{number}/view.html")
    if canonical is None or view is None:
        return failed
    return Inspection(report, kept.put(canonical), len(canonical), kept.put(view))
