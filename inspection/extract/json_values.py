"""JSON: parsed and written again, so that nothing is in it but its values."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NoReturn

from inspection import view
from inspection.extract import plain
from inspection.parts import Extracted, Form, Grid, Text
from inspection.places import LONGEST_PATH, Place
from inspection.report import Dropped, NoCanonicalForm

MOST_DEPTH = 100
"""Of lists and objects in each other."""
SPARSE = 4
"""Cells of a table for each value that is there."""


def extract(name: str, raw: bytes) -> Extracted:
    """JSON's values, and its canonical copy; raises NoCanonicalForm."""
    dropped: list[Dropped] = []
    given = plain.decode(raw, dropped)
    value = load(given)
    written = json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False)
    extent = plain.extent(written)
    if given not in {written, f"{written}\n"}:
        dropped.append(Dropped("json layout", Place()))
    return Extracted(
        "json",
        f"{written}\n".encode(),
        view.page(name, view.lines(written)),
        [Text(Place(), written, is_laid_out=False), *grids(value)],
        dropped,
        extent,
    )


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


# -- the tables that values are ----------------------------------------------------------------------------------------
def grids(value: Any) -> Iterator[Grid]:
    """Every table in a value: objects side by side, columns by their names, rows below their heading."""
    for path, title, one in _walk(value, "$", ""):
        if isinstance(one, dict):
            yield from _of_object(path, title, one)
        elif isinstance(one, list) and one:
            yield from _of_list(path, title, one)


def _walk(value: Any, path: str, title: str) -> Iterator[tuple[str, str, Any]]:
    """Each value with its path and the name it has."""
    yield path, title, value
    if isinstance(value, dict):
        for key, one in value.items():
            yield from _walk(one, _below(path, key), key)
    elif isinstance(value, list):
        for number, one in enumerate(value):
            yield from _walk(one, f"{path}[{number}]"[:LONGEST_PATH], title)


def _below(path: str, key: str) -> str:
    return f"{path}.{key}"[:LONGEST_PATH]


def _of_object(path: str, title: str, value: dict[str, Any]) -> Iterator[Grid]:
    names, rows = value.get("columns"), value.get("data")
    if isinstance(names, list) and isinstance(rows, list) and all(isinstance(row, list) for row in rows):
        yield Grid(
            Place(path=path), [_cells(names), *map(_cells, rows)], Form.VALUES, title=title,
            path_of=lambda r, c: f"{_below(path, 'data')}[{r - 1}][{c}]",
        )  # fmt: skip
    fields = [key for key, one in value.items() if not isinstance(one, (dict, list))]
    columns = [key for key, one in value.items() if isinstance(one, list)]
    objects = [key for key, one in value.items() if isinstance(one, dict)]
    if fields:
        row = _cells(value[key] for key in fields)
        yield Grid(
            Place(path=path), [fields, row], Form.VALUES, title=title, path_of=lambda _, c: _below(path, fields[c])
        )
    for length in dict.fromkeys(len(value[key]) for key in columns):
        yield _of_columns(path, title, {key: value[key] for key in columns if len(value[key]) == length})
    if objects:
        yield _of_objects(path, title, {key: value[key] for key in objects})


def _of_columns(path: str, title: str, value: dict[str, list[Any]]) -> Grid:
    """Lists of one length by the names of their columns."""
    names = list(value)
    rows = zip(*map(_cells, value.values()), strict=True)
    return Grid(
        Place(path=path), [names, *map(list, rows)], Form.VALUES, title=title,
        path_of=lambda r, c: f"{_below(path, names[c])}[{r - 1}]",
    )  # fmt: skip


def _of_objects(path: str, title: str, value: dict[str, dict[str, Any]]) -> Grid:
    """Objects with a name each: a row for each, and a column for each of their fields.

    With few fields in common they are no table; each is one of its own, anyway.
    """
    keys, names = list(value), list(dict.fromkeys(name for one in value.values() for name in one))
    if len(names) * len(keys) > SPARSE * sum(map(len, value.values())):
        names = []
    return Grid(
        Place(path=path),
        [["", *names], *([key, *_cells(one.get(name, "") for name in names)] for key, one in value.items())],
        Form.VALUES,
        title=title,
        path_of=lambda r, c: _below(_below(path, keys[r - 1]), names[c - 1]) if r and c else path,
    )


def _of_list(path: str, title: str, value: list[Any]) -> Iterator[Grid]:
    if all(isinstance(row, dict) for row in value):
        names = list(value[0])
        rows = [_cells(row.get(name, "") for name in names) for row in value]
        yield Grid(
            Place(path=path), [names, *rows], Form.RECORDS, title=title,
            path_of=lambda r, c: _below(f"{path}[{r - 1}]", names[c]),
        )  # fmt: skip
    elif all(isinstance(row, list) for row in value):
        is_headed = all(isinstance(name, str) for name in value[0])
        rows = [*([] if is_headed else [[""] * len(value[0])]), *map(_cells, value)]
        first = 0 if is_headed else 1
        yield Grid(Place(path=path), rows, Form.RECORDS, title=title, path_of=lambda r, c: f"{path}[{r - first}][{c}]")


def _cells(values: Iterable[Any]) -> list[str]:
    """Values as the cells of a table; what is in them again has a table of its own."""
    return ["" if one is None or isinstance(one, (dict, list)) else str(one) for one in values]
