"""Counts of persons that are fewer than may be shown."""

from __future__ import annotations

from collections.abc import Iterator

from inspection.policies import Policy
from inspection.report import Finding
from inspection.understand.counts import counts
from inspection.understand.seen import Seen


def small(seen: Seen, policy: Policy) -> Iterator[Finding]:
    """Counts from one up to the policy's number of persons."""
    for table in seen.tables:
        for count in counts(table):
            if 0 < count.number < policy.persons:
                place = table.grid.cell(count.row, count.column)
                yield Finding(place, "value", {"value": str(count.number)}, confidence=count.confidence)
