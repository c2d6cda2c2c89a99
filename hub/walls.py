"""The walls outside containers: the host's nftables rules and the front network. Nothing else writes them.

Before every start of a room they are looked at (`hub/doctor.py`), and the reconciler repairs what is missing each time
it looks.
"""

from __future__ import annotations

import subprocess
from typing import Any

from docker import APIClient
from docker.types import IPAMConfig, IPAMPool

from governance.errors import Unavailable
from governance.settings import Settings
from hub.container import ensure_network
from hub.plan import CLUSTERS_PORT, COMMANDS_PORT, DOOR_PORT, INTAKE_PORT, MIRROR_PORT, PROBE_PORT, front_network

NFT = "/usr/sbin/nft"


def table(settings: Settings) -> str:
    """The name of the installation's own table; Docker's and the operator's rules are never touched."""
    return f"datasluse_{settings.installation}"


def rules(settings: Settings) -> str:
    """The table's definition.

    - A room reaches no address of the host; a gate reaches `intake`, `clusters` and `mirror` there and nothing else.
    - Nothing is forwarded between a room or gate and anything that is not on the same bridge.
    - The host's front address answers on the front network only: an address answers on every interface otherwise.
    """
    offered = f"{{ {INTAKE_PORT}, {CLUSTERS_PORT}, {MIRROR_PORT} }}"
    rooms, front = f'"{settings.room_bridges}*"', f'"{settings.front_bridge}"'
    return f"""table inet {table(settings)} {{
	chain input {{
		type filter hook input priority -5; policy accept;
		iifname {rooms} drop
		iifname {front} ct state established,related accept
		iifname {front} ip saddr {settings.front} ip daddr {settings.front_host} tcp dport {offered} accept
		iifname {front} drop
		ip daddr {settings.front_host} iifname != "lo" drop
	}}

	chain forward {{
		type filter hook forward priority -5; policy accept;
		iifname {rooms} oifname != {rooms} drop
		iifname != {rooms} oifname {rooms} drop
		iifname {front} drop
		oifname {front} drop
	}}

	chain output {{
		type filter hook output priority -5; policy accept;
		oifname {front} ip daddr {settings.front} tcp dport {{ {DOOR_PORT}, {PROBE_PORT}, {COMMANDS_PORT} }} accept
		oifname {front} ct state established,related accept
		oifname {front} drop
		oifname {rooms} drop
	}}
}}
"""


def apply(settings: Settings, docker: APIClient) -> None:
    """Put the table and the front network in place; the table is replaced at once, never missing in between."""
    name = table(settings)
    _nft("-f", "-", stdin=f"table inet {name}\ndelete table inet {name}\n{rules(settings)}")
    _kept(settings).write_text(_nft("list", "table", "inet", name))
    ensure_network(docker, front(settings))


def broken(settings: Settings) -> str | None:
    """What is wrong with the walls, or None. What cannot be asked is wrong."""
    try:
        found = _nft("list", "table", "inet", table(settings))
        kept = _kept(settings).read_text()
    except (Unavailable, OSError) as e:
        return f"the firewall table {table(settings)} cannot be read: {e}"
    if found != kept:
        return f"the firewall table {table(settings)} was changed"
    return None


def forget(settings: Settings) -> None:
    """Have the reconciler put up its own version's rules at its next look: these are taken to be changed."""
    _kept(settings).unlink(missing_ok=True)


def remove(settings: Settings) -> None:
    """Take the table down, when the installation goes."""
    name = table(settings)
    _nft("-f", "-", stdin=f"table inet {name}\ndelete table inet {name}\n")


def front(settings: Settings) -> dict[str, Any]:
    """The network on which the host meets the gates; they cannot see each other on it."""
    return {
        "name": front_network(settings),
        "driver": "bridge",
        "internal": True,
        "check_duplicate": True,
        "enable_ipv6": False,
        "labels": {"datasluse.installation": settings.installation, "datasluse.part": "front"},
        "options": {
            "com.docker.network.bridge.name": settings.front_bridge,
            "com.docker.network.bridge.enable_icc": "false",
        },
        "ipam": IPAMConfig(pool_configs=[IPAMPool(subnet=str(settings.front), gateway=str(settings.front_host))]),
    }


def _kept(settings: Settings) -> Any:
    """How nft itself prints the table right after it was put in place: what `broken` compares with."""
    return settings.run / "walls.nft"


def _nft(*arguments: str, stdin: str | None = None) -> str:
    try:
        done = subprocess.run([NFT, *arguments], input=stdin, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired) as e:
        raise Unavailable("nft does not run: {reason}", reason=e) from e
    if done.returncode:
        raise Unavailable("nft refused: {reason}", reason=done.stderr.strip())
    return done.stdout
