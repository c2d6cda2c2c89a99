"""Tables that were printed as text, as pandas and polars do: rows of data are to stay, and their counts are counts."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator

from output_review.inspection.report import Finding
from output_review.inspection.small import small_counts

Row = list[str]
MANY_ROWS = 3
BOX = re.compile(r"[│┆|]")
RULE = re.compile(r"[\s─═╞╡╪┌┐└┘┬┴┼├┤│+=|:-]+")
SHAPE = re.compile(r"shape: \([\d_,]+, [\d_]+\)|\[\d+ rows x \d+ columns\]")


def findings(text: str, where: str) -> list[Finding]:
    """Rows that look like records, and small counts, in what was printed."""
    found = []
    for first, rows in tables(text):
        place = f"{where}line {first}"
        body = _records(rows)
        if body:
            found.append(Finding("rows", place, f"{body} rows of {len(rows[0])} columns"))
        found += [
            Finding(f.rule, f"{where}{f.place} of the table in line {first}", f.evidence) for f in small_counts(rows)
        ]
    if not any(f.rule == "rows" for f in found) and (shape := SHAPE.search(text)):
        line = text[: shape.start()].count("\n") + 1
        found.append(Finding("rows", f"{where}line {line}", shape.group()))
    return found


def tables(text: str) -> Iterator[tuple[int, list[Row]]]:
    """Runs of lines with the same number of columns, two or more: (the first line's number, rows)."""
    block: list[Row] = []
    first = 0
    for number, line in enumerate([*text.split("\n"), ""], start=1):
        if line.strip() and RULE.fullmatch(line):
            continue
        row = _cells(line)
        if block and not _continues(block, row):
            if len(block) > 1:
                yield first, _with_heading(block)
            block = []
        if len(row) > 1:
            if not block:
                first = number
            block.append(row)


def _cells(line: str) -> Row:
    if BOX.search(line):
        return [cell.strip() for cell in BOX.split(line.strip().strip("│|"))]
    return [cell for cell in re.split(r"\s{2,}|\t", line.strip()) if cell]


def _continues(block: list[Row], row: Row) -> bool:
    """A heading has one cell less than the rows below it, which begin with their index."""
    return len(row) == len(block[-1]) or (len(block) == 1 and len(row) == len(block[0]) + 1)


def _with_heading(block: list[Row]) -> list[Row]:
    missing = len(block[-1]) - len(block[0])
    return [[""] * missing + block[0], *block[1:]]


def _records(rows: list[Row]) -> int:
    """How many rows look like records: an index that counts 0, 1, 2 … as a data frame's does; else 0."""
    index = [row[0] for row in rows[1:]]
    counting = [cell for cell in index if cell.isdigit()]
    ascending = all(int(a) < int(b) for a, b in itertools.pairwise(counting))
    several = len(counting) >= MANY_ROWS and len(counting) >= 0.8 * len(index) and len(rows[0]) >= 3
    return len(index) if several and ascending and not rows[0][0] else 0
