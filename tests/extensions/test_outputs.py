"""What the extension's server half opens, and what it does not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from datasluse_release_requests.outputs import MOST, look, open_output


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = tmp_path / "home"
    (home / "results" / ".hidden").mkdir(parents=True)
    (home / "results" / "table.csv").write_text("a\n1\n")
    (home / "results" / ".hidden" / "x.csv").write_text("x")
    (home / "results" / ".secret.csv").write_text("x")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "rows.csv").write_text("rows")
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "shared.csv").write_text("shared")
    return home


def problems(found: list[dict[str, object]]) -> dict[object, object]:
    return {one["path"]: one["problem"] for one in found}


def test_a_folder_stands_for_the_files_in_it(home: Path) -> None:
    assert look(["results"], home) == [{"path": "results/table.csv", "size": 4, "problem": None}]


def test_a_link_leads_no_further_than_the_projects_folder(home: Path) -> None:
    project, data = home.parent / "project", home.parent / "data"
    (home / "project").symlink_to(project)
    (home / "data").symlink_to(data)
    (home / "link.csv").symlink_to(data / "rows.csv")
    found = look(["project/shared.csv", "project", "data/rows.csv", "link.csv", "../data/rows.csv"], home, (project,))
    assert [one["problem"] for one in found] == [None, None, "outside", "outside", "outside"]
    with pytest.raises(FileNotFoundError):
        open_output("link.csv", home, (project,))
    file, size = open_output("project/shared.csv", home, (project,))
    with file:
        assert (file.read(), size) == (b"shared", 6)


def test_what_is_no_plain_file_is_not_opened(home: Path) -> None:
    os.mkfifo(home / "pipe.csv")  # opening one waits for ever, unless it is asked not to
    (home / "device.csv").symlink_to("/dev/zero")
    found = look(["pipe.csv", "none.csv", "device.csv", "results/table.csv"], home)
    assert problems(found) == {
        "pipe.csv": "missing",
        "none.csv": "missing",
        "device.csv": "outside",
        "results/table.csv": None,
    }


def test_a_folder_of_too_many_files_is_said_to_be_one(home: Path) -> None:
    (home / "many").mkdir()
    for number in range(MOST + 1):
        (home / "many" / f"{number}.csv").touch()
    assert look(["many"], home) == [{"path": "many", "size": 0, "problem": "many"}]
