"""What each column of a table is: a count, an identifier, the index that programs write, or something else."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property, wraps
from pathlib import Path
from typing import TypeVar
from weakref import WeakKeyDictionary

from inspection.characters import compatible
from inspection.parts import Grid

_WORDS = tomllib.loads((Path(__file__).parent / "meanings.toml").read_text())
COUNT, COUNT_LABEL, OTHER, IDENTIFIER, SHARE, SPREAD, EXTREME, LARGEST, SUM = (
    frozenset(_WORDS[meaning])
    for meaning in (
        "count", "count_label", "other", "identifier", "share", "spread", "extreme", "largest", "sum",
    )
)  # fmt: skip
WHOLE = re.compile(
    r"(?:n=)?\+?(?P<number>[1-9]\d{0,2}(?:[.,]\d{3})+|\d{1,15})(?:[.,]0*)?(?:e\+?0+)?"
    r"(?:[(\[].*|/\d+|[*†‡§]+|(?P<unit>[a-zæøå]+))?"
)
DECIMALS = re.compile(r"(?P<number>[+-]?(?:\d{1,15}(?:[.,]\d{1,15})?|[.,]\d{1,15}))\s?%?")
DECIMAL = re.compile(r"[+-]?\d+[.,]\d+")
YEAR = re.compile(r"(?:18|19|20)\d\d")
Answer = TypeVar("Answer")
FEW = 3
"""Values of which somebody can say that each is another."""


class Role(StrEnum):
    """What a column holds."""

    COUNT = "count"
    """How many persons, or events."""
    IDENTIFIER = "identifier"
    """A name of each row that is a person's."""
    INDEX = "index"
    """The numbers that pandas and R write before rows."""
    OTHER = "other"


@dataclass(slots=True)
class Cell:
    """A cell of a column."""

    row: int
    """From zero, the heading's."""
    text: str
    number: int | None
    """As a whole number."""


@dataclass(slots=True)
class Column:
    """A column, or what of it stands below its heading."""

    number: int
    heading: str
    cells: list[Cell]
    role: Role


class Table:
    """A grid whose columns are understood."""

    def __init__(self, grid: Grid) -> None:
        self.grid = grid

    @cached_property
    def columns(self) -> list[Column]:
        """Its columns, by the cells of its heading."""
        heading, *body = self.grid.rows
        made: list[list[Cell]] = [[] for _ in heading]
        for r, row in enumerate(body, start=1):
            for cells, text in zip(made, row, strict=False):
                cells.append(Cell(r, text, whole(text)))
        return [
            self._column(number, name, cells) for number, (name, cells) in enumerate(zip(heading, made, strict=True))
        ]

    @property
    def counts(self) -> list[Column]:
        """Its columns of counts."""
        return [column for column in self.columns if column.role is Role.COUNT]

    def _column(self, number: int, heading: str, cells: list[Cell]) -> Column:
        if is_identifier(heading) and len(cells) >= FEW and 2 * len({cell.text for cell in cells}) >= len(cells):
            return Column(number, heading, cells, Role.IDENTIFIER)
        if number == 0 and heading in {"", "Unnamed: 0"} and _is_index(cells):
            return Column(number, heading, cells, Role.INDEX)
        counted = self._counted(number, heading, cells)
        if counted and sum(cell.number is not None for cell in counted) >= sum(
            bool(DECIMAL.fullmatch(cell.text)) for cell in counted if cell.number is None
        ):
            return Column(number, heading, counted, Role.COUNT)
        return Column(number, heading, cells, Role.OTHER)

    def _counted(self, number: int, heading: str, cells: list[Cell]) -> list[Cell]:
        """The cells below what says that they count: the heading, or the label of a second table below the first."""
        if is_count(heading) or (is_count(self.grid.title) and not words(heading) & OTHER):
            return cells
        if number == 0:
            return []
        start = next((at for at, cell in enumerate(cells) if labels_counts(cell.text)), None)
        return [] if start is None else cells[start + 1 :]


Line = list[tuple[int, int, str]]
"""Row, column and text of cells that are of one kind."""


def columns_named(table: Table, meaning: frozenset[str]) -> Iterator[tuple[int, Line]]:
    """Number and cells, at least one, of the columns whose heading has one of these words."""
    heading, *body = table.grid.rows
    for c, name in enumerate(heading):
        if words(name) & meaning or (meaning is SHARE and "%" in name):
            line = [(r, c, row[c]) for r, row in enumerate(body, start=1) if c < len(row)]
            if line:
                yield c, line


def rows_named(table: Table, meaning: frozenset[str]) -> Iterator[tuple[int, Line]]:
    """Number and cells, at least one, of the rows whose label has one of these words."""
    for r, row in enumerate(table.grid.rows):
        if r and len(row) > 1 and words(row[0]) & meaning:
            yield r, [(r, c, cell) for c, cell in enumerate(row) if c]


def once(understood: Callable[[Table], Answer]) -> Callable[[Table], Answer]:
    """Have what is understood of a table worked out once, however many checks ask."""
    known: WeakKeyDictionary[Table, Answer] = WeakKeyDictionary()

    @wraps(understood)
    def asked(table: Table) -> Answer:
        if table not in known:
            known[table] = understood(table)
        return known[table]

    return asked


def last_word(heading: str) -> str:
    """What a heading is of: `max` in `age_max`, but not in `max_depth`."""
    said: list[str] = re.findall(r"[a-zæøå]+", heading.lower())
    return said[-1] if said else ""


def number(cell: str) -> float | None:
    """A cell as a number, with a decimal point or comma, a percent sign or none."""
    match = DECIMALS.fullmatch(cell.strip())
    return float(match["number"].replace(",", ".")) if match else None


def words(heading: str) -> set[str]:
    """The words of a heading, as `nCases` and `antal pr. år` have them."""
    return set(re.findall(r"[a-zæøå]+", re.sub(r"(?<=[a-zæøå])(?=[A-ZÆØÅ])", " ", heading).lower()))


def is_count(heading: str) -> bool:
    """Whether a column of this name counts persons or events."""
    said = words(heading)
    return bool(said & COUNT) and not said & OTHER


def labels_counts(cell: str) -> bool:
    """Whether a cell says of what is beside it, or below, that it counts."""
    if not cell[:1].isalpha() or any(map(str.isdigit, cell)):
        return False
    return bool(words(cell) & COUNT_LABEL) and is_count(cell)


def is_identifier(heading: str) -> bool:
    """Whether a column of this name names persons: `id`, `patient_id`, `CPR-nummer`."""
    said = words(heading)
    return bool({*said, "".join(re.findall(r"[a-zæøå]+", heading.lower()))} & IDENTIFIER)


def whole(cell: str) -> int | None:
    """A cell as a whole number: `3`, `3,0`, `3 (2.1%)`, `3/120`, `3*` and `1.234` are; `2,5` and `<5` are not."""
    if not any(map(str.isdigit, cell)):
        return None
    match = WHOLE.fullmatch("".join(compatible(cell).lower().split()))
    if match is None or (match["unit"] or "n") not in COUNT:
        return None
    return int(re.sub(r"[.,]", "", match["number"]))


def _is_index(cells: list[Cell]) -> bool:
    """Whether these are whole numbers, each there once, and not years."""
    values = [cell.text for cell in cells]
    return (
        len(values) >= FEW
        and all(value.isdecimal() for value in values)
        and len(set(values)) == len(values)
        and not all(YEAR.fullmatch(value) for value in values)
    )
