"""Every wall is taken down, one after the other, and the suite must miss it each time."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.conftest import Stack
from tests.drills.results import keep
from tests.escapes.mutations import MUTATIONS, Mutation, taken_down, verdict

Found = dict[str, dict[str, str]]


@pytest.fixture(scope="module")
def found() -> Iterator[Found]:
    """What became of each; kept as the drill's result when all of them were tried."""
    begun, said = time.monotonic(), Found()
    yield said
    if set(said) == {mutation.name for mutation in MUTATIONS} | {"none"}:
        standing = said.pop("none")
        missed = sum(set(answers.values()) == {"failed"} for answers in said.values())
        figures = {"walls taken down": len(said), "missed by the suite": missed}
        figures["seconds"] = round(time.monotonic() - begun)
        keep("mutations", {**figures, "with every wall standing": sorted(set(standing.values())), "each": said})


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_a_wall_that_is_taken_down_is_missed(stack: Stack, found: Found, mutation: Mutation) -> None:
    with taken_down(stack.settings, mutation):
        found[mutation.name] = verdict(mutation.missed_by)
    assert found[mutation.name] == dict.fromkeys(mutation.missed_by, "failed")


@pytest.mark.timeout(1800)
def test_with_every_wall_standing_nothing_is_missed(stack: Stack, found: Found) -> None:
    found["none"] = verdict(sorted({number for mutation in MUTATIONS for number in mutation.missed_by}))
    assert [number for number, word in found["none"].items() if word != "passed"] == []
