"""What runs and how it is: processes, walls, and the containers of rooms."""

from __future__ import annotations

import ssl
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import httpx
from docker import APIClient
from docker.errors import DockerException

from governance.errors import Unavailable
from governance.settings import CertificateFrom, Settings
from hub import certificates, walls
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
    return [*_processes(settings), _walls(settings), *_certificate(settings), *_containers(settings)]


def as_json(settings: Settings) -> dict[str, Any]:
    """The parts and addresses, as `sluse status --json` prints them."""
    return {
        "parts": [asdict(part) for part in parts(settings)],
        "urls": {
            "portal": settings.portal_origin,
            "rooms": settings.origin(f"*.{settings.rooms_domain}"),
            "content": settings.content_origin,
        },
    }


def all_up(settings: Settings) -> bool:
    """Whether every process and wall is up, and the portal answers through the edge."""
    return all(p.state == "up" for p in [*_processes(settings), _walls(settings)]) and _portal_answers(settings)


def at_the_edge(settings: Settings) -> httpx.Client:
    """Calls the portal through the edge from this host; of certificates it trusts the very one the edge should show."""
    host = "127.0.0.1" if settings.address.is_unspecified else str(settings.address)
    trust = ssl.create_default_context()
    here = certificates.current(settings)
    if settings.certificate and here:
        trust = ssl.create_default_context(cadata=here.chain.decode())
        trust.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    client = httpx.Client(
        base_url=f"{settings.scheme}://{f'[{host}]' if ':' in host else host}:{settings.edge_port}",
        headers={"Host": settings.authority(settings.portal_host)},
        verify=trust,
        timeout=3,
        trust_env=False,
    )
    client.event_hooks["request"].append(lambda r: r.extensions.update(sni_hostname=settings.portal_host))
    return client


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


def _certificate(settings: Settings) -> list[Part]:
    if settings.certificate is None:
        return []
    here, wrong = certificates.current(settings), certificates.wrong(settings, datetime.now(UTC))
    if here is None or wrong:
        return [Part("certificate", "certificate", "failed", detail=wrong)]
    said = f"{settings.certificate}, until {here.leaf.not_valid_after_utc:%F}"
    if settings.certificate is CertificateFrom.INTERNAL:
        said += (
            f"; browsers are to trust {certificates.authority(settings)} (SHA-256 {certificates.fingerprint(settings)})"
        )
    return [Part("certificate", "certificate", "up", detail=said)]


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
        with at_the_edge(settings) as http:
            answer = http.get("/health")
    except httpx.TransportError:
        return False
    return answer.status_code == httpx.codes.OK
