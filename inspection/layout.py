"""Tables that were printed as text: one parser for every way to print them.

Lines without an empty one between them are a block. Each way to tell cells apart splits all of it; the one that makes
most of its lines a table, with the same number of cells in each, is how it was printed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from os.path import commonprefix

from inspection.parts import Form, Grid, Row, Text

BOX = re.compile(r"[│┆|]")
RULE = re.compile(r"[\s─═╞╡╪┌┐└┘┬┴┼├┤│┆+=|:-]+|\\(?:top|mid|bottom|h)(?:rule|line)\s*")
GAP = re.compile(r"\s{2,}|\t")
LONGEST_NAME = 80
"""Characters of what stands before a colon."""
SERIES = re.compile(r"(?:Name: (?P<name>[^,\n]{1,80}), )?(?:Length: \d+, )?dtype: \w{1,20}")
"""The last line of a series as pandas prints it."""
SIZES = "size"
"""What pandas' nameless series of whole numbers are: what `size()` gives."""
TYPES = re.compile(
    r"(?:[iuf]\d{1,3}|u?int\d{1,3}|str|cat|bool(?:ean)?|enum|date|time|datetime.*|duration.*|decimal.*|list.*|struct.*|null"
    r"|varchar|double|float|timestamp.*)"
)
"""What polars and DuckDB print below their headings."""
OMITTED = {"…", "...", "·", ""}
"""What stands for rows that are not printed."""
BRACKETS, QUOTES = "[](){},", "'\""
PREFIX = re.compile(r".*[ :=]")
YEAR = re.compile(r"(?:18|19|20)\d\d")
NUMBER = re.compile(r"[<>~]?[+-]?(?:\d[\d.,]*(?:[eE][+-]?\d+)?%?|nan|NaN|NA|inf)\*{0,3}")


@dataclass(frozen=True, slots=True)
class Way:
    """A way to tell cells apart."""

    split: Callable[[str], Row]
    is_loose: bool = False
    """Prose is split by it, too: a table has a column of numbers, and more rows than two."""


def _boxes(line: str) -> Row:
    if not BOX.search(line):
        return [line.strip()]
    return [cell.strip() for cell in BOX.split(line.strip().strip("│|"))]


def _delimited(delimiter: str) -> Callable[[str], Row]:
    return lambda line: _bare(line.split(delimiter))


def _latex(line: str) -> Row:
    return [cell.strip() for cell in line.rstrip().removesuffix(r"\\").split("&")]


def _gaps(line: str) -> Row:
    return [cell for cell in GAP.split(line.strip()) if cell]


def _bare(cells: Row) -> Row:
    """Cells without the brackets and quotes that a program's own values are printed with."""
    return [cell.strip().strip(BRACKETS).strip(QUOTES) for cell in cells]


def _words(line: str) -> Row:
    return _bare(line.strip().strip(BRACKETS).split())


def _pair(line: str) -> Row:
    for sign in ":=":
        name, _, value = (part.strip() for part in line.partition(sign))
        if value and len(name) <= LONGEST_NAME and name[:1].isalpha():
            return [name, value]
    return [line.strip()]


WAYS = (
    Way(_boxes),
    Way(_delimited("\t")),
    Way(_delimited(";")),
    Way(_delimited(","), is_loose=True),
    Way(_latex),
    Way(_gaps),
    Way(_pair, is_loose=True),
    Way(_words, is_loose=True),
)
"""The first of those that make as many lines a table is taken."""


@dataclass(slots=True)
class Run:
    """Lines of the same number of cells, under their heading."""

    lines: list[int]
    rows: list[Row]


def grids(text: Text) -> Iterator[Grid]:
    """Every table in a text."""
    lines = text.text.split("\n")
    for block in _blocks(lines):
        for run in _series(block) or _tables(block):
            yield Grid(text.place, run.rows, Form.LINES, lines=run.lines)


Block = list[tuple[int, str]]


def _blocks(lines: list[str]) -> Iterator[Block]:
    """Runs of lines that are not empty, with their numbers; lines that only rule are left out."""
    block: Block = []
    for number, line in enumerate([*lines, ""], start=1):
        if line.strip():
            if not RULE.fullmatch(line):
                block.append((number, line))
        elif block:
            yield block
            block = []


def _tables(block: Block) -> list[Run]:
    best: list[Run] = []
    for way in WAYS:
        runs = [run for run in map(_headed, _runs(block, way)) if not way.is_loose or _has_numbers(run)]
        if _lines(runs) > _lines(best):
            best = runs
    return best


def _lines(runs: list[Run]) -> int:
    return sum(len(set(run.lines)) for run in runs)


def _runs(block: Block, way: Way) -> Iterator[Run]:
    """Lines of one number of cells, two or more.

    A heading may have one cell less than the rows below it, which begin with their index; pandas writes the index's
    name on a line of its own between them.
    """
    split = [(number, way.split(line)) for number, line in block]
    run = Run([], [])
    name = ""
    for number, row in [*split, (0, [])]:
        if len(run.rows) == 1 and len(row) == 1 and not name:
            name = row[0]
            continue
        if run.rows and len(row) == len(run.rows[0]) + 1 and len(run.rows) == 1:
            run.rows[0] = [name, *run.rows[0]]
        elif run.rows and len(row) != len(run.rows[0]):
            if len(run.rows) > 1:
                yield run
            run = Run([], [])
        name = ""
        if len(row) > 1 and not OMITTED.issuperset(row):
            run.lines.append(number)
            run.rows.append(row)


def _has_numbers(run: Run) -> bool:
    """Whether a column is of numbers alone, its heading aside."""
    if len(run.rows) <= 2:
        return False
    return any(all(NUMBER.fullmatch(row[column]) for row in run.rows[1:]) for column in range(len(run.rows[0])))


def _headed(run: Run) -> Run:
    """With an empty heading where the first row has numbers, and without the types that polars writes below its own.

    Where every cell of a column begins alike, as in `age: 34`, that is its heading.
    """
    named = [_named(column) for column in zip(*run.rows, strict=True)]
    if all(heading for heading, _ in named):
        rows = [list(row) for row in zip(*(cells for _, cells in named), strict=True)]
        return Run([run.lines[0], *run.lines], [[heading for heading, _ in named], *rows])
    if any(NUMBER.fullmatch(cell) and not YEAR.fullmatch(cell) for cell in run.rows[0][1:]):
        return Run([run.lines[0], *run.lines], [[""] * len(run.rows[0]), *run.rows])
    if len(run.rows) > 1 and any(run.rows[1]) and all(TYPES.fullmatch(cell) or not cell for cell in run.rows[1]):
        return Run([run.lines[0], *run.lines[2:]], [run.rows[0], *run.rows[2:]])
    return run


def _named(column: tuple[str, ...]) -> tuple[str, list[str]]:
    """What all cells of a column begin with, up to a space or a sign, and what follows it; nothing if they do not."""
    prefix = PREFIX.match(commonprefix(column))  # noqa: RUF071 (of texts, character by character)
    if prefix is None or any(len(cell) == prefix.end() for cell in column):
        return "", []
    heading = prefix[0].strip(" :=").removesuffix(" was").removesuffix(" is").strip(QUOTES)
    return heading, [cell[prefix.end() :].strip().strip(QUOTES).rstrip(".") for cell in column]


def _series(block: Block) -> list[Run]:
    """The series that pandas printed in a block, each with the line that describes it at its end."""
    runs: list[Run] = []
    start = 0
    for end, (_, line) in enumerate(block):
        described = SERIES.fullmatch(line.strip())
        if described is None:
            continue
        heading = ["", described["name"] or (SIZES if "int" in line else "")]
        run = Run([], [])
        for number, row in ((number, line.rsplit(None, 1)) for number, line in block[start:end]):
            if len(row) == 2:
                run.lines.append(number)
                run.rows.append([cell.strip() for cell in row])
        if run.rows:
            runs.append(Run([run.lines[0], *run.lines], [heading, *run.rows]))
        start = end + 1
    return runs
