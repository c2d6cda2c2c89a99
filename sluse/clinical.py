"""A public clinical data set for the demo: the Worcester Heart Attack Study, 500 patients, de-identified.

Source: Hosmer, Lemeshow and May, Applied Survival Analysis (2nd ed., Wiley, 2008); it ships as `whas500.arff` in the
wheel of scikit-survival, from which it is read without installing or running anything of that package.
"""

from __future__ import annotations

import re
import tempfile
import zipfile
from pathlib import Path

import arff
import polars as pl

from hub import images

MEMBER = "sksurv/datasets/data/whas500.arff"
GROUP, PACKAGE = "demo-data", "scikit-survival"


def write(folder: Path, tools: Path, source: Path) -> None:
    """Fetch the wheel by the lock file's hash and write its patients as `patients.parquet` into a folder.

    Columns: age (years), gender (0 male, 1 female), hr, sysbp, diasbp (beats a minute; mm Hg), bmi, seven yes/no
    columns on the heart (cvd, afb, sho, chf, av3, miord, mitype), los (days in hospital), lenfol (days followed),
    fstat (1 if dead at the end).
    """
    with tempfile.TemporaryDirectory(prefix="datasluse-demo-") as work:
        images.fetch(tools, _only(images.wheel_list(tools, source, GROUP)), Path(work))
        [wheel] = Path(work).glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            text = archive.read(MEMBER).decode()
    read(text).write_parquet(folder / "patients.parquet")


def read(text: str) -> pl.DataFrame:
    """The patients of an ARFF file; yes/no columns as whole numbers."""
    parsed = arff.loads(text)
    columns = [(name, isinstance(kind, list)) for name, kind in parsed["attributes"]]
    rows = [
        [int(cell) if chosen else cell for cell, (_, chosen) in zip(row, columns, strict=True)]
        for row in parsed["data"]
    ]
    return pl.DataFrame(rows, schema=[name for name, _ in columns], orient="row")


def _only(wheels: str) -> str:
    """The package's own entry of a list of wheels."""
    found = re.search(rf"^{PACKAGE}==.*?(?=^\S|\Z)", wheels, re.MULTILINE | re.DOTALL)
    if found is None:
        raise LookupError(f"the lock file does not name {PACKAGE}")
    return found.group()
