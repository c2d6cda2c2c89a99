from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from governance import data, projects, settings
from tests import workloads
from tests.clusters import Place, allow
from tests.conftest import ROOT, Stack

IMAGES = ("ml", "genomics", "imaging", "r")


@pytest.fixture(scope="session")
def every_image(stack: Stack) -> Stack:
    """The stack with every image but `gpu`, and folders for large work."""
    with_all = settings.load("test").model_copy(update={"images": list(IMAGES), "project_mib": 3072})
    settings.write(settings.Settings(**with_all.model_dump(exclude_none=True)))
    subprocess.run([ROOT / "up", "--full"], check=True, env=os.environ | {"SLUSE_INSTALLATION": "test"})
    return replace(stack, settings=settings.load("test"))


@pytest.fixture
def opened(every_image: Stack) -> Callable[[str], Place]:
    """Opens a room of an image, with the clinical table."""

    def room(image: str) -> Place:
        stack, person = every_image, every_image.person("ada")
        key = stack.project(person)
        allow(stack, key)
        with tempfile.TemporaryDirectory() as folder, stack.database.write() as tx:
            workloads.lay_out_heart(Path(folder))
            taken = data.snapshot(Path(folder), stack.settings.state / "data")
            data.add(tx, projects.keyed(tx, key), "heart", taken, datetime.now(UTC))
        room = stack.open_room(key, person, image)
        return Place(stack, key, person, room, room.kernel())

    return room


@pytest.fixture(scope="module")
def notebook_place(stack: Stack) -> Place:
    """A room of `base` in a project that may have clusters."""
    person = stack.person("ada")
    key = stack.project(person)
    allow(stack, key)
    room = stack.open_room(key, person)
    return Place(stack, key, person, room, room.kernel())
