"""A room's plan in Docker's words: networks and containers, each with every wall that the engine can give it.

These are whole configurations: nothing a hub administrator could configure is merged into them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any

from docker import APIClient
from docker.errors import APIError, NotFound
from docker.types import DeviceRequest, EndpointConfig, IPAMConfig, IPAMPool, LogConfig, Ulimit

from governance.errors import Unavailable
from governance.rooms import Size
from governance.settings import ASSETS
from hub import masks, seccomp
from hub.plan import GATE_UID, HOME, JUPYTER_PORT, ROOM_UID, MemberPlan, Mount, RoomPlan

Docker = APIClient

JUPYTERLAB = ("python", "-s", "-m", "jupyterlab", "--no-browser")
"""With -s the server sees nothing of what its person installed into the home; kernels and terminals do."""


def walls(size: Size, *, replaced: bool = False) -> dict[str, Any]:
    """What every container of ours runs behind.

    Args:
        replaced: whether files are bound over those of the kernel's that are in `masks.REPLACED`.
    """
    return {
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges", f"seccomp={seccomp.as_json()}"],
        "MaskedPaths": masks.masked(replaced=replaced),
        "ReadonlyPaths": list(masks.READ_ONLY),
        "read_only": True,
        "init": True,
        "privileged": False,
        "mem_limit": size.memory,
        "memswap_limit": size.memory,
        "cpu_period": 100_000,
        "cpu_quota": int(size.cpus * 100_000),
        "pids_limit": size.processes,
        "ipc_mode": "private",
        "dns": ["127.0.0.1"],
        "dns_search": ["."],
        "dns_opt": ["timeout:1", "attempts:1"],  # a name that cannot be had is refused at once, not after 20 s
        "ulimits": [Ulimit(name="core", soft=0, hard=0)],
        "log_config": LogConfig(type="json-file", config={"max-size": "10m", "max-file": "3"}),
        "restart_policy": {"Name": "no"},
        "auto_remove": False,  # with it, live-restore loses rooms when the engine restarts
    }


def network(plan: RoomPlan) -> dict[str, Any]:
    """The room's own network: internal, and without an address of the host's on it."""
    return {
        "name": plan.name("net"),
        "driver": "bridge",
        "internal": True,
        "check_duplicate": True,
        "enable_ipv6": False,
        "labels": plan.labels("net"),
        "options": {
            "com.docker.network.bridge.name": plan.bridge,
            "com.docker.network.bridge.inhibit_ipv4": "true",
        },
        "ipam": IPAMConfig(pool_configs=[IPAMPool(subnet=str(plan.subnet), gateway=str(plan.nobody))]),
    }


def room(plan: RoomPlan, image: str, token: str) -> dict[str, Any]:
    """The room: plain JupyterLab with its own token and no word of the hub.

    Its pages are told to load JupyterLab's files from the copy of its image outside (`images.publish`).
    """
    return _researchers(plan, plan.mounts, plan.size, plan.room_address) | {
        "name": plan.name("room"),
        "image": image,
        "hostname": "room",
        "environment": {"HOME": HOME, "JUPYTER_TOKEN": token, "LANG": "C.UTF-8", "ASSETS": assets(image)}
        | ({"CLUSTERS": "1"} if plan.clusters else {}),
        "command": [*JUPYTERLAB, "--ip=0.0.0.0", f"--port={JUPYTER_PORT}"],
        "labels": plan.labels("room"),
    }


def member(plan: MemberPlan, image: str) -> dict[str, Any]:
    """A container of a room's cluster: of the room's own shape, on its network, with its data."""
    shape = _researchers(plan.room, plan.mounts, plan.size, plan.address)
    if plan.gpus:
        computes = DeviceRequest(driver="nvidia", device_ids=list(plan.gpus), capabilities=[["gpu", "compute"]])
        shape["host_config"]["device_requests"] = [computes]
    return shape | {
        "name": plan.name,
        "image": image,
        "hostname": plan.part,
        "environment": {"HOME": HOME, "LANG": "C.UTF-8"} | dict(plan.environment),
        "command": list(plan.command),
        "labels": plan.labels,
    }


def _researchers(plan: RoomPlan, mounts: tuple[Mount, ...], size: Size, address: IPv4Address) -> dict[str, Any]:
    """What every container has in which a researcher's program runs."""
    folders = [f"{m.source}:{m.target}:{'ro' if m.read_only else 'rw'}" for m in mounts]
    host = walls(size, replaced=True) | {
        "network_mode": plan.name("net"),
        "binds": [*folders, *masks.binds(plan.masks, size)],
        "tmpfs": {
            "/tmp": f"size={size.memory // 4},mode=1777,nosuid,nodev",  # noqa: S108 (the room's own)
            "/run": "size=16777216,mode=755,nosuid,nodev,noexec",
        },
        "shm_size": size.memory // 4,
        "extra_hosts": {"gate": str(plan.gate_address)},
    }
    return {
        "user": f"{ROOM_UID}:{ROOM_UID}",
        "working_dir": HOME,
        "host_config": host,
        "networking_config": {plan.name("net"): EndpointConfig("1.40", ipv4_address=str(address))},
    }


def assets(image: str) -> str:
    """Where the files that an image's pages load are served."""
    return f"{ASSETS}/{image.rsplit(':', 1)[-1]}"


def gate(plan: RoomPlan, image: str, folder: Path) -> dict[str, Any]:
    """The gate: one HAProxy with a leg on the front network and one on the room's."""
    host = walls(Size(memory=64 << 20, cpus=1, processes=32)) | {
        "network_mode": plan.front_network,
        "binds": [f"{folder / 'etc'}:/etc/gate:ro", f"{folder / 'run'}:/run/gate:rw"],
        "sysctls": {"net.ipv4.ip_forward": "0"},
    }
    return {
        "name": plan.name("gate"),
        "image": image,
        "hostname": "gate",
        "user": f"{GATE_UID}:{GATE_UID}",
        "labels": plan.labels("gate"),
        "host_config": host,
        "networking_config": {
            plan.front_network: EndpointConfig("1.40", ipv4_address=str(plan.front)),
            plan.name("net"): EndpointConfig("1.40", ipv4_address=str(plan.gate_address)),
        },
    }


def id_on_host(docker: Docker, inside: int) -> int:
    """Who a container's user is on the host: another one, where the engine remaps users.

    Raises:
        Unavailable: it remaps them, and does not say how.
    """
    said = docker.info()
    if not any("name=userns" in option for option in said["SecurityOptions"]):
        return inside
    first = re.fullmatch(r".*/(\d+)\.\d+", said["DockerRootDir"])  # where dockerd puts each remapping's state
    if first is None:
        raise Unavailable("the engine remaps users, but {folder} does not say how", folder=said["DockerRootDir"])
    return int(first[1]) + inside


def host_config(docker: Docker, wanted: dict[str, Any]) -> dict[str, Any]:
    """A configuration's `host_config` in the engine's words; for paths that are masked docker-py has none."""
    words = dict(wanted["host_config"])
    paths = {name: words.pop(name) for name in ("MaskedPaths", "ReadonlyPaths") if name in words}
    return {**docker.create_host_config(**words), **paths}


def create(docker: Docker, wanted: dict[str, Any]) -> None:
    """Create a container from one of the configurations above, in the place of an earlier one of ours."""
    remove(docker, wanted["name"], wanted["labels"])
    docker.create_container(
        **wanted
        | {
            "host_config": host_config(docker, wanted),
            "networking_config": docker.create_networking_config(wanted["networking_config"] or None),
        }
    )


def start(docker: Docker, wanted: dict[str, Any]) -> str:
    """Create and start a container, see that the engine made it as it was told, and return its id.

    Raises:
        Unavailable: something is not as it was asked for; the container is gone again.
    """
    first, *others = wanted["networking_config"].items()
    create(docker, wanted | {"networking_config": dict([first])})  # an engine before 25 takes one at a time
    for name, endpoint in others:
        docker.connect_container_to_network(wanted["name"], name, ipv4_address=endpoint["IPAMConfig"]["IPv4Address"])
    docker.start(wanted["name"])
    found = docker.inspect_container(wanted["name"])
    digest = docker.inspect_image(wanted["image"])["Id"]  # type: ignore[no-untyped-call]
    other = differences(found, wanted | {"image": digest}, host_config(docker, wanted))
    if other:
        remove(docker, wanted["name"], wanted["labels"])
        raise Unavailable("{name} was not made as asked: {other}", name=wanted["name"], other=", ".join(other))
    return str(found["Id"])


NEVER = {"CapAdd", "DeviceRequests", "Devices", "DeviceCgroupRules", "GroupAdd", "Links", "PidMode", "PortBindings"}
NEVER |= {"Privileged", "PublishAllPorts", "UTSMode", "UsernsMode", "VolumesFrom"}
"""What no container of ours has, unless it was asked for."""


def differences(found: dict[str, Any], wanted: dict[str, Any], host: dict[str, Any]) -> list[str]:
    """What the engine says of a container that is not what was asked for.

    Args:
        found: the engine's word on it.
        wanted: one of the configurations above, with the image's digest.
        host: its `host_config`, in the engine's words.
    """
    has = found["HostConfig"]
    other = [key for key, asked in host.items() if _plain(has.get(key), asked) != asked]
    other += [key for key in sorted(NEVER) if key not in host and has.get(key)]
    networks = {name: network["IPAddress"] for name, network in found["NetworkSettings"]["Networks"].items()}
    asked = {name: e["IPAMConfig"]["IPv4Address"] for name, e in wanted["networking_config"].items()}
    mounts = {f"{m['Source']}:{m['Destination']}:{'rw' if m['RW'] else 'ro'}" for m in found["Mounts"]}
    other += ["networks"] * (networks != asked) + ["mounts"] * (mounts != set(wanted["host_config"]["binds"]))
    return other + [
        name
        for name, one, two in (
            ("image", found["Image"], wanted["image"]),
            ("user", found["Config"]["User"], wanted["user"]),
            ("labels", {**found["Config"]["Labels"], **wanted["labels"]}, found["Config"]["Labels"]),
        )
        if one != two
    ]


def _plain(has: Any, asked: Any) -> Any:
    """Of a setting with parts those that were asked for: the engine fills in the others."""
    if isinstance(asked, dict) and isinstance(has, dict):
        return {key: has.get(key) for key in asked}
    if isinstance(asked, list) and isinstance(has, list) and len(asked) == len(has):
        return [_plain(one, two) for one, two in zip(has, asked, strict=True)]
    return has


def remove(docker: Docker, name: str, labels: dict[str, str]) -> None:
    """Stop and remove a container, if it is there and carries these labels.

    Raises:
        Unavailable: a container of this name belongs to somebody else.
    """
    try:
        found = docker.inspect_container(name)["Config"]["Labels"] or {}
    except NotFound:
        return
    if found != found | labels:
        raise Unavailable("a container called {name} is here and is not ours: remove it", name=name)
    try:
        docker.remove_container(name, force=True, v=True)
    except NotFound:
        return


def ensure_network(docker: Docker, wanted: dict[str, Any]) -> None:
    """Make a network, or see that the one of this name is exactly it; a different one is refused, never used.

    Raises:
        Unavailable: one of this name is another, or another network has some of its addresses.
    """
    try:
        docker.inspect_network(wanted["name"])
    except NotFound:
        try:
            docker.create_network(**wanted)
        except APIError:
            subnet = ip_network(wanted["ipam"]["Config"][0]["Subnet"])
            for other, range_of_other in overlapping(docker, subnet):
                raise Unavailable(
                    "the network {name} ({range}) overlaps Docker's network {other} ({range_of_other}): remove that "
                    "one, or choose another `network` in the settings file and run ./up",
                    name=wanted["name"],
                    range=subnet,
                    other=other["Name"],
                    range_of_other=range_of_other,
                ) from None
            raise
    same_network(docker, wanted)


def overlapping(docker: Docker, addresses: IPv4Network | IPv6Network) -> Iterator[tuple[dict[str, Any], str]]:
    """Docker's networks that have some of these addresses: what the engine says of each, and its range of them."""
    for network in docker.networks():
        for pool in network["IPAM"]["Config"] or ():
            if ip_network(pool["Subnet"]).overlaps(addresses):
                yield network, pool["Subnet"]


def same_network(docker: Docker, wanted: dict[str, Any]) -> None:
    """Raise Unavailable unless there is a network of this name that is exactly this one."""
    try:
        found = docker.inspect_network(wanted["name"])
    except NotFound:
        raise Unavailable("the network {name} is missing", name=wanted["name"]) from None
    pool = wanted["ipam"]["Config"][0]
    same = (
        found["Internal"] is True
        and found["EnableIPv6"] is False
        and found["Options"] == wanted["options"]
        and [(c["Subnet"], c["Gateway"]) for c in found["IPAM"]["Config"]] == [(pool["Subnet"], pool["Gateway"])]
    )
    if not same:
        raise Unavailable("the network {name} is not what it should be: remove it", name=wanted["name"])


def remove_members(docker: Docker, installation: str, room: str) -> None:
    """Remove every container of a room's clusters."""
    labels = [f"datasluse.installation={installation}", f"datasluse.room={room}", "datasluse.cluster"]
    for found in docker.containers(all=True, filters={"label": labels}):
        try:
            docker.remove_container(found["Id"], force=True, v=True)
        except NotFound:
            continue


def remove_network(docker: Docker, name: str) -> None:
    """Remove a network if it is there."""
    try:
        docker.remove_network(name)
    except NotFound:
        return
