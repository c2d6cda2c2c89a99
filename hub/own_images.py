"""An operator's own image for rooms: what it must hold, tried in a container of a room's shape.

The contract: it is built on this host's `base`, so that JupyterLab, our extensions and dask are there, and adds to it
(a statistics package with its kernel, say). What it may not change is looked at here.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from docker import APIClient
from docker.errors import ImageNotFound

from governance.rooms import Size
from governance.settings import Settings
from hub import container, masks
from hub.plan import HOME, JUPYTER_PORT, ROOM_UID

TRIED_IN = Size(memory=2 << 30, cpus=2, processes=512)
STARTS_WITHIN = 60.0
"""Seconds until JupyterLab must answer."""
VERSIONS = """
import json
from importlib.metadata import version
print(json.dumps({name: version(name) for name in
    ("jupyterlab", "dask", "distributed", "dask-gateway", "cloudpickle", "msgpack", "tornado", "numpy", "pandas")}))
"""
ANSWERS = """
import json, sys, urllib.request
request = urllib.request.Request("http://127.0.0.1:%d/" + sys.argv[1], headers={"Authorization": "token check"})
print(urllib.request.urlopen(request, timeout=5).read().decode())
"""


@dataclass(frozen=True, slots=True)
class Found:
    """One thing that was looked at."""

    what: str
    wrong: str | None


def check(settings: Settings, docker: APIClient, tag: str, base: str) -> list[Found]:
    """Try an image as a room would be; raises nothing: what cannot be looked at is wrong.

    Args:
        base: the tag of the image `base` that it is to be built on.
    """
    try:
        described = docker.inspect_image(tag)  # type: ignore[no-untyped-call]
    except ImageNotFound:
        return [Found("the image is here", f"{tag} is not on this engine: build or load it first")]
    found = [Found("the image is here", None), _is_on_base(docker, described, base)]
    try:
        with _running(settings, docker, tag) as name:
            found.append(_answers(docker, name))
            if found[-1].wrong is None:
                found += _inside(settings, docker, name, base)
    except Exception as e:
        found.append(Found("it runs behind a room's walls", str(e)))
    return found


def _is_on_base(docker: APIClient, described: dict[str, object], base: str) -> Found:
    below = docker.inspect_image(base)["RootFS"]["Layers"]  # type: ignore[no-untyped-call]
    layers = described["RootFS"].get("Layers") or []  # type: ignore[attr-defined]
    wrong = None if layers[: len(below)] == below else f"it begins with other layers: FROM {base}"
    return Found("it is built on this host's base", wrong)


@contextmanager
def _running(settings: Settings, docker: APIClient, tag: str) -> Iterator[str]:
    name = f"sluse-{settings.installation}-check-{secrets.token_hex(5)}"
    labels = {"datasluse.installation": settings.installation, "datasluse.part": "check"}
    tmpfs = {"/tmp": "size=256m,mode=1777", "/run": "size=16m", HOME: f"size=256m,uid={ROOM_UID},gid={ROOM_UID}"}  # noqa: S108
    wanted = {
        "name": name,
        "image": tag,
        "user": f"{ROOM_UID}:{ROOM_UID}",
        "working_dir": HOME,
        "environment": {"HOME": HOME, "JUPYTER_TOKEN": "check", "LANG": "C.UTF-8"},
        "command": [*container.JUPYTERLAB, "--ip=127.0.0.1", f"--port={JUPYTER_PORT}"],
        "labels": labels,
        "host_config": container.walls(TRIED_IN, replaced=True)
        | {"network_mode": "none", "tmpfs": tmpfs, "binds": masks.binds(settings.masks, TRIED_IN)},
        "networking_config": None,
    }
    masks.prepare(settings, TRIED_IN)
    container.create(docker, wanted)
    try:
        docker.start(name)
        yield name
    finally:
        container.remove(docker, name, labels)


def _ask(docker: APIClient, name: str, *command: str) -> str:
    made = docker.exec_create(name, list(command))["Id"]
    said: bytes = docker.exec_start(made)
    if docker.exec_inspect(made)["ExitCode"]:
        raise RuntimeError(said.decode(errors="replace").strip().splitlines()[-1:] or "no word")
    return said.decode(errors="replace")


def _files(docker: APIClient, name: str, where: str) -> list[str]:
    """What `find` finds, as the room's user; folders that it may not read are no part of a room.

    Raises:
        RuntimeError: there is no `find`: what was not looked at is not well.
    """
    quoted = where.replace("(", r"\(").replace(")", r"\)").replace("!", r"\!")
    return _ask(docker, name, "sh", "-c", f"find {quoted} 2>/dev/null; test $? -le 1").split()


def _answers(docker: APIClient, name: str) -> Found:
    deadline, last = time.monotonic() + STARTS_WITHIN, ""
    while time.monotonic() < deadline:
        try:
            _ask(docker, name, "python", "-c", ANSWERS % JUPYTER_PORT, "api/status")
        except Exception as e:
            last = str(e)
            if not docker.inspect_container(name)["State"]["Running"]:
                last = docker.logs(name, tail=3).decode(errors="replace").strip()
                break
            time.sleep(0.5)
        else:
            return Found("JupyterLab answers, as the room's user, without a network", None)
    return Found("JupyterLab answers, as the room's user, without a network", f"it does not: {last}")


def _inside(settings: Settings, docker: APIClient, name: str, base: str) -> Iterator[Found]:
    raised = _files(docker, name, "/ -xdev -perm /6000 -type f")
    yield Found("no program is set-uid or set-gid", f"remove the bits of {', '.join(raised)}" if raised else None)
    written = _files(docker, name, "/opt/jupyter /opt/room -xdev ( -user 64000 -o -perm -o+w ) ! -type l")
    yield Found(
        "what JupyterLab is configured by is root's",
        f"give back to root: {', '.join(written[:5])}" if written else None,
    )
    with _running(settings, docker, base) as on_base:
        wanted = json.loads(_ask(docker, on_base, "python", "-c", VERSIONS))
    has = json.loads(_ask(docker, name, "python", "-c", VERSIONS))
    other = [
        f"{package} {has[package]} instead of {version}"
        for package, version in wanted.items()
        if has[package] != version
    ]
    yield Found("dask and what it exchanges are as in base", ", ".join(other) or None)
    extensions = _ask(docker, name, "sh", "-c", "jupyter labextension list 2>&1")
    ours = "@datasluse/release-requests" in extensions
    yield Found(
        "results can be requested from it", None if ours else "the extension @datasluse/release-requests is gone"
    )
