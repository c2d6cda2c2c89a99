"""What runs and how it is: processes, walls, and the containers of rooms."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import Any

import httpx
from docker import APIClient
from docker.errors import DockerException

from governance.errors import Unavailable
from governance.settings import Settings
from hub import walls
from sluse import processes

STATES = {"RUNNING": "up", "STARTING": "starting", "BACKOFF": "starting"}


@dataclass(frozen=True, slots=True)
class Part:
    """One process, wall or container. State: up, starting, down, failed."""

    name: str
    kind: str
    state: str
    address: str | None = None
    detail: str | None = None


def parts(settings: Settings) -> list[Part]:
    """Everything that belongs to the installation."""
    return [*_processes(settings), _walls(settings), *_containers(settings)]


def as_json(settings: Settings) -> dict[str, Any]:
    """The parts and addresses, as `sluse status --json` prints them."""
    return {
        "parts": [asdict(part) for part in parts(settings)],
        "urls": {
            "portal": settings.portal_origin,
            "rooms": f"http://*.{settings.rooms_domain}:{settings.edge_port}",
            "content": settings.content_origin,
        },
    }


def all_up(settings: Settings) -> bool:
    """Whether every process and wall is up, and the portal answers through the edge."""
    return all(p.state == "up" for p in [*_processes(settings), _walls(settings)]) and _portal_answers(settings)


def wait_until_up(settings: Settings, seconds: float = 60) -> None:
    """Wait for `all_up`; raises Unavailable naming what is not."""
    deadline = time.monotonic() + seconds
    while not all_up(settings):
        if time.monotonic() > deadline:
            bad = ", ".join(p.name for p in parts(settings) if p.state != "up") or "the portal"
            raise Unavailable(
                "not up after {seconds:.0f} s: {bad}; see {log}", seconds=seconds, bad=bad, log=settings.log
            )
        time.sleep(0.3)


def _processes(settings: Settings) -> list[Part]:
    states = processes.states(settings)
    return [
        Part(
            p.name,
            "process",
            STATES.get(states.get(p.name, ""), "failed" if p.name in states else "down"),
            detail=p.may,
        )
        for p in processes.PROCESSES
    ]


def _walls(settings: Settings) -> Part:
    wrong = walls.broken(settings)
    return Part("walls", "firewall", "failed" if wrong else "up", detail=wrong or walls.table(settings))


def _containers(settings: Settings) -> list[Part]:
    label = f"datasluse.installation={settings.installation}"
    try:
        found = APIClient(timeout=20).containers(all=True, filters={"label": label})
    except DockerException as e:
        return [Part("engine", "engine", "down", detail=str(e))]
    return [
        Part(
            name=c["Names"][0].lstrip("/"),
            kind=c["Labels"]["datasluse.part"],
            state="up" if c["State"] == "running" else "down",
            detail=f"project {c['Labels']['datasluse.project']}, person {c['Labels']['datasluse.person']}",
        )
        for c in found
    ]


def _portal_answers(settings: Settings) -> bool:
    try:
        answer = httpx.get(
            f"http://127.0.0.1:{settings.edge_port}/health",
            headers={"Host": f"{settings.portal_host}:{settings.edge_port}"},
            timeout=3,
            trust_env=False,
        )
    except httpx.TransportError:
        return False
    return answer.status_code == httpx.codes.OK
