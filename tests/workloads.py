"""Running a starter notebook in a room's kernel, as a person would, with its sizes changed."""

from __future__ import annotations

import json
import re
from pathlib import Path

import sluse.demo
from tests.clusters import Place

REFUSED = re.compile(r"^[A-Za-z]*(Error|Exception|Refused): ", re.MULTILINE)


def cells(name: str, **changed: int | str) -> list[str]:
    """The notebook's code, cell by cell; a line `NAME = …` gets the new value."""
    notebook = json.loads((sluse.demo.STARTERS / f"{name}.ipynb").read_text())
    found = ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]
    for variable, value in changed.items():
        pattern = re.compile(rf"^{variable} = .*$", re.MULTILINE)
        assert any(pattern.search(source) for source in found), variable
        found = [pattern.sub(f"{variable} = {value!r}", source) for source in found]
    return found


def run(here: Place, name: str, *, timeout: float = 300, stop: bool = True, **changed: int | str) -> str:
    """Run all cells of a starter; returns what they printed, and fails at the first error.

    Args:
        stop: run the last one too, which stops the cluster.
    """
    said = []
    every = cells(name, **changed)
    for source in every if stop else every[:-1]:
        printed = here.kernel.output(here.kernel.begin(source), timeout)
        assert not REFUSED.search(printed), f"{source}\n{printed}"
        said.append(printed)
    return "".join(said)


def lay_out_heart(folder: Path, patients: int = 500) -> None:
    """A table in the form of the clinical data set, made up: what the notebook on it needs."""
    import numpy as np
    import polars as pl

    rng = np.random.default_rng(0)
    age, chf = rng.normal(70, 14, patients), rng.integers(0, 2, patients)
    lived = rng.exponential(3000 * np.exp(-0.05 * (age - 70) - 0.9 * chf))
    columns = {"age": age, "chf": chf, "bmi": rng.normal(26, 5, patients), "sysbp": rng.normal(145, 30, patients)}
    columns |= {"los": rng.integers(1, 20, patients), "lenfol": np.minimum(lived, 2000).round()}
    pl.DataFrame(columns | {"fstat": (lived < 2000).astype(int)}).write_parquet(folder / "patients.parquet")
