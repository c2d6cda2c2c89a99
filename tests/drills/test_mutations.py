"""Every wall is taken down, one after the other, and the suite must miss it each time.

What became of each is kept with a fingerprint of the wall, so that a drill of some of them (`-k`) keeps the others'. A
mutation that is missed proves something only where the same attempts pass with every wall standing: they are tried in
the same drill, and a result without that is not kept.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conftest import Stack
from tests.drills.results import keep, kept
from tests.escapes.mutations import MUTATIONS, Mutation, taken_down, verdict
from tests.escapes.test_rotation import wrong_results

Found = dict[str, dict[str, str]]


@pytest.fixture(scope="module")
def found() -> Iterator[Found]:
    """What became of the mutations of this drill; kept when it came to its end."""
    said = Found()
    yield said
    standing = said.pop("none", {})
    names = {mutation.name for mutation in MUTATIONS}
    each = {name: result for name, result in kept("mutations")["each"].items() if name in names}
    for mutation in MUTATIONS:
        control = {number: standing.get(number, "not run") for number in mutation.missed_by}
        if mutation.name in said:
            result = {"wall": mutation.fingerprint, "taken down": said[mutation.name], "standing": control}
            each[mutation.name] = result
    each = {name: each[name] for name in sorted(each) if not wrong_results({name: each[name]})}
    keep("mutations", {"walls": len(MUTATIONS), "taken down and missed": len(each), "each": each})


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_a_wall_that_is_taken_down_is_missed(stack: Stack, found: Found, mutation: Mutation) -> None:
    with taken_down(stack.settings, mutation):
        found[mutation.name] = verdict(mutation.missed_by)
    assert found[mutation.name] == dict.fromkeys(mutation.missed_by, "failed")


@pytest.mark.timeout(1800)
def test_with_every_wall_standing_nothing_is_missed(stack: Stack, found: Found) -> None:
    tried = [mutation for mutation in MUTATIONS if mutation.name in found]
    found["none"] = verdict(sorted({number for mutation in tried for number in mutation.missed_by}))
    assert [number for number, word in found["none"].items() if word != "passed"] == []


@pytest.mark.docker  # after the others
def test_every_wall_has_a_result(found: Found) -> None:
    """From this drill, or kept from an earlier one."""
    assert sorted({mutation.name for mutation in MUTATIONS} - set(found) - set(kept("mutations")["each"])) == []
