"""CPR numbers in text. RE2 takes time linear in the text, whatever the text is."""

from __future__ import annotations

import datetime
import html
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import pairwise

import re2
from stdnum.dk import cpr

from inspection.characters import compatible
from inspection.parts import Grid
from inspection.places import Place
from inspection.policies import Policy
from inspection.report import Finding
from inspection.understand.columns import FEW
from inspection.understand.seen import Seen

BEFORE, AFTER = r"(?:^|[^0-9.]|[^0-9][.])", r"(?:\.0+)?(?:$|[^0-9])"
DAY, MONTH = r"(?:0[1-9]|[12][0-9]|3[01])", r"(?:0[1-9]|1[0-2])"
SHAPE = re2.compile(
    BEFORE
    + rf"({DAY}[-./]?{MONTH}[-./]?[0-9]{{2}}[ \t]{{0,2}}[-_/:+]{{0,2}}[ \t]{{0,2}}[0-9]{{4}}"
    + rf"|{DAY}[-./ ]?{MONTH}[-./ ]?(?:18|19|20)?[0-9]{{2}} {{0,2}}-{{1,2}} {{0,2}}[0-9]{{4}})"
    + AFTER
)
"""A date without spaces and four digits, or a date as it is written, a dash and four digits."""
SHORN = re2.compile(r"(?:^|[^0-9.-]|[^0-9][.])([1-9](?:0[1-9]|1[0-2])[0-9]{2}-?[0-9]{4})" + AFTER)
"""A number whose leading zero a spreadsheet took."""
POWER = re2.compile(r"(?:^|[^0-9.])([1-9]\.[0-9]{7,9}[eE]\+?0?[89])(?:$|[^0-9])")
"""A number as numpy and spreadsheets write a large one."""
MARKDOWN = str.maketrans("", "", "\\*`")
"""What Markdown does not show."""
NOT_DIGITS = str.maketrans("", "", "-./ \t_:+")
SHORTEST = 9
"""Characters of the shortest number, one whose leading zero was taken."""


def cpr_numbers(seen: Seen, _: Policy) -> Iterator[Finding]:
    """CPR numbers: in the file's name, in whatever can be read, and in two columns beside each other."""
    yield from _numbers([(Place(part="file name"), seen.read.name)])
    yield from _numbers(seen.read.strings())
    for grid in seen.read.grids():
        yield from _in_two_cells(grid)


def _numbers(strings: Iterable[tuple[Place, str]]) -> Iterator[Finding]:
    """Findings for what has the shape of a CPR number and a date that exists, in texts with their places.

    The check digit is not asked: numbers since 2007 need not have a right one (CPR-kontoret).
    """
    for place, text in strings:
        for line in text.splitlines():
            for number in _in_line(line):
                yield Finding.of_value(place, f"{number[:2]}••••-••••")


def _in_two_cells(grid: Grid) -> Iterator[Finding]:
    """Columns of dates beside columns of four digits, which together are CPR numbers in each row."""
    pairs: dict[int, list[tuple[Place, str]]] = defaultdict(list)
    for r, row in enumerate(grid.rows[1:], start=1):
        for column, (date, number) in enumerate(pairwise(row)):
            if len(date) in range(6, 11) and len(number) == 4:
                pairs[column].append((grid.cell(r, column), f"{date}-{number}"))
    for in_column in pairs.values():
        if len(in_column) >= FEW and 2 * len(in_column) > len(grid.rows):
            numbers = list(_numbers(in_column))
            yield from numbers if len(numbers) == len(in_column) else []


def _in_line(content: str) -> Iterator[str]:
    if len(content) < SHORTEST and content.isascii() and "&" not in content:
        return
    encoded = _plain(content).encode()  # once: RE2 would encode a whole text again for each number in it
    for shape, number_of in ((SHAPE, _without_century), (SHORN, "0{}".format), (POWER, _written_out)):
        start = 0
        while match := shape.search(encoded, start):
            written = match.group(1).decode()
            number = number_of(written if shape is POWER else written.translate(NOT_DIGITS))
            if _has_a_birthday(number):
                yield number
            start = match.end(1)


def _plain(content: str) -> str:
    """A line with the digits and dashes of ASCII for those of other scripts, and nothing that is not seen."""
    content = compatible(html.unescape(content)).translate(MARKDOWN)
    return content if content.isascii() else "".join(map(_ascii, content))


def _ascii(ch: str) -> str:
    category = unicodedata.category(ch)
    if category == "Nd":
        return str(unicodedata.decimal(ch))
    return {"Pd": "-", "Cf": ""}.get(category, "-" if ch == "\u2212" else ch)


def _without_century(digits: str) -> str:
    return digits[:4] + digits[-6:]


def _written_out(power: str) -> str:
    return f"{float(power):010.0f}"


def _has_a_birthday(number: str) -> bool:
    try:
        return bool(cpr.get_birth_date(number) <= datetime.date.today())  # noqa: DTZ011 (a day either way is no matter)
    except Exception:  # stdnum raises its own family of errors for what is no number
        return False
