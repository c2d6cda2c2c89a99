"""Requests for release: the author's list and downloads, the checker's queue and decisions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form
from starlette.responses import FileResponse, Response

from governance import projects
from governance.errors import NotFound
from governance.tables import Person, Project
from governance.tiers import TIERS
from inspection.report import advice
from output_review import bundle, frozen, release, service, store
from output_review.domain import Actor, Answer, Status
from output_review.findings import Found, by_check
from output_review.frozen import Tampered
from output_review.tables import FileVote, ReleaseRequest, RequestFile
from portal import guard
from portal.site import Member, go, member

router = APIRouter()
Me = Annotated[Member, Depends(member)]


FIRST = 3
"""Places of one kind of finding that are shown at once; the others fold away."""


@dataclass(frozen=True, slots=True)
class ShownFile:
    """A file as a checker sees it."""

    file: RequestFile
    address: str | None
    """Of its view, for a frame."""
    votes: list[FileVote]
    found: list[Found]

    @property
    def is_blocked(self) -> bool:
        """Whether the machine says that it must not leave."""
        return any(group.answer is Answer.REASON for group in self.found)


@router.get("/requests")
def requests(here: Me) -> Response:
    """The requests of my projects, with their state and what checkers said.

    What their authors wrote is read from what was released, and nowhere else: a name can carry data, too.
    """
    with here.site.database.read() as tx:
        mine = [project.id for project, _ in projects.of_person(tx, here.person)]
        rows = [(row, project, service.delayed(tx, row)) for row, project in store.of_projects(tx, mine)]
    shown = [(row, project, late, _released(here, row)) for row, project, late in rows]
    return here.page("requests.html", requests=shown)


def _released(here: Member, row: ReleaseRequest) -> dict[str, Any] | None:
    """The manifest of a request that is released."""
    if row.status != Status.RELEASED:
        return None
    return bundle.manifest(release.path(here.site.settings, row.id))


@router.get("/requests/{number}/download")
def download(here: Me, number: int) -> Response:
    """A released bundle, for the members of its project; logged before the bytes go."""
    with here.site.database.write() as tx:
        row = store.request(tx, number)
        project = tx.get_one(Project, row.project_id)
        if projects.role_of(tx, here.person, project) is None:
            raise NotFound("There is no request {number}.", number=number)
        service.downloaded(tx, row, here.person, here.site.clock())
    name = f"{project.key}-{number}.zip"
    return FileResponse(release.path(here.site.settings, number), media_type="application/zip", filename=name)


@router.get("/review")
def queue(here: Me) -> Response:
    """What I may decide on, oldest first."""
    with here.site.database.read() as tx:
        rows = [(row, project, len(store.files(tx, row.id))) for row, project in store.queue(tx, here.person)]
    return here.page("queue.html", requests=rows)


@router.get("/review/{number}")
def show(here: Me, number: int) -> Response:
    """One request: each file as it would leave, with findings and votes beside it."""
    with here.site.database.write() as tx:
        row, project = service.for_checker(tx, number, here.person)
        service.viewed(tx, row, here.person, here.site.clock())
        author = tx.get_one(Person, row.person_id)
        files = store.files(tx, number)
        votes = store.latest_votes(tx, [file.id for file in files])
        deciders = store.deciders(tx, row, project)
        earlier = store.earlier_rounds(tx, number)
    now, views = here.site.clock(), here.site.views
    shown = [
        ShownFile(
            f,
            views.address(f.view_sha256, now) if f.view_sha256 else None,
            [v for v in votes if v.file_id == f.id],
            by_check(f.findings),
        )
        for f in files
    ]
    needed = TIERS[project.tier].approvals
    seen_before = {f.canonical_sha256: ended.round for ended, given in earlier for f in given if f.canonical_sha256}
    answer = here.page(
        "review.html",
        row=row,
        project=project,
        author=author,
        files=shown,
        deciders=deciders,
        earlier=earlier,
        seen_before=seen_before,
        needed=needed,
        first=FIRST,
        advice=advice,
    )
    frames = f"; frame-src {here.site.settings.content_origin}"
    answer.headers["Content-Security-Policy"] = guard.POLICY.format(forms="'self'") + frames
    return answer


@router.post("/review/{number}/files/{file}/vote")
def vote(
    here: Me,
    number: int,
    file: int,
    sha256: Annotated[str, Form()],
    approve: Annotated[bool, Form()],
    reason: Annotated[str, Form()] = "",
    answered: Annotated[list[str], Form()] = [],  # noqa: B006 (FastAPI copies it)
) -> Response:
    """Approve a file as it was seen, with an answer to each kind of finding, or object with a reason."""
    tampered = _tampered(here, sha256)
    with here.site.database.write() as tx:
        row, _ = service.for_checker(tx, number, here.person)
        if tampered and sha256 in {f.canonical_sha256 for f in store.files(tx, number)}:
            service.quarantine(tx, row, Actor.CHECKER, here.site.clock(), str(tampered))
            return go("/review")
        by, now = here.person, here.site.clock()
        service.vote(tx, row, file, sha256, by, approve=approve, reason=reason, answered=answered, now=now)
        decided = row.status != Status.IN_REVIEW
    return go("/review" if decided else f"/review/{number}#file-{file}")


def _tampered(here: Member, sha256: str) -> Tampered | None:
    """Hash the stored bytes again: a vote on what is no longer there is none."""
    try:
        frozen.canonical(here.site.settings.state).read(sha256)
    except Tampered as e:
        return e
    return None


@router.post("/review/{number}/decide")
def decide(here: Me, number: int, to: Annotated[Status, Form()], words: Annotated[str, Form()] = "") -> Response:
    """Return a request with reasons, reject it, or recall what was released."""
    with here.site.database.write() as tx:
        row, _ = service.for_checker(tx, number, here.person)
        service.decide(tx, row, to, here.person, words, here.site.clock())
    return go("/review")
