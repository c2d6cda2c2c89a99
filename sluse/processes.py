"""The processes of an installation, in one table, and the supervisor that runs them everywhere."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import time
import xmlrpc.client
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from supervisor.xmlrpc import SupervisorTransport

from governance.errors import Unavailable
from governance.settings import RELEASES, Settings
from hub import edge

SYSTEMD = Path("/run/systemd/system")

environment = Environment(loader=FileSystemLoader(Path(__file__).parent / "templates"), undefined=StrictUndefined)  # noqa: S701


@dataclass(frozen=True, slots=True)
class Process:
    """One program. What it may touch follows from its user and from `hub.folders`."""

    name: str
    command: str
    """With `{bin}`, `{site}` (the installed packages), `{run}`, `{state}` and `{packages_index}` filled in."""
    user: str | None
    """The suffix of its system user; None is root."""
    may: str
    """What it may touch, for people."""
    drops: bool = False
    """It is started by root, opens what only root may, and becomes its user by itself."""


PROCESSES = (
    Process(
        "edge", "/usr/sbin/haproxy -db -f {run}/edge/haproxy.cfg", "edge", "the one port; nothing else", drops=True
    ),
    Process("web", "{bin}/python -m sluse.serve web", "web", "the database, the ticket key; no Docker"),
    Process("hub", "{bin}/jupyterhub -f {site}/hub/jupyterhub_config.py", None, "Docker, the database"),
    Process("reconciler", "{bin}/python -m sluse.serve reconciler", None, "Docker, nftables, the database"),
    Process("intake", "{bin}/python -m sluse.serve intake", "intake", "the database, frozen originals; for rooms"),
    Process("mirror", "{bin}/python -m sluse.serve mirror", "mirror", "the database, the index; packages for rooms"),
    Process(
        "index",
        "{bin}/python -m mirror.index {run}/index/index.sock {state}/packages {packages_index}",
        "index",
        "the package index outside, what it kept of it; no database, no settings, no Docker",
    ),
    Process("clusters", "{bin}/python -m sluse.serve clusters", None, "Docker, the database; for rooms' clusters"),
    Process("jobs", "{bin}/python -m sluse.serve jobs", "jobs", "the database, frozen canonical copies; no Docker"),
    Process("sandboxd", "{bin}/python -m sluse.serve sandboxd", None, "Docker, for one verb"),
    Process("release", "{bin}/python -m sluse.serve release", "release", "the database, the signing key, releases"),
)


def users(settings: Settings) -> list[str]:
    """The system users that the processes run as."""
    return [settings.user(process.user) for process in PROCESSES if process.user]


def current(settings: Settings) -> Path:
    """The installed release that the processes run."""
    return RELEASES / settings.installation / "current"


def running_release(settings: Settings) -> Path | None:
    """The release that runs, or would; None before the first installation."""
    return current(settings).resolve() if current(settings).exists() else None


def point_to(settings: Settings, release: Path) -> None:
    """Make a release the one that runs at the next start."""
    link = current(settings)
    fresh = link.with_name("current.new")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(release.name)
    fresh.rename(link)


def write_configuration(settings: Settings) -> None:
    """Write what supervisor and the edge read at their start."""
    release = current(settings).resolve()
    filled = {
        "bin": release / "bin",
        "site": next((release / "lib").glob("python3*/site-packages")),
        "run": settings.run,
        "state": settings.state,
        "packages_index": settings.packages_index.replace("%", "%%"),  # supervisor fills in what follows a %
    }
    programs = [
        {
            "name": p.name,
            "command": p.command.format(**filled),
            "user": settings.user(p.user) if p.user and not p.drops else "root",
        }
        for p in PROCESSES
    ]
    text = environment.get_template("supervisord.conf").render(settings=settings, programs=programs, filled=filled)
    _configuration(settings).write_text(text)
    edge.write(settings)


def start(settings: Settings) -> None:
    """Start supervisor, or let a running one take up a changed configuration."""
    if SYSTEMD.is_dir():
        subprocess.run(["systemctl", "restart", f"datasluse@{settings.installation}.service"], check=True)
    else:
        stop(settings)
        supervisord = current(settings).resolve() / "bin" / "supervisord"
        subprocess.run([supervisord, "-c", _configuration(settings)], check=True, cwd="/")
    _wait(lambda: bool(states(settings)), 20, "supervisor did not start")


def stop(settings: Settings) -> None:
    """Stop every process; rooms and gates are containers and go on."""
    if SYSTEMD.is_dir():
        subprocess.run(["systemctl", "stop", f"datasluse@{settings.installation}.service"], check=False)
    elif states(settings):
        with _remote(settings) as remote:
            supervisor = Path("/proc") / str(cast(int, remote.supervisor.getPID()))
            remote.supervisor.shutdown()
        # Not until its socket is deaf: that comes first, and the processes end after it.
        _wait(lambda: not supervisor.exists(), 60, "the processes did not end")


def states(settings: Settings) -> dict[str, str]:
    """Each process's state in supervisor's words (RUNNING, STARTING, FATAL, …); empty when no supervisor runs."""
    try:
        with _remote(settings) as remote:
            return {info["name"]: info["statename"] for info in _programs(remote)}
    except (OSError, xmlrpc.client.Error):
        return {}


def pids(settings: Settings) -> dict[str, int]:
    """The process ids of what runs, by name; empty when no supervisor runs."""
    try:
        with _remote(settings) as remote:
            return {info["name"]: info["pid"] for info in _programs(remote) if info["pid"]}
    except (OSError, xmlrpc.client.Error):
        return {}


def ensure_engine(release: Path) -> None:
    """See that a Docker engine answers; where no systemd runs, run one under a supervisor of its own.

    Args:
        release: an installed release, whose supervisor it is.

    Raises:
        Unavailable: there is no engine and none can be started.
    """
    if _engine_answers():
        return
    if SYSTEMD.is_dir() or not shutil.which("dockerd"):
        raise Unavailable("no Docker engine answers: see `systemctl status docker`, or install docker.io")
    folder = Path("/var/lib/datasluse/engine")
    folder.mkdir(parents=True, exist_ok=True)
    configuration = folder / "supervisord.conf"
    configuration.write_text(environment.get_template("engine.conf").render(folder=folder))
    subprocess.run([release / "bin" / "supervisord", "-c", configuration], check=True, cwd="/")
    _wait(_engine_answers, 60, f"the Docker engine did not start: see {folder}/dockerd.log")


def _engine_answers() -> bool:
    docker = shutil.which("docker")
    return docker is not None and subprocess.run([docker, "info"], capture_output=True, check=False).returncode == 0


def _programs(remote: xmlrpc.client.ServerProxy) -> list[dict[str, Any]]:
    return cast("list[dict[str, Any]]", remote.supervisor.getAllProcessInfo())


def _configuration(settings: Settings) -> Path:
    return settings.state / "supervisord.conf"


@contextlib.contextmanager
def _remote(settings: Settings) -> Iterator[xmlrpc.client.ServerProxy]:
    socket = settings.run / "supervisor.sock"
    transport = SupervisorTransport(None, None, f"unix://{socket}")
    if not os.access(socket, os.W_OK):
        raise FileNotFoundError(socket)
    with contextlib.closing(transport):
        yield xmlrpc.client.ServerProxy("http://127.0.0.1", transport=transport)


def _wait(done: Callable[[], bool], seconds: float, otherwise: str) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            raise Unavailable("{what}", what=otherwise)
        time.sleep(0.2)
