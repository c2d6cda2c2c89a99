"""The settings of one installation: `/etc/datasluse/<installation>.toml`, and every path and name that follows from it.

Secrets are never settings: they are files under `keys/`, readable by the one process that needs them.
"""

from __future__ import annotations

import os
import re
import tomllib
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Annotated, Self
from urllib.parse import urlsplit

import tomli_w
from pydantic import BaseModel, ConfigDict, Field, IPvAnyAddress, StringConstraints, ValidationError, model_validator

from governance.compute import PER_PERSON, PER_PROJECT, PROFILES, ImageName, Limits, Profile
from governance.errors import Invalid

CONFIGURATION = Path("/etc/datasluse")
STATE = Path("/var/lib/datasluse")
RELEASES = Path("/opt/datasluse")

InstallationName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9]{0,11}$")]
HostName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$")]

DnsProvider = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]{1,30}$")]

ASSETS = "/assets"
"""Where a room's host serves JupyterLab's own files, from a copy that no room can write."""

FRONT_PREFIX = 22
ROOM_PREFIX = 26
"""A gate, a room, and the containers of its clusters."""
GATES = 1000
"""Rooms one host can hold: a Linux bridge takes 1,023 ports, and each gate is one on the front bridge."""


class CertificateFrom(StrEnum):
    """Who vouches for the host names (`hub/certificates.py`)."""

    INTERNAL = "internal"
    """An authority of this installation's own, for its own names alone; browsers are told to trust it."""
    ACME = "acme"
    """An ACME server (RFC 8555), by a DNS-01 challenge: names of rooms need a wildcard."""
    FILES = "files"
    """Files that the operator, or an ACME client of theirs, keeps renewed."""


class Settings(BaseModel):
    """One installation. An unknown key in its file is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    installation: InstallationName
    number: Annotated[int, Field(ge=0, le=9)]
    """Sets this installation's bridges apart from those of others on the same host."""
    demo: bool = False
    """Demo people with passwords of their own making, and demo projects."""
    direct_person_level: bool = False
    """Let person-level projects open rooms in an ordinary browser. The demo alone sets it."""
    portal_host: HostName
    rooms_domain: HostName
    content_host: HostName
    address: IPvAnyAddress = IPv4Address("127.0.0.1")
    """Where the edge listens. Beyond loopback it speaks TLS alone."""
    certificate: CertificateFrom | None = None
    """TLS, and where its certificate is from; absent, the edge speaks HTTP and to this host alone."""
    acme_server: Annotated[str, StringConstraints(pattern=r"^https://\S+$")] = (
        "https://acme-v02.api.letsencrypt.org/directory"
    )
    acme_email: Annotated[str, StringConstraints(pattern=r"^[^@\s]+@[^@\s]+$")] | None = None
    acme_dns: DnsProvider | None = None
    """How the challenge gets into DNS: the code of one of lego's providers, such as rfc2136."""
    acme_wait_for_dns: bool = True
    """Look for the challenge at the zone's own name servers first; off where this host cannot ask them."""
    edge_port: Annotated[int, Field(ge=1, le=65535)]
    hub_port: Annotated[int, Field(ge=1, le=65535)]
    network: IPv4Network
    """A /16 of this installation's own: its first /22 is the front network, the rest is cut into rooms of /26."""
    shown_per_day_mib: Annotated[int, Field(ge=1, le=1 << 20)] = 100
    """MiB that rooms may show one person in a day, all of them together, as compressed on the way."""
    idle_minutes: Annotated[int, Field(ge=5, le=7 * 24 * 60)] = 240
    """A room in which nobody does anything and nothing computes closes after this."""
    clusters_per_person: Limits = PER_PERSON
    clusters_per_project: Limits = PER_PROJECT
    cluster_idle_minutes: Annotated[int, Field(ge=5, le=7 * 24 * 60)] = 60
    """A cluster that computes nothing and is asked for nothing ends after this."""
    profiles: dict[Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,30}$")], Profile] = {}
    """This installation's own cluster profiles, beside those that every installation has."""
    images: list[ImageName] = []
    """Images of profiles, beside `base`, that this host has: `./up` builds them, and rooms may be opened with them."""
    own_images: dict[ImageName, Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._/:@-]{0,254}$")]] = {}
    """Images of the operator's own, by name: the tag that the engine knows each by."""
    gpus: list[Annotated[str, StringConstraints(pattern=r"^GPU-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]] = []
    """Of this host, as `nvidia-smi -L` names them, those that clusters may use."""
    packages_index: Annotated[str, StringConstraints(pattern=r"^https?://[^\s@]+/$")] = "https://pypi.org/simple/"
    """Where the mirror for rooms gets packages from (`mirror/`): an index as PyPI's (PEP 503 or 691)."""
    home_mib: Annotated[int, Field(ge=64)] = 10 << 10
    project_mib: Annotated[int, Field(ge=64)] = 50 << 10
    """Quotas of new homes and new project folders; each can be enlarged later."""
    database_url: str | None = None
    """SQLAlchemy URL of a PostgreSQL database; the embedded SQLite file when absent."""

    @model_validator(mode="after")
    def _nothing_leaves_the_host_in_clear(self) -> Self:
        if self.certificate is None and not self.address.is_loopback:
            raise ValueError(
                f'the edge would speak to {self.address} without TLS: add certificate = "internal", "acme" or "files"'
            )
        index = urlsplit(self.packages_index)
        if index.scheme == "http" and index.hostname not in ("127.0.0.1", "localhost"):
            raise ValueError(f"packages_index: {self.packages_index} would be asked in clear: take an https address")
        if self.certificate is CertificateFrom.ACME and not (self.acme_email and self.acme_dns):
            raise ValueError('certificate = "acme" needs acme_email and acme_dns')
        return self

    @property
    def every_profile(self) -> dict[str, Profile]:
        """The cluster profiles there are, by name: those whose image and GPUs this host has."""
        every = PROFILES | self.profiles
        return {n: p for n, p in every.items() if p.image in self.room_images and p.gpus <= len(self.gpus)}

    @property
    def room_images(self) -> tuple[str, ...]:
        """The images that a room can be opened with."""
        return ("base", *self.images, *self.own_images)

    # -- where things are ------------------------------------------------------------------------------------------
    @property
    def state(self) -> Path:
        return STATE / self.installation

    @property
    def keys(self) -> Path:
        return self.state / "keys"

    @property
    def run(self) -> Path:
        return self.state / "run"

    @property
    def assets(self) -> Path:
        """A folder per image of rooms, named by its tag, with the files that its pages load."""
        return self.state / "assets"

    @property
    def images_record(self) -> Path:
        """Which images the installation runs from: their tags by their names, as JSON."""
        return self.state / "images.json"

    @property
    def masks(self) -> Path:
        """A folder per size of containers, with the files that stand over what the kernel counts for all."""
        return self.state / "masks"

    @property
    def certificates(self) -> Path:
        """The certificate that the edge shows, and what it came from; root's alone."""
        return self.state / "certificates"

    @property
    def log(self) -> Path:
        return self.state / "log"

    @property
    def database(self) -> str:
        return self.database_url or f"sqlite:///{self.database_file}"

    @property
    def database_file(self) -> Path | None:
        """The embedded database; None where another one is used."""
        return None if self.database_url else self.state / "db" / "datasluse.db"

    # -- names -----------------------------------------------------------------------------------------------------
    @property
    def group(self) -> str:
        """The system group that may use the embedded database."""
        return f"sluse-{self.installation}"

    def user(self, process: str) -> str:
        """The system user a process runs as."""
        return f"sluse-{self.installation}-{process}"

    @property
    def scheme(self) -> str:
        return "https" if self.certificate else "http"

    def authority(self, host: str) -> str:
        """A host as browsers name it in `Host`: with the port, unless it is the scheme's own."""
        return host if (self.scheme, self.edge_port) in {("https", 443), ("http", 80)} else f"{host}:{self.edge_port}"

    def origin(self, host: str) -> str:
        """Scheme, host and port of one of our hosts, as browsers say it in `Origin`."""
        return f"{self.scheme}://{self.authority(host)}"

    @property
    def portal_origin(self) -> str:
        return self.origin(self.portal_host)

    @property
    def content_origin(self) -> str:
        return self.origin(self.content_host)

    def room_host(self, room: str) -> str:
        """The host name of one room: no two rooms share an origin."""
        return f"{room}.{self.rooms_domain}"

    def room_origin(self, room: str) -> str:
        return self.origin(self.room_host(room))

    @property
    def front_bridge(self) -> str:
        return f"d{self.number}front"

    @property
    def room_bridges(self) -> str:
        """What the name of every room's bridge begins with; Linux allows 15 characters in all."""
        return f"d{self.number}r"

    # -- addresses -------------------------------------------------------------------------------------------------
    @property
    def front(self) -> IPv4Network:
        """The network that gates and the host meet on."""
        return next(self.network.subnets(new_prefix=FRONT_PREFIX))

    @property
    def front_host(self) -> IPv4Address:
        return self.front.network_address + 1

    def front_address(self, slot: int) -> IPv4Address:
        """The front address of the gate in this slot (0 up to GATES)."""
        return self.front.network_address + 10 + slot

    def slot_of_front(self, address: str) -> int | None:
        """The slot whose gate has this front address; None when it is no gate's."""
        try:
            slot = int(IPv4Address(address)) - int(self.front_address(0))
        except ValueError:
            return None
        return slot if 0 <= slot < GATES else None

    def room_network(self, slot: int) -> IPv4Network:
        """The network of the room in this slot."""
        rooms = 1 << (32 - ROOM_PREFIX)
        start = self.front.broadcast_address + 1 + slot * rooms
        return IPv4Network((start, ROOM_PREFIX))


def file_of(installation: str) -> Path:
    """Where an installation's settings are."""
    return CONFIGURATION / f"{installation}.toml"


def chosen() -> str:
    """The installation that this command is about: `SLUSE_INSTALLATION`, or `main`."""
    return os.environ.get("SLUSE_INSTALLATION") or "main"


def load(installation: str | None = None) -> Settings:
    """Read an installation's settings.

    Raises:
        Invalid: there is no such installation here, or its file holds something that cannot be used.
    """
    name = installation or chosen()
    path = file_of(name)
    try:
        return Settings(**tomllib.loads(path.read_text()))
    except FileNotFoundError:
        raise Invalid(
            "there is no installation {name} here ({path} is missing): run ./up", name=name, path=path
        ) from None
    except PermissionError:
        raise Invalid("{path} is for root alone: run this with sudo", path=path) from None
    except tomllib.TOMLDecodeError as e:
        raise Invalid("{path} is not TOML: {reason}", path=path, reason=e) from None
    except ValidationError as e:
        first = e.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        if not field:  # of several fields together
            raise Invalid("{path}: {reason}", path=path, reason=first["ctx"]["error"]) from None
        raise Invalid("{path}: {field}: {reason}", path=path, field=field, reason=first["msg"]) from None


def proposed(name: str, taken: list[Settings], *, demo: bool, free: int = 0) -> Settings:
    """Settings for a new installation beside those that are here: `main` keeps the plain names.

    Args:
        free: bytes of the disk that homes and project folders will lie on. A disk that could not hold several of the
            usual size gets smaller ones, of 512 MiB at least: a room opens only while every open one could be filled.

    Raises:
        Invalid: the name cannot be used, or ten installations are here already.
    """
    if not re.fullmatch(r"[a-z][a-z0-9]{0,11}", name):
        raise Invalid("an installation's name is 1 to 12 lower-case letters and digits, not {name}", name=repr(name))
    taken_numbers = {s.number for s in taken}
    open_numbers = [n for n in ([0] if name == "main" else range(1, 10)) if n not in taken_numbers]
    if not open_numbers:
        raise Invalid("nine installations beside main are here already: remove one with ./up destroy")
    number = open_numbers[0]
    suffix = "" if name == "main" else f"-{name}"
    return Settings(
        installation=name,
        number=number,
        demo=demo,
        direct_person_level=demo,
        images=["r"] if demo else [],
        home_mib=_quota(free, 32, 10 << 10),
        project_mib=_quota(free, 8, 50 << 10),
        portal_host=f"portal{suffix}.localhost",
        rooms_domain=f"rooms{suffix}.localhost",
        content_host=f"content{suffix}.localhost",
        edge_port=8080 + 10 * number,
        hub_port=8081 + 10 * number,
        network=IPv4Network(f"10.{177 + number}.0.0/16"),
    )


def _quota(free: int, part: int, usual: int) -> int:
    """A part of what is free, in whole 512 MiB, but no more than is usual."""
    return min(usual, max(1, (free >> 29) // part) << 9)


def write(settings: Settings) -> None:
    """Write a new installation's file; readable by all, since nothing in it is secret but a database's password.

    With that it is root's alone, until `./up` gives it to the group of the installation's processes as well.
    """
    CONFIGURATION.mkdir(mode=0o755, exist_ok=True)
    path = file_of(settings.installation)
    path.touch(mode=0o640 if settings.database_url else 0o644)
    given = settings.model_dump(mode="json", exclude_none=True)
    usual = {
        "clusters_per_person",
        "clusters_per_project",
        "profiles",
        "images",
        "own_images",
    } - settings.model_fields_set
    path.write_text(tomli_w.dumps({key: value for key, value in given.items() if key not in usual}))


def installed() -> list[Settings]:
    """The installations on this host, in the order of their names."""
    return [load(path.stem) for path in sorted(CONFIGURATION.glob("*.toml"))]
