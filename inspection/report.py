"""What an inspection says of a file. The same types are written in the sandbox and read, strictly, outside.

Places, evidence and what was left out are data, by keys of the tables here; words are made where they are shown.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from inspection.places import Place

Values = dict[str, str | int]


class Severity(StrEnum):
    """What a finding asks of a checker."""

    BLOCK = "block"
    """It does not leave like this."""
    DECIDE = "decide"
    """Somebody has to judge it."""
    NOTE = "note"
    """It is good to know."""


class Confidence(StrEnum):
    """How sure the machine is that something is what it says."""

    HIGH = "high"
    LOW = "low"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something a checker should look at."""

    place: Place
    said: str
    """A key of `EVIDENCE`."""
    values: Values = field(default_factory=dict)
    """What fills it in, masked so that the report itself tells nobody's number."""
    confidence: Confidence = Confidence.HIGH
    check: str = ""
    """The id of the check that found it; written in by `judge.judged`."""

    @classmethod
    def of_value(cls, place: Place, value: str) -> Finding:
        """A finding whose evidence is what stands there."""
        return cls(place, "value", {"value": value})


@dataclass(frozen=True, slots=True)
class Dropped:
    """Something of the original that is not in the canonical copy."""

    what: str
    """A key of `DROPPED`."""
    place: Place
    values: Values = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """As it is stored."""
        return {"what": self.what, "place": self.place.as_json(), "values": self.values}


class NoCanonicalForm(Exception):
    """The file cannot leave as it is. `reason` is a key of `REFUSALS`."""

    def __init__(self, reason: str, detail: str = "") -> None:
        self.reason, self.detail = reason, detail[:200]
        super().__init__(reason)


EVIDENCE = {
    "value": "{value}",
    "rows": "{count} rows",
    "values": "{count} numbered values",
    "lines": "{count} lines",
    "numbers": "{count} numbers",
    "cells": "{count} cells",
    "implied": "about {count} of {of}",
    "given back": "total less what is shown",
    "characters": "{count} characters",
    "encoded lines": "lines of encoded text",
    "begins": "begins with {sign}",
    "width": "{count} cells, the heading has {heading}",
    "pixels": "{width} x {height} pixels",
    "more": "{count} more",
}
"""What a finding rests on."""

DROPPED = {
    "byte order mark": "byte order mark",
    "Windows-1252": "the encoding Windows-1252, now UTF-8",
    "hard spaces": "spaces that do not break, now spaces",
    "carriage returns": "carriage returns",
    "cell spaces": "spaces around cells",
    "line spaces": "spaces at the end of lines",
    "colours": "terminal colours",
    "written over": "text that was written over",
    "json layout": "spaces, line breaks, escapes and the way numbers were written",
    "field": "{name}, {bytes} bytes",
    "unknown fields": "unknown fields, {bytes} bytes",
    "ids": "ids and execution counts of cells and outputs, {count}",
    "transparency": "transparency, and what was under it",
    "16 bit": "16-bit depth, now 8",
    "unused colours": "{count} colours that the picture does not use",
    "chunk": "{name} chunk of {bytes} bytes",
    "segment": "segment {name} of {bytes} bytes",
    "more pixels": "more pixels than the picture shows",
    "after pixels": "{bytes} bytes after the pixels",
    "between": "{bytes} bytes between segments",
    "after": "{bytes} bytes after the image",
    "more": "{count} more",
}
"""What can be left out of a file."""

PARTS = {
    "file name": "file name",
    "start": "start",
    "line ends": "line ends",
    "pixels": "pixels",
    "palette": "palette",
    "notebook": "notebook",
}
"""Parts of files that have names of ours; others are named as in the file."""

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


def said(table: Mapping[str, str], key: str, values: Mapping[str, Any], gettext: Callable[[str], str] = str) -> str:
    """A sentence of `EVIDENCE` or `DROPPED` with its values; a key that is none of the table's is said as it is."""
    sentence = table.get(key)
    if sentence is None:
        return key
    try:
        return gettext(sentence).format(**values)
    except (KeyError, IndexError, ValueError):
        return gettext(sentence)
