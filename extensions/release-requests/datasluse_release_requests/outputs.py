"""What a person chose in the file browser, as files that can be sent."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

MOST = 1000
"""Files looked at in one folder; a request holds fewer."""


def look(paths: Iterable[str], root: Path, also: tuple[Path, ...] = ()) -> list[dict[str, object]]:
    """Each file that is meant: its path below `root`, its size in bytes, and the problem with it, if there is one.

    A folder stands for the files in it; hidden ones are left out. Problems: `missing` (no plain file, or not there),
    `outside` (a link out of `root` and the folders in `also`), `many`.
    """
    return [found for path in paths for found in _look(path, root, also)]


def open_output(path: str, root: Path, also: tuple[Path, ...] = ()) -> tuple[BinaryIO, int]:
    """A file and its size, opened so that nothing else is read: no pipe, no device, nothing outside.

    Raises:
        FileNotFoundError: there is no such file of the person's own.
    """
    real = (root / path.lstrip("/")).resolve()
    if not _inside(real, (root, *also)):
        raise FileNotFoundError(path)
    file = os.open(real, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    facts = os.fstat(file)
    if not stat.S_ISREG(facts.st_mode):
        os.close(file)
        raise FileNotFoundError(path)
    return os.fdopen(file, "rb"), facts.st_size


def _look(path: str, root: Path, also: tuple[Path, ...]) -> Iterator[dict[str, object]]:
    top = root / path.lstrip("/")
    if not top.is_dir():
        yield _one(path, root, also)
        return
    below = sorted(file for file in _walk(top.resolve()) if _inside(file, (root, *also)))
    if len(below) > MOST:
        yield {"path": path, "size": 0, "problem": "many"}
        return
    for file in below:
        yield _one(str(Path(path) / file.relative_to(top.resolve())), root, also)


def _one(path: str, root: Path, also: tuple[Path, ...]) -> dict[str, object]:
    try:
        file, size = open_output(path, root, also)
        file.close()
    except OSError:
        outside = not _inside((root / path.lstrip("/")).resolve(), (root, *also))
        return {"path": path, "size": 0, "problem": "outside" if outside else "missing"}
    return {"path": path, "size": size, "problem": None}


def _walk(top: Path) -> Iterator[Path]:
    for folder, folders, names in os.walk(top):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            if not name.startswith("."):
                yield Path(folder) / name


def _inside(path: Path, tops: tuple[Path, ...]) -> bool:
    return any(path.is_relative_to(top.resolve()) for top in tops)
