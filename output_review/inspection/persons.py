"""CPR numbers in text. RE2 takes time linear in the text, whatever the text is."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator

import re2
from stdnum.dk import cpr

from output_review.inspection.report import Finding

SHAPE = re2.compile(
    r"(?:^|[^0-9.,]|[^0-9][.,])((?:0[1-9]|[12][0-9]|3[01])(?:0[1-9]|1[0-2])[0-9]{2}[- ]?[0-9]{4})(?:$|[^0-9])"
)
SHORN = re2.compile(r"(?:^|[^0-9.,-]|[^0-9][.,])([1-9](?:0[1-9]|1[0-2])[0-9]{2}-?[0-9]{4})(?:$|[^0-9.,])")
"""A number whose leading zero a spreadsheet took."""


def numbers(cells: Iterable[tuple[str, str]]) -> list[Finding]:
    """Findings for what has the shape of a CPR number and a date that exists, in texts with their places.

    The check digit is not asked: numbers since 2007 need not have a right one (CPR-kontoret).
    """
    return [
        Finding("cpr", place, f"{number[:2]}••••-••••")
        for place, text in cells
        for line in text.splitlines()
        for number in _in_line(line)
    ]


def _in_line(content: str) -> Iterator[str]:
    for shape, lead in ((SHAPE, ""), (SHORN, "0")):
        start = 0
        while match := shape.search(content, start):
            number = lead + match.group(1).replace("-", "").replace(" ", "")
            if _has_a_birthday(number):
                yield number
            start = match.end(1)


def _has_a_birthday(number: str) -> bool:
    try:
        return bool(cpr.get_birth_date(number) <= datetime.date.today())  # noqa: DTZ011 (a day either way is no matter)
    except Exception:  # stdnum raises its own family of errors for what is no number
        return False
