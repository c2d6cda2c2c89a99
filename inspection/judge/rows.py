"""Rows about single persons, which stay in the room."""

from __future__ import annotations

import re
from collections.abc import Iterator

from inspection.places import Place
from inspection.policies import Policy
from inspection.report import Finding
from inspection.understand.seen import Seen
from inspection.understand.units import Unit, unit

SHAPE = re.compile(r"shape: \((?P<polars>[\d_,]+), [\d_]+\)|\[(?P<pandas>\d+) rows x \d+ columns\]")
"""What pandas and polars print below a part of many rows."""


def rows(seen: Seen, policy: Policy) -> Iterator[Finding]:
    """Tables whose rows are persons, and what says that there were many rows where no table can be read."""
    understood: set[Place] = set()
    for table in seen.tables:
        kind = unit(table)
        if kind is not Unit.UNKNOWN:
            understood.add(table.grid.place)
        if kind is Unit.PERSON:
            place = table.grid.place if table.grid.path_of is not None else table.grid.row(0)
            yield Finding(place, "rows", {"count": len(table.grid.rows) - 1})
    for text in seen.read.texts():
        if text.place not in understood:
            for place, line in text.lines():
                shape = SHAPE.search(line)
                if shape and int(re.sub("[_,]", "", shape["polars"] or shape["pandas"])) >= policy.rows:
                    yield Finding.of_value(place, shape.group())
