"""Small counts in tables: which columns count persons, and which of their numbers are below the threshold."""

from __future__ import annotations

import re

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


def small_counts(rows: list[list[str]], threshold: int = THRESHOLD) -> list[Finding]:
    """Counts of 1 up to the threshold in columns that look like counts; other columns are not counts of persons."""
    found = []
    for column, heading in enumerate(rows[0]):
        if not is_count(heading):
            continue
        values = [
            (r, whole(row[column])) for r, row in enumerate(rows) if r and len(row) > column and row[column].strip()
        ]
        numbers = [(r, value) for r, value in values if value is not None]
        if len(numbers) >= 0.5 * len(values):
            found += [Finding("small_count", place(rows, r, column), f"{n}") for r, n in numbers if 0 < n < threshold]
    return found


LONGEST_HEADING = 80
"""Characters of a heading that a finding repeats: a finding for each of many cells must stay small."""


def is_count(heading: str) -> bool:
    """Whether a column, or a field, of this name counts persons or events."""
    words = set(re.findall(r"[a-zæøå]+", re.sub(r"(?<=[a-zæøå])(?=[A-ZÆØÅ])", " ", heading).lower()))
    return bool(words & COUNT_WORDS) and not words & OTHER_WORDS


def whole(cell: str) -> int | None:
    """A cell as a whole number: `3`, `3.0`, `3,0` and `1.234` are; `2,5` and `<5` are not."""
    text = cell.strip().replace("\u00a0", "").replace(" ", "")
    if re.fullmatch(r"\d{1,3}([.,]\d{3})+", text):
        return int(re.sub(r"[.,]", "", text))
    match = re.fullmatch(r"(\d{1,15})([.,]0+)?", text)
    return int(match.group(1)) if match else None


def place(rows: list[list[str]], row: int, column: int) -> str:
    """How a person finds a cell: its row, counted with the heading as 1, and its column's name."""
    heading = rows[0][column] if column < len(rows[0]) else ""
    shown = heading if len(heading) <= LONGEST_HEADING else f"{heading[:LONGEST_HEADING]}…"
    return f"row {row + 1}, column {shown or column + 1}"
