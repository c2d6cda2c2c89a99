"""CSV: decoded, parsed and written again, so that nothing is in it but the cells."""

from __future__ import annotations

import csv
import io
import re
import unicodedata

from output_review.inspection import persons, view
from output_review.inspection.characters import hidden
from output_review.inspection.report import Dropped, Finding, Inspected, NoCanonicalForm
from output_review.inspection.small import columns, place, small_counts
from output_review.inspection.text import ENCODED, RUN, decode

DELIMITERS = ",;\t|"
MOST_CELLS = 200_000
MOST_ROWS = 5_000
"""More than this is a data set, not a table (OpenSAFELY's limit); a checker is shown every row of what may leave."""
LONG = 1_000
LONG_CELL = 1_000
"""Characters."""
FORMULA = re.compile(r"[=+\-@]")
BEHIND_DELIMITER = re.compile(r"[;,\t|][^\S\t]*\"?[=@]")
"""What begins a cell for a spreadsheet that takes another delimiter: behind the last of a run of tabs."""
NUMBER = re.compile(r"^[+-]?(?:inf|[\d.,\s]*\d(?:[eE][+-]?\d{1,3})?%?)(?:\s*[(\[][^()\[\]a-zA-Z]{1,40}[)\]])?$")
IDENTIFIERS = {
    "id", "cpr", "pnr", "cprnr", "cprnummer", "personnummer", "lbnr", "patientid", "personid", "mrn", "personnr",
    "patientnr", "patientnummer", "journalnr", "journalnummer", "løbenr", "løbenummer", "subjid", "subjectid", "idnr",
    "uuid", "guid",
}  # fmt: skip
MANY_ROWS = 20


def inspect(name: str, raw: bytes) -> Inspected:
    """The canonical copy of a CSV file; raises NoCanonicalForm."""
    dropped: list[Dropped] = []
    text = decode(raw, dropped)
    rows = _parse(text)
    out = io.StringIO()
    csv.writer(out, delimiter=_delimiter(text), lineterminator="\n").writerows(rows)
    canonical = out.getvalue().encode()
    if "\u00a0" in text:
        dropped.append(Dropped("spaces that do not break, now spaces", "whole file"))
    if "\r" in text:
        dropped.append(Dropped("carriage returns", "line ends"))
    if any(
        cell != cell.strip()
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text))
        for cell in row
    ):
        dropped.append(Dropped("spaces around cells", "whole file"))
    findings = [
        *persons.numbers((place(rows, r, c), cell) for r, row in enumerate(rows) for c, cell in enumerate(row)),
        *_invisible(rows),
        *_formulas(rows),
        *_shape(rows),
        *small_counts(rows),
        *records(rows),
        *_in_two_cells(rows),
        *_encoded(rows),
    ]
    return Inspected("csv", canonical, view.page(name, view.table(rows[0], rows[1:])), dropped, findings)


def _delimiter(text: str) -> str:
    """The delimiter that the heading row has most of; a comma when it has one column."""
    heading = re.sub(r'"[^"]*"', "", text.lstrip("\r\n").splitlines()[0]) if text.strip() else ""
    return max(DELIMITERS, key=lambda d: (heading.count(d), d == ","))


def _parse(text: str) -> list[list[str]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
    rows: list[list[str]] = []
    cells = 0
    try:
        for row in reader:
            cells += len(row)
            if cells > MOST_CELLS or len(rows) > MOST_ROWS:
                raise NoCanonicalForm("too_many_cells")
            if row:
                rows.append(
                    [cell.replace("\r\n", "\n").replace("\r", "\n").replace("\u00a0", " ").strip() for cell in row]
                )
    except csv.Error as e:
        raise NoCanonicalForm("no_table", str(e)) from None
    if not rows or not any(cell.strip() for cell in rows[0]):
        raise NoCanonicalForm("no_table")
    if max(len(row) for row in rows) * len(rows) > MOST_CELLS:
        raise NoCanonicalForm("too_many_cells", "rows of very different length")
    return rows


def _invisible(rows: list[list[str]]) -> list[Finding]:
    return [
        Finding("invisible", place(rows, r, c), ", ".join(found[:5]))
        for r, row in enumerate(rows)
        for c, cell in enumerate(row)
        if (found := hidden(cell, allowed="\n" if r else ""))  # a heading of many lines pushes the table away
    ]


def records(rows: list[list[str]]) -> list[Finding]:
    """Rows about single persons: most with an identifier of their own, or the index that pandas and R write."""
    found = []
    for column, [(_, heading), *cells] in enumerate(columns(rows)):
        words = re.findall(r"[a-zæøå]+", re.sub(r"(?<=[a-zæøå])(?=[A-ZÆØÅ])", " ", heading).lower())
        values = [cell for _, cell in cells]
        keyed = {*words, "".join(words)} & IDENTIFIERS and len(values) >= 3 and 2 * len(set(values)) >= len(values)
        unnamed = column == 0 and heading in {"", "Unnamed: 0"} and len(values) >= MANY_ROWS
        if keyed or (unnamed and _is_index(values)):
            found.append(Finding("rows", f"column {heading[:80] or column + 1}", f"{len(values)} rows"))
    return found


def _is_index(values: list[str]) -> bool:
    """Whether these are whole numbers, each there once, and not years."""
    return (
        all(value.isdecimal() for value in values)
        and len(set(values)) == len(values)
        and not all(len(value) == 4 and value[:2] in {"18", "19", "20"} for value in values)
    )


def _in_two_cells(rows: list[list[str]]) -> list[Finding]:
    """Columns of dates beside columns of four digits, which together are CPR numbers in each row."""
    found = []
    for column in range(len(rows[0]) - 1):
        pairs = [
            (place(rows, r, column), f"{row[column]}-{row[column + 1]}")
            for r, row in enumerate(rows)
            if r and len(row) > column + 1 and len(row[column]) in range(6, 11) and len(row[column + 1]) == 4
        ]
        numbers = persons.numbers(pairs) if len(pairs) >= 3 and 2 * len(pairs) > len(rows) else []
        found += numbers if len(numbers) == len(pairs) else []
    return found


def _encoded(rows: list[list[str]]) -> list[Finding]:
    return [
        Finding("encoded", place(rows, r, c), f"{len(cell)} characters")
        for r, row in enumerate(rows)
        for c, cell in enumerate(row)
        if len(cell) >= RUN and ENCODED.search(cell)
    ]


def _formulas(rows: list[list[str]]) -> list[Finding]:
    return [
        Finding("formula", place(rows, r, c), f"begins with {cell[0]!r}")
        for r, row in enumerate(rows)
        for c, cell in enumerate(row)
        if _is_formula(cell)
    ]


def _is_formula(cell: str) -> bool:
    begins = FORMULA.match(unicodedata.normalize("NFKC", cell[:1])) and not NUMBER.match(cell) and cell != "-"
    return bool(begins or BEHIND_DELIMITER.search(cell))


def _shape(rows: list[list[str]]) -> list[Finding]:
    found = []
    if len(rows) - 1 > LONG:
        found.append(Finding("long", "whole file", f"{len(rows) - 1} rows"))
    found += [
        Finding("long", place(rows, r, c), f"{len(cell)} characters")
        for r, row in enumerate(rows)
        for c, cell in enumerate(row)
        if len(cell) > LONG_CELL
    ]
    widths = {len(row) for row in rows}
    if len(widths) > 1:
        odd = next(i for i, row in enumerate(rows) if len(row) != len(rows[0]))
        found.append(Finding("ragged", f"row {odd + 1}", f"{len(rows[odd])} cells, the heading has {len(rows[0])}"))
    return found
