"""A researcher's scheduler and workers are their own programs: what they cannot do with them."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from docker.errors import APIError

from governance import clusters, people, projects
from governance.tables import Cluster, ProjectRole
from tests.clusters import Place, leave_none, place
from tests.conftest import Stack, until
from tests.escapes.attempts import attempt
from tests.escapes.conftest import INTERNET, PROBE, Canary


@pytest.fixture(scope="module")
def home(stack: Stack) -> Iterator[Place]:
    made = place(stack)
    yield made
    stack.sluse("room", "close", made.room.id)


@pytest.fixture
def here(home: Place) -> Iterator[Place]:
    """With a cluster of one worker, and what its scheduler was given."""
    home.kernel = home.room.kernel()
    home.run("""
        import json, os, http.client
        from datasluse import Cluster
        cluster = Cluster()
        client = cluster.get_client()
        client.wait_for_workers(1, timeout=60)
        token = client.run_on_scheduler(lambda: __import__("os").environ["DASK_GATEWAY_API_TOKEN"])
        address = client.scheduler.address.split("//")[1].split(":")[0]
        def call(method, path, body=None, headers={}, raw=None):
            connection = http.client.HTTPConnection("gate", 8082, timeout=30)
            data = raw if raw is not None else (json.dumps(body) if body is not None else None)
            connection.request(method, path, body=data, headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.read().decode(errors="replace")
        mine = f"/api/v1/clusters/{cluster.name}"
        as_scheduler = {"Authorization": "token " + token, "Content-Type": "application/json"}
        def beat(**changed):
            said = {"scheduler_address": "x", "dashboard_address": "x", "api_address": "x", "count": 1,
                    "active_workers": [], "closing_workers": [], "closed_workers": []} | changed
            return call("POST", mine + "/heartbeat", said, as_scheduler)[0]
        """)
    yield home
    leave_none(home)


def inside_member(here: Place, part: str, program: str, *arguments: str) -> str:
    docker = here.stack.docker
    member = here.containers(part)[0]["Id"]
    command = docker.exec_create(member, ["python", "-c", program, *arguments], user="64000:64000")
    return docker.exec_start(command["Id"]).decode()


@attempt(
    "K1",
    "make the host call elsewhere, by a scheduler that redirects it",
    wall="`gate.cfg` `commands`; `forward_message_to_scheduler` follows nothing",
    answer="409, the scheduler does not answer",
)
@pytest.mark.parametrize("status", [302, 307])
def test_a_redirecting_scheduler_sends_the_host_nowhere(here: Place, host_service: Canary, status: int) -> None:
    assert (
        host_service.word
        in subprocess.run(["curl", "-sS", "http://127.0.0.1:15432/"], capture_output=True, text=True, check=True).stdout
    )  # the control: the host itself reaches what it is sent to
    assert here.run("cluster.scale(1); print('told')") == "told\n"
    here.run(f"""
        def redirect(dask_scheduler):
            from dask_gateway.scheduler_preload import CommHandler
            async def post(self):
                self.set_status({status})
                self.set_header("Location", "http://127.0.0.1:15432/" + self.request.body.decode())
            CommHandler.post = post
        client.run_on_scheduler(redirect)
        """)
    said = here.run("cluster.scale(2)")
    assert "GatewayClusterError" in said
    assert "Location" not in said
    assert here.run("print(client.submit(sum, [1, 2]).result(timeout=30))") == "3\n"  # and the cluster goes on


@attempt(
    "K2",
    "hold up the clusters of others, by a scheduler that does not answer",
    wall="3 s in `gate.cfg` `commands`, a call of its own for each",
    answer="409 after 3 s; others are answered at once",
)
def test_a_slow_scheduler_holds_nobody_up(here: Place, stack: Stack) -> None:
    other = place(stack)
    here.run("""
        def sleep(dask_scheduler):
            from dask_gateway.scheduler_preload import CommHandler
            async def post(self):
                import asyncio
                await asyncio.sleep(600)
            CommHandler.post = post
        client.run_on_scheduler(sleep)
        import threading, time
        took = []
        def ask():
            begun = time.monotonic()
            call("POST", mine + "/scale", {"count": 1})
            took.append(time.monotonic() - begun)
        threads = [threading.Thread(target=ask) for _ in range(20)]
        for thread in threads: thread.start()
        """)
    begun = time.monotonic()
    said = other.run("from dask_gateway import Gateway\nwith Gateway() as g: print(g.list_clusters())")
    # Starting Python's client takes most of it.
    assert said == "[]\n"
    assert time.monotonic() - begun < 4
    assert float(here.run("for thread in threads: thread.join()\nprint(max(took))")) < 12
    stack.sluse("room", "close", other.room.id)


@attempt(
    "K3",
    "start more than their share, or break the platform, by what a scheduler reports",
    wall="`hub/cluster_calls.py` `Heartbeat`, `governance.clusters`",
    answer="422, 413, 429; at most what the limits give",
)
def test_what_a_scheduler_reports_is_not_believed(here: Place, stack: Stack) -> None:
    log = stack.settings.log / "clusters.log"
    before = log.stat().st_size
    said = here.json("""
        answers = {
            "plain": beat(),
            "negative": beat(count=-5),
            "text": beat(count="x"),
            "empty": call("POST", mine + "/heartbeat", {}, as_scheduler)[0],
            "list": call("POST", mine + "/heartbeat", [], as_scheduler)[0],
            "no json": call("POST", mine + "/heartbeat", raw="{", headers=as_scheduler)[0],
            "names": beat(active_workers=["../x"]),
            "strangers": beat(active_workers=["f" * 32]),
            "far": beat(count=10**9),
            "elsewhere": beat(scheduler_address="tls://198.51.100.10:8786", api_address="http://127.0.0.1:15432"),
            "2 MB": call("POST", mine + "/heartbeat", headers=as_scheduler | {"Content-Length": str(2 << 20)})[0],
            "no token": call("POST", mine + "/heartbeat", {})[0],
            "float": beat(count=1.5),
        }
        print(json.dumps(answers))
        """)
    assert said == {
        "plain": 200, "negative": 422, "text": 422, "empty": 422, "list": 422, "no json": 422, "names": 422,
        "strangers": 200, "far": 422, "elsewhere": 200, "2 MB": 413, "no token": 422, "float": 422,
    }  # fmt: skip
    for _ in range(4):
        here.run("[beat(count=n) for n in (1, 10_000, 0, 10_000)]")
    with stack.database.read() as tx:
        used, _ = clusters.used(tx, Cluster.name == here.run("print(cluster.name)").strip(), datetime.now(UTC))
    assert used.cores <= stack.settings.clusters_per_person.cores
    assert len(here.containers()) <= stack.settings.clusters_per_person.cores
    assert used.starts <= stack.settings.clusters_per_person.starts_per_hour
    with log.open("rb") as file:
        file.seek(before)
        assert b"Traceback" not in file.read()


@attempt(
    "K4",
    "keep the platform busy with calls",
    wall="`gate.cfg` backend `clusters`",
    answer="429, `rate`",
)
def test_calls_are_counted(here: Place) -> None:
    said = here.json("""
        import collections
        statuses = collections.Counter(call("GET", "/api/version")[0] for _ in range(150))
        print(json.dumps(statuses))
        """)
    assert said["200"] > 50
    assert said["429"] > 20
    time.sleep(20)
    said = here.json("print(json.dumps(call('GET', '/api/version')[0]))")
    assert said == 200  # the control: they are forgotten, as it says


@attempt(
    "K5",
    "see, scale or stop another's cluster, with its name and even its token",
    wall="`hub/cluster_calls.py` `from_a_room`",
    answer="404",
)
def test_anothers_cluster_is_not_there(here: Place, stack: Stack) -> None:
    name, token = json.loads(here.run("print(json.dumps([cluster.name, token]))"))
    other = place(stack)
    other.run("import http.client, json")
    said = other.json(f"""
        answers = []
        for headers in ({{}}, {{"Authorization": "token {token}", "Content-Type": "application/json"}}):
            for method, path, body in (("GET", "", None), ("DELETE", "", None), ("POST", "/scale", '{{"count": 2}}'),
                                       ("POST", "/adapt", "{{}}"), ("POST", "/heartbeat", "{{}}")):
                connection = http.client.HTTPConnection("gate", 8082, timeout=10)
                connection.request(method, "/api/v1/clusters/{name}" + path, body=body, headers=headers)
                answers.append(connection.getresponse().status)
        print(json.dumps(answers))
        """)
    assert set(said) == {404}
    assert here.json("print(json.dumps(call('GET', mine)[0]))") == 200  # the control
    stack.sluse("room", "close", other.room.id)


@attempt(
    "K6",
    "reach another's scheduler, dashboard or workers, by address or name, in the same project or another",
    wall="a network for each room",
    answer="no connection, no name",
)
@pytest.mark.parametrize("same_project", [True, False])
def test_anothers_containers_are_out_of_reach(here: Place, stack: Stack, same_project: bool) -> None:
    person = stack.person("bob")
    if same_project:
        with stack.database.write() as tx:
            member = people.named(tx, person.name)
            projects.add_member(tx, projects.keyed(tx, here.project), member, ProjectRole.ANALYST, datetime.now(UTC))
        bob = stack.open_room(here.project, person)
    else:
        bob = stack.open_room(stack.project(person), person)
    reach = """
import json, socket, sys
found = []
for address in sys.argv[1].split(","):
    for port in (8786, 8787, 8788, 8888, 40000):
        try:
            socket.create_connection((address, port), timeout=1).close()
            found.append([address, port])
        except OSError as e:
            pass
print(json.dumps(found))
"""
    containers = here.containers()
    addresses = [next(iter(c["NetworkSettings"]["Networks"].values()))["IPAddress"] for c in containers]
    names = [c["Names"][0].strip("/") for c in containers]
    program = reach.replace("sys.argv[1]", repr(",".join(addresses + names + ["scheduler"])))
    scheduler = here.run("print(address)").strip()
    until(lambda: [scheduler, 8787] in json.loads(here.room.run(program)), 20)
    assert [scheduler, 8786] in json.loads(here.room.run(program))  # the control: from its own room
    assert json.loads(bob.run(program)) == []
    stack.sluse("room", "close", bob.id)


@attempt(
    "K7",
    "reach from a worker or a scheduler what they cannot reach from the room",
    wall="the room's own network and shape, `hub/container.py` `member`",
    answer="no connection, no name",
)
@pytest.mark.parametrize("part", ["scheduler", "worker"])
def test_a_clusters_container_reaches_no_more_than_the_room(
    here: Place, stack: Stack, internet: Canary, host_service: Canary, part: str
) -> None:
    front = str(stack.settings.front_host)
    for probe in (
        ("http", INTERNET, "80"), ("udp", INTERNET, "53"), ("name", "canary.example.org", "0"),
        ("http", front, "15432"), ("tcp", front, "8082"), ("tcp", front, "8083"), ("http", "172.17.0.1", "15432"),
    ):  # fmt: skip
        assert json.loads(inside_member(here, part, PROBE, *probe))["heard"] is None, probe
    assert "HTTP" in json.loads(inside_member(here, part, PROBE, "tcp", "gate", "8082"))["heard"]  # the control
    ends = "import os; print(open('/proc/self/status').read()); print(os.access('/data', os.W_OK))"
    seen = inside_member(here, part, ends)
    assert "CapEff:\t0000000000000000" in seen
    assert "Seccomp:\t2" in seen
    assert "False" in seen


@attempt(
    "K8",
    "keep an idle cluster for ever by turning its clock back",
    wall="`hub/clusters.py` `_count`, by the engine's count",
    answer="it ends, and its person is told",
)
def test_idleness_is_counted_outside(here: Place, stack: Stack) -> None:
    here.run("""
        def patched(dask_scheduler):
            import time
            time.time = lambda: 0.0
            dask_scheduler.services["gateway"].check_idle = None
        client.run_on_scheduler(patched)
        """)
    name = here.run("print(cluster.name)").strip()

    def has_ended_after_idling() -> bool:
        """Turn the clock back each time: what the cluster computed just now may be counted after this."""
        with stack.database.write() as tx:
            cluster = tx.get(Cluster, name)
            if cluster is not None:
                cluster.active_at = datetime.now(UTC) - timedelta(minutes=stack.settings.cluster_idle_minutes)
        return not here.containers()

    until(has_ended_after_idling, 100, every=2)
    notices = here.room.request("GET", "/datasluse/requests").json()["room"]["notices"]
    assert any("regnede ikke" in notice["words"] for notice in notices)


@attempt(
    "K11",
    "go on computing, or call the platform, after the permit ended",
    wall="`governance.rooms` `access_refused`, `hub/reconciler.py`",
    answer="every container is gone within 60 s; its calls are refused at once",
)
def test_a_cluster_ends_with_the_permit(stack: Stack) -> None:
    other = place(stack)
    other.run("from datasluse import Cluster; cluster = Cluster(workers=1); cluster.get_client()")
    asks = """
import http.client
try:
    connection = http.client.HTTPConnection("gate", 8082, timeout=10)
    connection.request("GET", "/api/v1/clusters/")
    print(connection.getresponse().status)
except OSError as e:
    print(e)
"""
    assert inside_member(other, "worker", asks).strip() == "200"  # the control
    with stack.database.write() as tx:
        projects.keyed(tx, other.project).permit_until = datetime.now(UTC).date() - timedelta(days=1)
    try:
        said = inside_member(other, "worker", asks).strip()
    except (IndexError, APIError):  # it is gone already
        said = "gone"
    assert said != "200"
    until(lambda: not other.containers(), 60)


@attempt(
    "K9",
    "fill the host's disk with what a worker prints",
    wall="`log_config` in `hub/container.py`",
    answer="30 MB are kept",
)
def test_what_a_worker_prints_is_bounded(here: Place, stack: Stack) -> None:
    here.run("""
        def shout():
            import os
            line = b"x" * 99_999 + b"\\n"
            for _ in range(1000):
                os.write(1, line)
        client.submit(shout).result(timeout=120)
        """)
    kept = Path(stack.docker.inspect_container(here.containers("worker")[0]["Id"])["LogPath"])
    written = sum(path.stat().st_size for path in kept.parent.glob("*-json.log*"))
    assert (1 << 20) < written < (32 << 20)


@attempt(
    "K10",
    "have the platform unpickle what a scheduler says",
    wall="`pyproject.toml`: `dask`, `distributed` and `cloudpickle` are imported by nothing of ours",
    answer="there is nothing that could",
)
def test_the_control_side_holds_nothing_that_unpickles(stack: Stack) -> None:
    """As it is installed: the modules that the process has loaded, and what it could load."""
    python = Path("/opt/datasluse") / stack.settings.installation / "current" / "bin" / "python"
    said = subprocess.run(
        [python, "-c", "import hub.clusters, sys; print(sorted({m.split('.')[0] for m in sys.modules}))"],
        capture_output=True, text=True, check=True, cwd="/",
    ).stdout  # fmt: skip
    assert "'dask_gateway_server'" in said  # the control
    for module in ("dask", "distributed", "cloudpickle"):
        assert f"'{module}'" not in said
        assert subprocess.run([python, "-c", f"import {module}"], capture_output=True, cwd="/", check=False).returncode
