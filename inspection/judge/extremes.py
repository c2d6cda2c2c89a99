"""Values that are one person's, and sums that are one's for the most part."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator

from inspection.policies import Policy
from inspection.report import Finding
from inspection.understand.columns import (
    EXTREME,
    LARGEST,
    SPREAD,
    SUM,
    Line,
    Table,
    columns_named,
    last_word,
    number,
    rows_named,
    words,
)
from inspection.understand.seen import Seen
from inspection.understand.units import Unit, unit

ERROR = {"error", "err", "se", "fejl"}
HALF = 0.5
"""One unit's share of a cell's sum, at most (ESSnet's guidelines for output checking, 2015)."""


def extremes(seen: Seen, _: Policy) -> Iterator[Finding]:
    """Smallest and largest values: a line of them is one finding."""
    for table in _summaries(seen):
        heading = table.grid.rows[0]
        columns = [line for c, line in columns_named(table, EXTREME) if last_word(heading[c]) in EXTREME]
        rows = [line for r, line in rows_named(table, EXTREME) if last_word(table.grid.rows[r][0]) in EXTREME]
        for line in [*columns, *rows]:
            numbers = [(row, column) for row, column, cell in line if number(cell) is not None]
            if numbers:
                yield Finding(table.grid.cell(*numbers[0]), "numbers", {"count": len(numbers)})


def spread(seen: Seen, _: Policy) -> Iterator[Finding]:
    """Groups whose values do not differ: what is said of them is known of each; not an estimate's error."""
    for table in _summaries(seen):
        heading = table.grid.rows[0]
        columns = [line for c, line in columns_named(table, SPREAD) if not words(heading[c]) & ERROR]
        rows = [line for r, line in rows_named(table, SPREAD) if not words(table.grid.rows[r][0]) & ERROR]
        for line in [*columns, *rows]:
            for row, column, cell in line:
                if number(cell) == 0:
                    yield Finding.of_value(table.grid.cell(row, column), cell)


def dominance(seen: Seen, _: Policy) -> Iterator[Finding]:
    """Sums of which the largest value, which stands beside them, is more than half."""
    for table in _summaries(seen):
        columns = (line for _, line in columns_named(table, SUM)), (line for _, line in columns_named(table, LARGEST))
        yield from _dominated(table, *columns, beside=0)
        rows = (line for _, line in rows_named(table, SUM)), (line for _, line in rows_named(table, LARGEST))
        yield from _dominated(table, *rows, beside=1)


def _dominated(table: Table, sums: Iterable[Line], largest: Iterable[Line], *, beside: int) -> Iterator[Finding]:
    """Of columns those in the same row (0), of rows those in the same column (1)."""
    totals: dict[int, list[float]] = {}
    for line in sums:
        for at in line:
            if (total := number(at[2])) is not None:
                totals.setdefault(int(at[beside]), []).append(total)
    for of_one in totals.values():
        of_one.sort()
    for line in largest:
        for at in line:
            value = number(at[2])
            if value and value > 0 and _is_most(value, totals.get(int(at[beside]), [])):
                yield Finding.of_value(table.grid.cell(at[0], at[1]), at[2])


def _is_most(largest: float, totals: list[float]) -> bool:
    """Whether a value is more than half of one of these, which are in order."""
    at = bisect_left(totals, largest)
    return at < len(totals) and HALF * totals[at] < largest


def _summaries(seen: Seen) -> Iterator[Table]:
    return (table for table in seen.tables if unit(table) is not Unit.PERSON)
