"""Files as researchers save them, safe and unsafe twins, made anew at each run with the programs of a room's image.

    docker run --rm -i IMAGE python - SEED TABLES < benchmarks/corpus.py > corpus.tar

Populations are drawn at random; nobody in them lives. A table of persons and what was counted of the same persons are
saved in the same forms. Half of the headings are Danish, a third of the words are made up for this run alone: no list
of words can know them.
"""

from __future__ import annotations

import contextlib
import io
import json
import random
import sys
import tarfile
from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd

SYLLABLES = [a + b for a in "bdfgklmnprstv" for b in ("a", "e", "i", "o", "u", "ø", "y")]
PERSONS = 3_000
SHOWN = 5
"""Rows that every form shows: what a part of a table does not show is not in the file."""


class Draw:
    """One population with the headings it has this time."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)  # noqa: S311
        self.numbers = np.random.default_rng(seed)
        self.danish = self.chance.random() < 0.5
        self.made_up = self.chance.random() < 1 / 3

    def name(self, english: str, danish: str) -> str:
        """A heading, in one of the ways that people write them."""
        if self.made_up:
            return "".join(self.chance.choices(SYLLABLES, k=3))
        name = danish if self.danish else english
        style = self.chance.choice(["as it is", "capital", "upper", "spaces", "camel"])
        words = name.split("_")
        if style == "camel":
            return words[0] + "".join(word.capitalize() for word in words[1:])
        return {"capital": name.capitalize(), "upper": name.upper(), "spaces": " ".join(words)}.get(style, name)

    def categories(self, known: list[str], number: int) -> list[str]:
        """Values of a variable with groups."""
        if self.made_up:
            return ["".join(self.chance.choices(SYLLABLES, k=3)).capitalize() for _ in range(number)]
        return self.chance.sample(known, min(number, len(known)))


def persons(draw: Draw) -> pd.DataFrame:
    """A row for each person, with four to eight variables of those that registers have."""
    n, number, chance = PERSONS, draw.numbers, draw.chance
    places = draw.categories(["Nord", "Midt", "Syd", "Hovedstaden", "Sjælland", "Odense", "Aarhus", "Esbjerg"], 5)
    codes = draw.categories(["DI21", "DI50", "DE11", "DC34", "DJ44", "DF32", "DN18", "DI63", "DK50"], 6)
    grades = draw.categories(["never", "former", "current", "aldrig", "tidligere", "nu"], 3)
    born = number.integers(1930, 2004, n)
    day = pd.Timestamp("2014-01-01") + pd.to_timedelta(number.integers(0, 3_600, n), "D")
    pool: dict[tuple[str, str], object] = {
        ("age", "alder"): 2024 - born,
        ("sex", "køn"): number.choice(["M", "F"] if not draw.danish else ["M", "K"], n),
        ("birth_year", "fødselsår"): born,
        ("region", "region"): number.choice(places, n),
        ("diagnosis", "diagnose"): number.choice(codes, n),
        ("smoking", "rygning"): number.choice(grades, n),
        ("bmi", "bmi"): number.normal(26, 4, n).round(1),
        ("systolic_bp", "systolisk_bt"): number.normal(135, 18, n).round(),
        ("hba1c", "hba1c"): number.normal(42, 9, n).round(1),
        ("income", "indkomst"): number.lognormal(12.6, 0.5, n).round(-2).astype(int),
        ("admitted", "indlagt_dato"): day.strftime("%Y-%m-%d"),
        ("days_in_bed", "sengedage"): number.poisson(4, n),
        ("died", "død"): number.integers(0, 2, n),
        ("visits", "besøg"): number.poisson(2, n),
        ("score", "score"): number.normal(0, 1, n).round(4),
        ("weight", "vægt"): number.normal(78, 14, n).round(1),
    }
    kept = chance.sample(list(pool), chance.randint(4, 8))
    frame = pd.DataFrame({draw.name(*heading): pool[heading] for heading in kept})
    if chance.random() < 0.4:
        key = draw.name(*chance.choice([("pid", "lbnr"), ("record", "løbenummer"), ("subject", "forløb"), ("k", "kd")]))
        frame.insert(0, key, chance.sample(range(10_000, 99_999), n))
    return frame


def aggregated(draw: Draw, frame: pd.DataFrame) -> pd.DataFrame:
    """What was counted, or measured, of the same persons: every number stands for at least thirty of them."""
    chance = draw.chance
    groups = [c for c in frame if 2 <= frame[c].nunique() <= 6]
    measures = [c for c in frame if pd.api.types.is_numeric_dtype(frame[c]) and frame[c].nunique() > 20]
    n = draw.name("n", "antal") if not draw.made_up else draw.name("", "")
    kinds = (
        ["months", "terms", "described"]
        + (["counts", "means"] if groups else [])
        + (["cross"] if len(groups) > 1 else [])
    )
    kind = chance.choice(kinds)
    if kind == "counts" or (kind == "means" and not measures):
        table = frame.groupby(chance.choice(groups)).size().rename(n).reset_index()
        table[draw.name("share", "andel")] = (table[n] / table[n].sum()).round(3)
        return table
    if kind == "means":
        group, measure = chance.choice(groups), chance.choice(measures)
        table = frame.groupby(group)[measure].agg(["count", "mean", "std"]).round(2).reset_index()
        return table.rename(columns={"count": n})
    if kind == "cross":
        one, other = chance.sample(groups, 2)
        return pd.crosstab(frame[one], frame[other]).rename_axis(columns=None).reset_index()
    if kind == "months":
        months = pd.period_range("2019-01", periods=chance.randint(12, 36), freq="M").astype(str)
        counts = draw.numbers.integers(40, 900, len(months))
        return pd.DataFrame({draw.name("month", "måned"): months, n: counts, "rate": (counts / 58).round(1)})
    if kind == "described" and measures:
        return frame[chance.sample(measures, min(3, len(measures)))].agg(["mean", "std"]).round(2).T.reset_index()
    terms = ["(Intercept)", *chance.sample(list(frame.columns), min(4, frame.shape[1]))]
    estimate, error = draw.numbers.normal(0, 1, len(terms)), draw.numbers.uniform(0.05, 0.4, len(terms))
    return pd.DataFrame({
        draw.name("term", "led"): terms, "estimate": estimate.round(3), "se": error.round(3),
        "p": draw.numbers.uniform(0, 1, len(terms)).round(4),
        "low": (estimate - 1.96 * error).round(3), "high": (estimate + 1.96 * error).round(3),
    })  # fmt: skip


# -- how a table is saved ----------------------------------------------------------------------------------------------
def _notebook(*outputs: dict[str, object]) -> str:
    cell = {
        "cell_type": "code",
        "id": "a",
        "metadata": {},
        "source": "",
        "execution_count": 1,
        "outputs": list(outputs),
    }
    return json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


def _shown(frame: pd.DataFrame) -> str:
    data = {"text/plain": repr(frame), "text/html": frame._repr_html_()}
    return _notebook({"output_type": "execute_result", "data": data, "metadata": {}, "execution_count": 1})


def _said(text: str) -> str:
    return _notebook({"output_type": "stream", "name": "stdout", "text": text})


def _polars(frame: pd.DataFrame) -> str:
    import polars as pl

    with pl.Config(tbl_rows=-1):
        return str(pl.from_pandas(frame.astype({c: str for c in frame if frame[c].dtype == object})))


def _duckdb(frame: pd.DataFrame) -> str:
    import duckdb

    return duckdb.from_df(frame).limit(40).__str__()


def _loop(frame: pd.DataFrame) -> str:
    return "\n".join(" ".join(map(str, row)) for row in frame.itertuples(index=False))


def _tuples(frame: pd.DataFrame) -> str:
    return "\n".join(map(repr, frame.itertuples(index=False, name=None)))


def _dicts(frame: pd.DataFrame) -> str:
    return "\n".join(map(repr, frame.to_dict("records")))


def _prose(frame: pd.DataFrame) -> str:
    return "\n".join(
        "; ".join(f"{name} was {value}" for name, value in row.items()) + "." for row in frame.to_dict("records")
    )


def _values(frame: pd.DataFrame) -> str:
    with np.printoptions(threshold=10_000, linewidth=200):
        return str(frame.to_numpy())


FORMS: dict[str, tuple[str, Callable[[pd.DataFrame], str]]] = {
    "csv": ("csv", lambda f: f.to_csv(index=False)),
    "csv with its index": ("csv", lambda f: f.to_csv()),
    "csv in Danish": ("csv", lambda f: f.to_csv(index=False, sep=";", decimal=",")),
    "csv without a heading": ("csv", lambda f: f.to_csv(index=False, header=False)),
    "csv on its side": ("csv", lambda f: f.T.to_csv(header=False)),
    "csv of ten rows": ("csv", lambda f: f.head(10).to_csv(index=False)),
    "csv with tabs": ("csv", lambda f: f.to_csv(index=False, sep="\t")),
    "csv in a text": ("txt", lambda f: f.to_csv(index=False)),
    "json records": ("json", lambda f: f.to_json(orient="records", force_ascii=False)),
    "json columns": ("json", lambda f: f.to_json(force_ascii=False)),
    "json split": ("json", lambda f: f.to_json(orient="split", force_ascii=False)),
    "json lists": ("json", lambda f: json.dumps(json.loads(f.to_json(orient="values")))),
    "printed by pandas": ("txt", lambda f: f.to_string()),
    "printed without an index": ("txt", lambda f: f.to_string(index=False)),
    "printed short": ("txt", repr),
    "printed by its first column": ("txt", lambda f: f.set_index(f.columns[0]).to_string()),
    "printed by polars": ("txt", _polars),
    "printed by duckdb": ("txt", _duckdb),
    "printed by numpy": ("txt", _values),
    "printed in a loop": ("txt", _loop),
    "printed as tuples": ("txt", _tuples),
    "printed as dictionaries": ("txt", _dicts),
    "told in sentences": ("txt", _prose),
    "Markdown": ("md", lambda f: f.to_markdown(index=False)),
    "Markdown with its index": ("md", lambda f: f.to_markdown()),
    "a grid": ("txt", lambda f: f.to_markdown(index=False, tablefmt="grid")),
    "LaTeX": ("txt", lambda f: f.to_markdown(index=False, tablefmt="latex_booktabs")),
    "shown in a notebook": ("ipynb", _shown),
    "its head in a notebook": ("ipynb", lambda f: _shown(f.head())),
    "printed in a notebook": ("ipynb", lambda f: _said(f.to_string())),
    "looped in a notebook": ("ipynb", lambda f: _said(_loop(f))),
    "polars in a notebook": ("ipynb", lambda f: _said(_polars(f))),
}


def small(draw: Draw, table: pd.DataFrame) -> pd.DataFrame | None:
    """The same counts with a few of them below five, or None for a table that counts nothing."""
    counted = [c for c in table if pd.api.types.is_integer_dtype(table[c]) and table[c].min() >= 30]
    if not counted:
        return None
    made = table.copy()
    for _ in range(draw.chance.randint(1, 3)):
        row = draw.chance.randrange(min(len(made), SHOWN))
        made.loc[row, draw.chance.choice(counted)] = draw.chance.randint(1, 4)
    return made


def files(seed: int, tables: int) -> Iterator[tuple[str, str]]:
    """Name and text of each file: `check/verdict/form/number.ending`."""
    for number in range(tables):
        draw = Draw(seed + number)
        population = persons(draw)
        shown = population.sample(draw.chance.choice([12, 30, 60]), random_state=number).reset_index(drop=True)
        table = aggregated(draw, population)
        few = small(draw, table)
        for form, (ending, saved) in FORMS.items():
            for check, verdict, frame in (
                ("rows", "unsafe", shown),
                ("rows", "safe", table),
                ("counts", "unsafe", few),
            ):
                if frame is not None:
                    with contextlib.redirect_stdout(io.StringIO()):
                        yield f"{check}/{verdict}/{form}/{number}.{ending}", saved(frame)


def main() -> None:
    """Write them to standard output."""
    seed, tables = map(int, sys.argv[1:])
    with tarfile.open(fileobj=sys.stdout.buffer, mode="w|") as out:
        for name, text in files(seed, tables):
            raw = text.encode()
            header = tarfile.TarInfo(name)
            header.size = len(raw)
            out.addfile(header, io.BytesIO(raw))


if __name__ == "__main__":
    main()
