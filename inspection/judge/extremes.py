"""Values that are one person's, and sums that are one's for the most part."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator

from inspection.policies import Policy
from inspection.report import Finding
from inspection.understand.columns import EXTREME, LARGEST, SPREAD, SUM, Table, named, number
from inspection.understand.seen import Seen
from inspection.understand.units import Unit, unit

HALF = 0.5
"""One unit's share of a cell's sum, at most (ESSnet's guidelines for output checking, 2015)."""


def extremes(seen: Seen, _: Policy) -> Iterator[Finding]:
    """Smallest and largest values: a line of them is one finding."""
    for table in _summaries(seen):
        for line in named(table, EXTREME):
            numbers = [(row, column) for row, column, cell in line if number(cell) is not None]
            if numbers:
                yield Finding(table.grid.cell(*numbers[0]), "numbers", {"count": len(numbers)})


def spread(seen: Seen, _: Policy) -> Iterator[Finding]:
    """Groups whose values do not differ: what is said of them is known of each."""
    for table in _summaries(seen):
        for line in named(table, SPREAD):
            for row, column, cell in line:
                if number(cell) == 0:
                    yield Finding.of_value(table.grid.cell(row, column), cell)


def dominance(seen: Seen, _: Policy) -> Iterator[Finding]:
    """Sums of which the largest value, which stands beside them, is more than half."""
    for table in _summaries(seen):
        totals: dict[tuple[str, int], list[float]] = {}
        for line in named(table, SUM):
            for row, column, cell in line:
                if (total := number(cell)) is not None:
                    totals.setdefault(("row", row), []).append(total)
                    totals.setdefault(("column", column), []).append(total)
        for beside in totals.values():
            beside.sort()
        for line in named(table, LARGEST):
            for row, column, cell in line:
                largest = number(cell)
                sums = [totals.get(("row", row), []), totals.get(("column", column), [])]
                if largest and largest > 0 and any(_is_most(largest, beside) for beside in sums):
                    yield Finding.of_value(table.grid.cell(row, column), cell)


def _is_most(largest: float, totals: list[float]) -> bool:
    """Whether a value is more than half of one of these, which are in order."""
    at = bisect_left(totals, largest)
    return at < len(totals) and HALF * totals[at] < largest


def _summaries(seen: Seen) -> Iterator[Table]:
    return (table for table in seen.tables if unit(table) is not Unit.PERSON)
