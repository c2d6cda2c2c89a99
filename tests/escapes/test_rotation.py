"""Two walls a day are taken down in every build, in turn; all of them in `just drill`."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.conftest import ROOT, Stack
from tests.escapes.mutations import MUTATIONS, Mutation, taken_down, verdict

A_DAY = 2


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
