"""What runs and how it is: processes, the database, walls, inspections, and the containers of rooms.

That a process runs is supervisor's word, and says little: each answers for itself here, and what does not answer is
not up.
"""

from __future__ import annotations

import ssl
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import httpx
from docker import APIClient
from docker.errors import DockerException
from sqlalchemy.exc import SQLAlchemyError

from governance import heartbeat
from governance.database import Database
from governance.errors import Invalid, Unavailable
from governance.settings import CertificateFrom, Settings
from hub import certificates, walls
from hub.plan import CLUSTERS_PORT, INTAKE_PORT, MIRROR_PORT
from output_review import service
from sluse import processes
from sluse.processes import Process

STATES = {"STARTING": "starting", "BACKOFF": "starting"}
MOST_STARTS = 5
"""Of one process, until it is taken to end each time: supervisor believes one that lived for a second."""
ASKED_FOR = 5.0
"""Seconds that a process may take for its answer."""


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
    database = _database(settings)
    inspections = [_inspections(settings)] if database.state == "up" else []
    ours = [*_processes(settings), database, _walls(settings), *_certificate(settings), *inspections]
    return [*ours, *_containers(settings)]


def is_well(parts: Iterable[Part]) -> bool:
    """Whether everything is up but containers of rooms, which come and go."""
    return all(part.state == "up" for part in parts if part.kind != "container")


def as_json(settings: Settings, parts: list[Part]) -> dict[str, Any]:
    """The parts and addresses, as `sluse status --json` prints them."""
    return {
        "parts": [asdict(part) for part in parts],
        "urls": {
            "portal": settings.portal_origin,
            "rooms": settings.origin(f"*.{settings.rooms_domain}"),
            "content": settings.content_origin,
        },
    }


def all_up(settings: Settings) -> bool:
    """Whether every process answers, and the walls stand."""
    return all(p.state == "up" for p in [*_processes(settings), _walls(settings)])


def at_the_edge(settings: Settings) -> httpx.Client:
    """Calls the portal through the edge from this host; of certificates it trusts the very one the edge should show."""
    host = "127.0.0.1" if settings.address.is_unspecified else str(settings.address)
    here = certificates.current(settings) if settings.certificate else None
    trust: ssl.SSLContext | bool = settings.certificate is not None  # to make a context takes longer than a call
    if here:
        trust = ssl.create_default_context(cadata=here.chain.decode())
        trust.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    client = httpx.Client(
        base_url=f"{settings.scheme}://{f'[{host}]' if ':' in host else host}:{settings.edge_port}",
        headers={"Host": settings.authority(settings.portal_host)},
        verify=trust,
        timeout=ASKED_FOR,
        trust_env=False,
    )
    client.event_hooks["request"].append(lambda r: r.extensions.update(sni_hostname=settings.portal_host))
    return client


def wait_until_up(settings: Settings, seconds: float = 600, say: Callable[[str], None] = lambda _: None) -> None:
    """Wait for `all_up`, as long as nothing has been given up: a busy machine takes its time.

    Args:
        say: is told every 15 s what is waited for.

    Raises:
        Unavailable: a process ends again and again, or the time is over; it names what is not up.
    """
    begun = time.monotonic()
    told = begun
    seen: defaultdict[str, set[int]] = defaultdict(set)
    while not all_up(settings):
        waited = time.monotonic() - begun
        for name, pid in processes.pids(settings).items():
            seen[name].add(pid)
        down = ", ".join(f"{p.name} ({p.detail})" for p in _processes(settings) if p.state != "up") or "the walls"
        given_up = [name for name, state in processes.states(settings).items() if state == "FATAL"]
        given_up += [name for name, pids in seen.items() if len(pids) > MOST_STARTS]
        if given_up or waited > seconds:
            raise Unavailable(
                "not up after {seconds:.0f} s: {down}; see {log}",
                seconds=waited,
                down=", ".join(given_up) or down,
                log=settings.log,
            )
        if time.monotonic() - told > 15:
            say(f"waiting for {down}")
            told = time.monotonic()
        time.sleep(0.3)


def wait_until_answered(settings: Settings, seconds: float = 120) -> None:
    """Wait until the portal answers through the edge: all that can be asked of an earlier release.

    Raises:
        Unavailable: it does not.
    """
    deadline = time.monotonic() + seconds
    while wrong := _asked(settings, "edge"):
        if time.monotonic() > deadline:
            raise Unavailable("the portal: {wrong}; see {log}", wrong=wrong, log=settings.log)
        time.sleep(0.3)


def _processes(settings: Settings) -> list[Part]:
    states = processes.states(settings)
    with ThreadPoolExecutor(len(processes.PROCESSES)) as pool:
        return list(pool.map(lambda p: _process(settings, p, states.get(p.name, "")), processes.PROCESSES))


def _process(settings: Settings, process: Process, state: str) -> Part:
    """One process: whether it runs, and then what it says itself."""
    if state != "RUNNING":
        return Part(process.name, "process", STATES.get(state, "failed" if state else "down"), detail=process.may)
    wrong = _asked(settings, process.name)
    return Part(process.name, "process", "failed" if wrong else "up", detail=wrong or process.may)


def _asked(settings: Settings, name: str) -> str | None:
    """What is wrong with a process that runs, by its own word."""
    if name in ("jobs", "release"):
        return heartbeat.wrong(settings.run / name, datetime.now(UTC))
    try:
        with _line_to(settings, name) as http:
            answer = http.get(ASKED_AT[name])
    except httpx.TransportError as e:
        return f"it does not answer: {str(e) or type(e).__name__}"
    if answer.status_code == httpx.codes.OK:
        return None
    return _complaint(answer) or f"it answers {answer.status_code}"


ASKED_AT = {
    "edge": "/health",  # of the portal, through it
    "web": "/health",
    "hub": "/hub/api/",
    "reconciler": "/health",
    "intake": "/health",
    "mirror": "/health",
    "index": "/health",
    "clusters": "/api/health",
    "sandboxd": "/health",
}


def _line_to(settings: Settings, name: str) -> httpx.Client:
    if name == "edge":
        return at_the_edge(settings)
    ports = {"hub": ("127.0.0.1", settings.hub_port), "intake": (settings.front_host, INTAKE_PORT)}
    ports |= {"clusters": (settings.front_host, CLUSTERS_PORT), "mirror": (settings.front_host, MIRROR_PORT)}
    if name in ports:
        host, port = ports[name]
        return httpx.Client(base_url=f"http://{host}:{port}", timeout=ASKED_FOR, trust_env=False, verify=False)  # noqa: S501 (HTTP)
    socket = settings.run / name / {"web": "people"}.get(name, name)
    transport = httpx.HTTPTransport(uds=f"{socket}.sock", verify=False)
    host = settings.authority(settings.portal_host) if name == "web" else name
    return httpx.Client(transport=transport, base_url="http://it", headers={"Host": host}, timeout=ASKED_FOR)


def _complaint(answer: httpx.Response) -> str | None:
    """What it says is wrong, where it says so; a page is not repeated."""
    try:
        said = answer.json()
    except ValueError:
        return None
    return said.get("wrong") or said.get("error") if isinstance(said, dict) else None


def _database(settings: Settings) -> Part:
    file = settings.state / "db" / "datasluse.db"
    if settings.database_url is None and not file.exists():
        return Part("database", "database", "down", detail=f"{file} is missing: run ./up")
    database = Database(settings.database)
    try:
        database.check_revision()
    except (SQLAlchemyError, Invalid) as e:
        return Part("database", "database", "failed", detail=str(getattr(e, "orig", e)).strip())
    finally:
        database.engine.dispose()
    return Part("database", "database", "up", detail=database.engine.dialect.name)


def _inspections(settings: Settings) -> Part:
    """Requests that wait, and whether that is the platform's fault."""
    database = Database(settings.database)
    try:
        with database.read() as tx:
            waiting = service.waiting(tx)
    finally:
        database.engine.dispose()
    said = f"{waiting.number} wait" + (f", the first since {waiting.since:%F %T} UTC" if waiting.since else "")
    if waiting.failing.number:
        said += f"; {waiting.failing.number} could not be inspected and are tried again: {waiting.failing.why}"
    return Part("inspections", "inspection", "failed" if waiting.failing.number else "up", detail=said)


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
    return [_container(row) for row in found]


def _container(row: dict[str, Any]) -> Part:
    labels = row["Labels"]
    whose = f"{labels['datasluse.part']} of project {labels['datasluse.project']}, person {labels['datasluse.person']}"
    state = "up" if row["State"] == "running" else "down"
    return Part(row["Names"][0].lstrip("/"), "container", state, detail=whose)
