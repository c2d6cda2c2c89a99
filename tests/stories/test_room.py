"""A researcher's way into a room and what keeps going when parts of the installation die."""

from __future__ import annotations

import json
import os
import signal
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from docker import APIClient
from websockets.exceptions import ConnectionClosed

from governance import rooms
from governance.errors import Unavailable
from governance.rooms import SIZES
from hub import container, masks
from hub.grants import granted
from hub.images import tags
from hub.plan import ClusterPlan
from sluse import processes, status
from tests.conftest import Room, Stack, until


@pytest.fixture(scope="module")
def room(stack: Stack) -> Room:
    ada = stack.person("ada")
    return stack.open_room(stack.project(ada), ada)


def answers(room: Room) -> bool:
    try:
        return room.request("GET", "/api/status").status_code == 200
    except httpx.TransportError:
        return False


def test_a_cell_runs_through_edge_and_gate(room: Room) -> None:
    assert room.request("GET", "/lab").status_code == 200
    assert room.kernel().run("print(6 * 7)") == "42\n"


def test_the_home_is_private_and_the_project_folder_has_a_git_repository(room: Room) -> None:
    assert room.run("import os; print(oct(os.stat('/home/researcher').st_mode & 0o777))") == "0o700\n"
    assert "shared.git" in room.run("import os; print(os.listdir('/project'))")


def test_no_word_of_the_hub_is_in_the_room(room: Room) -> None:
    environment = room.run("import os; print(sorted(os.environ))")
    assert "JUPYTER_TOKEN" in environment
    assert "HUB" not in environment


COMMON = """
import json, os, subprocess
import duckdb, pandas, polars, psutil
from distributed import Client, LocalCluster, system
def first(command, line=0):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[line]
setting = lambda name: duckdb.sql(f"select current_setting('{name}')").fetchall()[0][0]
if __name__ == "__main__":
    said = {
        "processors": [int(first(["nproc"])), os.cpu_count(), psutil.cpu_count()],
        "memory": [int(first(["free", "-b"], 1).split()[1]), psutil.virtual_memory().total, system.MEMORY_LIMIT],
        "duckdb": [setting("memory_limit"), setting("threads")],
        "ps": len(first(["ps", "aux"], 1)) > 0,
        "top": first(["top", "-bn1"]).split()[0],
        "busy": psutil.cpu_percent(0.1),
        "frames": [int(pandas.Series([1, 2]).sum()), int(polars.Series([1, 2]).sum())],
    }
    with LocalCluster(n_workers=1, dashboard_address=None) as cluster, Client(cluster) as client:
        said["dask"] = client.submit(sum, [1, 2]).result()
        said["memory"] += [worker["memory_limit"] for worker in client.scheduler_info()["workers"].values()]
    print(json.dumps(said))
"""


def test_common_programs_run_and_find_the_rooms_own_size(room: Room) -> None:
    """What the kernel counts for the whole host is masked; nothing that people use may miss it."""
    said = json.loads(room.run(COMMON).strip().splitlines()[-1])
    small = SIZES["small"]
    assert said["processors"] == [os.cpu_count()] * 3
    assert said["memory"] == [small.memory] * 4
    amount, unit = said["duckdb"][0].split()
    assert unit == "GiB"
    assert float(amount) * (1 << 30) < small.memory
    assert said["duckdb"][1] == small.cpus
    assert (said["ps"], said["top"], said["busy"]) == (True, "top", 0)
    assert (said["dask"], said["frames"]) == (3, [3, 3])


def test_a_cell_and_its_websocket_survive_the_hubs_death(stack: Stack, room: Room) -> None:
    kernel = room.kernel()
    cell = kernel.begin("import time; time.sleep(6); print('still here')")
    killed = processes.pids(stack.settings)["hub"]
    os.kill(killed, signal.SIGKILL)
    assert kernel.output(cell) == "still here\n"
    assert kernel.run("print('same socket')") == "same socket\n"
    until(lambda: processes.pids(stack.settings).get("hub", killed) != killed and status.all_up(stack.settings))
    bob = stack.person("bob")
    other = stack.open_room(stack.project(bob), bob)
    assert other.kernel().run("print('a new room')") == "a new room\n"
    assert room.request("GET", "/api/status").status_code == 200


def test_a_hub_that_starts_does_not_wait_for_a_room_that_was_shut_meanwhile(stack: Stack, room: Room) -> None:
    """It looks at every room before it answers, and a room without a gate answers nothing for three minutes."""
    ada = stack.person("ada")
    shut = stack.open_room(stack.project(ada), ada)
    killed = processes.pids(stack.settings)["hub"]
    with stack.held("reconciler"):
        with stack.database.write() as tx:
            rooms.want_closed(tx, rooms.standing(tx, shut.id).room, datetime.now(UTC), reason=rooms.CLOSED_BY_PERSON)
        for each in (shut, room):
            stack.docker.kill(each.name("gate"))
        os.kill(killed, signal.SIGKILL)
        until(lambda: processes.pids(stack.settings).get("hub", killed) != killed)
        until(lambda: part(stack, "hub") == "up", 60)
    until(lambda: answers(room), 40)  # control: one that is granted gets its gate again
    until(lambda: not stack.docker.containers(all=True, filters={"label": f"datasluse.room={shut.id}"}))
    until(lambda: status.all_up(stack.settings))


def part(stack: Stack, name: str) -> str:
    return next(part.state for part in status.parts(stack.settings) if part.name == name)


class Forgetful(APIClient):
    """An engine that leaves a wall out and says nothing."""

    forgets = ""

    def create_container(self, *arguments: Any, **wanted: Any) -> Any:
        wanted["host_config"].pop(self.forgets)
        return super().create_container(*arguments, **wanted)


@pytest.mark.parametrize("wall", ["ReadonlyRootfs", "MaskedPaths"])
def test_a_container_made_otherwise_is_removed(stack: Stack, room: Room, tmp_path: Path, wall: str) -> None:
    with stack.database.read() as tx:
        plan = granted(tx, room.id, stack.settings, datetime.now(UTC))
    cluster = ClusterPlan(plan, "c" * 32, "token", "certificate", "key", plan.address(60))
    member = cluster.member_worker("w" * 32, plan.address(61), 1, 1 << 30, tmp_path)
    masks.prepare(stack.settings, member.size)
    wanted = container.member(member, tags(stack.settings)["base"]) | {"command": ["sleep", "60"]}
    wanted["labels"] = plan.labels("tried")  # of no cluster: one that no row claims is removed from outside
    assert container.start(stack.docker, wanted) == stack.docker.inspect_container(member.name)["Id"]  # the control
    container.remove(stack.docker, member.name, wanted["labels"])
    with Forgetful(timeout=60) as docker:
        docker.forgets = wall
        with pytest.raises(Unavailable, match=f"not made as asked: {wall}"):
            container.start(docker, wanted)
    assert not stack.docker.containers(all=True, filters={"name": member.name})


def test_an_edge_that_restarts_leads_to_rooms_again(stack: Stack, room: Room) -> None:
    killed = processes.pids(stack.settings)["edge"]
    os.kill(killed, signal.SIGKILL)
    until(lambda: processes.pids(stack.settings).get("edge", killed) != killed)

    until(lambda: answers(room))


def test_a_gate_that_died_is_started_again(stack: Stack, room: Room) -> None:
    died = stack.docker.inspect_container(room.name("gate"))["Id"]
    stack.docker.kill(died)
    running = {"label": [f"datasluse.room={room.id}", "datasluse.part=gate"], "status": "running"}
    until(lambda: any(gate["Id"] != died for gate in stack.docker.containers(filters=running)), 40)
    until(lambda: answers(room))


def test_losing_the_role_closes_a_running_room(stack: Stack) -> None:
    ada = stack.person("ada")
    project = stack.project(ada)
    room = stack.open_room(project, ada)
    kernel = room.kernel()
    stack.sluse("project", "member", project, ada.name, "--remove")
    gone = {"label": f"datasluse.room={room.id}"}
    until(lambda: not stack.docker.containers(all=True, filters=gone), 60)
    assert room.request("GET", "/api/status").status_code == 404
    with pytest.raises(ConnectionClosed):
        kernel.run("print('inside')")


def test_an_operator_closes_a_room(stack: Stack) -> None:
    ada = stack.person("ada")
    room = stack.open_room(stack.project(ada), ada)
    stack.sluse("room", "close", room.id)
    until(lambda: not stack.docker.containers(all=True, filters={"label": f"datasluse.room={room.id}"}))
    assert room.request("GET", "/lab").status_code == 404
