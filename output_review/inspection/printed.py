"""Tables that were printed as text, as pandas and polars do: rows of data are to stay, and their counts are counts."""

from __future__ import annotations

import re
from collections.abc import Iterator

from output_review.inspection.report import Finding
from output_review.inspection.small import THRESHOLD, is_count, small_counts, whole

Row = list[str]
MANY_ROWS = 3
COLUMNS = 3
BOX = re.compile(r"[│┆|]")
RULE = re.compile(r"[\s─═╞╡╪┌┐└┘┬┴┼├┤│+=|:-]+")
SHAPE = re.compile(r"shape: \([\d_,]+, [\d_]+\)|\[\d+ rows x \d+ columns\]")
SERIES = re.compile(r"(?:Name: (?P<name>[^,\n]{1,80}), )?(?:Length: \d+, )?dtype: u?int\d+")
IDENTIFIER = re.compile(r"(?:^|_)(?:id|cpr|pnr|cprnr|personnummer|lbnr|mrn)(?:$|_)", re.IGNORECASE)


def findings(text: str, where: str) -> list[Finding]:
    """Rows that look like records, and small counts, in what was printed."""
    lines = text.split("\n")
    found = [Finding("rows", f"{where}line {first}", f"{count} rows") for first, count in _records(lines)]
    if not found and (shape := SHAPE.search(text)):
        line = text.count("\n", 0, shape.start()) + 1
        found.append(Finding("rows", f"{where}line {line}", shape.group()))
    for first, rows in tables(lines):
        found += [
            Finding(f.rule, f"{where}{f.place} of the table in line {first}", f.evidence) for f in small_counts(rows)
        ]
    return found + [Finding("small_count", f"{where}line {line}", count) for line, count in _series(lines)]


def tables(lines: list[str]) -> Iterator[tuple[int, list[Row]]]:
    """Runs of lines with the same number of columns, two or more: (the first line's number, rows)."""
    block: list[Row] = []
    first = 0
    for number, line in enumerate([*lines, ""], start=1):
        if line.strip() and RULE.fullmatch(line):
            continue
        row = _cells(line)
        if len(block) == 1 and len(row) == 1:
            continue  # the name of the index, which pandas writes below the heading
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
    for delimiter in ",;":
        if line.count(delimiter) > 1 and "  " not in line.strip():
            return [cell.strip() for cell in line.split(delimiter)]
    return [cell for cell in re.split(r"\s{2,}|\t", line.strip()) if cell]


def _continues(block: list[Row], row: Row) -> bool:
    """A heading has one cell less than the rows below it, which begin with their index."""
    return len(row) == len(block[-1]) or (len(block) == 1 and len(row) == len(block[0]) + 1)


def _with_heading(block: list[Row]) -> list[Row]:
    missing = len(block[-1]) - len(block[0])
    return [[""] * missing + block[0], *block[1:]]


def _words(line: str) -> Row:
    """The words of a line, whatever is between them."""
    if BOX.search(line):
        return [cell.strip() for cell in BOX.split(line.strip().strip("│|"))]
    commas = [line.count(delimiter) for delimiter in ",;"]
    return [word.strip() for word in re.split("[,;]", line)] if max(commas) > 1 else line.split()


def _records(lines: list[str]) -> Iterator[tuple[int, int]]:
    """Runs of lines that each begin with a whole number of their own: (the first line's number, how many).

    With a heading that is one word shorter the numbers are a data frame's index; with an identifier as its first word
    they are persons. Other tables that begin with numbers, as years, are not records.
    """
    run: list[Row] = []
    above: Row = []
    heading: Row = []
    for number, line in enumerate([*lines, ""], start=1):
        if line.strip() and RULE.fullmatch(line):
            continue
        words = _words(line)
        if len(words) >= COLUMNS - (1 if above and IDENTIFIER.search(above[0]) else 0) and words[0].isdigit():
            if not run:
                heading = above
            run.append(words)
            continue
        if len(run) >= MANY_ROWS and len({row[0] for row in run}) == len(run) and _heads_records(heading, run):
            yield number - len(run), len(run)
        run = []
        if words and not (len(words) == 1 and above and not IDENTIFIER.search(words[0])):
            above = words


def _heads_records(heading: Row, run: list[Row]) -> bool:
    if not heading:
        return False
    widths = sorted(len(row) for row in run)
    return bool(IDENTIFIER.search(heading[0])) or len(heading) == widths[len(widths) // 2] - 1


def _series(lines: list[str]) -> Iterator[tuple[int, str]]:
    """Small counts in a printed series, as of `value_counts()` and `size()`: (line, count).

    A line that says the type of what is above it may end with a number, and so be in the series of another such line
    below: what is above both is said once.
    """
    first = 0
    for end, line in enumerate(lines):
        described = SERIES.search(line)
        name = described["name"] if described else None
        if described is None or (name is not None and not is_count(name)):
            continue
        at = end - 1
        while (
            at >= first and (words := lines[at].split()) and (count := whole(words[-1])) is not None and len(words) > 1
        ):
            if 0 < count < THRESHOLD:
                yield at + 1, words[-1]
            at -= 1
        first = end
