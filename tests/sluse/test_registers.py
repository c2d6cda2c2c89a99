from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from governance import data
from sluse import registers


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("registers")
    registers.write(folder, persons=20_000)
    return folder


def test_no_cpr_number_can_be_a_living_persons(folder: Path) -> None:
    """Born 1858 to 1899: a seventh digit of 5 to 8 with a year of 58 to 99."""
    cpr = pl.read_parquet(folder / "persons.parquet")["cpr"]
    assert cpr.str.len_chars().unique().to_list() == [10]
    assert cpr.n_unique() == len(cpr) == 20_000
    assert cpr.str.slice(4, 2).cast(int).is_between(58, 99).all()
    assert cpr.str.slice(6, 1).cast(int).is_between(5, 8).all()


def test_the_number_has_the_birthday_and_not_the_year(folder: Path) -> None:
    persons = pl.read_parquet(folder / "persons.parquet")
    assert (persons["birth_date"].dt.strftime("%d%m") == persons["cpr"].str.slice(0, 4)).all()
    assert persons["birth_date"].min() > date(1900, 1, 1)


def test_registers_belong_together(folder: Path) -> None:
    cpr = set(pl.read_parquet(folder / "persons.parquet")["cpr"])
    for name in ("contacts", "prescriptions", "income"):
        table = pl.read_parquet(folder / f"{name}.parquet")
        assert len(table) > 10_000
        assert set(table["cpr"]) <= cpr


def test_the_same_seed_gives_the_same_registers(folder: Path, tmp_path: Path) -> None:
    again = tmp_path / "again"
    again.mkdir()
    registers.write(again, persons=20_000)
    store = tmp_path / "store"
    assert data.snapshot(folder, store) == data.snapshot(again, store)
