"""A room of a project that may have clusters, with a notebook in it."""

from __future__ import annotations

import json
import textwrap
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from governance import projects
from tests.conftest import Kernel, Person, Room, Stack, until


@dataclass
class Place:
    """A room of a project that may have clusters, with a notebook in it."""

    stack: Stack
    project: str
    person: Person
    room: Room
    kernel: Kernel

    def run(self, code: str) -> str:
        return self.kernel.run(textwrap.dedent(code))

    def json(self, code: str) -> Any:
        said = self.run(code)
        try:
            return json.loads(said)
        except ValueError:
            pytest.fail(said)

    def containers(self, part: str = "") -> list[dict[str, Any]]:
        """The containers of this room's clusters, running or not."""
        labels = [f"datasluse.room={self.room.id}", "datasluse.cluster"]
        if part:
            labels.append(f"datasluse.part={part}")
        found: list[dict[str, Any]] = self.stack.docker.containers(all=True, filters={"label": labels})
        return found


def allow(stack: Stack, key: str) -> None:
    with stack.database.write() as tx:
        projects.allow_clusters(tx, projects.keyed(tx, key), datetime.now(UTC), allowed=True)


def place(stack: Stack) -> Place:
    person = stack.person("ada")
    key = stack.project(person)
    allow(stack, key)
    room = stack.open_room(key, person)
    return Place(stack, key, person, room, room.kernel())


def leave_none(here: Place) -> None:
    """Stop every cluster of the room, and wait until no container of one is left."""
    here.room.request("DELETE", f"/api/kernels/{here.kernel.id}")
    said = here.room.run(
        "from dask_gateway import Gateway\n"
        "with Gateway() as gateway:\n"
        "    for report in gateway.list_clusters():\n"
        "        gateway.stop_cluster(report.name)\n"
        "print('stopped')\n"
    )
    assert said.endswith("stopped\n"), said
    until(lambda: not here.containers(), 30)
