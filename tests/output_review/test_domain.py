from __future__ import annotations

from itertools import product

import pytest

from governance.errors import NotAllowed
from governance.tiers import Tier
from output_review.domain import MOVES, OPEN, Actor, Answer, Bytes, Status, Vote, approved, check_move, demanded

ONE, TWO, BLOCKED = Bytes(1, "a"), Bytes(2, "b"), Bytes(3, "c", is_blocked=True)
GRACE, ALAN, BARRED = 10, 11, 12


@pytest.mark.parametrize(("was", "to"), list(product(Status, Status)))
@pytest.mark.parametrize("by", Actor)
def test_only_the_moves_in_the_table_happen(was: Status, to: Status, by: Actor) -> None:
    if by in MOVES.get((was, to), ()):
        check_move(was, to, by)
    else:
        with pytest.raises(NotAllowed):
            check_move(was, to, by)


def test_only_the_release_worker_releases_and_only_what_is_approved() -> None:
    into_released = {move: actors for move, actors in MOVES.items() if move[1] is Status.RELEASED}
    assert into_released == {(Status.APPROVED, Status.RELEASED): {Actor.RELEASE_WORKER}}
    into_approved = {move for move in MOVES if move[1] is Status.APPROVED}
    assert into_approved == {(Status.IN_REVIEW, Status.APPROVED)}


def test_every_status_is_reached_and_what_has_ended_stays_so() -> None:
    assert {to for _, to in MOVES} | {Status.DRAFT} == set(Status)
    assert {was for was, _ in MOVES} == OPEN | {Status.RETURNED, Status.RELEASED}


def yes(file: Bytes, person: int = GRACE) -> Vote:
    return Vote(file.file_id, person, file.canonical_sha256, approve=True)


def no(file: Bytes, person: int = ALAN) -> Vote:
    return Vote(file.file_id, person, file.canonical_sha256, approve=False)


@pytest.mark.parametrize(
    ("files", "votes", "tier", "expected"),
    [
        ([ONE], [yes(ONE)], Tier.SYNTHETIC, True),
        ([ONE, TWO], [yes(ONE)], Tier.SYNTHETIC, False),
        ([ONE, TWO], [yes(ONE), yes(TWO, ALAN)], Tier.SYNTHETIC, True),
        ([ONE], [], Tier.OPEN, False),
        ([], [], Tier.OPEN, False),
        ([ONE], [yes(ONE), no(ONE)], Tier.SYNTHETIC, False),
        ([ONE], [Vote(1, GRACE, "other bytes", approve=True)], Tier.SYNTHETIC, False),
        ([ONE], [Vote(2, GRACE, "a", approve=True)], Tier.SYNTHETIC, False),
        ([ONE], [yes(ONE, BARRED)], Tier.SYNTHETIC, False),
        ([ONE], [yes(ONE), yes(ONE)], Tier.PSEUDONYMISED, False),
        ([ONE], [yes(ONE), yes(ONE, BARRED)], Tier.PSEUDONYMISED, False),
        ([ONE], [yes(ONE), yes(ONE, ALAN)], Tier.PSEUDONYMISED, True),
        ([ONE], [yes(ONE, ALAN), yes(ONE, 13)], Tier.SENSITIVE, False),
        ([ONE], [yes(ONE), yes(ONE, ALAN)], Tier.SENSITIVE, True),
        ([BLOCKED], [yes(BLOCKED, ALAN)], Tier.SYNTHETIC, False),
        ([BLOCKED], [yes(BLOCKED, ALAN), yes(BLOCKED, 13)], Tier.SYNTHETIC, False),
        ([BLOCKED], [yes(BLOCKED)], Tier.SYNTHETIC, True),
        ([BLOCKED], [yes(BLOCKED)], Tier.PSEUDONYMISED, False),
        ([ONE, BLOCKED], [yes(ONE), yes(BLOCKED, ALAN)], Tier.SYNTHETIC, False),
    ],
)
def test_what_is_approved(files: list[Bytes], votes: list[Vote], tier: Tier, expected: bool) -> None:
    """Grace is a lead checker; who is barred has a role in the project."""
    assert approved(files, votes, tier, barred={BARRED}, leads={GRACE}) is expected


def test_an_approval_answers_what_was_found_once_for_each_check() -> None:
    found = [{"check": check, "severity": severity} for check, severity in (
        ("rows", "block"), ("rows", "decide"), ("small_count", "decide"), ("small_count", "decide"), ("long", "note"),
    )]  # fmt: skip
    assert demanded(found) == {"rows": Answer.REASON, "small_count": Answer.LOOKED}
    assert demanded([]) == {}
