"""What a room may touch. Pure: it knows neither Docker nor the hub nor the database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

from governance.rooms import SIZES, Size
from governance.settings import Settings

ROOM_UID = 64000
GATE_UID = 64001
"""Users inside containers. No account on the host has them but those that `ansible/` reserves."""

HOME = "/home/researcher"
JUPYTER_PORT = 8888
DOOR_PORT = 9000
PROBE_PORT = 9001
OUT_PORT = 8082
"""On the gate, towards its room: `http://gate:8082/api/requests`."""
INTAKE_PORT = 8082
"""On the host's front address, where the gates' way out leads."""


@dataclass(frozen=True, slots=True)
class Mount:
    """A folder of the host inside the room."""

    source: Path
    target: str
    read_only: bool


@dataclass(frozen=True, slots=True)
class RoomPlan:
    """Everything a room's network, gate and container are made from."""

    room: str
    person_id: int
    project_id: int
    installation: str
    host: str
    """The host name in the browser, without port."""
    bridge: str
    subnet: IPv4Network
    front_network: str
    front: IPv4Address
    """The gate's address on the front network: whoever calls from it is this person in this project."""
    mounts: tuple[Mount, ...]
    size: Size

    @property
    def data(self) -> list[tuple[str, str]]:
        """(name, SHA-256) of each snapshot that is mounted."""
        return [(Path(m.target).name, m.source.name) for m in self.mounts if Path(m.target).parent == Path("/data")]

    @property
    def gate_address(self) -> IPv4Address:
        """The gate's address on the room's network."""
        return self.subnet.network_address + 2

    @property
    def room_address(self) -> IPv4Address:
        return self.subnet.network_address + 3

    @property
    def nobody(self) -> IPv4Address:
        """The gateway Docker is told of: with `inhibit_ipv4` no interface has this address."""
        return self.subnet.network_address + 1

    def name(self, part: str) -> str:
        """The Docker name of this room's container, gate or network: unlike for every (installation, room)."""
        return f"sluse-{self.installation}-{part}-{self.room}"

    def labels(self, part: str) -> dict[str, str]:
        """Labels of a container or network; ids only."""
        return {
            "datasluse.installation": self.installation,
            "datasluse.part": part,
            "datasluse.room": self.room,
            "datasluse.person": str(self.person_id),
            "datasluse.project": str(self.project_id),
        }


def plan_room(
    room: str,
    person_id: int,
    project_id: int,
    slot: int,
    size: str,
    data: Sequence[tuple[str, str]],
    settings: Settings,
) -> RoomPlan:
    """Decide what a room may touch.

    Args:
        data: (name, SHA-256) of the project's snapshots.
        slot: the room's place in the address plan.
    """
    mounts = [
        Mount(settings.state / "homes" / room / "files", HOME, read_only=False),
        Mount(settings.state / "projects" / str(project_id) / "files", "/project", read_only=False),
        *(Mount(settings.state / "data" / sha256, f"/data/{name}", read_only=True) for name, sha256 in data),
    ]
    return RoomPlan(
        room=room,
        person_id=person_id,
        project_id=project_id,
        installation=settings.installation,
        host=settings.room_host(room),
        bridge=settings.room_bridges + room,
        subnet=settings.room_network(slot),
        front_network=front_network(settings),
        front=settings.front_address(slot),
        mounts=tuple(mounts),
        size=SIZES[size],
    )


def front_network(settings: Settings) -> str:
    """The Docker name of the installation's front network."""
    return f"sluse-{settings.installation}-front"
