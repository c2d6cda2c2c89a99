"""Data in projects: read-only snapshots named by the hash of what they hold."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from governance import audit
from governance.audit import Event
from governance.errors import Invalid, NotFound
from governance.tables import DataVersion, Project

NAME = re.compile(r"[a-z][a-z0-9_-]{0,38}[a-z0-9]")
BLOCK = 1 << 20


def snapshot(source: Path, store: Path) -> tuple[str, int, int]:
    """Copy a file or a folder into the store, read-only, and return (SHA-256, number of files, bytes).

    The hash is over each file's path, length and own hash, in the order of paths, so equal folders are one snapshot.

    Raises:
        Invalid: nothing is there, something in it is no plain file (a link, a device), or the disk is full.
    """
    if not source.exists():
        raise Invalid("there is no file or folder {path}", path=source)
    files = list(_plain_files(source))
    if not files:
        raise Invalid("{path} holds no files", path=source)
    store.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(dir=store, prefix=".partial-"))
    try:
        sha256, size = _copy(files, partial)
        kept = store / sha256
        if not kept.exists():
            partial.chmod(0o555)
            partial.rename(kept)
    except OSError as e:
        raise Invalid("{path} could not be copied: {reason}", path=source, reason=e.strerror or e) from e
    finally:
        _remove(partial)
    return sha256, len(files), size


def add(tx: Session, project: Project, name: str, taken: tuple[str, int, int], now: datetime) -> DataVersion:
    """Give a project's rooms a snapshot under a name; a new snapshot under the same name replaces the old one.

    Rooms that run keep what they have until they are opened again.
    """
    if not NAME.fullmatch(name):
        raise Invalid("a data set's name is 2 to 40 lower-case letters, digits, _ and -, not {name}", name=repr(name))
    sha256, files, size = taken
    version = tx.scalar(select(DataVersion).where(DataVersion.project_id == project.id, DataVersion.name == name))
    if version is None:
        version = DataVersion(project_id=project.id, name=name)
        tx.add(version)
    version.sha256, version.files, version.size, version.added_at = sha256, files, size, now
    audit.append(tx, Event("data.added", project_id=project.id, detail={"name": name, "sha256": sha256}), now)
    return version


def remove(tx: Session, project: Project, name: str, now: datetime) -> None:
    """Withdraw a data set from a project. Rooms that run keep it until they are opened again.

    The snapshot stays in the store: another project may have it, and requests name it.

    Raises:
        NotFound: the project has no data set of this name.
    """
    version = tx.scalar(select(DataVersion).where(DataVersion.project_id == project.id, DataVersion.name == name))
    if version is None:
        raise NotFound("{key} has no data set called {name}", key=project.key, name=name)
    tx.delete(version)
    detail: dict[str, str | int | None] = {"name": name, "sha256": version.sha256}
    audit.append(tx, Event("data.removed", project_id=project.id, detail=detail), now)


@dataclass(frozen=True, slots=True)
class Listed:
    """A data set of a project as an operator sees it."""

    project: str
    """The project's key."""
    name: str
    sha256: str
    files: int
    bytes: int
    added_at: datetime


def listed(tx: Session, project: Project | None = None) -> list[Listed]:
    """The data sets of a project, or of all, by project and name; one query."""
    chosen = select(DataVersion, Project.key).join(Project).order_by(Project.key, DataVersion.name)
    if project is not None:
        chosen = chosen.where(DataVersion.project_id == project.id)
    return [
        Listed(key, version.name, version.sha256, version.files, version.size, version.added_at)
        for version, key in tx.execute(chosen)
    ]


def of_project(tx: Session, project_id: int) -> list[DataVersion]:
    """A project's data, by name."""
    return list(tx.scalars(select(DataVersion).where(DataVersion.project_id == project_id).order_by(DataVersion.name)))


def _plain_files(source: Path) -> Iterator[tuple[Path, Path]]:
    """Each file with its path in the snapshot, in the order of those paths."""
    if source.is_file() and not source.is_symlink():
        yield source, Path(source.name)
        return
    for path in sorted(source.rglob("*")):
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            raise Invalid("{path} is a link or a device: give plain files and folders", path=path)
        if path.is_file():
            yield path, path.relative_to(source)


def _copy(files: list[tuple[Path, Path]], to: Path) -> tuple[str, int]:
    whole, size = hashlib.sha256(), 0
    for path, inside in files:
        copy = to / inside
        copy.parent.mkdir(parents=True, exist_ok=True)
        own = hashlib.sha256()
        with path.open("rb") as reader, copy.open("xb") as writer:
            while block := reader.read(BLOCK):
                own.update(block)
                writer.write(block)
            writer.flush()
            os.fsync(writer.fileno())
        copy.chmod(0o444)
        length = copy.stat().st_size
        whole.update(f"{inside.as_posix()}\0{length}\0{own.hexdigest()}\n".encode())
        size += length
    for folder in to.rglob("*"):
        if folder.is_dir():
            folder.chmod(0o555)
    return whole.hexdigest(), size


def _remove(folder: Path) -> None:
    if folder.exists():
        for inner in [folder, *folder.rglob("*")]:
            if inner.is_dir():
                inner.chmod(0o755)
        shutil.rmtree(folder)
