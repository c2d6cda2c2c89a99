"""Counts of persons that are fewer than may be shown."""

from __future__ import annotations

from collections.abc import Iterator

from inspection.policies import Policy
from inspection.report import Finding
from inspection.understand.columns import OTHER, Table, is_count, labels_counts, whole, words
from inspection.understand.seen import Seen


def small(seen: Seen, policy: Policy) -> Iterator[Finding]:
    """Counts from one up to the policy's number of persons."""
    for table in seen.tables:
        for row, column, number in _counts(table):
            if 0 < number < policy.persons:
                yield Finding.of_value(table.grid.cell(row, column), str(number))


def _counts(table: Table) -> Iterator[tuple[int, int, int]]:
    """Row, column and value of what counts persons: columns of counts, or rows where no column is one by its name."""
    for column in table.counts:
        yield from ((cell.row, column.number, cell.number) for cell in column.cells if cell.number is not None)
    heading, *body = table.grid.rows
    if any(map(is_count, heading)):
        return
    for r, row in enumerate(body, start=1):
        if row and labels_counts(row[0]):
            for c, cell in enumerate(row):
                is_other = c < len(heading) and words(heading[c]) & OTHER
                if c and not is_other and (number := whole(cell)) is not None:
                    yield r, c, number
