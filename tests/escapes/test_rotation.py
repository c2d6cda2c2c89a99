"""A wall a day is taken down in every build, in turn; all of them in `just drill`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.conftest import ROOT, Stack
from tests.drills.results import kept
from tests.escapes.mutations import MUTATIONS, Mutation, taken_down, verdict

A_DAY = 1


def todays() -> list[Mutation]:
    """The walls whose turn it is."""
    first = datetime.now(UTC).toordinal() * A_DAY
    return [MUTATIONS[(first + n) % len(MUTATIONS)] for n in range(A_DAY)]


@pytest.mark.parametrize("mutation", todays(), ids=lambda mutation: mutation.name)
def test_a_wall_that_is_taken_down_is_missed(stack: Stack, mutation: Mutation) -> None:
    with taken_down(stack.settings, mutation):
        assert verdict(mutation.missed_by) == dict.fromkeys(mutation.missed_by, "failed")


def test_every_mutation_names_attempts_that_are_there() -> None:
    from tests.escapes.attempts import registered

    known = set(registered())
    assert [m.name for m in MUTATIONS if not set(m.missed_by) <= known or not m.missed_by] == []
    assert len({m.name for m in MUTATIONS}) == len(MUTATIONS)


def test_every_mutation_still_finds_its_wall_in_the_code() -> None:
    """A wall that was rewritten takes its mutation along, in the same change."""
    stale = [m.name for m in MUTATIONS for e in m.edits if (ROOT / e.file).read_text().count(e.old) != 1]
    assert stale == []


def wrong_results(each: dict[str, Any]) -> list[str]:
    """What kept results do not prove: of a wall that was changed since, that was not missed, or without a control."""
    wrong, known = [], {mutation.name: mutation for mutation in MUTATIONS}
    for name, result in each.items():
        mutation = known.get(name)
        if mutation is None or result["wall"] != mutation.fingerprint:
            wrong.append(f"{name}: not tried since the wall was changed")
        elif result["taken down"] != dict.fromkeys(mutation.missed_by, "failed"):
            wrong.append(f"{name}: not missed")
        elif result["standing"] != dict.fromkeys(mutation.missed_by, "passed"):
            wrong.append(f"{name}: its attempts do not pass with every wall standing")
    return wrong


def test_what_is_kept_of_the_drill_proves_what_it_says() -> None:
    """To keep another: `just drill -k mutations`; of some, `-k` with their names and "standing", the control.

    Walls that no result is kept of are the drill's to find (`test_every_wall_has_a_result`).
    """
    assert wrong_results(kept("mutations")["each"]) == []


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({}, None),
        ({"wall": "another"}, "not tried since"),
        ({"taken down": {"N12": "passed"}}, "not missed"),
        ({"taken down": {"N12": "error"}}, "not missed"),
        ({"standing": {"N12": "failed"}}, "do not pass with every wall standing"),
        ({"standing": {"N12": "not run"}}, "do not pass with every wall standing"),
    ],
)
def test_a_result_that_proves_nothing_is_refused(change: dict[str, Any], says: str | None) -> None:
    first = MUTATIONS[0]
    good = {"wall": first.fingerprint, "taken down": {"N12": "failed"}, "standing": {"N12": "passed"}}
    wrong = wrong_results({first.name: good | change})
    assert (says is None and wrong == []) or (len(wrong) == 1 and str(says) in wrong[0])
