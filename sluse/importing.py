"""`sluse project import FILE.toml`: a whole project from one file, or nothing of it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from governance import data, people, projects
from governance.database import Database
from governance.errors import Invalid
from governance.tables import ProjectRole
from governance.tiers import Tier


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class MemberFile(_Strict):
    """A person with a role."""

    person: str
    role: ProjectRole


class DataFile(_Strict):
    """A file or folder to take a snapshot of; a relative path is from the project file's folder."""

    name: str
    path: Path


class ProjectFile(_Strict):
    """A project as a file says it."""

    key: str
    title: str
    purpose: str = ""
    tier: Tier
    controller: str
    permit: str
    permit_until: date
    members: list[MemberFile] = Field(default_factory=list)
    data: list[DataFile] = Field(default_factory=list)


def read(file: Path) -> ProjectFile:
    """A project file.

    Raises:
        Invalid: it cannot be read, is no TOML, or a field is missing, unknown or wrong; the message says file and line.
    """
    try:
        text = file.read_text()
        return ProjectFile.model_validate(tomllib.loads(text))
    except OSError as e:
        raise Invalid("{file} cannot be read: {reason}", file=file, reason=e.strerror or e) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as e:
        raise Invalid("{file} is not TOML: {reason}", file=file, reason=e) from None
    except ValidationError as e:
        wrong = [f"{_place(file, text, error['loc'])}: {error['msg']}" for error in e.errors()]
        raise Invalid("{wrong}", wrong="\n".join(wrong)) from None


def bring_in(file: Path, database: Database, store: Path, clock: Callable[[], datetime]) -> ProjectFile:
    """Make the project that a file says, with its members and data: all of it in one transaction, or nothing.

    Raises:
        Invalid, NotFound: the file is wrong, names a person who is not there, or a path that holds no data.
    """
    said = read(file)
    with database.read() as tx:  # before gigabytes are copied
        for member in said.members:
            people.named(tx, member.person)
    taken = [(one.name, data.snapshot(file.parent / one.path, store)) for one in said.data]
    with database.write() as tx:
        now = clock()
        project = projects.add(
            tx,
            said.key,
            said.title,
            said.tier,
            said.controller,
            said.permit,
            said.permit_until,
            now,
            purpose=said.purpose,
        )
        for member in said.members:
            projects.add_member(tx, project, people.named(tx, member.person), member.role, now)
        for name, snapshot in taken:
            data.add(tx, project, name, snapshot, now)
    return said


def _place(file: Path, text: str, where: tuple[int | str, ...]) -> str:
    """`FILE, line 7, members 2, role`: where a field stands, or the table that it is missing from."""
    lines = text.splitlines()
    line = 0
    if len(where) > 1 and isinstance(where[1], int):
        tables = [i for i, said in enumerate(lines) if re.match(rf"\s*\[\[\s*{where[0]}\s*\]\]", said)]
        line = tables[where[1]] if where[1] < len(tables) else 0
    field = str(where[-1])
    found = next((i for i in range(line, len(lines)) if re.match(rf"\s*{re.escape(field)}\s*=", lines[i])), line)
    name = " ".join(str(part + 1) if isinstance(part, int) else part for part in where)
    return f"{file}, line {found + 1}, {name}"
