"""CSV: decoded, parsed and written again, so that nothing is in it but the cells."""

from __future__ import annotations

import csv
import html
import io
import re

from output_review.inspection import persons
from output_review.inspection.characters import hidden
from output_review.inspection.report import Dropped, Finding, Inspected, NoCanonicalForm

DELIMITERS = ",;\t|"
MOST_CELLS = 200_000
MOST_ROWS = 5_000
"""More than this is a data set, not a table (OpenSAFELY's limit); a checker is shown every row of what may leave."""
LONG = 1_000
THRESHOLD = 5
"""Persons: groups below it must not be shown (Sundhedsdatastyrelsen)."""

FORMULA = re.compile(r"^[=+\-@\t\r]")
NUMBER = re.compile(r"^[+-]?[\d.,\s]*\d%?$")
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


def inspect(name: str, raw: bytes) -> Inspected:
    """The canonical copy of a CSV file; raises NoCanonicalForm."""
    dropped: list[Dropped] = []
    text = _decode(raw, dropped)
    rows = _parse(text)
    out = io.StringIO()
    csv.writer(out, delimiter=_delimiter(text), lineterminator="\n").writerows(rows)
    canonical = out.getvalue().encode()
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
    ]
    return Inspected("csv", canonical, _view(name, rows), dropped, findings)


def _decode(raw: bytes, dropped: list[Dropped]) -> str:
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise NoCanonicalForm("encoding")
    if b"\0" in raw:
        raise NoCanonicalForm("binary")
    if raw.startswith(b"\xef\xbb\xbf"):
        dropped.append(Dropped("byte order mark", "start"))
        raw = raw[3:]
    try:
        return raw.decode()
    except UnicodeDecodeError:
        pass
    try:
        text = raw.decode("cp1252")
    except UnicodeDecodeError as e:
        raise NoCanonicalForm("encoding", str(e)) from None
    dropped.append(Dropped("the encoding Windows-1252, now UTF-8", "whole file"))
    return text


def _delimiter(text: str) -> str:
    """The delimiter that the heading row has most of; a comma when it has one column."""
    heading = text.lstrip("\r\n").splitlines()[0] if text.strip() else ""
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
                rows.append([cell.replace("\r\n", "\n").replace("\r", "\n").strip() for cell in row])
    except csv.Error as e:
        raise NoCanonicalForm("no_table", str(e)) from None
    if not rows or not any(cell.strip() for cell in rows[0]):
        raise NoCanonicalForm("no_table")
    return rows


def place(rows: list[list[str]], row: int, column: int) -> str:
    """How a person finds a cell: its row, counted with the heading as 1, and its column's name."""
    heading = rows[0][column] if column < len(rows[0]) else ""
    return f"row {row + 1}, column {heading or column + 1}"


def _invisible(rows: list[list[str]]) -> list[Finding]:
    return [
        Finding("invisible", place(rows, r, c), ", ".join(found[:5]))
        for r, row in enumerate(rows)
        for c, cell in enumerate(row)
        if (found := hidden(cell, allowed="\n"))
    ]


def _formulas(rows: list[list[str]]) -> list[Finding]:
    return [
        Finding("formula", place(rows, r, c), f"begins with {cell[0]!r}")
        for r, row in enumerate(rows)
        for c, cell in enumerate(row)
        if FORMULA.match(cell) and not NUMBER.match(cell) and cell.strip() not in {"-", "–"}
    ]


def _shape(rows: list[list[str]]) -> list[Finding]:
    found = []
    if len(rows) - 1 > LONG:
        found.append(Finding("long", "whole file", f"{len(rows) - 1} rows"))
    widths = {len(row) for row in rows}
    if len(widths) > 1:
        odd = next(i for i, row in enumerate(rows) if len(row) != len(rows[0]))
        found.append(Finding("ragged", f"row {odd + 1}", f"{len(rows[odd])} cells, the heading has {len(rows[0])}"))
    return found


def small_counts(rows: list[list[str]], threshold: int = THRESHOLD) -> list[Finding]:
    """Counts of 1 up to the threshold in columns that look like counts; other columns are not counts of persons."""
    found = []
    for column, heading in enumerate(rows[0]):
        values = [_whole(row[column]) for row in rows[1:] if column < len(row) and row[column].strip()]
        numbers = [value for value in values if value is not None]
        if not numbers or not _is_count(heading, values):
            continue
        for r, row in enumerate(rows[1:], start=1):
            value = _whole(row[column]) if column < len(row) else None
            if value is not None and 0 < value < threshold:
                found.append(Finding("small_count", place(rows, r, column), f"{value}"))
    return found


def _is_count(heading: str, values: list[int | None]) -> bool:
    words = set(re.findall(r"[a-zæøå]+", re.sub(r"(?<=[a-zæøå])(?=[A-ZÆØÅ])", " ", heading).lower()))
    if words & OTHER_WORDS or not words & COUNT_WORDS:
        return False
    return sum(value is not None for value in values) >= 0.5 * len(values)


def _whole(cell: str) -> int | None:
    """A cell as a whole number: `3`, `3.0`, `3,0` and `1.234` are; `2,5` and `<5` are not."""
    text = cell.strip().replace("\u00a0", "").replace(" ", "")
    if re.fullmatch(r"\d{1,3}([.,]\d{3})+", text):
        return int(re.sub(r"[.,]", "", text))
    match = re.fullmatch(r"(\d{1,15})([.,]0+)?", text)
    return int(match.group(1)) if match else None


def _view(name: str, rows: list[list[str]]) -> str:
    def line(row: list[str], tag: str, number: str) -> str:
        cells = "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in row)
        return f"<tr><th class=n>{number}</th>{cells}</tr>"

    body = "".join(line(row, "td", str(i)) for i, row in enumerate(rows[1:], start=2))
    return page(name, f"<table><thead>{line(rows[0], 'th', '1')}</thead><tbody>{body}</tbody></table>")


def page(name: str, body: str) -> str:
    """A page for the frame: no script, no address of anything else."""
    style = (
        "body{font:14px sans-serif;margin:12px}table{border-collapse:collapse}"
        "td,th{border:1px solid #999;padding:2px 8px;text-align:left;white-space:pre-wrap}"
        "thead{position:sticky;top:0;background:#eee}.n{color:#555;font-weight:400}img{max-width:100%}"
    )
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{html.escape(name)}</title>'
        f"<style>{style}</style><body>{body}</body></html>"
    )
