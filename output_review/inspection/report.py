"""What an inspection says of a file. The same types are written in the sandbox and read, strictly, outside."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Finding:
    """Something a checker should look at."""

    rule: str
    """The rule's id, a key of `RULES`."""
    place: str
    """Where: a line, a column, a byte."""
    evidence: str
    """What was found, masked so that the report itself tells nobody's number."""


@dataclass(frozen=True, slots=True)
class Dropped:
    """Something of the original that is not in the canonical copy."""

    what: str
    place: str


class NoCanonicalForm(Exception):
    """The file cannot leave as it is. `reason` is a key of `REFUSALS`."""

    def __init__(self, reason: str, detail: str = "") -> None:
        self.reason, self.detail = reason, detail[:200]
        super().__init__(reason)


@dataclass(slots=True)
class Inspected:
    """A file's canonical copy with everything known of it."""

    kind: str
    canonical: bytes
    view: str
    """A whole HTML page without script, shown in a frame that may not run any."""
    dropped: list[Dropped] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """Everything but the bytes."""
        return {
            "kind": self.kind,
            "dropped": [asdict(d) for d in self.dropped],
            "findings": [asdict(f) for f in self.findings],
        }


RULES = {
    "cpr": "Looks like a CPR number",
    "small_count": "A count below the threshold",
    "formula": "A cell that a spreadsheet would run as a formula",
    "invisible": "Characters that cannot be seen or change the direction of text",
    "long": "Longer than a person reads",
    "rows": "Looks like rows of data, which stay in the room",
    "encoded": "A long run of characters that may be encoded data",
    "ragged": "Rows of different length",
    "large_image": "An image with very many pixels",
}
"""Every rule, in the words a checker reads."""

REFUSALS = {
    "type": "Tables as CSV, figures as PNG or JPEG, notebooks, text, Markdown and JSON can be released. Save it so.",
    "spreadsheet": "Spreadsheets can hold what nobody sees. Save each sheet as CSV.",
    "data": "This is a data file. Aggregate what you need of it, and save that as CSV.",
    "model": "Models and saved objects can hold the data they were made from. Save the figures you need as CSV.",
    "figure": "A figure in this form can hold the data it shows. Save it as PNG.",
    "document": "Documents of this kind can hold what nobody sees. Save it as Markdown or text, and figures as PNG.",
    "archive": "An archive cannot be looked into here. Request the files in it one by one.",
    "program": "Save the program as text (.txt), and request that.",
    "not_what_its_name_says": "The contents are not what the file's name says. Save it again under the right name.",
    "encoding": "The text cannot be read. Save it as UTF-8.",
    "binary": "The file holds bytes that are no text. Save it as plain text, in UTF-8.",
    "no_table": "No table with a heading row can be read. Save it as CSV with column names in the first row.",
    "too_many_cells": "The table is too large to be checked by a person. Aggregate it, or release a part.",
    "broken_image": "An image cannot be read. Save it again as PNG.",
    "animated": "An image with more than one frame cannot be released. Save each frame as a PNG of its own.",
    "too_many_pixels": "The image has more pixels than can be checked. Save it with a lower resolution.",
    "no_content": "There is nothing in the file.",
    "too_many_lines": "The file is longer than a person can check. Shorten it, or release a part.",
    "not_json": "This cannot be read as JSON. Write it again without NaN and Infinity.",
    "twice": "A name is there twice in one JSON object, so that one of the two would leave unseen. Write it again.",
    "not_notebook": "This is no notebook that can be read. Open it in JupyterLab and save it again.",
    "failed": "The file could not be inspected within the limits. Simplify it, or ask the operator.",
}
"""Why a file has no canonical form, and what its author can do."""


def advice(reason: str) -> str:
    """What the author can do, by a reason that may be one the sandbox made up."""
    return REFUSALS.get(reason, REFUSALS["failed"])
