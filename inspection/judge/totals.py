"""Hidden counts that what is shown gives back."""

from __future__ import annotations

import re
from collections.abc import Iterator

from inspection.policies import Policy
from inspection.report import Finding
from inspection.understand.columns import SUM, Table, whole, words
from inspection.understand.seen import Seen

HIDDEN = re.compile(r"(?:n\s?)?[<≤]\s?\d{1,3}|\*{1,3}|\.{1,3}|[x×·–—-]|c|skjult|hidden|suppressed", re.IGNORECASE)
"""What stands for a number that may not be shown."""
PASSES = 3
"""One after the other: what a row gave back, a column may need, and the other way round."""
Cell = tuple[int, int]
Equation = tuple[Cell, list[Cell]]
"""A total, and the cells that it is the sum of."""


def given_back(seen: Seen, policy: Policy) -> Iterator[Finding]:
    """Hidden cells that a total, less what is shown, is: one after the other, as a reader would find them."""
    for table in seen.tables:
        hidden = {
            (r, c)
            for r, row in enumerate(table.grid.rows)
            for c, cell in enumerate(row)
            if r and HIDDEN.fullmatch(cell)
        }
        if hidden:
            for (row, column), number in sorted(_solved(table, hidden).items()):
                if 0 < number < policy.persons:
                    yield Finding(table.grid.cell(row, column), "given back")


def _solved(table: Table, hidden: set[Cell]) -> dict[Cell, int]:
    known = {
        (r, c): number
        for r, row in enumerate(table.grid.rows)
        for c, cell in enumerate(row)
        if (number := whole(cell)) is not None
    }
    solved: dict[Cell, int] = {}
    equations = list(_equations(table))
    for _ in range(PASSES):
        for total, parts in equations:
            unknown = [cell for cell in (total, *parts) if cell not in known]
            if len(unknown) == 1 and unknown[0] in hidden:
                shown = sum(known[cell] for cell in parts if cell in known)
                solved[unknown[0]] = known[unknown[0]] = shown if unknown[0] == total else known[total] - shown
    return solved


def _equations(table: Table) -> Iterator[Equation]:
    """Each column below a row of totals or above it, and each row beside a column of totals."""
    heading, *body = table.grid.rows
    rows = range(1, len(table.grid.rows))
    width = len(heading)
    of_rows = [r for r, row in enumerate(body, start=1) if row and words(row[0]) & SUM]
    of_columns = [c for c, name in enumerate(heading) if c and words(name) & SUM]
    if len(of_rows) == 1:
        [at] = of_rows
        yield from (((at, c), [(r, c) for r in rows if r != at]) for c in range(1, width))
    if len(of_columns) == 1:
        [at] = of_columns
        yield from (((r, at), [(r, c) for c in range(1, width) if c != at]) for r in rows)
