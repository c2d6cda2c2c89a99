"""CSV and its like: decoded, parsed and written again, so that nothing is in it but the cells."""

from __future__ import annotations

import csv
import io
import re

from inspection import types, view
from inspection.extract.plain import decode
from inspection.parts import Extent, Extracted, Form, Grid
from inspection.places import Place
from inspection.report import Dropped, NoCanonicalForm

DELIMITERS = ",;\t|"
MOST_CELLS = 200_000
MOST_ROWS = 5_000
"""More than this is a data set, not a table (OpenSAFELY's limit); a checker is shown every row of what may leave."""
LONG = 1_000


def extract(name: str, raw: bytes) -> Extracted:
    """A table and its canonical copy; raises NoCanonicalForm."""
    dropped: list[Dropped] = []
    text = decode(raw, dropped)
    kind = types.by_name(name).name
    delimiter = "\t" if kind == "tsv" else _delimiter(text)
    rows = _parse(text, delimiter)
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, lineterminator="\n").writerows(rows)
    if "\u00a0" in text:
        dropped.append(Dropped("hard spaces", Place()))
    if "\r" in text:
        dropped.append(Dropped("carriage returns", Place(part="line ends")))
    if any(
        cell != cell.strip() for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) for cell in row
    ):
        dropped.append(Dropped("cell spaces", Place()))
    return Extracted(
        kind,
        out.getvalue().encode(),
        view.page(name, view.table(rows[0], rows[1:])),
        [Grid(Place(), rows, Form.FILE)],
        dropped,
        Extent("rows", len(rows) - 1, len(rows) - 1 > LONG),
    )


def _delimiter(text: str) -> str:
    """The delimiter that the heading row has most of; a comma when it has one column."""
    heading = re.sub(r'"[^"]*"', "", text.lstrip("\r\n").splitlines()[0]) if text.strip() else ""
    return max(DELIMITERS, key=lambda d: (heading.count(d), d == ","))


def _parse(text: str, delimiter: str) -> list[list[str]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
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
