"""What a room says its data are."""

from __future__ import annotations

import gzip
import shutil
from pathlib import Path

import polars as pl
import pytest
from datasluse_release_requests.dictionary import MOST_COLUMNS, MOST_FILES, described

from sluse import demo, registers

TABLE = pl.DataFrame({"pid": [1, 2], "koen": ["K", "M"], "dato": ["2020-01-01", "2021-02-03"]}).with_columns(
    pl.col("dato").str.to_date()
)
TYPES = {"pid": "Int64", "koen": "String", "dato": "Date"}


@pytest.mark.parametrize(
    ("name", "rows", "text"),
    [
        ("a.csv", None, "pid,koen,dato\n1,K,2020-01-01\n"),
        ("a.tsv", None, "pid\tkoen\tdato\n1\tK\t2020-01-01\n"),
        ("semikolon.csv", None, "pid;koen;dato\n1;K;2020-01-01\n"),
        ("latin.csv", None, "pid,køn\n1,Kvinde æøå\n".encode("latin-1")),
        ("a.csv.gz", None, gzip.compress(b"pid,koen,dato\n1,K,2020-01-01\n")),
        ("a.parquet", 2, None),
        ("a.arrow", None, None),
    ],
)
def test_columns_and_types_are_as_found(tmp_path: Path, name: str, rows: int | None, text: str | bytes | None) -> None:
    folder = tmp_path / "registers" / "2020"
    folder.mkdir(parents=True)
    if isinstance(text, str):
        (folder / name).write_text(text)
    elif text is not None:
        (folder / name).write_bytes(text)
    elif name.endswith("parquet"):
        TABLE.write_parquet(folder / name)
    else:
        TABLE.write_ipc(folder / name)
    [data_set] = described(tmp_path)
    [file] = data_set.files
    assert (data_set.name, file.path, file.rows) == ("registers", f"2020/{name}", rows)
    names = {column.name: column.type for column in file.columns}
    assert names == TYPES if name != "latin.csv" else list(names) == ["pid", "k\ufffdn"]


def test_what_stands_beside_the_data_adds_words(tmp_path: Path) -> None:
    folder = tmp_path / "registers"
    (folder / "codes").mkdir(parents=True)
    (folder / "persons.csv").write_text("pid,koen\n1,K\n")
    (folder / "contacts.csv").write_text("pid,koen\n1,K\n")
    (folder / "variables.csv").write_text(
        "\ufefftable;name;title_da;title_en;unit;codes;datatype\n"
        ";pid;Løbenummer;Serial number;;;\n"
        "persons;koen;Køn;Sex;;../codes/koen.csv;code\n"
        ";koen;I alle tabeller;;;;\n"
    )
    (folder / "codes" / "koen.csv").write_text("code,label_da,label_en\nK,Kvinde,Woman\nM,Mand,Man\n")
    [data_set] = described(tmp_path)
    of = {file.path: {column.name: column for column in file.columns} for file in data_set.files}
    assert sorted(of) == ["contacts.csv", "persons.csv"]
    assert (of["persons.csv"]["pid"].title_da, of["contacts.csv"]["pid"].title_en) == ("Løbenummer", "Serial number")
    koen = of["persons.csv"]["koen"]
    assert (koen.title_da, koen.type, data_set.codes[koen.codes][1]["label_en"]) == ("Køn", "code", "Man")
    assert (of["contacts.csv"]["koen"].title_da, of["contacts.csv"]["koen"].codes) == ("I alle tabeller", "")


def test_what_is_no_table_is_listed_and_nothing_breaks(tmp_path: Path) -> None:
    folder = tmp_path / "images"
    folder.mkdir()
    for name, content in {
        "scan.dcm": b"\0" * 200,
        "broken.parquet": b"PAR1 not at all",
        "broken.arrow": b"",
        "empty.csv": b"",
        "variables.csv": b"\xff\xfe\x00",
    }.items():
        (folder / name).write_bytes(content)
    for number in range(MOST_FILES):
        (folder / f"z{number}.bin").touch()
    (tmp_path / "one.csv").write_text("a\n1\n")  # a data set is a folder; what is none is not described
    images, one = described(tmp_path)
    assert (len(images.files), images.more, one.files) == (MOST_FILES, 4, [])
    assert not any(file.columns for file in images.files)


def test_a_wide_table_and_names_with_dots(tmp_path: Path) -> None:
    folder = tmp_path / "wide"
    folder.mkdir()
    (folder / "a[1].2020.csv").write_text(",".join(f"c{number}" for number in range(MOST_COLUMNS + 3)) + "\n")
    (folder / "README.txt").write_text("Read this, please.\n")
    (folder / "variables.csv").write_bytes("table;name;title_da\na[1].2020;c0;Ærø\n".encode("cp1252"))
    [data_set] = described(tmp_path)
    readme, wide = data_set.files
    assert (readme.columns, len(wide.columns), wide.more) == ([], MOST_COLUMNS, 3)
    assert wide.columns[0].title_da == "Ærø"


@pytest.mark.parametrize("name", ["registers", "heart"])
def test_every_column_of_the_demos_data_has_words(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    shutil.copytree(demo.DICTIONARIES / name, folder)
    if name == "registers":
        registers.write(folder, persons=2_000)
    else:
        chosen = pl.DataFrame({name: [0] for name in pl.read_csv(folder / "variables.csv")["name"]})
        chosen.write_parquet(folder / "patients.parquet")
    [data_set] = described(tmp_path)
    for file in data_set.files:
        assert file.columns
        table = pl.read_parquet(folder / file.path)
        for column in file.columns:
            assert column.title_da, (file.path, column.name)
            assert column.title_en, (file.path, column.name)
            found = set(table[column.name].cast(str)) if column.codes and name == "registers" else set()
            assert found <= {code["code"] for code in data_set.codes.get(column.codes, [])}, column.name
