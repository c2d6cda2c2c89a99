"""Writing a file so that it is there whole, or not at all."""

from __future__ import annotations

import os
from pathlib import Path


def write_whole(to: Path, content: bytes) -> None:
    """Write a file beside its place, make sure it is on disk, and rename it."""
    partial = to.with_suffix(".partial")
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o640), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    partial.rename(to)
