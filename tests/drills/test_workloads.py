"""The starter notebooks with more than a room's memory: the room alone fails, the cluster does not."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests import workloads
from tests.clusters import Place, leave_none, place
from tests.conftest import Stack
from tests.drills.results import keep

CONTACTS = 10_000_000
ALONE = """
import os, resource
import pandas as pd
every = pd.read_parquet(f"{FOLDER}/contacts")
people = pd.read_parquet(f"{FOLDER}/persons")
joined = every.merge(people, on="person")
joined["visits"] = joined.groupby("person")["day"].transform("size")
first = joined[joined["diagnosis"].str.startswith("I21")].sort_values("day").drop_duplicates("person")
print("the room did it", len(first))
"""


@pytest.fixture
def here(stack: Stack) -> Iterator[Place]:
    made = place(stack)
    yield made
    leave_none(made)
    stack.sluse("room", "close", made.room.id)


@pytest.mark.timeout(1200)
def test_ten_million_contacts_need_the_cluster(here: Place) -> None:
    begun = time.monotonic()
    *steps, shutdown = workloads.cells("cohort-on-a-cluster", CONTACTS=CONTACTS, WORKERS=4)
    for source in steps:
        printed = here.kernel.output(here.kernel.begin(source), 600)
        assert not workloads.REFUSED.search(printed), printed
    took = time.monotonic() - begun
    said = here.run("print(len(cohort), round(float(cox.hazard_ratios_['treated']), 3))").split()
    here.kernel.output(here.kernel.begin(shutdown), 60)
    assert 0.68 < float(said[1]) < 0.72
    here.kernel = here.room.kernel()
    here.kernel.run("FOLDER = '/project/cohort-on-a-cluster'")
    message = here.kernel.begin(ALONE)
    try:
        alone = here.kernel.output(message, 120)
    except Exception as e:  # the kernel was killed: its socket closes, or never answers
        alone = f"{type(e).__name__}"
    assert "the room did it" not in alone
    keep(
        "cohort",
        {
            "contacts": CONTACTS,
            "cohort, persons": int(said[0]),
            "hazard ratio found (0.7 put in)": float(said[1]),
            "workers of 2 GiB": 4,
            "seconds in all": round(took, 1),
            "in the room of 2 GiB alone": "its kernel was killed",
        },
    )
