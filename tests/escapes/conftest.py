"""A little internet of the test's own, and two rooms to attack from."""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from hub.images import tags
from tests.conftest import Room, Stack

INTERNET = "198.51.100.10"  # TEST-NET-2 (RFC 5737): nobody's
METADATA = "169.254.169.254"

PROBE = """
import json, socket, sys, urllib.request
def http(address, port):
    with urllib.request.urlopen(f"http://{address}:{port}/", timeout=1) as answer:
        return answer.read(100).decode(errors="replace")
def tcp(address, port):
    with socket.create_connection((address, port), timeout=1) as s:
        s.sendall(b"GET / HTTP/1.0\\r\\n\\r\\n"); s.settimeout(1)
        return s.recv(100).decode(errors="replace")
def udp(address, port):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(1); s.sendto(sys.argv[4].encode() if len(sys.argv) > 4 else b"who?", (address, port))
        return s.recv(100).decode(errors="replace")
def name(host, _):
    return socket.gethostbyname(host)
def icmp(address, _):
    try:
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP)
    except PermissionError:  # for nobody, where the engine remaps users; root may have a raw one
        s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    with s:
        s.settimeout(1); s.sendto(b"\\x08\\x00\\x19\\x2d\\x00\\x01\\x00\\x01ping", (address, 0))
        return s.recv(100)[-4:].decode(errors="replace")
try:
    probe = {"http": http, "tcp": tcp, "udp": udp, "name": name, "icmp": icmp}[sys.argv[1]]
    print(json.dumps({"heard": probe(sys.argv[2], int(sys.argv[3]))}))
except OSError as e:
    print(json.dumps({"heard": None, "error": repr(e)}))
"""

CANARY = """
import http.server, socketserver, sys, threading
word = sys.argv[1]
class Web(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(word.encode())
    def log_message(self, *a): pass
class Udp(socketserver.BaseRequestHandler):
    def handle(self):
        with open(sys.argv[4], "ab") as heard:
            heard.write(self.request[0] + b"\\n")
        self.request[1].sendto(word.encode(), self.client_address)
web = http.server.ThreadingHTTPServer(("0.0.0.0", int(sys.argv[2])), Web)
udp = socketserver.ThreadingUDPServer(("0.0.0.0", int(sys.argv[3])), Udp)
threading.Thread(target=udp.serve_forever, daemon=True).start()
print("ready", flush=True)
web.serve_forever()
"""


@dataclass(frozen=True)
class Canary:
    """A host that answers with a word nobody else knows, and keeps what it was told by datagram."""

    word: str
    told: Path

    def heard(self, what: str) -> bool:
        """Whether a datagram said this, though its answer may never have come back."""
        time.sleep(0.3)
        return self.told.exists() and what in self.told.read_text().split()


def _serve(word: str, web: str, udp: str, told: Path, *before: str) -> subprocess.Popen[str]:
    server = subprocess.Popen(
        [*before, sys.executable, "-c", CANARY, word, web, udp, str(told)], stdout=subprocess.PIPE, text=True
    )
    assert server.stdout is not None
    assert server.stdout.readline() == "ready\n"
    return server


@pytest.fixture(scope="session")
def internet(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Canary]:
    """A host behind a router: web on 80, name service on 53, and the metadata address that clouds have."""
    name = f"sluse{secrets.token_hex(3)}"
    word = secrets.token_hex(8)

    def ip(*arguments: str) -> None:
        subprocess.run(["ip", *arguments], check=True)

    ip("netns", "add", name)
    try:
        ip("link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", name)
        ip("addr", "add", "198.51.100.1/24", "dev", name)
        ip("link", "set", name, "up")
        ip("-n", name, "addr", "add", f"{INTERNET}/24", "dev", "eth0")
        ip("-n", name, "addr", "add", f"{METADATA}/32", "dev", "eth0")
        ip("-n", name, "link", "set", "eth0", "up")
        ip("-n", name, "link", "set", "lo", "up")
        ip("-n", name, "route", "add", "default", "via", "198.51.100.1")
        ip("route", "add", f"{METADATA}/32", "dev", name)
        told = tmp_path_factory.mktemp("internet") / "told"
        server = _serve(word, "80", "53", told, "ip", "netns", "exec", name)
        yield Canary(word, told)
        server.terminate()
        server.communicate()
    finally:
        ip("netns", "del", name)


@pytest.fixture(scope="session")
def host_service(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Canary]:
    """Something on the host that listens on every address, as an SSH server or a database would."""
    word = secrets.token_hex(8)
    told = tmp_path_factory.mktemp("host") / "told"
    server = _serve(word, "15432", "15353", told)
    yield Canary(word, told)
    server.terminate()
    server.communicate()


@pytest.fixture(scope="session")
def rooms(stack: Stack) -> tuple[Room, Room]:
    """Ada's room and Bob's, in one project."""
    ada, bob = stack.person("ada"), stack.person("bob")
    project = stack.project(ada, bob)
    return stack.open_room(project, ada, stays=True), stack.open_room(project, bob, stays=True)


@dataclass(frozen=True)
class Prober:
    """The same probe from two places: inside a room, and in an ordinary container where it must succeed."""

    stack: Stack
    room: Room

    def inside(self, kind: str, address: str, port: int = 0) -> str | None:
        program = f"import sys; sys.argv = ['probe', {kind!r}, {address!r}, '{port}']\n{PROBE}"
        return self._heard(self.room.run(program))

    def outside(
        self, kind: str, address: str, port: int = 0, network: str = "bridge", address_of: str = ""
    ) -> str | None:
        """From an ordinary container, on Docker's default bridge or the network given."""
        command = [
            "docker",
            "run",
            "--rm",
            "--user=0",
            f"--network={network}",
            *([f"--ip={address_of}"] if address_of else []),
        ]
        image = tags(self.stack.settings)["base"]
        done = subprocess.run(
            [*command, "--entrypoint=python", image, "-c", PROBE, kind, address, str(port)],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        return self._heard(done.stdout)

    def within(self, part: str, kind: str, address: str, port: int = 0, say: str = "who?") -> str | None:
        """As root of the host in the network of the room or its gate: past everything that binds a researcher."""
        done = subprocess.run(
            [*self.enter(part), sys.executable, "-c", PROBE, kind, address, str(port), say],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        return self._heard(done.stdout)

    def enter(self, part: str) -> list[str]:
        """The beginning of a command that runs in the network of the room or its gate."""
        pid = self.stack.docker.inspect_container(self.room.name(part))["State"]["Pid"]
        return ["nsenter", f"--target={pid}", "--net", "--"]

    @staticmethod
    def _heard(printed: str) -> str | None:
        heard = json.loads(printed)["heard"]
        return None if heard is None else str(heard)


@pytest.fixture(scope="session")
def probe(stack: Stack, rooms: tuple[Room, Room]) -> Prober:
    return Prober(stack, rooms[0])


def ipv4_addresses(interface: str | None = None) -> set[str]:
    """Every IPv4 address of this host, or of one interface, but loopback's."""
    of = ["dev", interface] if interface else []
    shown = subprocess.run(["ip", "-j", "-4", "addr", "show", *of], capture_output=True, text=True, check=True)
    return {
        address["local"]
        for link in json.loads(shown.stdout)
        for address in link.get("addr_info", [])
        if not address["local"].startswith("127.")
    }
