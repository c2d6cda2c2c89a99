"""Load, decide, store and audit: each move of a request is one transaction."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from governance import audit, data, jobs, rooms, stops
from governance.audit import Event
from governance.errors import Invalid, NotAllowed, NotFound, Refused
from governance.rooms import Standing
from governance.tables import Person, PlatformRole, Project
from inspection import types
from inspection.characters import hidden
from inspection.report import advice
from output_review import domain, store
from output_review.domain import Actor, Answer, Bytes, Status, Vote
from output_review.tables import EarlierRound, FileState, FileVote, Release, ReleaseRequest, RequestFile

MOST_FILES = 500
LARGEST_FILE = 16 << 20
LARGEST_REQUEST = 100 << 20
"""Bytes. A larger result is not one that a person can check (OpenSAFELY allows 16 MB a file)."""
LARGEST_CALL = 64 << 10
"""Bytes of what a room says that is no file; its gate asks this first, and the intake asks again."""
MOST_UNFINISHED = 10
"""Requests of one room that are drafts or wait for their inspection."""
MOST_A_DAY = 50
"""Requests and rounds of one room; what is given up stays frozen: without a limit a room could fill the disk."""
MOST_ROUNDS = 20
"""Of one request; what earlier rounds held stays frozen."""
POLICY_VERSION = "dk-1"
"""The rules that requests are inspected by: threshold 5 persons (Sundhedsdatastyrelsen)."""
VOTES_LOST = Refused(
    "Before this request was released, somebody who had approved it lost the right to approve. It needs a new approval."
)
INSPECT = "inspect"
FILE_NAME = re.compile(r"[^/\\\x00-\x1f\x7f]{1,200}")
NO_NAME = re.compile(r"(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[0-9¹²³]) *(?:\.|$)", re.IGNORECASE)
"""What are devices on Windows, whatever the ending."""
NOT_IN_NAMES = set('<>:"|?*')
"""On Windows; behind a colon is a second stream of the same file, which nothing shows."""


# -- the author, from the room -----------------------------------------------------------------------------------------
def create(tx: Session, here: Standing, title: str, now: datetime) -> ReleaseRequest:
    """Begin a request from a room."""
    title = _text(title, "title", 200)
    _not_too_many(tx, here.room.id, now)
    row = ReleaseRequest(
        project_id=here.project.id,
        person_id=here.person.id,
        room_id=here.room.id,
        title=title,
        round=1,
        status=Status.DRAFT,
        policy_version=POLICY_VERSION,
        data_versions=[],
        created_at=now,
        changed_at=now,
    )
    tx.add(row)
    tx.flush()
    _record(tx, row, "request.created", here.person.id, now)
    return row


@dataclass(frozen=True, slots=True)
class Output:
    """A file as its author describes it."""

    name: str
    description: str
    purpose: str
    population: str
    persons: int | None = None
    data_sets: Sequence[str] = ()


def announce(tx: Session, row: ReleaseRequest, said: Output) -> RequestFile:
    """Say what a file is before its bytes come.

    Raises:
        Invalid: the name cannot be one, is there already, is no kind that can be released, or the request is full.
    """
    _must_be(row, Status.DRAFT)
    name = unicodedata.normalize("NFC", said.name)
    plain = unicodedata.normalize("NFKC", name)  # what looks like a slash or a point is none better
    fits = FILE_NAME.fullmatch(name) and FILE_NAME.fullmatch(plain) and not plain.startswith(".")
    if not fits or hidden(name) or name != name.strip():
        raise Invalid("A file's name is 1 to 200 visible characters without slashes, and does not begin with a dot.")
    if not _fits_everywhere(name):
        raise Invalid("A file cannot be called {name} on every computer. Choose another name.", name=name)
    if refusal := types.by_name(name).refusal:
        raise Invalid(advice(refusal))
    if said.persons is not None and not 0 <= said.persons < 2**63:
        raise Invalid("The number of persons is a whole number, or nothing.")
    known = {version.name for version in data.of_project(tx, row.project_id)}
    if unknown := sorted(set(said.data_sets) - known):
        raise Invalid("This project has no data set called {name}.", name=unknown[0])
    here = store.files(tx, row.id)
    if _looks(name) in {_looks(file.name) for file in here}:
        raise Invalid("There is a file called {name} in this request already.", name=name)
    if len(here) >= MOST_FILES:
        raise Invalid("A request has at most {most} files.", most=MOST_FILES)
    file = RequestFile(
        request_id=row.id,
        round=row.round,
        name=name,
        description=_text(said.description, "description", 4000),
        purpose=_text(said.purpose, "purpose", 4000),
        population=_text(said.population, "population", 2000),
        persons=said.persons,
        data_sets=sorted(set(said.data_sets)),
        state=FileState.ANNOUNCED,
        dropped=[],
        findings=[],
    )
    tx.add(file)
    tx.flush()
    return file


def expects(tx: Session, row: ReleaseRequest, file_id: int, length: int) -> RequestFile:
    """Whether a file's bytes may come now; asked before any of them is read.

    Raises:
        NotFound, NotAllowed, Invalid: no such file, the request is no draft, or it is too large.
    """
    _must_be(row, Status.DRAFT)
    files = {file.id: file for file in store.files(tx, row.id)}
    if file_id not in files:
        raise NotFound("There is no such file in this request.")
    if files[file_id].state != FileState.ANNOUNCED:
        raise NotAllowed(
            "This file's contents are here already. Withdraw the request and make a new one to change them."
        )
    if not 0 < length <= LARGEST_FILE:
        raise Invalid("A file has 1 byte to {most} MB. Aggregate it, or release a part.", most=LARGEST_FILE >> 20)
    if length + sum(f.size or 0 for f in files.values() if f.id != file_id) > LARGEST_REQUEST:
        raise Invalid("A request has at most {most} MB in all. Make two.", most=LARGEST_REQUEST >> 20)
    return files[file_id]


def froze(tx: Session, row: ReleaseRequest, file_id: int, sha256: str, size: int, now: datetime) -> None:
    """Record that a file's bytes are in the store."""
    file = expects(tx, row, file_id, size)
    file.original_sha256, file.size, file.state = sha256, size, FileState.FROZEN
    _record(tx, row, "request.file", row.person_id, now, file=file.id, sha256=sha256)


def submit(tx: Session, row: ReleaseRequest, by: Person, now: datetime) -> None:
    """Hand a request in: nothing of it changes from here on."""
    _must_be(row, Status.DRAFT)
    files = store.files(tx, row.id)
    if not files or any(file.state is not FileState.FROZEN for file in files):
        raise Invalid("A request needs at least one file, and every file's contents, before it is handed in.")
    row.data_versions = [{"name": d.name, "sha256": d.sha256} for d in data.of_project(tx, row.project_id)]
    row.image = rooms.standing(tx, row.room_id).room.image_digest
    _move(tx, row, Status.SUBMITTED, Actor.AUTHOR, by.id, now)
    jobs.add(tx, INSPECT, job_key(row), {"request": row.id}, now, whose=row.room_id)


def job_key(row: ReleaseRequest) -> str:
    """The key of the job that inspects this round."""
    return f"{INSPECT}:{row.id}:{row.round}"


def revise(tx: Session, row: ReleaseRequest, by: Person, now: datetime) -> None:
    """Take a returned request up again: a new round, without files yet. What the last round held is kept beside it."""
    if row.person_id != by.id:
        raise NotAllowed("Only the author may take a request up again.")
    if row.round >= MOST_ROUNDS:
        raise NotAllowed("A request has at most {most} rounds. Make a new one.", most=MOST_ROUNDS)
    _not_too_many(tx, row.room_id, now)
    ended = EarlierRound(
        request_id=row.id,
        round=row.round,
        words=row.words,
        data_versions=row.data_versions,
        image=row.image,
        returned_at=row.changed_at,
    )
    _move(tx, row, Status.DRAFT, Actor.AUTHOR, by.id, now)
    tx.add(ended)
    row.round += 1
    tx.flush()


def give_up(tx: Session, row: ReleaseRequest, by: Person, now: datetime) -> None:
    """Leave a draft: a first round is withdrawn; a later one is given up, and the request stays returned."""
    if row.person_id != by.id:
        raise NotAllowed("Only the author may withdraw a request.")
    _must_be(row, Status.DRAFT)
    earlier = store.earlier_rounds(tx, row.id)
    words = earlier[-1][0].words if earlier else None
    _move(tx, row, Status.RETURNED if earlier else Status.WITHDRAWN, Actor.AUTHOR, by.id, now, words=words)


def withdraw(tx: Session, row: ReleaseRequest, by: Person, now: datetime) -> None:
    """Take a request back, by its author."""
    if row.person_id != by.id:
        raise NotAllowed("Only the author may withdraw a request.")
    _move(tx, row, Status.WITHDRAWN, Actor.AUTHOR, by.id, now)


# -- the inspection ----------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Inspection:
    """What came of one file, with the hashes of what was stored."""

    report: Mapping[str, Any]
    canonical_sha256: str | None = None
    canonical_size: int | None = None
    view_sha256: str | None = None


def inspected(tx: Session, row: ReleaseRequest, found: Mapping[int, Inspection], now: datetime) -> bool:
    """Record what came of some files, by their ids; returns whether every file of the request is inspected now.

    After the last one the request goes to the checkers, or back with advice when a file has no canonical form.
    """
    files = store.files(tx, row.id)
    for file in files:
        done = found.get(file.id)
        if done is None:
            continue
        if done.canonical_sha256 is None:
            file.state = FileState.REFUSED
            file.refusal = {"reason": done.report.get("refused", "failed"), "detail": done.report.get("detail", "")}
            continue
        file.state, file.refusal = FileState.READY, None
        file.kind = str(done.report["kind"])
        file.canonical_sha256, file.canonical_size = done.canonical_sha256, done.canonical_size
        file.view_sha256 = done.view_sha256
        file.dropped, file.findings = list(done.report["dropped"]), list(done.report["findings"])
    tx.flush()
    states = {file.state for file in files}
    if FileState.FROZEN in states:
        return False
    refused = FileState.REFUSED in states
    _move(tx, row, Status.RETURNED if refused else Status.IN_REVIEW, Actor.INSPECTION, None, now)
    return True


@dataclass(frozen=True, slots=True)
class Waiting:
    """Requests that wait for their inspection."""

    number: int
    since: datetime | None
    """When the first of them was handed in."""
    failing: jobs.Failing
    """Those that could not be inspected for a reason of the platform's own, and are tried again."""


def waiting(tx: Session) -> Waiting:
    """What waits for its inspection, and whether that fails."""
    number, since = store.submitted(tx)
    return Waiting(number, since, jobs.failing(tx, [INSPECT]))


DELAYED = Refused(
    "The inspection could not be made yet, for a reason of the platform's own. It is tried again by itself, and your "
    "files stay as they are: there is nothing that you need to do."
)


def delayed(tx: Session, row: ReleaseRequest) -> Refused | None:
    """What to tell the author of a request whose inspection failed and is tried again."""
    late = row.status == Status.SUBMITTED and jobs.failure(tx, job_key(row))
    return DELAYED if late else None


# -- the checker -------------------------------------------------------------------------------------------------------
def for_checker(tx: Session, request_id: int, person: Person) -> tuple[ReleaseRequest, Project]:
    """A request, for a person who may decide on it; raises NotFound for everybody else."""
    row = store.request(tx, request_id)
    project = tx.get_one(Project, row.project_id)
    if not store.may_decide(tx, person.id, row, project):
        raise NotFound("There is no request {number}.", number=request_id)
    return row, project


def vote(
    tx: Session,
    row: ReleaseRequest,
    file_id: int,
    sha256: str,
    by: Person,
    *,
    approve: bool,
    reason: str,
    now: datetime,
    answered: Collection[str] = (),
) -> None:
    """Record a checker's vote on the bytes they saw; the vote that completes the approvals approves the request.

    Args:
        answered: the checks whose findings an approval answers.

    Raises:
        NotAllowed: not a checker of this project, or the request is not in review.
        Invalid: the file was not what they saw, an objection has no reason, or an approval leaves a finding unanswered.
    """
    project = tx.get_one(Project, row.project_id)
    if not store.may_decide(tx, by.id, row, project):
        raise NotAllowed("Only an output checker without a role in the project decides on its requests.")
    _must_be(row, Status.IN_REVIEW)
    file = next((f for f in store.files(tx, row.id) if f.id == file_id), None)
    if file is None or file.canonical_sha256 != sha256:
        raise Invalid("The file is not the one you saw. Look at the request again.")
    asked = domain.demanded(file.findings) if approve else {}
    if not set(asked) <= set(answered):
        raise Invalid("Say of each kind of finding that you looked at it, then approve.")
    if not approve or Answer.REASON in asked.values() or reason.strip():
        reason = _text(reason, "reason", 2000)
    tx.add(
        FileVote(
            file_id=file.id,
            person_id=by.id,
            canonical_sha256=sha256,
            approve=approve,
            answered=list(asked),
            reason=reason.strip() or None,
            at=now,
        )
    )
    kind = "request.approval" if approve else "request.objection"
    said = {"answered": " ".join(asked)} if asked else {}
    _record(tx, row, kind, by.id, now, file=file.id, sha256=sha256, **said)
    tx.flush()
    if approved(tx, row, project):
        _move(tx, row, Status.APPROVED, Actor.CHECKER, by.id, now)


def approved(tx: Session, row: ReleaseRequest, project: Project) -> bool:
    """Whether the votes as they count now approve every file: those of persons who may decide."""
    files = store.files(tx, row.id)
    asked = {file.id: domain.demanded(file.findings) for file in files}
    latest = store.latest_votes(tx, [file.id for file in files])
    votes = store.as_votes([vote for vote in latest if not vote.approve or _answers(vote, asked[vote.file_id])])
    barred = {v.person_id for v in votes} - store.deciders(tx, row, project)
    leads = store.checkers(tx, project, (PlatformRole.LEAD_CHECKER,))
    return _approved(files, votes, project, barred, leads)


def _answers(vote: FileVote, asked: Mapping[str, Answer]) -> bool:
    """Whether an approval says of each kind of finding what it must; one from before that was asked says nothing."""
    return set(asked) <= set(vote.answered) and (Answer.REASON not in asked.values() or bool(vote.reason))


def was_approved(tx: Session, row: ReleaseRequest, project: Project) -> bool:
    """Whether the approvals as they were given cover every file's very bytes, whoever may decide now."""
    files = store.files(tx, row.id)
    approvals = [v for v in store.as_votes(store.latest_votes(tx, [file.id for file in files])) if v.approve]
    return _approved(files, approvals, project, barred=(), leads={v.person_id for v in approvals})


def _approved(
    files: Sequence[RequestFile],
    votes: Sequence[Vote],
    project: Project,
    barred: Collection[int],
    leads: Collection[int],
) -> bool:
    ready = [
        Bytes(f.id, f.canonical_sha256, is_blocked=Answer.REASON in domain.demanded(f.findings).values())
        for f in files
        if f.state is FileState.READY and f.canonical_sha256
    ]
    return len(ready) == len(files) and domain.approved(ready, votes, project.tier, barred, leads)


def decide(tx: Session, row: ReleaseRequest, to: Status, by: Person, words: str, now: datetime) -> None:
    """Return a request with reasons, reject it, or recall what was released."""
    project = tx.get_one(Project, row.project_id)
    if not store.may_decide(tx, by.id, row, project):
        raise NotAllowed("Only an output checker without a role in the project decides on its requests.")
    if to not in {Status.RETURNED, Status.REJECTED, Status.RECALLED}:
        raise NotAllowed("A request is approved by votes on its files.")
    _move(tx, row, to, Actor.CHECKER, by.id, now, words=_text(words, "reason", 4000))


def viewed(tx: Session, row: ReleaseRequest, by: Person, now: datetime) -> None:
    """Record that a checker looked at a request."""
    _record(tx, row, "request.viewed", by.id, now)


# -- the release worker ------------------------------------------------------------------------------------------------
def released(tx: Session, row: ReleaseRequest, bundle_sha256: str, size: int, now: datetime) -> None:
    """Record a bundle that lies ready, signed."""
    tx.add(Release(request_id=row.id, bundle_sha256=bundle_sha256, size=size, released_at=now))
    _move(tx, row, Status.RELEASED, Actor.RELEASE_WORKER, None, now)


def review_again(tx: Session, row: ReleaseRequest, now: datetime) -> None:
    """Give an approved request back to the checkers, because its votes as they count now do not approve it."""
    _move(tx, row, Status.IN_REVIEW, Actor.RELEASE_WORKER, None, now, words=VOTES_LOST.message)


def quarantine(tx: Session, row: ReleaseRequest, by: Actor, now: datetime, words: str) -> None:
    """Hold a request back because bytes differ from their hash."""
    _move(tx, row, Status.QUARANTINED, by, None, now, words=words)


def downloaded(tx: Session, row: ReleaseRequest, by: Person, now: datetime) -> None:
    """Record a download, before the bytes go; raises NotAllowed while the project or the site is stopped."""
    _must_be(row, Status.RELEASED)
    stopped = stops.refusal(tx, tx.get_one(Project, row.project_id))
    if stopped:
        raise stopped
    _record(tx, row, "release.downloaded", by.id, now)


# -- what they share ---------------------------------------------------------------------------------------------------
def _move(
    tx: Session, row: ReleaseRequest, to: Status, actor: Actor, by: int | None, now: datetime, words: str | None = None
) -> None:
    domain.check_move(row.status, to, actor)
    store.set_status(tx, row, to, now, words)
    _record(tx, row, f"request.{to}", by, now)


def _not_too_many(tx: Session, room_id: str, now: datetime) -> None:
    if store.unfinished(tx, room_id) >= MOST_UNFINISHED:
        raise NotAllowed("At most {most} requests can be under way. Withdraw one, or wait.", most=MOST_UNFINISHED)
    if store.begun_since(tx, room_id, now - timedelta(days=1)) >= MOST_A_DAY:
        raise NotAllowed("At most {most} requests can be made in a day. Make the next one tomorrow.", most=MOST_A_DAY)


def _must_be(row: ReleaseRequest, status: Status) -> None:
    if row.status != status:
        raise NotAllowed(
            "That can be done with a request that is {needed}, and this one is {status}.",
            needed=status,
            status=row.status,
        )


def _fits_everywhere(name: str) -> bool:
    """Whether Windows and Linux can write a file of this name: the author's computer may be either."""
    return not (NO_NAME.match(name) or NOT_IN_NAMES & set(name) or len(name.encode()) > 255)


def _looks(name: str) -> str:
    return unicodedata.normalize("NFKC", name).casefold()


def _record(tx: Session, row: ReleaseRequest, kind: str, by: int | None, now: datetime, **detail: str | int) -> None:
    audit.append(tx, Event(kind, by, row.project_id, {"request": row.id, **detail}), now)


def _text(text: str, what: str, longest: int) -> str:
    text = text.strip()
    if not text or len(text) > longest:
        raise Invalid("The {what} is missing or longer than {longest} characters.", what=what, longest=longest)
    if hidden(text, allowed="\n\r\t\u00a0"):
        raise Invalid("The {what} holds characters that cannot be seen. Type it again.", what=what)
    return text
