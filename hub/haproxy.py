"""HAProxy's runtime socket and map files; the edge and every gate are changed through these while they run."""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Mapping
from pathlib import Path

TIMEOUT = 3.0
"""Seconds to wait for a running HAProxy: it answers in milliseconds or not at all."""


def command(admin: Path, line: str) -> str:
    """Send one command to a runtime socket and return the answer; OSError when nobody listens."""
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(TIMEOUT)
        s.connect(str(admin))
        s.sendall(line.encode() + b"\n")
        s.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: s.recv(65536), b"")).decode()


def write_map(path: Path, entries: Mapping[str, str]) -> None:
    """Replace a map file at once: a HAProxy that starts reads either the old one or the new one."""
    partial = path.with_suffix(f".{secrets.token_hex(4)}.partial")
    partial.write_text("".join(f"{key} {value}\n" for key, value in sorted(entries.items())))
    partial.chmod(0o644)
    os.replace(partial, path)  # noqa: PTH105 (the two paths are what matters)


def read_map(path: Path) -> dict[str, str]:
    """The entries of a map file; none when it is missing."""
    if not path.exists():
        return {}
    return dict(line.split(" ", 1) for line in path.read_text().splitlines() if line)


def live_map(admin: Path, name: str) -> dict[str, str]:
    """The entries a running HAProxy has in a map, by the map's path as its configuration says it."""
    rows = [line.split(" ", 2) for line in command(admin, f"show map {name}").splitlines() if line.startswith("0x")]
    return {key: value for _, key, value in rows}


def set_live_map(admin: Path, name: str, entries: Mapping[str, str]) -> list[str]:
    """Make a running HAProxy's map equal to these entries; returns the keys that it lost or changed."""
    live = live_map(admin, name)
    gone = [key for key in live if entries.get(key) != live[key]]
    for key in gone:
        command(admin, f"del map {name} {key}")
    for key, value in entries.items():
        if live.get(key) != value:
            command(admin, f"add map {name} {key} {value}")
    return gone


def table(admin: Path, name: str) -> dict[str, dict[str, int]]:
    """The rows of a running HAProxy's stick table: the counters stored under each key."""
    rows: dict[str, dict[str, int]] = {}
    for line in command(admin, f"show table {name}").splitlines():
        if line.startswith("0x"):
            said = dict(part.split("=", 1) for part in line.split()[1:])
            rows[said["key"]] = {counter: int(value) for counter, value in said.items() if counter != "key"}
    return rows
