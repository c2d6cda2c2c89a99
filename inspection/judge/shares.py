"""Shares of which everybody knows how many persons they are, or that they are everybody."""

from __future__ import annotations

from collections.abc import Iterator

from inspection.policies import Policy
from inspection.report import Finding
from inspection.understand.columns import COUNT_LABEL, SHARE, SUM, Table, columns_named, number, words
from inspection.understand.counts import counts
from inspection.understand.seen import Seen

PERCENT = 100
CUMULATED = {"cum", "cumulative", "kumuleret", "kumulativ"}
"""What is added up from row to row ends with all, whoever they are."""
PERCENT_WORDS = {"pct", "percent", "percentage", "procent"}
NEAR_ONE = 0.02
"""How far the sum of shares is from all, at most, when they are shares of one total."""


def implied(seen: Seen, policy: Policy) -> Iterator[Finding]:
    """Shares of a group whose size stands beside them that are fewer persons than may be shown."""
    for table, row, column, share, of in _shares(seen):
        if 0 < share * of < policy.persons - 0.5 and of >= policy.persons:
            place = table.grid.cell(row, column)
            yield Finding(place, "implied", {"count": max(round(share * of), 1), "of": of})


def everybody(seen: Seen, policy: Policy) -> Iterator[Finding]:
    """Groups of which all, or none, are something: whoever is known to be in one is known to be that, too."""
    for table, row, column, share, of in _shares(seen):
        if share in (0, 1) and of >= policy.persons:
            yield Finding.of_value(table.grid.cell(row, column), table.grid.rows[row][column])
    for table in seen.tables:
        yield from _in_one_cell(table, policy)


def _in_one_cell(table: Table, policy: Policy) -> Iterator[Finding]:
    """Rows of counts, by the categories of one grouping, of which all but one are nought."""
    of_row: dict[int, dict[int, int]] = {}
    measures = {c for c, name in enumerate(table.grid.rows[0]) if words(name) & (COUNT_LABEL | SUM)}
    for count in counts(table):
        if count.column in measures:
            continue
        of_row.setdefault(count.row, {})[count.column] = count.number
    for row, numbers in of_row.items():
        there = [column for column, persons in numbers.items() if persons]
        if len(numbers) > 1 and len(there) == 1 and numbers[there[0]] >= policy.persons:
            yield Finding.of_value(table.grid.cell(row, there[0]), str(numbers[there[0]]))


def _shares(seen: Seen) -> Iterator[tuple[Table, int, int, float, int]]:
    """Table, row, column, share and size of the group, for shares that are not of one total."""
    for table in seen.tables:
        heading = table.grid.rows[0]
        lines = [line for c, line in columns_named(table, SHARE) if not words(heading[c]) & CUMULATED]
        if not lines:
            continue
        totals = {r for r, row in enumerate(table.grid.rows) if row and words(row[0]) & SUM}
        sizes: dict[int, list[int]] = {}
        for count in counts(table):
            sizes.setdefault(count.row, []).append(count.number)
        for line in lines:
            read = {row: share for row, _, cell in line if row not in totals and (share := number(cell)) is not None}
            name = heading[line[0][1]]
            is_percent = "%" in name or words(name) & PERCENT_WORDS or any(share > 1 for share in read.values())
            all_of = PERCENT if is_percent else 1
            if abs(sum(read.values()) / all_of - 1) <= NEAR_ONE:
                continue
            for row, column, _ in line:
                if row in read and len(sizes.get(row, [])) == 1:
                    yield table, row, column, read[row] / all_of, sizes[row][0]
