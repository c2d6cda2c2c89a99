"""What one row of a table is, by its values: no name of a column is asked."""

from __future__ import annotations

import random

import pytest

from inspection.parts import Form, Grid
from inspection.places import Place
from inspection.understand.columns import Table
from inspection.understand.units import Unit, unit

CHANCE = random.Random(7)
REGIONS = ["Nord", "Syd", "Øst"]
PEOPLE = [
    [
        CHANCE.choice("MK"),
        str(CHANCE.randint(18, 95)),
        CHANCE.choice(["Nord", "Syd", "Øst"]),
        f"{CHANCE.gauss(26, 4):.1f}",
    ]
    for _ in range(20)
]
MONTHS = [f"{year}-{month:02}" for year in (2021, 2022) for month in range(1, 13)]


def what(rows: list[list[str]], heading: list[str] | None = None) -> Unit:
    return unit(Table(Grid(Place(), [heading or ["x"] * len(rows[0]), *rows], Form.FILE)))


@pytest.mark.parametrize(
    "rows",
    [
        PEOPLE,
        sorted(PEOPLE, key=lambda row: row[2]),
        [[str(CHANCE.randint(10**5, 10**6)), *row] for row in PEOPLE],
        [[str(n), row[0], row[1]] for n, row in zip(CHANCE.sample(range(10**4, 10**5), 20), PEOPLE, strict=True)],
        [row[:2] for row in PEOPLE],
        [[f"2021-0{CHANCE.randint(1, 9)}-1{CHANCE.randint(0, 9)}", *row] for row in PEOPLE],
        [list(column) for column in zip(*PEOPLE, strict=True)],
        [[f"{CHANCE.gauss(26, 4):.3f}", f"{CHANCE.gauss(42, 9):.3f}"] for _ in range(20)],
    ],
    ids=[
        "as they come",
        "sorted by region",
        "with a code",
        "code first",
        "two columns",
        "day first",
        "on their side",
        "measured",
    ],
)
def test_rows_of_persons(rows: list[list[str]]) -> None:
    assert what(rows) is Unit.PERSON


@pytest.mark.parametrize(
    "rows",
    [
        [["Nord", "120", "0.25"], ["Midt", "300", "0.5"], ["Syd", "45", "0.75"]],
        [[month, str(400 + n % 7), "6.9"] for n, month in enumerate(MONTHS)],
        [[str(year), "30", "0.1"] for year in range(2000, 2020)],
        [[region, sex, "120", "0.5"] for region in ("Nord", "Syd", "Øst") for sex in "MK"],
        [[region, str(year), "9.5"] for region in ("81", "82") for year in range(2000, 2010)],
        [["(Intercept)", "1.2", "0.1", "0.00"], ["age", "0.2", "0.1", "0.04"], ["sex", "1.2", "0.2", "0.04"]],
        [[str(age), "120", "0.5"] for age in range(20, 60, 5)],
        [[f"{n / 20}", f"{1 - n / 30:.2f}", "3"] for n in range(20)],
        [["age", "1.0", "0.3", "0.3"], ["bmi", "0.3", "1.0", "0.3"], ["bp", "0.3", "0.3", "1.0"]],
        [["mean", "44.1"], ["std", "12.2"], ["min", "18"], ["max", "90"]],
        [
            ["Sex", "Male", "120", "45"],
            ["", "Female", "130", "55"],
            ["Smoking", "Never", "90", "36"],
            ["", "Now", "60", "24"],
        ],
        [[str(y), r, s, a, "44"] for y in (2020, 2021) for r in ("Nord", "Syd") for s in "MK" for a in ("0-49", "50-")],
        [[r, what, "44"] for what in ("stroke", "cancer", "falls") for r in ("Nord", "Syd", "Øst")],
    ],
    ids=[
        "groups",
        "months",
        "years",
        "groups in groups",
        "years in codes",
        "terms",
        "ages",
        "a curve",
        "correlations",
        "described",
        "table one",
        "four groups",
        "long",
    ],
)
def test_rows_of_what_was_counted_or_computed(rows: list[list[str]]) -> None:
    assert what(rows) is Unit.KEYED
    assert what([[str(n), *row] for n, row in enumerate(rows)], ["", *["x"] * len(rows[0])]) is Unit.KEYED


def test_of_little_nothing_is_said() -> None:
    labels = ["Sex", "Male", "Female", "Missing", "Smoking", "Never", "Now", "Missing"]
    assert what([[label, str(100 + 7 * n), f"{n}.5"] for n, label in enumerate(labels)]) is Unit.UNKNOWN
    assert what([["a", "1"], ["b", "2"]]) is Unit.UNKNOWN
    assert what([["1"], ["2"], ["1"], ["2"]]) is Unit.UNKNOWN
