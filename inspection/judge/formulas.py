"""Cells that a spreadsheet would run."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from inspection.parts import Form
from inspection.policies import Policy
from inspection.report import Finding
from inspection.understand.seen import Seen

SIGN = re.compile(r"[=+\-@]")
BEHIND_DELIMITER = re.compile(r"[;,\t|][^\S\t]*\"?[=@]")
"""What begins a cell for a spreadsheet that takes another delimiter: behind the last of a run of tabs."""
NUMBER = re.compile(r"^[+-]?(?:inf|[\d.,\s]*\d(?:[eE][+-]?\d{1,3})?%?)(?:\s*[(\[][^()\[\]a-zA-Z]{1,40}[)\]])?$")


def formulas(seen: Seen, _: Policy) -> Iterator[Finding]:
    """Cells of a file of cells that begin as a formula does."""
    for grid in seen.read.grids():
        if grid.form is Form.FILE:
            for row, column, cell in grid.cells():
                if _is_formula(cell):
                    yield Finding(grid.cell(row, column), "begins", {"sign": repr(cell[0])})


def _is_formula(cell: str) -> bool:
    begins = SIGN.match(unicodedata.normalize("NFKC", cell[:1])) and not NUMBER.match(cell) and cell != "-"
    return bool(begins or BEHIND_DELIMITER.search(cell))
