"""The starter notebooks on clusters, small; `just drill` runs them with more than a room's memory."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests import workloads
from tests.clusters import Place, leave_none, place
from tests.conftest import Stack


@pytest.fixture
def here(stack: Stack) -> Iterator[Place]:
    made = place(stack)
    yield made
    leave_none(made)
    stack.sluse("room", "close", made.room.id)


def test_a_cohort_study_finds_what_was_put_in(here: Place) -> None:
    """The treatment was made to multiply the hazard by 0.7, and a year of age by exp(0.04)."""
    workloads.run(here, "cohort-on-a-cluster", CONTACTS=200_000)
    found = json.loads(here.run("print(cox.summary[['exp(coef) lower 95%', 'exp(coef) upper 95%']].T.to_json())"))
    for covariate, truth in (("treated", 0.7), ("age", 1.0408)):
        low, high = found[covariate].values()
        assert low * 0.98 < truth < high * 1.02, found
