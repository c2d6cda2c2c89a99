"""Small counts in tables: which columns and rows count persons, and which of their numbers are below the threshold."""

from __future__ import annotations

import re

from output_review.inspection.characters import compatible
from output_review.inspection.report import Finding

THRESHOLD = 5
"""Persons: groups below it must not be shown (Sundhedsdatastyrelsen)."""

COUNT_WORDS = {
    "n", "no", "count", "counts", "antal", "freq", "frequency", "frekvens", "number", "persons", "personer", "people",
    "patients", "patienter", "cases", "tilfælde", "events", "obs", "observations", "observationer", "deaths",
    "dødsfald", "women", "kvinder", "men", "mænd", "children", "børn", "individuals", "individer", "borgere", "total",
    "ialt", "num",
}  # fmt: skip
OTHER_WORDS = {
    "id", "nr", "code", "kode", "pct", "percent",
    "procent", "share", "andel", "mean", "gennemsnit", "median", "sd", "se", "rate", "ratio", "p", "ci",
    "rank", "grade", "stage", "index", "days", "dage",
}  # fmt: skip
LABELS = {
    "n", "count", "counts", "antal", "freq", "frequency", "frekvens", "number", "persons", "personer", "patients",
    "patienter", "obs", "observations", "observationer", "num",
}  # fmt: skip
"""The words of these that head a row, or a second table below the first; the others are also groups of persons."""
DECIMAL = re.compile(r"[+-]?\d+[.,]\d+")
COUNT = re.compile(
    r"(?:n=)?\+?(?P<number>\d{1,3}(?:[.,]\d{3})+|\d{1,15})(?:[.,]0*)?(?:e\+?0+)?"
    r"(?:[(\[].*|/\d+|[*†‡§]+|(?P<unit>[a-zæøå]+))?"
)


def small_counts(rows: list[list[str]], threshold: int = THRESHOLD) -> list[Finding]:
    """Counts of 1 up to the threshold in columns and rows that look like counts; others are not counts of persons."""
    found = []
    for column, whole_column in enumerate(columns(rows)):
        start = next((r for r, cell in whole_column if _heads(cell, r, column)), None)
        if start is None:
            continue
        cells = [(r, cell) for r, cell in whole_column if r > start]
        numbers = [(r, number) for r, cell in cells if (number := whole(cell)) is not None]
        if len(numbers) >= sum(bool(DECIMAL.fullmatch(cell)) for r, cell in cells if whole(cell) is None):
            found += [Finding("small_count", place(rows, r, column), f"{n}") for r, n in numbers if 0 < n < threshold]
    if not any(map(is_count, rows[0])):
        for r, row in enumerate(rows):
            if r and row and _labels(row[0]):
                numbers = [(c, n) for c, cell in enumerate(row) if c and (n := whole(cell)) is not None]
                found += [
                    Finding("small_count", place(rows, r, c), f"{n}")
                    for c, n in numbers
                    if 0 < n < threshold and not (c < len(rows[0]) and _words(rows[0][c]) & OTHER_WORDS)
                ]
    return found


def _heads(cell: str, row: int, column: int) -> bool:
    return is_count(cell) if row == 0 else column > 0 and _labels(cell)


def _labels(cell: str) -> bool:
    return cell[:1].isalpha() and not any(map(str.isdigit, cell)) and bool(_words(cell) & LABELS) and is_count(cell)


LONGEST_HEADING = 80
"""Characters of a heading that a finding repeats: a finding for each of many cells must stay small."""


def is_count(heading: str) -> bool:
    """Whether a column, or a field, of this name counts persons or events."""
    words = _words(heading)
    return bool(words & COUNT_WORDS) and not words & OTHER_WORDS


def _words(heading: str) -> set[str]:
    return set(re.findall(r"[a-zæøå]+", re.sub(r"(?<=[a-zæøå])(?=[A-ZÆØÅ])", " ", heading).lower()))


def whole(cell: str) -> int | None:
    """A cell as a whole number: `3`, `3,0`, `3 (2.1%)`, `3/120`, `3*` and `1.234` are; `2,5` and `<5` are not."""
    text = "".join(compatible(cell).lower().split())
    match = COUNT.fullmatch(text)
    if match is None or (match["unit"] or "n") not in COUNT_WORDS:
        return None
    return int(re.sub(r"[.,]", "", match["number"]))


def columns(rows: list[list[str]]) -> list[list[tuple[int, str]]]:
    """For each cell of the heading what is in its column, the heading first: (the row's index, cell)."""
    made: list[list[tuple[int, str]]] = [[] for _ in rows[0]]
    for r, row in enumerate(rows):
        for column, cell in zip(made, row, strict=False):
            column.append((r, cell))
    return made


def place(rows: list[list[str]], row: int, column: int) -> str:
    """How a person finds a cell: its row, counted with the heading as 1, and its column's name."""
    heading = rows[0][column] if column < len(rows[0]) else ""
    shown = heading if len(heading) <= LONGEST_HEADING else f"{heading[:LONGEST_HEADING]}…"
    return f"row {row + 1}, column {shown or column + 1}"
