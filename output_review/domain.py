"""The life cycle of a release request, and who may move it. Pure: no clock, database, disk or HTTP."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from governance.errors import NotAllowed
from governance.tiers import TIERS, Tier


class Status(StrEnum):
    """Where a request is. The comment says who brings it there."""

    DRAFT = "draft"  # the author, in the room; again, as a new round, after it was returned
    SUBMITTED = "submitted"  # the author
    IN_REVIEW = "in_review"  # the inspection, when every file has a canonical copy; again, the release worker
    RETURNED = "returned"  # the inspection, with advice; or a checker, with reasons
    APPROVED = "approved"  # the checkers' votes
    REJECTED = "rejected"  # a checker
    WITHDRAWN = "withdrawn"  # the author
    RELEASED = "released"  # the release worker
    RECALLED = "recalled"  # a checker, after the release
    QUARANTINED = "quarantined"  # whoever finds that bytes differ from their hash


class Actor(StrEnum):
    """Who moves a request."""

    AUTHOR = "author"
    CHECKER = "checker"
    INSPECTION = "inspection"
    RELEASE_WORKER = "release_worker"


MOVES: dict[tuple[Status, Status], frozenset[Actor]] = {
    (Status.DRAFT, Status.SUBMITTED): frozenset({Actor.AUTHOR}),
    (Status.DRAFT, Status.WITHDRAWN): frozenset({Actor.AUTHOR}),
    (Status.SUBMITTED, Status.IN_REVIEW): frozenset({Actor.INSPECTION}),
    (Status.SUBMITTED, Status.RETURNED): frozenset({Actor.INSPECTION}),
    (Status.SUBMITTED, Status.QUARANTINED): frozenset({Actor.INSPECTION}),
    (Status.SUBMITTED, Status.WITHDRAWN): frozenset({Actor.AUTHOR}),
    (Status.DRAFT, Status.RETURNED): frozenset({Actor.AUTHOR}),  # a new round that is given up
    (Status.RETURNED, Status.DRAFT): frozenset({Actor.AUTHOR}),
    (Status.RETURNED, Status.WITHDRAWN): frozenset({Actor.AUTHOR}),
    (Status.IN_REVIEW, Status.APPROVED): frozenset({Actor.CHECKER}),
    (Status.IN_REVIEW, Status.RETURNED): frozenset({Actor.CHECKER}),
    (Status.IN_REVIEW, Status.REJECTED): frozenset({Actor.CHECKER}),
    (Status.IN_REVIEW, Status.WITHDRAWN): frozenset({Actor.AUTHOR}),
    (Status.IN_REVIEW, Status.QUARANTINED): frozenset({Actor.CHECKER}),
    (Status.APPROVED, Status.RELEASED): frozenset({Actor.RELEASE_WORKER}),
    (Status.APPROVED, Status.IN_REVIEW): frozenset({Actor.RELEASE_WORKER}),  # an approval counts no longer
    (Status.APPROVED, Status.QUARANTINED): frozenset({Actor.RELEASE_WORKER}),
    (Status.RELEASED, Status.RECALLED): frozenset({Actor.CHECKER}),
}
"""Every move there is; what is not here cannot happen."""

OPEN = frozenset({Status.DRAFT, Status.SUBMITTED, Status.IN_REVIEW, Status.APPROVED})


def check_move(was: Status, to: Status, by: Actor) -> None:
    """Raise NotAllowed unless this actor may make this move."""
    actors = MOVES.get((was, to))
    if actors is None:
        raise NotAllowed("A {was} request cannot become {to}.", was=was, to=to)
    if by not in actors:
        raise NotAllowed("The {by} cannot make a {was} request {to}.", by=by, was=was, to=to)


@dataclass(frozen=True, slots=True)
class Vote:
    """A checker's latest word on one file: approval of these very bytes, or an objection."""

    file_id: int
    person_id: int
    canonical_sha256: str
    approve: bool


@dataclass(frozen=True, slots=True)
class Bytes:
    """A file as it would leave."""

    file_id: int
    canonical_sha256: str
    is_blocked: bool = False
    """Whether the inspection found in it what must not leave: a lead checker alone can say that it is none."""


def approved(
    files: Collection[Bytes], votes: Iterable[Vote], tier: Tier, barred: Collection[int], leads: Collection[int]
) -> bool:
    """Whether a request may be released: asked by the vote that completes it, and again by the release worker.

    Args:
        barred: persons with a role in the project, whose votes count for nothing.
        leads: persons who are lead checkers for the project's data controller.
    """
    handling = TIERS[tier]
    counted = [vote for vote in votes if vote.person_id not in barred]
    if not files or any(not vote.approve for vote in counted):
        return False
    for file in files:
        approvers = {
            v.person_id for v in counted if (v.file_id, v.canonical_sha256) == (file.file_id, file.canonical_sha256)
        }
        if len(approvers) < handling.approvals:
            return False
        if (handling.lead_approval or file.is_blocked) and not approvers & set(leads):
            return False
    return True


class Answer(StrEnum):
    """What whoever approves a file says of a kind of finding in it."""

    LOOKED = "looked"
    """They looked at each of them, and the file may leave with them."""
    REASON = "reason"
    """They looked, and say in words why the file may leave although it should not."""


ANSWERS = {"decide": Answer.LOOKED, "block": Answer.REASON}
"""By a finding's severity; what is a note asks for none."""


def demanded(findings: Iterable[Mapping[str, Any]]) -> dict[str, Answer]:
    """What an approval of a file must answer, by the id of each check that found something."""
    asked: dict[str, Answer] = {}
    for finding in findings:
        answer = ANSWERS.get(finding["severity"])
        if answer and asked.get(finding["check"]) is not Answer.REASON:
            asked[finding["check"]] = answer
    return dict(sorted(asked.items()))
