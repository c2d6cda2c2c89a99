"""A Dask cluster from a notebook: real containers, started, scaled, lost and ended."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from governance import clusters
from governance.tables import Cluster, ClusterContainer, ClusterPart
from hub import masks
from hub.clusters import LOOK_EVERY, ORPHANS_EVERY
from sluse import processes
from tests.clusters import Place, leave_none, place
from tests.conftest import Stack, until


@pytest.fixture(scope="module")
def here(stack: Stack) -> Iterator[Place]:
    made = place(stack)
    yield made
    stack.sluse("room", "close", made.room.id)


@pytest.fixture(autouse=True)
def own_notebook(here: Place) -> Iterator[None]:
    """Each test has a notebook of its own, and ends without a cluster and without containers of one."""
    here.kernel = here.room.kernel()
    yield
    leave_none(here)


def test_two_lines_give_a_cluster(here: Place) -> None:
    said = here.json("""
        import json
        from datasluse import Cluster
        client = Cluster().get_client()
        out = {"result": client.submit(lambda x: x + 1, 41).result(timeout=60)}
        client.get_versions(check=True)
        info = client.scheduler_info()
        out["address"] = client.scheduler.address
        out["threads"] = sum(w["nthreads"] for w in info["workers"].values())
        print(json.dumps(out))
        """)
    assert said["result"] == 42
    assert said["threads"] == 1
    assert said["address"].startswith("tls://10.")
    assert len(here.containers("scheduler")) == len(here.containers("worker")) == 1


def test_every_container_of_a_cluster_has_the_rooms_shape(here: Place) -> None:
    """All that the engine was told of walls, compared with the room's own."""
    here.run("from datasluse import Cluster; cluster = Cluster(workers=2)")
    docker = here.stack.docker
    room = docker.inspect_container(here.room.name("room"))
    own = {"Binds", "Memory", "MemorySwap", "CpuQuota", "PidsLimit", "ShmSize", "Tmpfs"}
    found = here.containers()
    assert len(found) == 3
    for container in found:
        member = docker.inspect_container(container["Id"])
        for key, value in room["HostConfig"].items():
            if key not in own:
                assert member["HostConfig"][key] == value, key
        assert set(member["HostConfig"]["Tmpfs"]) == set(room["HostConfig"]["Tmpfs"])
        assert all(member["HostConfig"][key] > 0 for key in own - {"Tmpfs", "Binds"})
        assert member["Image"] == room["Image"]
        assert member["Config"]["User"] == room["Config"]["User"]
        assert set(member["NetworkSettings"]["Networks"]) == set(room["NetworkSettings"]["Networks"])
        mounts = [sorted((m["Source"], m["Destination"], m["RW"]) for m in c["Mounts"]) for c in (room, member)]
        scratch = [mount for mount in mounts[1] if mount[1] == "/scratch"]
        replaced = [[mount[1] for mount in of if mount[1].startswith("/proc/")] for of in mounts]
        assert replaced[0] == replaced[1] == list(masks.REPLACED)
        folders = [[mount for mount in of if not mount[1].startswith("/proc/")] for of in mounts]
        assert folders[0] == [mount for mount in folders[1] if mount not in scratch]
        assert len(scratch) == (member["Config"]["Labels"]["datasluse.part"] == "worker")


def test_a_notebook_written_for_dask_gateway_elsewhere_runs(here: Place) -> None:
    said = here.json("""
        import json
        from dask_gateway import Gateway
        gateway = Gateway()
        cluster = gateway.new_cluster(profile="base", workers=1)
        client = cluster.get_client()
        out = [client.submit(sum, [1, 2]).result(timeout=60)]
        cluster.scale(2)
        client.wait_for_workers(2, timeout=60)
        out.append(len(client.scheduler_info()["workers"]))
        again = gateway.connect(gateway.list_clusters()[0].name)
        out.append(again.get_client().submit(sum, [3, 4]).result(timeout=60))
        cluster.shutdown()
        out.append(gateway.list_clusters())
        print(json.dumps(out))
        """)
    assert said == [3, 2, 7, []]


def test_the_first_workers_stay(here: Place) -> None:
    """They start beside the scheduler: none is sent away as one too many, and none is made twice."""
    asked, rounds = 3, 6
    names = here.json(f"""
        import json
        from datasluse import Cluster
        names = []
        for _ in range({rounds}):
            with Cluster(workers={asked}) as cluster, cluster.get_client() as client:
                client.wait_for_workers({asked}, timeout=60)
                assert len(set(client.run(lambda: __import__("socket").gethostbyname("gate")))) == {asked}
                names.append(cluster.name)
        print(json.dumps(names))
        """)
    with here.stack.database.read() as tx:
        for name in names:
            made = tx.scalars(select(ClusterContainer).where(ClusterContainer.cluster == name)).all()
            assert sum(c.part == ClusterPart.WORKER for c in made) == asked
            assert not any(c.why for c in made)


def test_a_cluster_follows_the_work_and_keeps_one_worker(here: Place) -> None:
    said = here.json("""
        import json, time
        from datasluse import Cluster
        cluster = Cluster()
        client = cluster.get_client()
        cluster.adapt(maximum=3)
        futures = client.map(lambda n: (time.sleep(0.4), n)[1], range(60), pure=False)
        results = client.gather(futures)
        most = len(client.scheduler_info()["workers"])
        del futures
        deadline = time.monotonic() + 40
        while len(client.scheduler_info()["workers"]) > 1 and time.monotonic() < deadline:
            time.sleep(0.5)
        time.sleep(4)
        print(json.dumps([sum(results), most, len(client.scheduler_info()["workers"])]))
        """)
    assert said[0] == sum(range(60))
    assert said[1] > 1
    assert said[2] == 1


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"image": "debian"}, "Unknown fields ['image']"),
        ({"environment": "LD_PRELOAD=x"}, "Unknown fields ['environment']"),
        ({"mounts": "/etc"}, "Unknown fields ['mounts']"),
        ({"network": "host"}, "Unknown fields ['network']"),
        ({"uid": 0}, "Unknown fields ['uid']"),
        ({"scheduler_cmd": "sh"}, "Unknown fields ['scheduler_cmd']"),
        ({"æøå": "x"}, "Unknown fields ['æøå']"),
        ({"workers": 10**30}, "58"),
        ({"workers": -1}, "0"),
        ({"workers": "many"}, "workers"),
        ({"profile": "../base"}, "profile"),
    ],
)
def test_nothing_but_a_profile_and_a_number_can_be_chosen(here: Place, options: dict[str, Any], words: str) -> None:
    said = here.json(f"""
        import json
        from dask_gateway import Gateway
        with Gateway() as gateway:
            try:
                gateway.submit(**{options!r})
                print(json.dumps("begun"))
            except ValueError as e:
                print(json.dumps(str(e)))
        """)
    assert words in said
    assert not here.containers()


def test_more_than_the_limits_is_refused_with_what_is_in_use(here: Place) -> None:
    said = here.json("""
        import json
        from datasluse import Cluster
        cluster = Cluster(workers=1)
        out = []
        for ask in (lambda: Cluster(workers=15), lambda: cluster.scale(99)):
            try:
                ask()
                out.append("given")
            except Exception as e:
                out.append(str(e))
        cluster.scale(2)
        print(json.dumps(out))
        """)
    person, project = here.person.name, here.project
    assert f"I brug: {person} ({project}): 2. Der blev bedt om 16 mere" in said[0]
    assert "16 kerner" in said[0]
    assert (
        said[1].startswith("Dine klynger må bruge 16 kerner")
        or "exceed resource limit" in said[1]
        or said[1] == "given"
    )
    until(lambda: len(here.containers("worker")) == 2, 20)


def test_workers_whose_scratch_the_disk_cannot_hold_are_refused(here: Place) -> None:
    """All that is free is promised to a volume that is open and empty."""
    settings = here.stack.settings
    promised = settings.state / "volumes" / "promised.img"
    promised.touch(mode=0o600)
    os.truncate(promised, shutil.disk_usage(settings.state).free)
    device = subprocess.run(
        ["losetup", "--find", "--show", promised], capture_output=True, text=True, check=True
    ).stdout
    try:
        said = here.run("from datasluse import Cluster\ntry:\n    Cluster()\nexcept ValueError as e:\n    print(e)")
    finally:
        subprocess.run(["losetup", "--detach", device.strip()], check=True)
        promised.unlink()
    assert "Platformens disk" in said
    assert here.run("cluster = Cluster(); print(cluster.status)") == "running\n"  # the control


def test_a_project_without_clusters_has_none(stack: Stack, here: Place) -> None:
    person = stack.person("bob")
    room = stack.open_room(stack.project(person), person)
    code = "from datasluse import Cluster\ntry:\n    Cluster()\nexcept ValueError as e:\n    print(e)"
    assert "Dette projekt har ingen klynger" in room.kernel().run(code)


# -- what goes wrong ---------------------------------------------------------------------------------------------------
START_A_JOB = """
    import json, time
    from datasluse import Cluster
    cluster = Cluster(workers=2)
    client = cluster.get_client()
    client.wait_for_workers(2, timeout=60)
    futures = client.map(lambda n: (time.sleep(0.2), n)[1], range(100), pure=False)
    """
END_IT = """
    print(json.dumps([sum(client.gather(futures)), len(client.scheduler_info()["workers"])]))
    """


def test_a_worker_killed_in_the_middle_is_replaced_and_the_result_is_right(here: Place) -> None:
    here.run(START_A_JOB)
    killed = here.containers("worker")[0]["Id"]
    here.stack.docker.kill(killed)
    until(
        lambda: killed not in {c["Id"] for c in here.containers("worker")} and len(here.containers("worker")) == 2, 20
    )
    assert here.json(END_IT)[0] == sum(range(100))
    assert "erstattet" in here.room.request("GET", "/datasluse/requests").json()["room"]["notices"][-1]["words"]


def test_a_scheduler_out_of_memory_is_told_as_that_within_ten_seconds(here: Place) -> None:
    here.run("""
        from datasluse import Cluster
        cluster = Cluster(workers=0)
        client = cluster.get_client()
        def fill():
            global kept
            kept = [bytearray(b"x" * (1 << 20)) for _ in range(4096)]
        try:
            client.run_on_scheduler(fill)
        except Exception as e:
            print(e)
        """)

    def told() -> bool:
        notices = here.room.request("GET", "/datasluse/requests").json()["room"]["notices"]
        return any("hukommelse op" in notice["words"] for notice in notices)

    until(told, 10)
    until(lambda: not here.containers(), 20)


@pytest.mark.parametrize("victim", ["clusters", "hub"])
def test_clusters_outlive_gateway_and_hub_and_still_listen(here: Place, victim: str) -> None:
    here.run(START_A_JOB)
    kill_process(here.stack, victim)
    assert here.json(END_IT) == [sum(range(100)), 2]
    until(lambda: here.run("cluster.scale(1); print('scaled')") == "scaled\n", 40)
    until(lambda: len(here.containers("worker")) == 1, 40)
    assert here.run("cluster.shutdown(); print('down')") == "down\n"
    until(lambda: not here.containers(), 20)


MOMENTS = ("claimed", "made", "started", "ended")


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_gateway_that_dies_in_any_state_leaves_nothing_behind(here: Place, moment: str) -> None:
    """kill -9 between its steps: the cluster then works or its person is told, and all of it can be stopped."""
    stack = here.stack

    def reached() -> bool:
        if moment in ("made", "started"):
            states = {c["State"] for c in here.containers("scheduler")}
            return bool(states) if moment == "made" else "running" in states
        with stack.database.read() as tx:
            mine = tx.scalars(select(Cluster).where(Cluster.room_id == here.room.id, Cluster.started_at > begun)).all()
            return any(c.ended_at is None for c in mine) if moment == "claimed" else any(c.ended_at for c in mine)

    begun = datetime.now(UTC)
    if moment == "ended":
        here.run("from datasluse import Cluster; cluster = Cluster(workers=2)")
    asked = here.kernel.begin(
        "cluster.shutdown()" if moment == "ended" else "from datasluse import Cluster; cluster = Cluster(workers=2)"
    )
    until(reached, 20, every=0.002)
    killed = processes.pids(stack.settings)["clusters"]
    os.kill(killed, signal.SIGKILL)
    state = state_in_gateway(stack)
    assert state in EXPECTED[moment], state
    here.kernel.output(asked, 60)  # it may be told that nobody answers
    until(lambda: processes.pids(stack.settings).get("clusters", killed) != killed, 30)
    until(lambda: "[" in here.run(LISTED), 30)
    if moment == "ended":
        until(lambda: "[]\n" in here.run(LISTED), 30)
    else:
        until(lambda: here.run(USED).endswith("3\n"), 60)
    leave_none(here)
    with stack.database.read() as tx:
        assert not clusters.claimed(tx)
    until(lambda: not list((stack.settings.state / "volumes").glob("scratch-*")), ORPHANS_GONE)


ORPHANS_GONE = 2 * (ORPHANS_EVERY.total_seconds() + LOOK_EVERY)
"""Seconds: at the next look for what no row claims, or, if a container had it then, at the one after."""
EXPECTED = {"claimed": {1}, "made": {1, 2}, "started": {1, 2}, "ended": {3, 4, 5}}
"""dask-gateway's numbers: 1 created, 2 submitted, 3 running, 4 closing, 5 stopped."""
LISTED = """
from dask_gateway import Gateway
try:
    with Gateway() as gateway:
        print([report.name for report in gateway.list_clusters()])
except Exception as e:
    print(e)
"""
USED = """
from dask_gateway import Gateway
with Gateway() as gateway:
    for report in gateway.list_clusters():
        with gateway.connect(report.name) as cluster, cluster.get_client() as client:
            print(client.submit(sum, [1, 2]).result(timeout=60))
"""


def state_in_gateway(stack: Stack) -> int:
    """In which state its newest cluster is, in a copy of dask-gateway's own database."""
    with tempfile.TemporaryDirectory() as folder:
        for file in (stack.settings.state / "clusters").glob("clusters.db*"):
            shutil.copy(file, folder)
        with closing(sqlite3.connect(f"{folder}/clusters.db")) as database:
            return int(database.execute("select status from clusters order by start_time desc limit 1").fetchone()[0])


def test_a_restart_of_the_engine_ends_no_cluster(here: Place) -> None:
    """Rooms and clusters run on while it is away, and are scaled and stopped when it is back."""
    here.run(START_A_JOB)
    assert here.stack.docker.info()["LiveRestoreEnabled"]  # as `sluse doctor` demands
    before = {c["Id"] for c in here.containers()}
    file = Path("/run/docker.pid")
    old = int(file.read_text())
    os.kill(old, signal.SIGTERM)  # systemd, or our supervisor, starts it again
    until(lambda: not Path(f"/proc/{old}").exists(), 60)
    until(lambda: subprocess.run(["docker", "info"], capture_output=True, check=False).returncode == 0, 60)
    assert here.json(END_IT) == [sum(range(100)), 2]
    assert {c["Id"] for c in here.containers()} == before
    until(lambda: here.run("cluster.scale(3); print('scaled')") == "scaled\n", 40)
    until(lambda: len(here.containers("worker")) == 3, 40)
    assert here.run("cluster.shutdown(); print('down')") == "down\n"
    until(lambda: not here.containers(), 20)


def test_a_cluster_ends_with_its_room(stack: Stack, here: Place) -> None:
    other = place(stack)
    other.run("from datasluse import Cluster; cluster = Cluster(workers=2)")
    assert len(other.containers()) == 3
    stack.sluse("room", "close", other.room.id)
    until(lambda: not other.containers(), 20)
    assert not stack.docker.networks(names=[other.room.name("net")])


def kill_process(stack: Stack, name: str) -> None:
    """kill -9; supervisor starts it again."""
    killed = processes.pids(stack.settings)[name]
    os.kill(killed, signal.SIGKILL)
    until(lambda: processes.pids(stack.settings).get(name, killed) != killed, 30)


def test_what_does_not_fit_in_memory_goes_to_encrypted_scratch_that_is_wiped(stack: Stack, here: Place) -> None:
    program = """
import json, dask.array as da
from dask.distributed import wait
from datasluse import Cluster
client = Cluster(workers=1).get_client()
client.wait_for_workers(1, timeout=60)
client.run(lambda dask_worker: setattr(dask_worker.data.fast, "n", 100e6))  # 1.26 GB as it is: a minute's writing
x = da.random.random((8_000, 8_000), chunks=(1_000, 1_000)).persist()  # 0.5 GB
wait(x)
spilled = client.run(lambda dask_worker: len(dask_worker.data.disk))
mounted = client.run(lambda: [line.split()[2] for line in open("/proc/mounts") if " /scratch " in line])
print(json.dumps([float(x.mean().compute()), *spilled.values(), *mounted.values()]))
"""
    said = json.loads(here.kernel.output(here.kernel.begin(program), 300).splitlines()[-1])
    assert 0.49 < said[0] < 0.51
    assert said[1] > 0
    assert said[2] == ["ext4"]
    volumes = stack.settings.state / "volumes"
    assert list(volumes.glob("scratch-*"))
    leave_none(here)
    until(lambda: not list(volumes.glob("scratch-*")), 20)
