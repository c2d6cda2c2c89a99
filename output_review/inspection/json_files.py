"""JSON: parsed and written again, so that nothing is in it but its values."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NoReturn

from output_review.inspection import text, view
from output_review.inspection.report import Dropped, Finding, Inspected, NoCanonicalForm
from output_review.inspection.small import THRESHOLD, is_count, small_counts, whole
from output_review.inspection.tables import records
from output_review.inspection.text import LONG_LINES, LONG_TEXT, MOST_LINES, MOST_TEXT

MANY_OBJECTS = 20
"""A list of as many objects is likely rows of data."""
MOST_DEPTH = 100
"""Of lists and objects in each other."""


def inspect(name: str, raw: bytes) -> Inspected:
    """The canonical copy of a JSON file; raises NoCanonicalForm."""
    dropped: list[Dropped] = []
    given = text.decode(raw, dropped)
    value = load(given)
    written = json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    count = written.count("\n")
    if count > MOST_LINES or len(written) > MOST_TEXT:
        raise NoCanonicalForm("too_many_lines", f"{count} lines, {len(written)} characters")
    if given not in {written, written.rstrip("\n")}:
        dropped.append(Dropped("spaces, line breaks, escapes and the way numbers were written", "whole file"))
    findings = [*text.looked_at(written.rstrip("\n"), ""), *_counts(value), *_rows(value)]
    if count > LONG_LINES or len(written) > LONG_TEXT:
        findings.append(Finding("long", "whole file", f"{count} lines"))
    return Inspected("json", written.encode(), view.page(name, view.lines(written.rstrip("\n"))), dropped, findings)


def load(given: str, constant: Callable[[str], Any] | None = None) -> Any:
    """A JSON value without names that are there twice; raises NoCanonicalForm.

    Args:
        constant: what NaN and Infinity become; without it they are refused.
    """
    try:
        value = json.loads(
            given, object_pairs_hook=_object, parse_constant=constant or _no_constant, parse_float=_number
        )
    except RecursionError:
        raise NoCanonicalForm("not_json", "nested too deep") from None
    except ValueError as e:
        raise NoCanonicalForm("not_json", str(e)) from None
    level = [value]
    for _ in range(MOST_DEPTH):
        level = [one for outer in level for one in _within(outer)]
    if level:
        raise NoCanonicalForm("not_json", "nested too deep")
    return value


def _within(value: Any) -> Iterable[Any]:
    return value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()


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
            if is_count(key) and any(_small(n) for n in _counted(count)):
                found.append(Finding("small_count", f"{place}.{key}"[:300], str(count)[:40]))
        for rows in _tables(one):
            found += [Finding(f.rule, f"{place}, {f.place}"[:400], f.evidence) for f in small_counts(rows)]
    return found


def _counted(value: Any) -> Iterator[Any]:
    """The numbers of a field: itself, those of its list, or those by group and group in a group."""
    if isinstance(value, dict):
        for one in value.values():
            yield from _counted(one)
    else:
        yield from value if isinstance(value, list) else [value]


def _tables(value: Any) -> Iterator[list[list[str]]]:
    """The table that a value is, with its heading: rows below their heading, or beside the names of their columns."""
    if isinstance(value, dict) and isinstance(value.get("columns"), list):
        value = [value["columns"], *value["data"]] if isinstance(value.get("data"), list) else value
    if not (isinstance(value, list) and value and all(isinstance(row, list) for row in value)):
        return
    rows = [[str(cell) for cell in row] for row in value]
    if all(isinstance(name, str) for name in value[0]):
        yield rows


def _records(value: Any) -> Iterator[list[list[str]]]:
    """The table that objects of the same fields are, or lists of the same length by the names of their columns."""
    if isinstance(value, list) and value and all(isinstance(row, dict) for row in value):
        names = list(value[0])
        yield [names, *([str(row.get(name)) for name in names] for row in value)]
    if isinstance(value, dict) and value and all(isinstance(column, list) for column in value.values()):
        columns = [map(str, column) for column in value.values()]
        yield [list(value), *map(list, zip(*columns, strict=False))]


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
        else:
            for rows in (*_tables(one), *_records(one)):
                found += [Finding(f.rule, f"{place}, {f.place}"[:400], f.evidence) for f in records(rows)]
    return found
