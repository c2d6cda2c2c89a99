"""A real project, made with `sluse` commands alone from a folder of Parquet files, walked to a release."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import polars as pl

from output_review import store
from tests.browser import Visitor
from tests.conftest import Person, Room, Stack, until
from tests.drills.results import keep
from tests.stories.asking import call, inside

LEAST = 2 << 30
ROWS = 4_000_000
PROJECT = """
key = "measurements"
title = "Measurements of a synthetic cohort"
tier = "synthetic"
controller = "Drill Controller"
permit = "D-1"
permit_until = 2099-12-31

[[members]]
person = "carl-drill"
role = "lead"

[[data]]
name = "measurements"
path = "parquet"
"""
ANALYSIS = """
import polars as pl
table = (
    pl.scan_parquet("/data/measurements/*.parquet")
    .group_by("region").agg(pl.len().alias("persons"), pl.col("value").mean().round(3)).sort("region")
    .collect(engine="streaming")
)
table.write_csv("by_region.csv")
print(table["persons"].sum())
"""


def made(folder: Path) -> int:
    """Parquet files of random numbers, 2 GiB or more; returns their rows."""
    folder.mkdir()
    chance, rows = np.random.default_rng(1), 0
    while sum(file.stat().st_size for file in folder.iterdir()) < LEAST:
        table = pl.DataFrame(
            {
                "person": np.arange(rows, rows + ROWS),
                "region": chance.integers(1, 6, ROWS).astype(np.int8),
                "value": chance.normal(size=ROWS),
                "other": chance.normal(size=ROWS),
                "third": chance.normal(size=ROWS),
            }
        )
        table.write_parquet(folder / f"part-{rows // ROWS:03}.parquet")
        rows += ROWS
    return rows


def test_a_folder_of_parquet_files_becomes_a_project_and_a_release(
    stack: Stack, visitor: Callable[..., Visitor], tmp_path: Path
) -> None:
    seconds: dict[str, float] = {}

    @contextmanager
    def timed(what: str) -> Iterator[None]:
        begun = time.monotonic()
        yield
        seconds[what] = round(time.monotonic() - begun, 1)

    rows = made(tmp_path / "parquet")
    size = sum(file.stat().st_size for file in (tmp_path / "parquet").iterdir())
    (tmp_path / "project.toml").write_text(PROJECT)
    people = {}
    for name in ("carl-drill", "dora-drill"):
        added = stack.sluse(
            "person", "add", name, "--full-name", name, "--training-until", "2099-01-01", "--terms-accepted", "--json"
        )  # fmt: skip
        people[name] = Person(**json.loads(added))
    stack.sluse("person", "role", "dora-drill", "checker", "--controller", "Drill Controller")
    with timed("import"):
        assert "1 members, 1 data sets" in stack.sluse("project", "import", str(tmp_path / "project.toml"))
    with timed("open room"):
        opened = json.loads(stack.sluse("room", "open", "measurements", "carl-drill", "--size", "medium", "--json"))
    room = Room(stack, opened["room"], opened["ticket"])
    room.enter()
    with timed("analysis"):
        assert room.run(ANALYSIS).strip() == str(rows)

    with timed("request to in review"):
        number = call(room, "POST", "", {"title": "Means by region"})[1]["request"]
        said = {"name": "by_region.csv", "description": "Means", "purpose": "Article", "population": "All"}
        file = call(room, "POST", f"/{number}/files", said | {"data_sets": ["measurements"]})[1]["file"]
        sent = f"print(json.dumps(call('PUT', '/{number}/files/{file}', raw=open('by_region.csv', 'rb').read())))"
        assert inside(room, sent)[0] == 200
        assert call(room, "POST", f"/{number}/submit")[0] == 200
        until(lambda: status(stack, number) == "in_review", 60)
    dora = visitor()
    dora.log_in(stack, "dora-drill", people["dora-drill"].password)
    dora.page.goto(f"{stack.settings.portal_origin}/review/{number}")
    with timed("approval to released"):
        dora.page.get_by_role("button", name="Approve this file").click()
        until(lambda: status(stack, number) == "released", 60)
    with stack.database.read() as tx:
        [version] = store.request(tx, number).data_versions
    assert version["name"] == "measurements"
    assert "signed heads agree" in stack.sluse("audit", "verify")
    keep("real-project", {"bytes": size, "rows": rows, "seconds": seconds, "data_sha256": version["sha256"]})


def status(stack: Stack, number: int) -> str:
    with stack.database.read() as tx:
        return str(store.request(tx, number).status)
