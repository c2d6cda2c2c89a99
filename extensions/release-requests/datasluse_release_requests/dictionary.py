"""What the project's data are: tables with their columns, as found, and what `variables.csv` beside them says.

Run as a program it prints JSON: it reads files that nobody here wrote, so it is a process of its own.

`variables.csv` lies in the data set's folder. Its columns are `name` and, each as wanted, `table` (a file's name
without its ending), `title_da`, `title_en`, `description_da`, `description_en`, `datatype`, `unit` and `codes`: a file
in the folder `codes` beside it, with `code`, `label_da` and `label_en`. Both may be UTF-8 or, as Excel saves them,
Windows-1252.
"""

from __future__ import annotations

import csv
import json
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path

import polars as pl

MOST_FILES = 50
"""Of a data set; what is more is counted. A page shows them, and counts as what the person was shown."""
MOST_COLUMNS = 200
"""Of a table, likewise."""
MOST_CODES = 100
"""Of a code list."""
HEAD = 64 << 10
"""Bytes of a text from which its separator is told."""
SEPARATORS = ",;\t|"
SAID_OF_VARIABLES = "variables.csv"
CODES = "codes"
TEXTS = (".csv", ".tsv", ".csv.gz", ".tsv.gz")
PARQUET = (".parquet", ".pq")
ARROW = (".arrow", ".feather", ".ipc")

Row = dict[str, str]
BROKEN = (OSError, UnicodeDecodeError, pl.exceptions.PolarsError, pl.exceptions.PanicException)
"""What a file that is no table is answered with; the last is no Exception of Python's."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column; what nobody said is empty."""

    name: str
    type: str
    title_da: str = ""
    title_en: str = ""
    description_da: str = ""
    description_en: str = ""
    unit: str = ""
    codes: str = ""
    """The code list of its data set that it uses."""


@dataclass(frozen=True, slots=True)
class File:
    """A file of a data set; without columns when it is no table, or none that can be read."""

    path: str
    """Within the data set."""
    size: int
    """Bytes."""
    rows: int | None = None
    """None where they would have to be counted."""
    columns: list[Column] = field(default_factory=list)
    more: int = 0
    """Columns that are not listed."""


@dataclass(frozen=True, slots=True)
class DataSet:
    """A folder of `/data`."""

    name: str
    files: list[File]
    more: int
    """Files that are not listed."""
    codes: dict[str, list[Row]]
    """Code lists by name."""


def described(top: Path) -> list[DataSet]:
    """Every data set below a folder, by name."""
    return [_data_set(folder) for folder in sorted(top.iterdir())]


def _data_set(folder: Path) -> DataSet:
    variables = _rows(folder / SAID_OF_VARIABLES)
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and not _says(path.relative_to(folder)))
    files = [_file(path, folder, variables) for path in paths[:MOST_FILES]]
    used = sorted({column.codes for file in files for column in file.columns if column.codes})
    codes = {name: _rows(folder / CODES / name)[:MOST_CODES] for name in used}
    return DataSet(folder.name, files, max(0, len(paths) - MOST_FILES), codes)


def _says(path: Path) -> bool:
    """Whether a file is about the data, and none of them."""
    return str(path) == SAID_OF_VARIABLES or path.parts[0] == CODES


def _file(path: Path, folder: Path, variables: list[Row]) -> File:
    try:
        rows, found = _table(path)
    except BROKEN:
        rows, found = None, {}
    of_every_table = {row["name"]: row for row in variables if not row["table"]}
    said = of_every_table | {row["name"]: row for row in variables if row["table"] == _without_ending(path)}
    columns = [_column(name, kind, said.get(name, {})) for name, kind in list(found.items())[:MOST_COLUMNS]]
    return File(str(path.relative_to(folder)), path.stat().st_size, rows, columns, len(found) - len(columns))


def _without_ending(path: Path) -> str:
    endings = [ending for ending in (*TEXTS, *PARQUET, *ARROW) if path.name.lower().endswith(ending)]
    return path.name[: -len(max(endings, key=len))] if endings else path.stem


def _column(name: str, kind: str, said: Row) -> Column:
    words = {key: said.get(key, "") for key in ("title_da", "title_en", "description_da", "description_en", "unit")}
    return Column(name, said.get("datatype") or kind, **words, codes=Path(said.get("codes", "")).name)


def _table(path: Path) -> tuple[int | None, dict[str, str]]:
    """How many rows a table has, where that costs nothing, and its columns' types by name."""
    name = path.name.lower()
    if name.endswith(TEXTS):
        separator = _separator(path)
        as_text = pl.scan_csv(path, separator=separator, encoding="utf8-lossy", try_parse_dates=True, glob=False)
        return None, _types(as_text)
    if name.endswith(PARQUET):
        table = pl.scan_parquet(path, glob=False)
        return int(table.select(pl.len()).collect().item()), _types(table)
    if name.endswith(ARROW):
        return None, _types(pl.scan_ipc(path, glob=False))
    return None, {}


def _types(table: pl.LazyFrame) -> dict[str, str]:
    return {name: str(kind) for name, kind in table.collect_schema().items()}


def _separator(path: Path) -> str:
    if path.suffix == ".gz":
        return "\t" if ".tsv" in path.name else ","
    with path.open("rb") as file:
        return _most_frequent(file.read(HEAD).split(b"\n", 1)[0].decode(errors="replace"))


def _most_frequent(line: str) -> str:
    return max(SEPARATORS, key=line.count)


def _rows(path: Path) -> list[Row]:
    """A small table of texts with `name` and `table` in each row; none when it is not there, or is none."""
    try:
        content = path.read_bytes()
    except OSError:
        return []
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("cp1252", errors="replace")
    lines = text.splitlines()
    try:
        rows = list(csv.DictReader(lines, delimiter=_most_frequent(lines[0]))) if lines else []
    except csv.Error:
        return []
    texts = [{key: value for key, value in row.items() if key and isinstance(value, str)} for row in rows]
    return [{"name": "", "table": ""} | row for row in texts]


if __name__ == "__main__":
    json.dump([asdict(data_set) for data_set in described(Path(sys.argv[1]))], sys.stdout)
