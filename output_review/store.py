"""The only module with output review's SQL."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from governance.errors import NotAllowed, NotFound
from governance.tables import FormerMember, Member, Person, PersonRole, PlatformRole, Project
from output_review.domain import Status, Vote
from output_review.tables import EarlierRound, FileVote, Release, ReleaseRequest, RequestFile

CHECKERS = (PlatformRole.CHECKER, PlatformRole.LEAD_CHECKER)


def request(tx: Session, request_id: int) -> ReleaseRequest:
    """A request; raises NotFound."""
    found = tx.get(ReleaseRequest, request_id) if 0 < request_id < 2**31 else None
    if found is None:
        raise NotFound("There is no request {number}.", number=request_id)
    return found


def files(tx: Session, request_id: int) -> list[RequestFile]:
    """A request's files in its present round, in the order they were added."""
    chosen = (
        select(RequestFile)
        .join(ReleaseRequest)
        .where(RequestFile.request_id == request_id, RequestFile.round == ReleaseRequest.round)
        .order_by(RequestFile.id)
    )
    return list(tx.scalars(chosen))


def earlier_rounds(tx: Session, request_id: int) -> list[tuple[EarlierRound, list[RequestFile]]]:
    """The rounds that were returned, with the files they had, first round first."""
    rounds = select(EarlierRound).where(EarlierRound.request_id == request_id).order_by(EarlierRound.round)
    given = list(tx.scalars(select(RequestFile).where(RequestFile.request_id == request_id).order_by(RequestFile.id)))
    return [(ended, [file for file in given if file.round == ended.round]) for ended in tx.scalars(rounds)]


def latest_votes(tx: Session, file_ids: Iterable[int]) -> list[FileVote]:
    """Each person's latest vote on each file."""
    newest = (
        select(func.max(FileVote.id))
        .where(FileVote.file_id.in_(list(file_ids)))
        .group_by(FileVote.file_id, FileVote.person_id)
    )
    return list(tx.scalars(select(FileVote).where(FileVote.id.in_(newest)).order_by(FileVote.id)))


def as_votes(rows: Iterable[FileVote]) -> list[Vote]:
    """Rows as the domain knows them."""
    return [Vote(row.file_id, row.person_id, row.canonical_sha256, row.approve) for row in rows]


def set_status(tx: Session, row: ReleaseRequest, to: Status, now: datetime, words: str | None) -> None:
    """Write a status if it still is the one that was read; of two who decide at once, one is told no."""
    was = row.status
    changed = update(ReleaseRequest).where(ReleaseRequest.id == row.id, ReleaseRequest.status == was)
    done = tx.execute(changed.values(status=to, words=words, changed_at=now))
    if done.rowcount != 1:  # type: ignore[attr-defined]
        raise NotAllowed("Somebody else has just decided on this request. Look at it again.")
    tx.refresh(row)


def of_room(tx: Session, room_id: str) -> list[ReleaseRequest]:
    """The requests made from a room, newest first."""
    chosen = select(ReleaseRequest).where(ReleaseRequest.room_id == room_id).order_by(ReleaseRequest.id.desc())
    return list(tx.scalars(chosen.limit(200)))


def of_projects(tx: Session, project_ids: Sequence[int]) -> list[tuple[ReleaseRequest, Project]]:
    """The requests of some projects, newest first.

    Their pages are outside the rooms: what an author wrote, a title or a file's name, is on them when it is released.
    """
    chosen = (
        select(ReleaseRequest, Project)
        .join(Project)
        .where(ReleaseRequest.project_id.in_(project_ids), ReleaseRequest.status != Status.DRAFT)
        .order_by(ReleaseRequest.id.desc())
    )
    return [(row, project) for row, project in tx.execute(chosen.limit(200))]


def queue(tx: Session, person: Person) -> list[tuple[ReleaseRequest, Project]]:
    """What a checker may decide on, oldest first: of their data controllers, and no project of their own.

    The same rule as `may_decide`, asked of the database for all requests at once.
    """
    controllers = select(PersonRole.controller).where(PersonRole.person_id == person.id, PersonRole.role.in_(CHECKERS))
    own = select(Member.project_id).where(Member.person_id == person.id)
    left_since = (
        select(FormerMember)
        .where(
            FormerMember.person_id == person.id,
            FormerMember.project_id == ReleaseRequest.project_id,
            FormerMember.until >= ReleaseRequest.created_at,
        )
        .exists()
    )
    chosen = (
        select(ReleaseRequest, Project)
        .join(Project)
        .where(
            ReleaseRequest.status == Status.IN_REVIEW,
            Project.controller.in_(controllers),
            Project.id.not_in(own),
            ~left_since,
            ReleaseRequest.person_id != person.id,
        )
        .order_by(ReleaseRequest.changed_at)
    )
    return [(row, project) for row, project in tx.execute(chosen.limit(200))]


def may_decide(tx: Session, person_id: int, row: ReleaseRequest, project: Project) -> bool:
    """Whether a person may decide on a request now."""
    return person_id in deciders(tx, row, project)


def deciders(tx: Session, row: ReleaseRequest, project: Project) -> set[int]:
    """Who may decide on a request now, and whose votes on it count.

    They are output checkers for the project's data controller with open accounts, and nothing bars them.
    """
    return checkers(tx, project) - barred(tx, row)


def barred(tx: Session, row: ReleaseRequest) -> set[int]:
    """Who never decides on a request: its author, and whoever has had a role in its project since it was made."""
    members = select(Member.person_id).where(Member.project_id == row.project_id)
    left_since = select(FormerMember.person_id).where(
        FormerMember.project_id == row.project_id, FormerMember.until >= row.created_at
    )
    return {row.person_id, *tx.scalars(members.union(left_since))}


def checkers(tx: Session, project: Project, roles: Sequence[PlatformRole] = CHECKERS) -> set[int]:
    """The persons with one of these roles for the project's data controller, whose accounts are not closed."""
    chosen = (
        select(PersonRole.person_id)
        .join(Person)
        .where(PersonRole.controller == project.controller, PersonRole.role.in_(roles), Person.disabled_at.is_(None))
    )
    return set(tx.scalars(chosen))


def unfinished(tx: Session, room_id: str) -> int:
    """How many of a room's requests are drafts or wait for their inspection."""
    chosen = select(func.count()).where(
        ReleaseRequest.room_id == room_id, ReleaseRequest.status.in_([Status.DRAFT, Status.SUBMITTED])
    )
    return tx.scalars(chosen).one()


def begun_since(tx: Session, room_id: str, since: datetime) -> int:
    """How many requests and new rounds a room has begun since a moment, whatever became of them."""
    made = select(func.count()).where(ReleaseRequest.room_id == room_id, ReleaseRequest.created_at > since)
    again = (
        select(func.count())
        .select_from(EarlierRound)
        .join(ReleaseRequest)
        .where(ReleaseRequest.room_id == room_id, EarlierRound.returned_at > since)
    )
    return tx.scalars(made).one() + tx.scalars(again).one()


def submitted(tx: Session) -> tuple[int, datetime | None]:
    """How many requests wait for their inspection, and since when the first of them does."""
    chosen = select(func.count(), func.min(ReleaseRequest.changed_at)).where(ReleaseRequest.status == Status.SUBMITTED)
    number, since = tx.execute(chosen).one()
    return number, since


def with_status(tx: Session, status: Status) -> list[int]:
    """The ids of requests with a status, oldest first."""
    chosen = select(ReleaseRequest.id).where(ReleaseRequest.status == status).order_by(ReleaseRequest.changed_at)
    return list(tx.scalars(chosen))


def release(tx: Session, request_id: int) -> Release | None:
    """What was released of a request."""
    return tx.get(Release, request_id)
