"""How a process that serves nobody says that it lives: a file for each of its loops, written anew at every round.

A loop says by when it is heard of again. One that is not heard of by then hangs, however alive its process is.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol


class Beat(Protocol):
    """What a loop calls at every round."""

    def __call__(self, loop: str, within: timedelta, *, wrong: str | None = None) -> None:
        """Say that a loop lives, is heard of again within this time, and what is wrong, in a few words."""


def into(folder: Path, clock: Callable[[], datetime]) -> Beat:
    """A beat that writes into a folder of the process's own. A full disk does not end who says that it lives."""
    for file in folder.glob("*.alive"):  # of loops that there may be no more
        file.unlink()

    def beat(loop: str, within: timedelta, *, wrong: str | None = None) -> None:
        said = {"until": (clock() + within).isoformat(), "wrong": wrong}
        partial = folder / f".{loop}"
        try:
            partial.write_text(json.dumps(said))
            partial.rename(folder / f"{loop}.alive")
        except OSError:
            return

    return beat


def wrong(folder: Path, now: datetime) -> str | None:
    """What is wrong with the loops of a process; None when each was heard of in time and complains of nothing."""
    beats = sorted(folder.glob("*.alive"))
    if not beats:
        return "it has not been heard of yet"
    for file in beats:
        try:
            said = json.loads(file.read_text())
            until = datetime.fromisoformat(said["until"])
        except (OSError, ValueError, KeyError, TypeError):
            return f"{file.stem} cannot be asked"
        if until < now:
            return f"{file.stem} hangs: it was to be heard of by {until:%F %T} UTC"
        if said["wrong"]:
            return f"{file.stem}: {said['wrong']}"
    return None
