"""What one row of a table is: a person, or something that many persons were counted or measured for.

What was counted or computed has a key at the left: names of groups, months, terms, thresholds, each once and in order.
Rows of persons have none but an identifier: what stands in their columns comes again in no order.
"""

from __future__ import annotations

import re
from enum import StrEnum
from itertools import pairwise

from inspection.parts import Grid
from inspection.understand.columns import FEW, YEAR, Column, Role, Table, once

Values = list[str]
NUMBER = re.compile(r"[<>~]?[+-]?\d[\d.,]*(?:[eE][+-]?\d+)?%?\*{0,3}|nan|NaN|NA|None|null|-?inf|")
PLAIN = re.compile(r"-?\d+(?:\.\d+)?")
DAY = re.compile(r"\d{4}-\d\d-\d\d.*")
MOST_KEYS = 5
"""Columns of a key."""
LONGEST_CODE = 15
"""Digits: longer ones are no codes that anybody gives."""
SHORTEST_CODE = 4
"""Digits from which on numbers of one length are codes of something."""
WIDE = 10
"""Columns of a table that may lie on its side."""
MANY = 20
"""Rows of numbers alone, without anything that names them, that nobody computes."""
COLUMNS = 2
"""Of fewer columns nothing can be said."""


class Unit(StrEnum):
    """What one row is."""

    PERSON = "person"
    KEYED = "keyed"
    """A group, a time, a term, a threshold: whatever its key names."""
    UNKNOWN = "unknown"


@once
def unit(table: Table) -> Unit:
    """What one row of a table is, or one column of a table that lies on its side; by its values alone."""
    rows = table.grid.rows
    if len(rows[0]) >= WIDE and all(len(row) == len(rows[0]) for row in rows):
        upright = Grid(table.grid.place, [list(column) for column in zip(*rows, strict=True)], table.grid.form)
        if _unit(Table(upright)) is Unit.PERSON:
            return Unit.PERSON
    return _unit(table)


def _unit(table: Table) -> Unit:
    columns = [one for one in table.columns if one.role is not Role.INDEX and any(cell.text for cell in one.cells)]
    rows = len(table.grid.rows) - 1
    if any(column.role is Role.IDENTIFIER for column in columns):
        return Unit.PERSON
    if rows < FEW or len(columns) < COLUMNS:
        return Unit.UNKNOWN
    if _is_code(columns[0]):
        return Unit.PERSON
    values = [[cell.text for cell in column.cells] for column in columns]
    keys = [_filled(column) for column in values[:MOST_KEYS]]
    if any(_is_key(keys[:width], rows) for width in range(1, min(MOST_KEYS, len(columns) - 1) + 1)):
        return Unit.KEYED
    is_long = rows >= MANY and all(NUMBER.fullmatch(value) for column in values for value in column)
    return Unit.PERSON if is_long or any(map(_comes_again, values)) else Unit.UNKNOWN


def _is_code(column: Column) -> bool:
    """Whether these are whole numbers of one length, each there once, and not one after another."""
    values = [cell.text for cell in column.cells]
    if not all(value.isdecimal() for value in values) or len(set(values)) < len(values):
        return False
    lengths = set(map(len, values))
    if len(lengths) != 1 or not SHORTEST_CODE <= lengths.pop() <= LONGEST_CODE:
        return False
    follow = sum(int(after) == int(before) + 1 for before, after in pairwise(values))
    years = all(YEAR.fullmatch(value) for value in values)
    return 2 * follow < len(values) and not years


def _is_key(key: list[Values], rows: int) -> bool:
    """Whether what stands in these columns is there once, and where whoever counts puts it."""
    combined = set(zip(*key, strict=False))
    if len(combined) < rows or any(len(values) < rows for values in key):
        return False
    if len(key) == 1:
        return _names(key[0])
    if any(map(_has_decimals, key)) or not any(map(_stand_together, key)):
        return False
    return all(2 * len(set(values)) <= rows for values in key if all(NUMBER.fullmatch(value) for value in values))


def _names(values: Values) -> bool:
    """Whether values that are there once can be what rows are of: words, or numbers and days in their order."""
    if all(DAY.fullmatch(value) for value in values):
        return values in (sorted(values), sorted(values, reverse=True))
    if not all(NUMBER.fullmatch(value) for value in values):
        return True
    numbers = [float(value) for value in values if PLAIN.fullmatch(value)]
    steps = [after - before for before, after in pairwise(numbers)]
    return len(numbers) == len(values) and (all(step > 0 for step in steps) or all(step < 0 for step in steps))


def _has_decimals(values: Values) -> bool:
    return all(NUMBER.fullmatch(value) for value in values) and any("." in value or "," in value for value in values)


def _stand_together(values: Values) -> bool:
    """Whether equal ones do, and there are such."""
    changes = sum(before != after for before, after in pairwise(values))
    return changes + 1 == len(set(values)) < len(values)


def _comes_again(values: Values) -> bool:
    """Whether half of the values, or more, are others' too, and do not stand together, as a person's sex does not."""
    there = [value for value in values if value]
    changes = sum(before != after for before, after in pairwise(there))
    return len(there) >= FEW and 2 * len(set(there)) <= len(there) and changes + 1 > len(set(there))


def _filled(values: Values) -> Values:
    """With what stands above where a cell is empty: in a table for people a group is named once."""
    filled: Values = []
    for value in values:
        filled.append(value or (filled[-1] if filled else ""))
    return filled
