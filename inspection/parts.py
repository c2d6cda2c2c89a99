"""What is in a file once it is read: text, tables and pictures, each with its place."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from inspection.places import LONGEST_PATH, Place, in_column
from inspection.report import Dropped

Row = list[str]


@dataclass(slots=True)
class Text:
    """Text as it is read, line by line."""

    place: Place
    text: str
    is_laid_out: bool = True
    """Whether tables may be printed in it, as not in a program."""

    def lines(self) -> Iterator[tuple[Place, str]]:
        """Each line with its place."""
        for number, line in enumerate(self.text.split("\n"), start=1):
            yield self.place.at(line=number), line


class Form(StrEnum):
    """How a table was written."""

    FILE = "file"
    """Cell by cell, as in CSV."""
    LINES = "lines"
    """Printed, and read out of a text."""
    VALUES = "values"
    """Lists and objects of JSON, by the names of columns or of rows."""
    RECORDS = "records"
    """A list of objects, or of lists."""


@dataclass(slots=True)
class Grid:
    """A table: its first row is the heading, whose cells may be empty."""

    place: Place
    rows: list[Row]
    form: Form
    title: str = ""
    """What it is called where it stands."""
    lines: list[int] = field(default_factory=list)
    """Of a printed table, the line of each row."""
    path_of: Callable[[int, int], str] | None = None
    """Of JSON, the path to a cell, by its row and column."""

    def row(self, row: int) -> Place:
        """The place of a row, by its number from zero."""
        return self.place.at(line=self.lines[row]) if self.lines else self.place.at(row=row + 1)

    def cell(self, row: int, column: int) -> Place:
        """The place of a cell, by its numbers from zero."""
        if self.path_of is not None:
            return self.place.at(path=self.path_of(row, column)[:LONGEST_PATH])
        return in_column(self.row(row), column, self.rows[0][column] if column < len(self.rows[0]) else "")

    def cells(self) -> Iterator[tuple[int, int, str]]:
        """Row, column and text of each cell."""
        for r, row in enumerate(self.rows):
            for c, cell in enumerate(row):
                yield r, c, cell


@dataclass(slots=True)
class Picture:
    """What is left of a picture for the machine: its size in pixels."""

    place: Place
    width: int
    height: int


@dataclass(slots=True)
class Extent:
    """How long a file is, and whether a person reads so much of its type without being told."""

    unit: str
    """`rows` or `lines`."""
    count: int
    is_long: bool


@dataclass(slots=True)
class Extracted:
    """A file once it is read: what would leave, and everything in it that can be looked at."""

    kind: str
    canonical: bytes
    view: str
    """A whole HTML page without script, shown in a frame that may not run any."""
    parts: list[Text | Grid | Picture]
    dropped: list[Dropped] = field(default_factory=list)
    extent: Extent | None = None
    name: str = ""
    """The file's own, which leaves with it."""

    def texts(self) -> Iterator[Text]:
        """Every text."""
        return (part for part in self.parts if isinstance(part, Text))

    def grids(self) -> Iterator[Grid]:
        """Every table, in whatever form."""
        return (part for part in self.parts if isinstance(part, Grid))

    def pictures(self) -> Iterator[Picture]:
        """Every picture."""
        return (part for part in self.parts if isinstance(part, Picture))

    def strings(self) -> Iterable[tuple[Place, str]]:
        """Everything that can be read, once: the lines of texts, and the cells of tables that stand in no text."""
        for part in self.parts:
            if isinstance(part, Text):
                yield from part.lines()
            elif isinstance(part, Grid) and part.form is Form.FILE:
                for row, column, cell in part.cells():
                    yield part.cell(row, column), cell
