"""Workers work in the notebook's folder, so that a relative name means the same file to them."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Any

from distributed import WorkerPlugin


class Folder(WorkerPlugin):
    """Makes a folder the current one of every worker; one that a worker cannot see leaves it where it was."""

    name = "datasluse-folder"

    def __init__(self, path: str) -> None:
        self.path = path

    def setup(self, worker: Any) -> None:
        """When a worker begins, or the notebook's client comes."""
        with suppress(OSError):
            os.chdir(self.path)
