"""Synthetic Danish-looking registers for the demo: nobody's data, the same for the same seed and size."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import polars as pl

SEED = 20260101
PERSONS = 100_000
LAST_DAY = date(2025, 12, 31)

REGIONS = {"Hovedstaden": 0.32, "Midtjylland": 0.23, "Syddanmark": 0.21, "Sjælland": 0.14, "Nordjylland": 0.10}
DIAGNOSES = {
    "DI10": 0.22,  # hypertension
    "DE11": 0.14,  # type 2 diabetes
    "DJ44": 0.11,  # COPD
    "DI48": 0.10,  # atrial fibrillation
    "DI21": 0.07,  # myocardial infarction
    "DI63": 0.06,  # stroke
    "DC50": 0.05,  # breast cancer
    "DM16": 0.08,  # osteoarthritis of the hip
    "DF32": 0.09,  # depression
    "DN18": 0.05,  # chronic kidney disease
    "DG35": 0.02,  # multiple sclerosis
    "DE84": 0.01,  # cystic fibrosis: rare, so some of its tables have small counts
}
MEDICINES = {"C09AA02": 0.3, "A10BA02": 0.2, "C10AA05": 0.25, "N06AB04": 0.1, "B01AF02": 0.1, "R03AC02": 0.05}


def write(folder: Path, persons: int = PERSONS, seed: int = SEED) -> None:
    """Write persons, contacts, prescriptions and income as Parquet files into a folder."""
    chance = np.random.default_rng(seed)
    people = _persons(chance, persons)
    for name, table in {
        "persons": people,
        "contacts": _contacts(chance, people),
        "prescriptions": _prescriptions(chance, people),
        "income": _income(chance, people),
    }.items():
        table.write_parquet(folder / f"{name}.parquet")


def cpr_numbers(chance: np.random.Generator, day: np.ndarray, month: np.ndarray) -> np.ndarray:
    """CPR numbers that no living person can hold, one for each birthday, all different.

    A seventh digit of 5 to 8 with a year of 58 to 99 says born 1858 to 1899 (CPR-kontoret, "Personnummeret i CPR").
    The year in the number is therefore not the year of birth that the register shows.
    """
    found = np.full(len(day), "", dtype="U10")
    missing = np.arange(len(day))
    while len(missing):
        year = chance.integers(58, 100, len(missing))
        serial = chance.integers(5000, 9000, len(missing))
        drawn = [
            f"{d:02d}{m:02d}{y:02d}{s:04d}"
            for d, m, y, s in zip(day[missing], month[missing], year, serial, strict=True)
        ]
        found[missing] = drawn
        _, first = np.unique(found, return_index=True)
        missing = np.setdiff1d(np.arange(len(day)), first)
    return found


def _persons(chance: np.random.Generator, count: int) -> pl.DataFrame:
    year = LAST_DAY.year - np.clip(chance.gamma(4.2, 10.5, count), 0, 104).astype(int)
    month, day = chance.integers(1, 13, count), chance.integers(1, 29, count)
    born = [date(y, m, d) for y, m, d in zip(year.tolist(), month.tolist(), day.tolist(), strict=True)]
    regions, weights = list(REGIONS), list(REGIONS.values())
    return pl.DataFrame(
        {
            "cpr": cpr_numbers(chance, day, month),
            "sex": chance.choice(["F", "M"], count),
            "birth_date": born,
            "region": chance.choice(regions, count, p=weights),
        }
    )


def _some(chance: np.random.Generator, people: pl.DataFrame, mean: np.ndarray | float) -> pl.DataFrame:
    """People repeated as often as something happened to them."""
    times = chance.poisson(mean, len(people))
    return people.select("cpr", "birth_date")[np.repeat(np.arange(len(people)), times)]


def _days(chance: np.random.Generator, count: int, years: int = 10) -> pl.Series:
    days = np.datetime64(LAST_DAY) - chance.integers(0, years * 365, count).astype("timedelta64[D]")
    return pl.Series(days).cast(pl.Date)


def _contacts(chance: np.random.Generator, people: pl.DataFrame) -> pl.DataFrame:
    age = LAST_DAY.year - people["birth_date"].dt.year().to_numpy()
    some = _some(chance, people, 0.5 + age / 20)
    count = len(some)
    return pl.DataFrame(
        {
            "cpr": some["cpr"],
            "admitted": _days(chance, count),
            "days": chance.geometric(0.35, count) - 1,
            "diagnosis": chance.choice(list(DIAGNOSES), count, p=list(DIAGNOSES.values())),
            "hospital": chance.integers(1, 26, count),
        }
    )


def _prescriptions(chance: np.random.Generator, people: pl.DataFrame) -> pl.DataFrame:
    some = _some(chance, people, 6.0)
    count = len(some)
    return pl.DataFrame(
        {
            "cpr": some["cpr"],
            "dispensed": _days(chance, count),
            "atc": chance.choice(list(MEDICINES), count, p=list(MEDICINES.values())),
            "ddd": chance.integers(1, 5, count) * 30,
        }
    )


def _income(chance: np.random.Generator, people: pl.DataFrame) -> pl.DataFrame:
    adults = people.filter(pl.col("birth_date").dt.year() <= LAST_DAY.year - 18)
    return pl.DataFrame(
        {
            "cpr": adults["cpr"],
            "year": np.full(len(adults), LAST_DAY.year),
            "income_dkk": (chance.lognormal(12.6, 0.55, len(adults)) // 100 * 100).astype(int),
        }
    )
