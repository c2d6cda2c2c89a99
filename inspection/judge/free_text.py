"""What somebody wrote of somebody."""

from __future__ import annotations

from collections.abc import Iterator

from inspection.parts import Form
from inspection.policies import Policy
from inspection.report import Finding
from inspection.understand.columns import FEW
from inspection.understand.seen import Seen

LONG, WORDS = 40, 6
"""Characters and words from which on a cell is a sentence."""


def free_text(seen: Seen, _: Policy) -> Iterator[Finding]:
    """Columns most of whose cells are sentences, each another; lines of a text are sentences anyhow."""
    for table in seen.tables:
        if table.grid.form is Form.LINES:
            continue
        for column in table.columns:
            said = [cell for cell in column.cells if len(cell.text) >= LONG and len(cell.text.split()) >= WORDS]
            different = len({cell.text for cell in said})
            if different >= FEW and 2 * different > len(column.cells):
                yield Finding(table.grid.cell(said[0].row, column.number), "cells", {"count": len(said)})
