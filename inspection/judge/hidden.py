"""What a person cannot see, or not read."""

from __future__ import annotations

from collections.abc import Iterator

import re2

from inspection.characters import hidden
from inspection.parts import Form, Text
from inspection.policies import Policy
from inspection.report import Finding
from inspection.understand.seen import Seen

RUN = 200
ENCODED_RUN = re2.compile(rf"[!-~]{{{RUN}}}")
"""Base64, hexadecimal, base85: whatever has no spaces."""
WRAPPED = re2.compile(r"(?m)(?:^[!-~]{60,}$\n?){4}")
"""Encoded data as it is written in lines of 64 or 76 characters."""
MOST_SAID = 5
"""Characters that a finding names."""


def invisible(seen: Seen, _: Policy) -> Iterator[Finding]:
    """Characters without a shape, and those that turn others round."""
    for part in seen.read.parts:
        if isinstance(part, Text):
            for place, line in part.lines():
                if characters := hidden(line, allowed="\t"):
                    yield Finding.of_value(place, ", ".join(characters[:MOST_SAID]))
    for grid in seen.read.grids():
        if grid.form is Form.FILE:
            for row, column, cell in grid.cells():
                # A heading of many lines pushes the table away.
                if characters := hidden(cell, allowed="\n" if row else ""):
                    yield Finding.of_value(grid.cell(row, column), ", ".join(characters[:MOST_SAID]))


def encoded(seen: Seen, _: Policy) -> Iterator[Finding]:
    """Base64 and its like, in one line or many."""
    for place, line in seen.read.strings():
        if len(line) >= RUN and ENCODED_RUN.search(line):
            yield Finding(place, "characters", {"count": len(line)})
    for text in seen.read.texts():
        yield from _wrapped(text)


def _wrapped(text: Text) -> Iterator[Finding]:
    number, start = 1, 0
    for match in WRAPPED.finditer(text.text):
        number += text.text.count("\n", start, match.start())
        start = match.start()
        yield Finding(text.place.at(line=number), "encoded lines")
