"""JSON: parsed and written again, so that nothing is in it but its values."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

from output_review.inspection import text, view
from output_review.inspection.report import Dropped, Finding, Inspected, NoCanonicalForm
from output_review.inspection.small import THRESHOLD, is_count, whole
from output_review.inspection.text import LONG_LINES, MOST_LINES

MANY_OBJECTS = 20
"""A list of as many objects is likely rows of data."""


def inspect(name: str, raw: bytes) -> Inspected:
    """The canonical copy of a JSON file; raises NoCanonicalForm."""
    dropped: list[Dropped] = []
    given = text.decode(raw, dropped)
    value = load(given)
    written = json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    count = written.count("\n")
    if count > MOST_LINES:
        raise NoCanonicalForm("too_many_lines", f"{count} lines")
    if given.strip() != written.strip():
        dropped.append(Dropped("spaces, line breaks, escapes and the way numbers were written", "whole file"))
    findings = [*text.looked_at(written.rstrip("\n"), ""), *_counts(value), *_rows(value)]
    if count > LONG_LINES:
        findings.append(Finding("long", "whole file", f"{count} lines"))
    return Inspected("json", written.encode(), view.page(name, view.lines(written.rstrip("\n"))), dropped, findings)


def load(given: str, constant: Callable[[str], Any] | None = None) -> Any:
    """A JSON value without names that are there twice; raises NoCanonicalForm.

    Args:
        constant: what NaN and Infinity become; without it they are refused.
    """
    try:
        return json.loads(
            given, object_pairs_hook=_object, parse_constant=constant or _no_constant, parse_float=_number
        )
    except RecursionError:
        raise NoCanonicalForm("not_json", "nested too deep") from None
    except ValueError as e:
        raise NoCanonicalForm("not_json", str(e)) from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise NoCanonicalForm("twice")
    return made


def _no_constant(name: str) -> NoReturn:
    raise NoCanonicalForm("not_json", name)


def _number(written: str) -> float:
    number = float(written)
    if number in {float("inf"), float("-inf")}:
        raise NoCanonicalForm("not_json", "a number that is too large")
    return number


def _walk(value: Any, place: str = "$") -> Iterator[tuple[str, Any]]:
    yield place, value
    below = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in below:
        yield from _walk(one, f"{place}[{key}]"[:300] if isinstance(value, list) else f"{place}.{key}"[:300])


def _counts(value: Any) -> list[Finding]:
    found = []
    for place, one in _walk(value):
        for key, count in one.items() if isinstance(one, dict) else ():
            counts = count if isinstance(count, list) else count.values() if isinstance(count, dict) else [count]
            if is_count(key) and any(_small(n) for n in counts):
                found.append(Finding("small_count", f"{place}.{key}"[:300], str(count)[:40]))
    return found


def _small(value: Any) -> bool:
    number = whole(str(value)) if isinstance(value, (int, float, str)) and not isinstance(value, bool) else None
    return number is not None and 0 < number < THRESHOLD


def _rows(value: Any) -> list[Finding]:
    found = []
    for place, one in _walk(value):
        if isinstance(one, dict) and sum(key.isdigit() for key in one) >= MANY_OBJECTS:
            found.append(Finding("rows", place[:300], f"{len(one)} numbered values"))
        if isinstance(one, list) and sum(isinstance(row, (dict, list)) for row in one) >= MANY_OBJECTS:
            found.append(Finding("rows", place[:300], f"a list of {len(one)}"))
    return found
