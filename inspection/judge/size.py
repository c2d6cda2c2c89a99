"""What is larger than a person looks at, or of an odd shape."""

from __future__ import annotations

from collections.abc import Iterator

from inspection.parts import Form
from inspection.places import Place
from inspection.policies import Policy
from inspection.report import Finding
from inspection.understand.seen import Seen

LONG_CELL = 1_000
"""Characters."""
MANY_PIXELS, LONG_SIDE = 12_000_000, 4_000


def long(seen: Seen, _: Policy) -> Iterator[Finding]:
    """Files, and cells, that are longer than a person reads without being told."""
    extent = seen.read.extent
    if extent is not None and extent.is_long:
        yield Finding(Place(), extent.unit, {"count": extent.count})
    for grid in seen.read.grids():
        if grid.form is Form.FILE:
            for row, column, cell in grid.cells():
                if len(cell) > LONG_CELL:
                    yield Finding(grid.cell(row, column), "characters", {"count": len(cell)})


def ragged(seen: Seen, _: Policy) -> Iterator[Finding]:
    """Rows that are not as long as their heading."""
    for grid in seen.read.grids():
        width = len(grid.rows[0])
        odd = next((r for r, row in enumerate(grid.rows) if len(row) != width), None)
        if grid.form is Form.FILE and odd is not None:
            yield Finding(grid.row(odd), "width", {"count": len(grid.rows[odd]), "heading": width})


def large(seen: Seen, _: Policy) -> Iterator[Finding]:
    """Pictures in which much fits that nobody sees at a glance."""
    for picture in seen.read.pictures():
        if picture.width * picture.height > MANY_PIXELS or max(picture.width, picture.height) > LONG_SIDE:
            size: dict[str, str | int] = {"width": picture.width, "height": picture.height}
            yield Finding(picture.place, "pixels", size)
