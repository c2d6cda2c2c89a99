"""Rows about single persons, which stay in the room."""

from __future__ import annotations

import re
from collections.abc import Iterator

from inspection.parts import Form
from inspection.policies import Policy
from inspection.report import Finding
from inspection.understand.columns import FEW, Role, Table
from inspection.understand.seen import Seen

SHAPE = re.compile(r"shape: \([\d_,]+, [\d_]+\)|\[\d+ rows x \d+ columns\]")
"""What pandas and polars print below a part of many rows."""


def rows(seen: Seen, policy: Policy) -> Iterator[Finding]:
    """Tables whose rows are persons, and what says that there were many rows."""
    found = [finding for table in seen.tables for finding in _of_table(table, policy)]
    yield from found
    said = {finding.place.line for finding in found}
    for text in seen.read.texts():
        for place, line in text.lines():
            if (shape := SHAPE.search(line)) and place.line not in said:
                yield Finding.of_value(place, shape.group())


def _of_table(table: Table, policy: Policy) -> Iterator[Finding]:
    """Most rows with an identifier of their own, the index that pandas and R write, or a long list of records."""
    grid = table.grid
    # Which is printed is what somebody looked at: few rows, and those of persons.
    many = FEW if grid.form is Form.LINES and len(grid.rows[0]) >= FEW else policy.rows
    for column in table.columns:
        if column.role is Role.IDENTIFIER or (column.role is Role.INDEX and len(column.cells) >= many):
            place = grid.cell(0, column.number) if grid.path_of is None else grid.place
            yield Finding(place, "rows", {"count": len(column.cells)})
    if grid.form is Form.RECORDS and len(grid.rows) > policy.rows:
        yield Finding(grid.place, "rows", {"count": len(grid.rows) - 1})
    if grid.form is Form.VALUES and sum(map(str.isdigit, grid.rows[0])) >= policy.rows:
        yield Finding(grid.place, "values", {"count": len(grid.rows[0])})
