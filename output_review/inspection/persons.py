"""CPR numbers in text. RE2 takes time linear in the text, whatever the text is."""

from __future__ import annotations

import datetime
import unicodedata
from collections.abc import Iterable, Iterator

import re2
from stdnum.dk import cpr

from output_review.inspection.report import Finding

BEFORE, AFTER = r"(?:^|[^0-9.]|[^0-9][.])", r"(?:\.0+)?(?:$|[^0-9])"
SHAPE = re2.compile(
    BEFORE + r"((?:0[1-9]|[12][0-9]|3[01])[-./]?(?:0[1-9]|1[0-2])[-./]?[0-9]{2} {0,2}-? {0,2}[0-9]{4})" + AFTER
)
SHORN = re2.compile(r"(?:^|[^0-9.-]|[^0-9][.])([1-9](?:0[1-9]|1[0-2])[0-9]{2}-?[0-9]{4})" + AFTER)
"""A number whose leading zero a spreadsheet took."""
DASHES = dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2014\u2212"), "-")
NOT_DIGITS = str.maketrans("", "", "-./ ")


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
    content = unicodedata.normalize("NFKC", content).translate(DASHES)
    for shape, lead in ((SHAPE, ""), (SHORN, "0")):
        start = 0
        while match := shape.search(content, start):
            number = lead + match.group(1).translate(NOT_DIGITS)
            if _has_a_birthday(number):
                yield number
            start = match.end(1)


def _has_a_birthday(number: str) -> bool:
    try:
        return bool(cpr.get_birth_date(number) <= datetime.date.today())  # noqa: DTZ011 (a day either way is no matter)
    except Exception:  # stdnum raises its own family of errors for what is no number
        return False
