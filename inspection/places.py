"""Where something is in a file, as data: it can be lit up, compared and said in any language."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

LONGEST_HEADING = 80
"""Characters of a heading that a place repeats: a finding for each of many cells must stay small."""
LONGEST_PATH = 300
"""Characters of a path into JSON."""


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a file; nothing but the file itself when every field is empty. All numbers count from one."""

    cell: int | None = None
    """Of a notebook."""
    output: int | None = None
    """Of that cell."""
    part: str = ""
    """Of what has parts with names: metadata, a picture's pixels."""
    path: str = ""
    """Into JSON, as JSONPath writes it."""
    line: int | None = None
    row: int | None = None
    """Of a table; its heading is the first."""
    column: int | None = None
    heading: str = ""
    """That column's name, shortened."""
    byte: int | None = None
    """From the file's start, the first being 0."""
    elsewhere: bool = False
    """In places that are not listed, since there are too many."""

    def at(self, **more: Any) -> Place:
        """The same place, said more exactly."""
        return replace(self, **more)

    def as_json(self) -> dict[str, Any]:
        """What is not empty."""
        return {name: value for name, value in asdict(self).items() if value not in (None, "", False)}


def in_column(place: Place, column: int, heading: str) -> Place:
    """A column, by its number from zero."""
    shown = heading if len(heading) <= LONGEST_HEADING else f"{heading[:LONGEST_HEADING]}…"
    return place.at(column=column + 1, heading=shown)


STEPS = {
    "cell": "cell {}",
    "output": "output {}",
    "part": "{}",
    "path": "{}",
    "line": "line {}",
    "row": "row {}",
    "column": "column {}",
    "byte": "byte {}",
}
"""How each step to a place is said, from the whole to the smallest."""
WHOLE, ELSEWHERE = "whole file", "elsewhere"


def words(place: Mapping[str, Any], gettext: Callable[[str], str] = str) -> str:
    """A place as a person reads it: `cell 3, output 1, line 2`."""
    if place.get("elsewhere"):
        return gettext(ELSEWHERE)
    steps = [
        gettext(sentence).format(gettext(value) if step == "part" else value)
        for step, sentence in STEPS.items()
        if (value := place.get("heading") or place.get(step) if step == "column" else place.get(step)) is not None
    ]
    return ", ".join(steps) or gettext(WHOLE)
