"""Requests and bytes through edge and gate, the ticket checked on every request, against configurable-http-proxy.

    .venv/bin/python -m benchmarks.proxies     (needs haproxy and wrk; npm's registry the first time)

Both stand in front of the same canned responder on loopback, in rotated rounds of the same run; the figures are ratios.
The peer checks nothing: JupyterHub's rooms do that themselves. Result: docs/results/proxies.json.
"""

from __future__ import annotations

import json
import os
import platform
import re
import secrets
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from governance.settings import proposed
from hub import edge, gate, haproxy
from hub.plan import COMMANDS_PORT, DOOR_PORT, OUT_PORT, PROBE_PORT, plan_room

ROOT = Path(__file__).parent.parent
PATH = f"{ROOT / '.venv' / 'bin'}:{os.environ['PATH']}"
"""With the Node of our environment."""
PEER = "configurable-http-proxy@5.3.0"
ROUNDS, SECONDS = 5, 3
RESPONDER = """
import asyncio, sys
small, large = b"x" * 1024, b"x" * 7_000_000
def answer(body):
    head = f"HTTP/1.1 200 OK\\r\\nContent-Type: application/octet-stream\\r\\nContent-Length: {len(body)}\\r\\n\\r\\n"
    return head.encode() + body
SMALL, LARGE = answer(small), answer(large)
class Canned(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport, self.held = transport, b""
    def data_received(self, data):
        self.held += data
        while b"\\r\\n\\r\\n" in self.held:
            head, self.held = self.held.split(b"\\r\\n\\r\\n", 1)
            self.transport.write(LARGE if b"/large" in head.split(b"\\r\\n", 1)[0] else SMALL)
async def main():
    server = await asyncio.get_running_loop().create_server(Canned, "127.0.0.1", int(sys.argv[1]))
    await server.serve_forever()
asyncio.run(main())
"""


@dataclass(frozen=True)
class Way:
    """One way to the responder."""

    name: str
    base: str
    headers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Load:
    """One kind of load. `figure` is what wrk is asked for: requests/s, MB/s or the median latency in ms."""

    name: str
    path: str
    connections: int
    figure: str


LOADS = (
    Load("1 kB, 16 connections, requests/s", "/api/contents/small", 16, "requests"),
    Load("7 MB, 4 connections, MB/s", "/api/contents/large", 4, "megabytes"),
    Load("1 kB, 1 connection, p50 in ms", "/api/contents/small", 1, "p50"),
    Load("1 kB, 16 connections, p50 in ms", "/api/contents/small", 16, "p50"),
)


def free_port() -> int:
    with closing(socket.socket()) as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


@contextmanager
def running(*command: str, port: int, env: dict[str, str] | None = None) -> Iterator[None]:
    """A server, until it listens."""
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=env) as process:
        try:
            deadline = time.monotonic() + 20
            while True:
                try:
                    socket.create_connection(("127.0.0.1", port), timeout=1).close()
                    break
                except OSError:
                    if time.monotonic() > deadline or process.poll() is not None:
                        raise RuntimeError(f"{command[0]} does not listen") from None
                    time.sleep(0.05)
            yield
        finally:
            process.terminate()


@contextmanager
def ours(folder: Path, responder: int) -> Iterator[Way]:
    """Edge and gate as they are written for an installation, on loopback."""
    settings = proposed("bench", [], demo=True)
    plan = plan_room("benchbench", 1, 1, 0, "small", [], settings)
    key = ec.generate_private_key(ec.SECP256R1())
    (folder / "ticket.pem").write_bytes(
        key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    for page in ("closed.html", "used-up.html"):
        (folder / page).write_text(page)
    (folder / "unavailable.http").write_bytes((gate.TEMPLATES / "edge-unavailable.http").read_bytes())
    door, front = free_port(), free_port()
    haproxy.write_map(folder / "sids.map", {"s1": "yes"})
    haproxy.write_map(folder / "budget.map", {"left": str(1 << 40)})
    haproxy.write_map(folder / "verified.map", {})
    haproxy.write_map(folder / "rooms.map", {plan.host: f"127.0.0.1:{door}"})
    gate_text = gate.configuration(plan, settings, "token")
    for old, new in {
        "/etc/gate": str(folder),
        "/run/gate/admin.sock": str(folder / "gate.sock"),
        f"bind {plan.front}:{DOOR_PORT}": f"bind 127.0.0.1:{door}",
        f"bind {plan.front}:{PROBE_PORT}": f"bind 127.0.0.1:{free_port()}",
        f"bind {plan.front}:{COMMANDS_PORT}": f"bind 127.0.0.1:{free_port()}",
        f"bind {plan.gate_address}:{OUT_PORT}": f"bind 127.0.0.1:{free_port()}",
        f"src {settings.front_host}": "src 127.0.0.1",
        f"{plan.room_address}:8888": f"127.0.0.1:{responder}",
    }.items():
        gate_text = gate_text.replace(old, new)
    (folder / "gate.cfg").write_text(gate_text)
    (folder / "socket").mkdir()
    edge_text = edge.configuration(settings).replace(str(edge.folder(settings)), str(folder))
    edge_text = edge_text.replace(f"bind ipv4@127.0.0.1:{settings.edge_port}", f"bind ipv4@127.0.0.1:{front}")
    edge_text = re.sub(r"\n  (bind ipv6@|user |group ).*", "", edge_text)
    (folder / "edge.cfg").write_text(edge_text)
    ticket = {"iss": settings.portal_origin, "aud": plan.host, "sub": plan.room, "sid": "s1"}
    signed = jwt.encode(ticket | {"exp": int(time.time()) + 3600}, key, algorithm="ES256")
    host = settings.room_origin(plan.room).removeprefix("http://")
    with (
        running("/usr/sbin/haproxy", "-db", "-f", str(folder / "gate.cfg"), port=door),
        running("/usr/sbin/haproxy", "-db", "-f", str(folder / "edge.cfg"), port=front),
    ):
        yield Way("edge and gate", f"http://127.0.0.1:{front}", (f"Host: {host}", f"Cookie: __Host-room={signed}"))


def proxy() -> Path:
    """JupyterHub's own proxy, from npm's registry the first time."""
    tools = ROOT / ".venv" / "benchmarks"
    program = tools / "node_modules" / "configurable-http-proxy" / "bin" / "configurable-http-proxy"
    if not program.exists():
        tools.mkdir(parents=True, exist_ok=True)
        command = ["npm", "install", "--prefix", str(tools), "--ignore-scripts", "--no-audit", "--no-fund", PEER]
        subprocess.run(command, check=True, env=os.environ | {"PATH": PATH}, stdout=subprocess.DEVNULL)
    return program


@contextmanager
def peer(responder: int) -> Iterator[Way]:
    """JupyterHub's own proxy."""
    env = os.environ | {"PATH": PATH, "CONFIGPROXY_AUTH_TOKEN": secrets.token_hex(16)}
    port = free_port()
    command = [str(proxy()), "--ip=127.0.0.1", f"--port={port}", f"--api-port={free_port()}", "--log-level=error"]
    with running("node", *command, f"--default-target=http://127.0.0.1:{responder}", port=port, env=env):
        yield Way("configurable-http-proxy", f"http://127.0.0.1:{port}")


def measured(way: Way, load: Load) -> float:
    """One round of one load over one way."""
    headers = [part for header in way.headers for part in ("-H", header)]
    threads = min(2, load.connections)
    command = ["wrk", f"-t{threads}", f"-c{load.connections}", f"-d{SECONDS}s", "--latency", *headers]
    said = subprocess.run([*command, way.base + load.path], capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in said or "Socket errors" in said:
        raise RuntimeError(f"{way.name}: {said}")
    if load.figure == "p50":
        value, unit = re.search(r"50%\s+([\d.]+)(us|ms|s)", said).groups()  # type: ignore[union-attr]
        return float(value) * {"us": 0.001, "ms": 1.0, "s": 1000.0}[unit]
    if load.figure == "requests":
        return float(re.search(r"Requests/sec:\s+([\d.]+)", said).group(1))  # type: ignore[union-attr]
    value, unit = re.search(r"Transfer/sec:\s+([\d.]+)(KB|MB|GB)", said).groups()  # type: ignore[union-attr]
    return float(value) * {"KB": 0.001, "MB": 1.0, "GB": 1024.0}[unit]


def main() -> None:
    """Measure, print, and keep the result."""
    found: dict[str, dict[str, list[float]]] = {load.name: {} for load in LOADS}
    with ExitStack() as stack, tempfile.TemporaryDirectory() as folder:
        responder = free_port()
        stack.enter_context(running(sys.executable, "-c", RESPONDER, str(responder), port=responder))
        ways = [
            Way("nothing between", f"http://127.0.0.1:{responder}"),
            stack.enter_context(ours(Path(folder), responder)),
            stack.enter_context(peer(responder)),
        ]
        for number in range(ROUNDS):
            for load in LOADS:
                for way in ways[number % 3 :] + ways[: number % 3]:
                    found[load.name].setdefault(way.name, []).append(measured(way, load))
            print(f"round {number + 1} of {ROUNDS}", flush=True)
    direct, here, there = (way.name for way in ways)
    result: dict[str, object] = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "cores": os.cpu_count(),
        "kernel": platform.release(),
        "peer": PEER,
        "rounds": ROUNDS,
    }
    for load in LOADS:
        values = found[load.name]
        medians = {name: round(statistics.median(each), 3) for name, each in values.items()}
        ratios = [ours / theirs for ours, theirs in zip(values[here], values[there], strict=True)]
        shown: dict[str, object] = {**medians, "edge and gate / peer": round(statistics.median(ratios), 2)}
        if load.figure == "p50":
            shown["added by edge and gate, ms"] = round(medians[here] - medians[direct], 3)
            shown["added by the peer, ms"] = round(medians[there] - medians[direct], 3)
        result[load.name] = shown
    (ROOT / "docs" / "results" / "proxies.json").write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
