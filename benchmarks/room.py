"""A room's start, the click to JupyterLab and idle memory, against plain DockerSpawner with configurable-http-proxy.

    .venv/bin/python -m benchmarks.room     (as root, after ./test; makes an installation `bench`, and removes it)

The peer is JupyterHub as people install it, with our room's image plus jupyterhub, in rotated rounds of the same run:
once with the hub's own back-off while it waits for a room (`out of the box`), once asking every 0.1 s as ours does
(`like for like`). Neither of the peers has a wall, a volume or a gate. Result: docs/results/room.json.
"""

from __future__ import annotations

import json
import os
import platform
import secrets
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from importlib.metadata import version
from pathlib import Path

import httpx
from docker import APIClient
from playwright.sync_api import Browser, sync_playwright

from benchmarks.proxies import PATH, PEER, ROOT, free_port, proxy
from governance import people, projects
from governance.database import Database
from governance.settings import Settings, load
from governance.tables import ProjectRole
from governance.tiers import Tier
from hub import images
from sluse import processes
from sluse.access import open_room

ROUNDS = 7
NETWORK = "sluse-bench-peer"
CHROMIUM = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking")
DOCKERFILE = """
FROM {base}
USER root
COPY wheels /wheels
RUN python3 -m venv /pip && /pip/bin/pip --python /opt/room/bin/python install -q --no-index --find-links=/wheels \\
    jupyterhub=={version} && rm -r /pip /wheels && chown 64000:64000 /home/researcher
USER 64000:64000
"""
HUB = """
c = get_config()
c.JupyterHub.bind_url = "http://127.0.0.1:{port}"
c.JupyterHub.hub_ip = "{gateway}"
c.JupyterHub.hub_port = {hub_port}
c.JupyterHub.db_url = "sqlite:///{folder}/hub.sqlite"
c.JupyterHub.cookie_secret_file = "{folder}/cookie"
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allow_all = True
c.JupyterHub.services = [{{"name": "bench", "api_token": "{token}"}}]
c.JupyterHub.load_roles = [
    {{"name": "bench", "scopes": ["admin:users", "admin:servers", "access:servers"], "services": ["bench"]}}]
c.ConfigurableHTTPProxy.command = ["node", "{proxy}"]
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{api_port}"
c.JupyterHub.spawner_class = "docker"
c.DockerSpawner.image = "{image}"
c.DockerSpawner.network_name = "{network}"
c.DockerSpawner.use_internal_ip = True
c.DockerSpawner.prefix = "{name}"
c.DockerSpawner.remove = True
c.DockerSpawner.cmd = "jupyterhub-singleuser"
c.Spawner.default_url = "/lab"
"""
ALIKE = """
import functools, jupyterhub.utils as utils
wait = utils.exponential_backoff
utils.exponential_backoff = lambda *a, **k: wait(*a, **k | {"start_wait": 0.1, "max_wait": 0.1, "scale_factor": 1})
"""


@dataclass(frozen=True)
class Started:
    """A room that runs: how to look at it and how to end it."""

    containers: list[str]
    end: Callable[[], None]


@dataclass(frozen=True)
class Way:
    """One way to have rooms."""

    name: str
    ready: Callable[[], tuple[float, Started]]
    """Seconds from asking until JupyterLab's page is answered."""
    usable: Callable[[Browser], tuple[float, Started]]
    """Seconds from the click until JupyterLab's launcher is there, in a browser without a cache."""
    pids: Callable[[], list[int]]
    """What runs beside the rooms: hub, proxy and all."""


def until(answered: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not answered():
        if time.monotonic() > deadline:
            raise RuntimeError("no room within two minutes")
        time.sleep(0.05)


def launched(page: object) -> None:
    page.wait_for_selector(".jp-Launcher, .datasluse-start", timeout=120_000)  # type: ignore[attr-defined]


@contextmanager
def ours() -> Iterator[Way]:
    """An installation of this checkout."""
    environment = os.environ | {"SLUSE_INSTALLATION": "bench"}
    os.environ["SLUSE_INSTALLATION"] = "bench"
    subprocess.run([ROOT / "up"], check=True, env=environment, stdout=subprocess.DEVNULL)
    settings = load("bench")
    database = Database(settings.database)

    def someone() -> tuple[str, str, str]:
        name, password, key = f"p-{secrets.token_hex(4)}", secrets.token_urlsafe(12), f"p-{secrets.token_hex(4)}"
        now, later = datetime.now(UTC), date(2099, 12, 31)
        with database.write() as tx:
            person = people.add(tx, name, name, now, password=password, training_until=later)
            people.accept_terms(tx, person, now)
            project = projects.add(tx, key, key, Tier.SYNTHETIC, "Bench", "B-1", later, now)
            projects.add_member(tx, project, person, ProjectRole.ANALYST, now)
        return name, password, key

    def started(room: str) -> Started:
        def end() -> None:
            command = [str(ROOT / ".venv" / "bin" / "sluse"), "room", "close", room]
            subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)

        return Started([f"sluse-bench-{part}-{room}" for part in ("room", "gate")], end)

    def ready() -> tuple[float, Started]:
        name, _, key = someone()
        begun = time.monotonic()
        opened = open_room(settings, database, key, name, "small", lambda: datetime.now(UTC))
        headers = {"Host": settings.authority(settings.room_host(opened.room))}
        base = f"http://127.0.0.1:{settings.edge_port}"
        with httpx.Client(base_url=base, headers=headers, trust_env=False) as http:
            come_in = http.post(
                "/_gate/enter", data={"ticket": opened.ticket}, headers={"Origin": settings.portal_origin}
            )
            cookie = come_in.headers["set-cookie"].split(";")[0]
            until(lambda: http.get("/lab", headers={"Cookie": cookie}).status_code == 200)
        return time.monotonic() - begun, started(opened.room)

    def usable(browser: Browser) -> tuple[float, Started]:
        name, password, _ = someone()
        context = browser.new_context()
        page = context.new_page()
        page.goto(settings.portal_origin)
        page.fill("#name", name)
        page.fill("#password", password)
        page.keyboard.press("Enter")
        page.wait_for_url(f"{settings.portal_origin}/")
        begun = time.monotonic()
        page.get_by_role("button", name="Open room").click()
        launched(page)
        took = time.monotonic() - begun
        room = page.url.split("//")[1].split(".")[0]
        context.close()
        return took, started(room)

    try:
        yield Way("datasluse", ready, usable, lambda: list(processes.pids(settings).values()))
    finally:
        database.engine.dispose()
        command = [str(ROOT / "up"), "destroy", "--yes"]
        subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)


def peer_image(settings: Settings, docker: APIClient) -> str:
    """Our room's image plus jupyterhub, of the version that we use."""
    hub = version("jupyterhub")
    base = images.tags(settings)["base"]
    tag = f"datasluse/bench-peer:{base.rsplit(':', 1)[-1]}"
    if docker.images(tag, quiet=True):
        return tag
    with tempfile.TemporaryDirectory() as folder:
        wheels = ["--only-binary=:all:", f"--python-version={images.PYTHON}", "-d", f"{folder}/wheels"]
        python = str(ROOT / ".venv" / "bin" / "python")
        subprocess.run([python, "-m", "pip", "download", "-q", *wheels, f"jupyterhub=={hub}"], check=True)
        (Path(folder) / "Dockerfile").write_text(DOCKERFILE.format(base=base, version=hub))
        subprocess.run(["docker", "build", "-q", "-t", tag, folder], check=True, stdout=subprocess.DEVNULL)
    return tag


@contextmanager
def plain(name: str, image: str, gateway: str, more: str) -> Iterator[Way]:
    """JupyterHub with DockerSpawner."""
    token, port, short = secrets.token_hex(16), free_port(), f"bench-{name.replace(' ', '-')}"
    base = f"http://127.0.0.1:{port}"
    folder = Path(tempfile.mkdtemp(prefix="bench-hub-"))
    filled = {"port": port, "gateway": gateway, "hub_port": free_port(), "api_port": free_port(), "folder": folder}
    filled |= {"token": token, "proxy": proxy(), "image": image, "network": NETWORK, "name": short}
    (folder / "hub.py").write_text(more + HUB.format(**filled))
    http = httpx.Client(base_url=base, headers={"Authorization": f"token {token}"}, timeout=150, trust_env=False)

    def started(person: str) -> Started:
        def end() -> None:
            http.delete(f"/hub/api/users/{person}/server")
            until(lambda: not http.get(f"/hub/api/users/{person}").json()["servers"])

        return Started([f"{short}-{person}"], end)

    def ready() -> tuple[float, Started]:
        person = f"p{secrets.token_hex(4)}"
        http.post(f"/hub/api/users/{person}").raise_for_status()
        begun = time.monotonic()
        http.post(f"/hub/api/users/{person}/server").raise_for_status()
        until(lambda: http.get(f"/user/{person}/lab").status_code == 200)
        return time.monotonic() - begun, started(person)

    def usable(browser: Browser) -> tuple[float, Started]:
        person = f"p{secrets.token_hex(4)}"
        context = browser.new_context()
        page = context.new_page()
        page.goto(f"{base}/hub/login?next=/hub/home")
        page.fill("#username_input", person)
        page.fill("#password_input", "x")
        page.click("#login_submit")
        page.wait_for_url(f"{base}/hub/home")
        begun = time.monotonic()
        page.goto(f"{base}/hub/spawn")
        launched(page)
        took = time.monotonic() - begun
        context.close()
        return took, started(person)

    program = str(ROOT / ".venv" / "bin" / "jupyterhub")
    with (
        (folder / "log").open("w") as log,
        subprocess.Popen([program, "-f", str(folder / "hub.py")], stdout=log, stderr=log, cwd=folder) as hub,
    ):
        try:
            until(lambda: _answers(http))
            children = Path(f"/proc/{hub.pid}/task/{hub.pid}/children")
            yield Way(name, ready, usable, lambda: [hub.pid, *map(int, children.read_text().split())])
        finally:
            hub.terminate()
            hub.wait()
            http.close()
            shutil.rmtree(folder)


def _answers(http: httpx.Client) -> bool:
    try:
        return http.get("/hub/api").status_code == 200
    except httpx.TransportError:
        return False


def memory(docker: APIClient, name: str) -> float:
    """MiB that a container holds and that could not be had back at once."""
    said = docker.stats(name, stream=False, one_shot=True)["memory_stats"]
    cache = said["stats"].get("inactive_file", said["stats"].get("total_inactive_file", 0))
    return float((said["usage"] - cache) / (1 << 20))


def proportional(pid: int) -> float:
    """MiB of a process on the host, what it shares divided among those who share it."""
    rows = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(row.split()[1]) / 1024 for row in rows if row.startswith("Pss:"))


def main() -> None:
    """Measure, print, and keep the result."""
    docker = APIClient(timeout=60)
    os.environ["PATH"] = PATH
    seconds: dict[str, dict[str, list[float]]] = {"room ready, s": {}, "click to JupyterLab, s": {}}
    idle: dict[str, list[float]] = {}
    beside: dict[str, float] = {}
    with ExitStack() as stack:
        here = stack.enter_context(ours())
        network = docker.create_network(NETWORK, driver="bridge")["Id"]
        stack.callback(docker.remove_network, network)
        gateway = docker.inspect_network(network)["IPAM"]["Config"][0]["Gateway"]
        image = peer_image(load("bench"), docker)
        alike = stack.enter_context(plain("like for like", image, gateway, ALIKE))
        boxed = stack.enter_context(plain("out of the box", image, gateway, ""))
        ways = [here, alike, boxed]
        browser = stack.enter_context(sync_playwright()).chromium.launch(
            executable_path="/usr/bin/chromium", args=list(CHROMIUM)
        )
        for number in range(ROUNDS + 1):  # the first warms the disk's cache and counts for nothing
            for way in ways[number % 3 :] + ways[: number % 3]:
                took, room = way.ready()
                time.sleep(2)
                held = sum(memory(docker, name) for name in room.containers)
                room.end()
                clicked, room = way.usable(browser)
                room.end()
                if number:
                    seconds["room ready, s"].setdefault(way.name, []).append(took)
                    seconds["click to JupyterLab, s"].setdefault(way.name, []).append(clicked)
                    idle.setdefault(way.name, []).append(held)
            print(f"round {number} of {ROUNDS}", flush=True)
        beside = {way.name: round(sum(map(proportional, way.pids()))) for way in ways}
        browser.close()
    result: dict[str, object] = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "cores": os.cpu_count(),
        "kernel": platform.release(),
        "peer": f"jupyterhub {version('jupyterhub')}, dockerspawner {version('dockerspawner')}, {PEER}",
        "rounds": ROUNDS,
    }
    for what, values in {**seconds, "idle memory of a room, MiB": idle}.items():
        shown: dict[str, object] = {name: round(statistics.median(each), 2) for name, each in values.items()}
        for other in (alike.name, boxed.name):
            ratios = [a / b for a, b in zip(values[here.name], values[other], strict=True)]
            shown[f"ours / {other}"] = round(statistics.median(ratios), 2)
        result[what] = shown
    result["memory beside rooms, MiB"] = beside
    (ROOT / "docs" / "results" / "room.json").write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
