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
    DOMINANCE = "dominance"
    CLASS_DISCLOSURE = "class-disclosure"
    DIFFERENCING = "differencing"
    SECRET = "secret"  # noqa: S105 (a word)
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
        "cpr", 2, Kind.IDENTIFIER, Severity.BLOCK, "identifiers.cpr_numbers",
        "Looks like a CPR number",
        "A CPR number identifies one person.",
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
        "implied", 1, Kind.SMALL_COUNT, Severity.DECIDE, "shares.implied",
        "A share that stands for fewer persons than the threshold",
        "Whoever multiplies it by the size of the group knows how many they are.",
        "Merge groups, or leave out the share or the size.",
    ),
    Check(
        "given_back", 1, Kind.DIFFERENCING, Severity.DECIDE, "totals.given_back",
        "A hidden count that the totals give back",
        "Whoever subtracts what is shown from the total has the number that was hidden.",
        "Hide a second number in the same row and column, or leave out the total.",
    ),
    Check(
        "everybody", 1, Kind.CLASS_DISCLOSURE, Severity.DECIDE, "shares.everybody",
        "All or none of a group",
        "Whoever knows that somebody is in the group knows this of them, too.",
        "Merge groups or categories.",
    ),
    Check(
        "spread", 1, Kind.CLASS_DISCLOSURE, Severity.DECIDE, "extremes.spread",
        "A group whose values do not differ",
        "What is said of the group is known of each person in it.",
        "Merge groups, or leave out this one.",
    ),
    Check(
        "dominance", 1, Kind.DOMINANCE, Severity.DECIDE, "extremes.dominance",
        "A sum that is one person's for the most part",
        "Whoever knows the sum knows that person's value nearly.",
        "Merge groups, or leave out the sum.",
    ),
    Check(
        "extreme", 1, Kind.SMALL_COUNT, Severity.DECIDE, "extremes.extremes",
        "A smallest or largest value",
        "It is the value of one person, who may be known by it.",
        "Write a percentile that at least the threshold's number of persons are beyond, or leave it out.",
    ),
    Check(
        "residual", 1, Kind.SMALL_COUNT, Severity.DECIDE, "models.residual",
        "A model with few residual degrees of freedom",
        "It fits so closely that it can give back the values it was made from.",
        "Estimate fewer parameters, or use more persons.",
    ),
    Check(
        "free_text", 1, Kind.ROW_LEVEL, Severity.DECIDE, "free_text.free_text",
        "Sentences, each in a cell of its own",
        "What somebody wrote of a person can name them.",
        "Code the sentences into categories, and count those.",
    ),
    Check(
        "secret", 1, Kind.SECRET, Severity.BLOCK, "secrets.secrets",
        "Looks like a password, a token or a key",
        "Whoever has the file can use it.",
        "Leave it out, and change it: somebody may have seen it.",
    ),
    Check(
        "contact", 1, Kind.IDENTIFIER, Severity.NOTE, "secrets.contacts",
        "An e-mail address or a telephone number",
        "It leads to one person.",
        "Leave it out, unless it is the author's own.",
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
