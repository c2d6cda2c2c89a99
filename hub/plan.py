"""What a room may touch. Pure: it knows neither Docker nor the hub nor the database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

from governance.clusters import SCHEDULER
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
COMMANDS_PORT = 9002
"""On the gate, for the host: what it tells a scheduler."""
INTAKE_PORT = 8082
CLUSTERS_PORT = 8083
MIRROR_PORT = 8084
"""On the host's front address, where the gates' way out leads."""
SCHEDULER_PORT = 8786
DASHBOARD_PORT = 8787
SCHEDULER_COMMANDS_PORT = 8788
"""On a cluster's scheduler."""
SCRATCH = "/scratch"
"""Where a worker puts what does not fit in its memory."""


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
    image: str
    """The image's name; its tag is `hub.images.tags`'s."""
    clusters: bool
    """Whether it may have clusters: JupyterLab then loads what shows them."""
    masks: Path
    """Where the files of each size lie that stand over what the kernel counts for all (`hub.masks`)."""

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

    def address(self, place: int) -> IPv4Address:
        """The address in this place of the room's network."""
        return self.subnet.network_address + place

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


@dataclass(frozen=True, slots=True)
class MemberPlan:
    """One container of a room's cluster: the room's mounts and network, with a size and an address of its own."""

    room: RoomPlan
    cluster: str
    part: str
    member: str
    """dask's name of a worker; the scheduler is called as its cluster is."""
    address: IPv4Address
    size: Size
    command: tuple[str, ...]
    environment: tuple[tuple[str, str], ...]
    """Among it the cluster's key."""
    scratch: Path | None = None
    """On the host."""
    gpus: tuple[str, ...] = ()
    """Those of the host that it has for itself."""

    @property
    def mounts(self) -> tuple[Mount, ...]:
        """The room's, and its own scratch."""
        own = () if self.scratch is None else (Mount(self.scratch, SCRATCH, read_only=False),)
        return (*self.room.mounts, *own)

    @property
    def name(self) -> str:
        return f"sluse-{self.room.installation}-{self.part}-{self.member}"

    @property
    def labels(self) -> dict[str, str]:
        return self.room.labels(self.part) | {"datasluse.cluster": self.cluster, "datasluse.member": self.member}


@dataclass(frozen=True, slots=True)
class ClusterPlan:
    """What all containers of a cluster share."""

    room: RoomPlan
    cluster: str
    token: str
    certificate: str
    key: str
    """PEM; one pair for the scheduler, the workers and the client."""
    scheduler: IPv4Address

    def member_scheduler(self, first_workers: int) -> MemberPlan:
        """The scheduler. It counts its first workers itself, which are started beside it."""
        everywhere = "0.0.0.0"  # noqa: S104 (of its own network)
        command = (
            *("python", "-m", "distributed.cli.dask_scheduler", "--protocol=tls", f"--host={everywhere}"),
            *(f"--port={SCHEDULER_PORT}", "--no-dashboard", f"--dashboard-address={everywhere}:{DASHBOARD_PORT}"),
            *("--preload=datasluse.scheduler", "--preload=dask_gateway.scheduler_preload"),
            *("--dg-api-address", f"{everywhere}:{SCHEDULER_COMMANDS_PORT}", "--dg-heartbeat-period=5"),
            *("--dg-adaptive-period=3", "--dg-idle-timeout=0"),
        )
        own = {
            "DASK_GATEWAY_API_URL": f"http://gate:{OUT_PORT}/api",
            "DASK_GATEWAY_API_TOKEN": self.token,
            "DASK_GATEWAY_CLUSTER_NAME": self.cluster,
            "DATASLUSE_FIRST_WORKERS": str(first_workers),
        }
        return self._member("scheduler", self.cluster, self.scheduler, SCHEDULER, command, own)

    def member_worker(
        self, name: str, address: IPv4Address, cores: int, memory: int, scratch: Path, gpus: Sequence[str] = ()
    ) -> MemberPlan:
        """A worker, with a thread for each core; no nanny: a container that ends is replaced from outside."""
        command = (
            *("python", "-m", "distributed.cli.dask_worker", f"tls://{self.scheduler}:{SCHEDULER_PORT}"),
            *("--no-nanny", "--no-dashboard", f"--name={name}", f"--nthreads={cores}"),
            # Dask spills before its limit; what it does not count is the last tenth.
            *(f"--memory-limit={memory * 9 // 10}", f"--local-directory={SCRATCH}", "--death-timeout=60"),
        )
        size = Size(memory=memory, cpus=cores, processes=512)
        member = self._member("worker", name, address, size, command, {"OMP_NUM_THREADS": str(cores)})
        return replace(member, scratch=scratch, gpus=tuple(gpus))

    def _member(
        self, part: str, name: str, address: IPv4Address, size: Size, command: tuple[str, ...], own: dict[str, str]
    ) -> MemberPlan:
        tls = {
            "DASK_DISTRIBUTED__COMM__REQUIRE_ENCRYPTION": "True",
            "DASK_DISTRIBUTED__COMM__TLS__CA_FILE": self.certificate,
            f"DASK_DISTRIBUTED__COMM__TLS__{part.upper()}__CERT": self.certificate,
            f"DASK_DISTRIBUTED__COMM__TLS__{part.upper()}__KEY": self.key,
        }
        return MemberPlan(self.room, self.cluster, part, name, address, size, command, tuple((own | tls).items()))


def plan_room(
    room: str,
    person_id: int,
    project_id: int,
    slot: int,
    size: str,
    data: Sequence[tuple[str, str]],
    settings: Settings,
    image: str = "base",
    *,
    clusters: bool = False,
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
        image=image,
        clusters=clusters,
        masks=settings.masks,
    )


def front_network(settings: Settings) -> str:
    """The Docker name of the installation's front network."""
    return f"sluse-{settings.installation}-front"
