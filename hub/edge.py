"""The edge: one HAProxy, one port, everything by host name. It knows which gate a room's host leads to."""

from __future__ import annotations

import fcntl
import socket
from base64 import b64encode
from hashlib import sha256
from pathlib import Path

from cryptography.hazmat.primitives import hashes

from governance.errors import Unavailable
from governance.settings import ASSETS, Settings
from hub import certificates, haproxy
from hub.gate import TEMPLATES, environment


def folder(settings: Settings) -> Path:
    """Where the edge's files and sockets are."""
    return settings.run / "edge"


def rooms_map(settings: Settings) -> Path:
    """The map from a room's host name to its gate's address; the edge's configuration names it by this path."""
    return folder(settings) / "rooms.map"


def admin(settings: Settings) -> Path:
    """The edge's runtime socket: in the one folder that the edge itself may write."""
    return folder(settings) / "socket" / "admin.sock"


def configuration(settings: Settings) -> str:
    """The edge's HAProxy configuration."""
    return environment.get_template("edge.cfg").render(
        settings=settings,
        folder=folder(settings),
        rooms=rooms_map(settings),
        assets=ASSETS,
        binds=_binds(settings),
        certificate=certificates.shown(settings) if settings.certificate else None,
        user=settings.user("edge"),
        waiting_script=f"sha256-{b64encode(sha256(_waiting_script(settings).encode()).digest()).decode()}",
    )


def _waiting_script(settings: Settings) -> str:
    """What the page that waits for a room does; its hash is in the page's policy."""
    return (TEMPLATES / "waiting.js").read_text().replace("@PORTAL@", settings.portal_origin)


def write(settings: Settings) -> None:
    """Write what the edge reads at its start: its configuration, the pages it answers with itself, the map.

    All of it lies in the edge's own folder: it may not read the place this program was started from.
    """
    written = {
        "haproxy.cfg": configuration(settings),
        "closed.html": (TEMPLATES / "room-closed.html").read_bytes().decode(),
        "unavailable.http": (TEMPLATES / "edge-unavailable.http").read_bytes().decode(),
        "waiting.html": (TEMPLATES / "waiting.html").read_text().replace("@SCRIPT@", _waiting_script(settings)),
    }
    for name, text in written.items():
        path = folder(settings) / name
        path.write_bytes(text.replace("@PORTAL@", settings.portal_origin).encode())
        path.chmod(0o644)
    haproxy.write_map(rooms_map(settings), haproxy.read_map(rooms_map(settings)))


def route(settings: Settings, host: str, gate: str | None) -> None:
    """Lead a room's host to a gate (`address:port`), or nowhere.

    The file is written first: an edge that is down reads it when it starts.
    """
    with (folder(settings) / "rooms.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # the hub and the reconciler both change it
        entries = haproxy.read_map(rooms_map(settings))
        if gate is None:
            entries.pop(host, None)
        else:
            entries[host] = gate
        haproxy.write_map(rooms_map(settings), entries)
        try:
            haproxy.set_live_map(admin(settings), str(rooms_map(settings)), entries)
        except OSError:
            return


def routes(settings: Settings) -> dict[str, str]:
    """Where the running edge leads each room's host; empty when no edge runs."""
    try:
        return haproxy.live_map(admin(settings), str(rooms_map(settings)))
    except OSError:
        return {}


def show_certificate(settings: Settings) -> None:
    """Let a running edge show the certificate that is in its file now; one that is down reads it when it starts."""
    here = certificates.current(settings)
    if here is None or settings.certificate is None:
        return
    name = certificates.shown(settings)
    try:
        shown = haproxy.command(admin(settings), f"show ssl cert {name}")
        if here.leaf.fingerprint(hashes.SHA1()).hex().upper() in shown:  # noqa: S303 (HAProxy's way to name it)
            return
        haproxy.command(admin(settings), f"set ssl cert {name} <<\n{here.as_pem().decode()}")
        said = haproxy.command(admin(settings), f"commit ssl cert {name}")
    except OSError:
        return
    if "Success" not in said:
        raise Unavailable("the edge does not take the new certificate: {why}", why=said.strip())


def _binds(settings: Settings) -> list[str]:
    """Where the edge listens, in HAProxy's words; on loopback of both kinds, since browsers try both."""
    address, port = settings.address, settings.edge_port
    if address.version == 6:
        return [f"ipv6@{address}:{port}{' v4v6' if address.is_unspecified else ''}"]
    also = [f"ipv6@::1:{port} v6only"] if address.is_loopback and _has_ipv6_loopback() else []
    return [f"ipv4@{address}:{port}", *also]


def _has_ipv6_loopback() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as s:
            s.bind(("::1", 0))
    except OSError:
        return False
    return True
