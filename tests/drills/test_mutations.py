"""Every wall is taken down, one after the other, and the suite must miss it each time."""

from __future__ import annotations

import time

from tests.conftest import Stack
from tests.drills.results import keep
from tests.escapes.mutations import MUTATIONS, taken_down, verdict


def test_every_wall_that_is_taken_down_is_missed(stack: Stack) -> None:
    begun, found = time.monotonic(), {}
    for mutation in MUTATIONS:
        with taken_down(stack.settings, mutation):
            found[mutation.name] = verdict(mutation.missed_by)
        print(f"{time.monotonic() - begun:6.0f} s  {mutation.name}: {found[mutation.name]}", flush=True)
    standing = verdict(sorted({number for mutation in MUTATIONS for number in mutation.missed_by}))
    missed = sum(set(said.values()) == {"failed"} for said in found.values())
    keep(
        "mutations",
        {
            "walls taken down": len(MUTATIONS),
            "missed by the suite": missed,
            "seconds": round(time.monotonic() - begun),
            "with every wall standing": sorted(set(standing.values())),
            "each": found,
        },
    )
    assert {name: said for name, said in found.items() if set(said.values()) != {"failed"}} == {}
    assert set(standing.values()) == {"passed"}
