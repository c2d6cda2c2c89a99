"""One parser for every way to print a table: whatever its form, checks see the same cells."""

from __future__ import annotations

import json

import pytest

from inspection import layout
from inspection.engine import inspect
from inspection.parts import Grid, Text
from inspection.places import Place, words
from portal.translation import translator

ROWS = [["region", "share", "antal"], ["Nord", "0.25", "120"], ["Midt", "0.50", "3"], ["Syd", "0.75", "45"]]
BARE = "region  share  antal\n  Nord   0.25    120\n  Midt   0.50      3\n   Syd   0.75     45"
CSV = "\n".join(",".join(row) for row in ROWS)
BOXED = ["│ " + " ┆ ".join(row) + " │" for row in ROWS]
PRINTED = {
    "pandas": "  region  share  antal\n0   Nord   0.25    120\n1   Midt   0.50      3\n2    Syd   0.75     45",
    "pandas without its index": BARE,
    "pandas by a group": "        share  antal\nregion              \n"
    + "Nord     0.25    120\nMidt     0.50      3\nSyd      0.75     45",
    "CSV": CSV,
    "CSV with a semicolon": CSV.replace(",", ";"),
    "tabs": CSV.replace(",", "\t"),
    "Markdown": "\n".join("| " + " | ".join(row) + " |" for row in [ROWS[0], ["---"] * 3, *ROWS[1:]]),
    "a grid of Markdown": "+---+---+---+\n" + "\n+---+---+---+\n".join("| " + " | ".join(row) + " |" for row in ROWS),
    "LaTeX": "\\begin{tabular}{lrr}\n\\toprule\n"
    + "\n".join(" & ".join(row) + r" \\" for row in ROWS)
    + "\n\\bottomrule\n\\end{tabular}",
    "polars": "\n".join(
        [
            "shape: (3, 3)",
            "┌─────┐",
            BOXED[0],
            "│ --- ┆ --- ┆ --- │",
            "│ str ┆ f64 ┆ i64 │",
            "╞═════╡",
            *BOXED[1:],
            "└─────┘",
        ]
    ),
    "words": "\n".join(" ".join(row) for row in ROWS),
    "between words": f"Here is what came out:\n\n{BARE}\n\nand that is all of it.",
    "below a sentence": f"Here is what came out\n{BARE}",
}
COLUMNS = list(map(list, zip(*ROWS, strict=True)))
RECORDS = [dict(zip(ROWS[0], row, strict=True)) for row in ROWS[1:]]
JSON = {
    "records": RECORDS,
    "columns and data": {"columns": ROWS[0], "data": ROWS[1:]},
    "lists by column": {column[0]: column[1:] for column in COLUMNS},
    "objects by row": {row["region"]: row for row in RECORDS},
    "objects by column": {column[0]: dict(zip(COLUMNS[0][1:], column[1:], strict=True)) for column in COLUMNS[1:]},
    "rows": ROWS,
    "a group in a group": {"antal": {"mænd": {"Nord": "120", "Midt": "3"}}},
}


def grids(text: str) -> list[Grid]:
    return list(layout.grids(Text(Place(), text)))


@pytest.mark.parametrize("form", PRINTED)
def test_a_small_count_is_found_however_it_was_printed(form: str) -> None:
    text = PRINTED[form]
    found = [one for one in inspect("a.txt", text.encode()).findings if one.check == "small_count"]
    assert [one.values for one in found] == [{"value": "3"}]
    assert found[0].place.heading == "antal"
    assert "Midt" in text.splitlines()[(found[0].place.line or 0) - 1]
    assert not [
        one for one in inspect("a.txt", text.replace("3", "30").encode()).findings if one.check == "small_count"
    ]


@pytest.mark.parametrize("shape", JSON)
def test_a_small_count_is_found_in_every_shape_of_json(shape: str) -> None:
    found = [one for one in inspect("a.json", json.dumps(JSON[shape]).encode()).findings if one.check == "small_count"]
    assert {json.dumps(one.values) for one in found} == {'{"value": "3"}'}
    assert all(one.place.path.startswith("$") for one in found)


def test_the_same_table_has_the_same_cells() -> None:
    assert grids(PRINTED["Markdown"])[0].rows == ROWS
    assert grids(PRINTED["polars"])[0].rows == ROWS
    assert grids(PRINTED["LaTeX"])[0].rows == ROWS
    assert grids(PRINTED["CSV with a semicolon"])[0].rows == ROWS
    assert grids(PRINTED["pandas by a group"])[0].rows == ROWS
    assert [row[1:] for row in grids(PRINTED["pandas"])[0].rows] == ROWS


@pytest.mark.parametrize(
    "text",
    [
        "The study has two parts. The first\nis about hearts, the second about\nlungs, and both are short.",
        "one line of words",
        "- first, second\n- third, fourth",
        "",
    ],
)
def test_prose_is_no_table(text: str) -> None:
    assert grids(text) == []


def test_years_can_head_columns_and_numbers_cannot() -> None:
    assert grids("region  2020  2021\nNord     12    30")[0].rows[0] == ["region", "2020", "2021"]
    assert grids("Nord  12  30\nSyd   14  31")[0].rows[0] == ["", "", ""]


def test_a_place_is_said_in_both_languages() -> None:
    place = Place(cell=3, output=1, line=2, column=4, heading="antal").as_json()
    assert words(place) == "cell 3, output 1, line 2, column antal"
    assert words(place, translator("da").gettext) == "celle 3, output 1, linje 2, kolonne antal"
    assert words({}) == "whole file"
    assert words({"elsewhere": True}, translator("da").gettext) == "andre steder"
    assert words(Place(part="pixels").as_json(), translator("da").gettext) == "pixels"


def test_a_finding_names_its_check_and_the_policy() -> None:
    said = inspect("a.csv", CSV.encode()).as_json()
    assert said["policy"] == "sundhedsdatastyrelsen/1"
    [finding] = said["findings"]
    assert finding["place"] == {"row": 3, "column": 3, "heading": "antal"}
    assert (finding["check"], finding["kind"], finding["severity"]) == ("small_count", "small-count", "decide")
