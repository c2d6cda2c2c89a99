"""Which cells of a table count persons: what a heading says they do, and what is written as counts are.

Counts without such a heading are whole numbers that range from few to many, in no order but by size; they may sum up to
one of them, or have a share beside them that follows from them. Years, ranks, codes and whole percentages do not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from inspection.parts import Form
from inspection.report import Confidence
from inspection.understand.columns import (
    FEW,
    OTHER,
    YEAR,
    Column,
    Line,
    Table,
    is_count,
    labels_counts,
    number,
    once,
    whole,
    words,
)
from inspection.understand.units import Unit, unit

HIDDEN = re.compile(r"[<≤]\s*\d+|[*.·x–—-]{1,3}|n/?a|nan|null|none|", re.IGNORECASE)
"""What stands where a number is not shown."""
MANY = 30
"""Whole numbers of which some are as large, and some below a threshold, are hardly anything but counts."""
MANY_STEPS = 5
"""Numbers of which each is larger than the one before are thresholds or times, hardly counts."""
ALL = 100
"""Percent."""
ROUNDED = 0.006
"""How far a share with two decimals is from what it is of, at most."""
NEAR = 2
"""Columns between a count and its share."""


@dataclass(frozen=True, slots=True)
class Count:
    """A cell that counts persons."""

    row: int
    column: int
    number: int
    confidence: Confidence


@once
def counts(table: Table) -> list[Count]:
    """Every cell that counts persons, each once."""
    said = {(row, column): number for row, column, number in _by_words(table)}
    return [
        *(Count(row, column, number, Confidence.HIGH) for (row, column), number in said.items()),
        *(Count(r, c, number, Confidence.LOW) for r, c, number in _by_values(table) if (r, c) not in said),
    ]


def _by_words(table: Table) -> Iterator[tuple[int, int, int]]:
    """Columns of counts, or rows where no column is one by its name."""
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


def _by_values(table: Table) -> Iterator[tuple[int, int, int]]:
    if unit(table) is Unit.PERSON:
        return
    has_data, key = _is_data(table), _key(table)
    others = {r for r, row in enumerate(table.grid.rows) if row and words(row[0]) & OTHER}
    columns = [_line(column, others, has_data=has_data) for column in table.columns[key:]]
    rows = list(_rows(table))
    ways = (columns, rows) if len(table.columns) <= len(table.grid.rows) else (rows, columns)
    lines: list[Line] = []
    for way in ways:
        lines = lines or [line for line in way if _are_whole(line)]
        crossed = [cell for line in lines for cell in line]
        if lines and len(lines) == len(way) > 1 and _ranges(crossed):  # of two groupings
            yield from _numbers(crossed)
            return
    for line in lines:
        is_share = _sums_to_all(line)
        shares = _beside(line, columns, key)
        if (_ranges(line) and not is_share) or _sums_up(line) or any(_is_share(other, line) for other in shares):
            yield from _numbers(line)


def _numbers(line: Line) -> Iterator[tuple[int, int, int]]:
    return ((row, column, number) for row, column, cell in line if (number := whole(cell)) is not None)


def _line(column: Column, others: set[int], *, has_data: bool) -> Line:
    """A column's cells, with its heading where that is one of them, but for rows that are no counts by their name."""
    if words(column.heading) & OTHER:
        return []
    cells = [(cell.row, column.number, cell.text) for cell in column.cells if cell.row not in others]
    return [(0, column.number, column.heading), *cells] if has_data else cells


def _key(table: Table) -> int:
    """How many columns at the left are no counts: the first, and the one behind the numbers that programs write."""
    heading, *body = table.grid.rows
    numbers = [row[0] for row in body if row]
    return 1 + (heading[:1] == [""] and numbers == [str(n) for n in range(len(numbers))])


def _is_data(table: Table) -> bool:
    """Whether the first row holds values, as in a table without a heading; years and rows' numbers are headings."""
    if table.grid.form in {Form.VALUES, Form.RECORDS}:
        return False
    numbers = [number for cell in table.grid.rows[0][1:] if (number := whole(cell)) is not None]
    rise = all(before < after for before, after in pairwise(numbers))
    return bool(numbers) and not (rise and len(numbers) > 1)


def _rows(table: Table) -> Iterator[Line]:
    """The rows of a table that lies on its side, or the values of one thing, but for what is no count by its name."""
    heading, *body = table.grid.rows
    first, key = 0 if _is_data(table) else 1, _key(table)
    others = {c for c, cell in enumerate(heading) if words(cell) & OTHER}
    for r, row in enumerate([heading, *body][first:], start=first):
        line = [(r, c, cell) for c, cell in enumerate(row) if c >= key and c not in others]
        if row and not words(row[0]) & OTHER and (len(body) > 1 or len(line) >= FEW):
            yield line


def _are_whole(line: Line) -> bool:
    """Whether these are whole numbers, but for those that are hidden, and can be counts."""
    shown = [cell for _, _, cell in line if not HIDDEN.fullmatch(cell)]
    numbers = [whole(cell) for cell in shown]
    if len(shown) < 2 or any(number is None for number in numbers):
        return False
    steps = {after - before for before, after in pairwise([number for number in numbers if number is not None])}
    is_sequence = steps == {1} or (len(steps) == 1 and 0 not in steps and len(shown) >= FEW)
    return not is_sequence and not all(YEAR.fullmatch(cell) for cell in shown)


def _ranges(line: Line) -> bool:
    """Whether these are few here and many there."""
    numbers = [number for _, _, number in _numbers(line)]
    rises = len(numbers) >= MANY_STEPS and all(before < after for before, after in pairwise(numbers))
    return max(numbers) >= MANY and not rises


def _sums_to_all(line: Line) -> bool:
    """Whether these are whole percentages."""
    numbers = [number for _, _, number in _numbers(line)]
    return abs(sum(numbers) - ALL) <= len(numbers) / 2


def _sums_up(line: Line) -> bool:
    """Whether the first or the last of these is the sum of the others."""
    numbers = [whole(cell) for _, _, cell in line]
    if len(numbers) <= FEW or any(number is None for number in numbers):
        return False
    first, *middle, last = [number for number in numbers if number is not None]
    return first == sum(middle) + last != ALL or last == sum(middle) + first != ALL


def _beside(line: Line, columns: list[Line], key: int) -> Iterator[Line]:
    """The columns next to one, where a share stands."""
    at = line[0][1] - key
    if 0 <= at < len(columns) and columns[at] is line:
        yield from columns[max(at - NEAR, 0) : at]
        yield from columns[at + 1 : at + 1 + NEAR]


def _is_share(column: Line, line: Line) -> bool:
    """Whether a column says what share each of these is of all of them."""
    of = {row: persons for row, _, cell in line if (persons := whole(cell)) is not None}
    shares = {row: number(cell) for row, _, cell in column if row in of}
    if len(shares) < FEW or not sum(of.values()) or any(share is None for share in shares.values()):
        return False
    total = sum(share for share in shares.values() if share is not None)
    if not total:
        return False
    return all(
        share is not None and abs(share / total - of[row] / sum(of.values())) <= ROUNDED
        for row, share in shares.items()
    )
