"""Every check that files are judged by, whatever their type. Needs nothing, so that every door can say what was found.

A new check is a row here and a module of `inspection.judge`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from inspection.report import Severity


class Kind(StrEnum):
    """What could be wrong with a file."""

    IDENTIFIER = "identifier"
    ROW_LEVEL = "row-level"
    SMALL_COUNT = "small-count"
    HIDDEN_DATA = "hidden-data"
    TYPE = "type"


@dataclass(frozen=True, slots=True)
class Check:
    """A rule."""

    id: str
    version: int
    """Goes up whenever the same file may get other findings."""
    kind: Kind
    severity: Severity
    judge: str
    """The module of `inspection.judge` and its function, as `module.function`."""
    title: str
    """In the words a checker reads."""


_ROWS = (
    Check("cpr", 1, Kind.IDENTIFIER, Severity.BLOCK, "identifiers.cpr_numbers", "Looks like a CPR number"),
    Check("rows", 2, Kind.ROW_LEVEL, Severity.BLOCK, "rows.rows", "Looks like rows of data, which stay in the room"),
    Check("small_count", 1, Kind.SMALL_COUNT, Severity.DECIDE, "small_counts.small", "A count below the threshold"),
    Check(
        "formula", 1, Kind.TYPE, Severity.DECIDE, "formulas.formulas",
        "A cell that a spreadsheet would run as a formula",
    ),
    Check(
        "invisible", 1, Kind.HIDDEN_DATA, Severity.DECIDE, "hidden.invisible",
        "Characters that cannot be seen or change the direction of text",
    ),
    Check(
        "encoded", 1, Kind.HIDDEN_DATA, Severity.DECIDE, "hidden.encoded",
        "A long run of characters that may be encoded data",
    ),
    Check("long", 1, Kind.TYPE, Severity.NOTE, "size.long", "Longer than a person reads"),
    Check("ragged", 1, Kind.TYPE, Severity.NOTE, "size.ragged", "Rows of different length"),
    Check("large_image", 1, Kind.TYPE, Severity.NOTE, "size.large", "An image with very many pixels"),
)  # fmt: skip
CHECKS = {check.id: check for check in _ROWS}
"""By id, in the order in which findings are told."""
