"""A project from a file: whole, or not at all, and each mistake with its line."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import func, select

from governance import data, people, projects
from governance.database import Database
from governance.errors import Invalid, Refused
from governance.tables import Project
from sluse import importing
from tests.conftest import NOW

GOOD = """
key = "cohort-1"
title = "A cohort"
tier = "pseudonymised"
controller = "Controller"
permit = "P-1"
permit_until = 2027-12-31

[[members]]
person = "ada"
role = "lead"

[[data]]
name = "registers"
path = "registers"
"""


@pytest.fixture
def folder(tmp_path: Path, database: Database) -> Path:
    with database.write() as tx:
        people.add(tx, "ada", "Ada", NOW)
    (tmp_path / "registers").mkdir()
    (tmp_path / "registers" / "a.csv").write_text("a\n1\n")
    return tmp_path


def bring_in(folder: Path, database: Database, text: str) -> None:
    (folder / "project.toml").write_text(text)
    importing.bring_in(folder / "project.toml", database, folder / "store", lambda: NOW)


def test_a_whole_project_comes_from_a_file(folder: Path, database: Database) -> None:
    bring_in(folder, database, GOOD)
    with database.read() as tx:
        project = projects.keyed(tx, "cohort-1")
        assert project.permit_until == date(2027, 12, 31)
        assert projects.role_of(tx, people.named(tx, "ada"), project) == "lead"
        [version] = data.of_project(tx, project.id)
        assert (folder / "store" / version.sha256 / "a.csv").read_text() == "a\n1\n"
    with pytest.raises(Invalid, match="exists already"):
        bring_in(folder, database, GOOD)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (GOOD.replace('tier = "pseudonymised"', 'tier = "secret"'), "line 4, tier: Input should be"),
        (GOOD.replace('role = "lead"', 'role = "boss"'), "line 11, members 1 role: Input should be"),
        (GOOD.replace('role = "lead"\n', ""), "line 9, members 1 role: Field required"),
        (GOOD + 'colour = "red"\n', "line 16, data 1 colour: Extra inputs"),
        (GOOD.replace("2027-12-31", '"soon"'), "line 7, permit_until: Input should be a valid date"),
        (GOOD.replace("key =", "key"), "is not TOML"),
        (GOOD.replace('"ada"', '"nobody"'), "no person is called nobody"),
        (GOOD.replace('path = "registers"', 'path = "none"'), "there is no file or folder"),
        (GOOD.replace('"cohort-1"', '"Cohort 1"'), "a project's key is"),
        (GOOD.replace('name = "registers"', 'name = "../x"'), "a data set's name is"),
    ],
)
def test_a_mistake_is_told_with_its_line_and_nothing_is_made(
    folder: Path, database: Database, wrong: str, says: str
) -> None:
    with pytest.raises(Refused) as e:
        bring_in(folder, database, wrong)
    assert says in str(e.value)
    with database.read() as tx:
        assert tx.scalar(select(func.count()).select_from(Project)) == 0


def test_a_file_that_is_not_there(folder: Path, database: Database) -> None:
    with pytest.raises(Invalid, match="cannot be read: No such file"):
        importing.bring_in(folder / "none.toml", database, folder, lambda: NOW)
