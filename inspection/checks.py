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
    why: str
    """Why it matters."""
    mend: str
    """What its author can do."""


_ROWS = (
    Check(
        "cpr", 1, Kind.IDENTIFIER, Severity.BLOCK, "identifiers.cpr_numbers",
        "Looks like a CPR number",
        "A CPR number names one person to anybody.",
        "Leave the numbers out. If they are something else, say what in the description.",
    ),
    Check(
        "rows", 2, Kind.ROW_LEVEL, Severity.BLOCK, "rows.rows",
        "Looks like rows of data, which stay in the room",
        "What is known of a single person can name them, also without a name or a number.",
        "Count or summarise the rows in groups, and release that.",
    ),
    Check(
        "small_count", 2, Kind.SMALL_COUNT, Severity.DECIDE, "small_counts.small",
        "A count below the threshold",
        "Whoever knows one of a few persons learns what the table says of them.",
        "Merge groups, or hide the number and a second one, so that totals do not give it back.",
    ),
    Check(
        "formula", 1, Kind.TYPE, Severity.DECIDE, "formulas.formulas",
        "A cell that a spreadsheet would run as a formula",
        "Whoever opens the file in a spreadsheet runs it.",
        "Write the cell as text that begins with a letter.",
    ),
    Check(
        "invisible", 1, Kind.HIDDEN_DATA, Severity.DECIDE, "hidden.invisible",
        "Characters that cannot be seen or change the direction of text",
        "They can hold data that nobody sees, or show something else than is there.",
        "Type the text again without them.",
    ),
    Check(
        "encoded", 1, Kind.HIDDEN_DATA, Severity.DECIDE, "hidden.encoded",
        "A long run of characters that may be encoded data",
        "Nobody can read what is in it.",
        "Leave it out, or write it so that a person can read it.",
    ),
    Check(
        "long", 1, Kind.TYPE, Severity.NOTE, "size.long",
        "Longer than a person reads",
        "A long file is looked at less closely.",
        "Release the part that is needed.",
    ),
    Check(
        "ragged", 1, Kind.TYPE, Severity.NOTE, "size.ragged",
        "Rows of different length",
        "Cells may stand below the wrong heading.",
        "Save each table as a file of its own.",
    ),
    Check(
        "large_image", 1, Kind.TYPE, Severity.NOTE, "size.large",
        "An image with very many pixels",
        "Small print in a large image is easily missed.",
        "Save it with a lower resolution.",
    ),
)  # fmt: skip
CHECKS = {check.id: check for check in _ROWS}
"""By id, in the order in which findings are told."""
