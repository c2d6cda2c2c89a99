"""A researcher cannot reach anything from a room. Each probe is shown to work where it must."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
from pathlib import Path

import httpx
import pip
import pytest

from hub.images import tags
from tests.conftest import Room, Stack
from tests.escapes.attempts import attempt
from tests.escapes.conftest import INTERNET, METADATA, Canary, Prober, ipv4_addresses


@attempt(
    "N1",
    "reach the internet or a metadata address by TCP",
    wall="a network without a route, `hub/walls.py`",
    answer="no connection",
)
@pytest.mark.parametrize("address", [INTERNET, METADATA])
def test_a_researcher_cannot_reach_the_internet(internet: Canary, probe: Prober, address: str) -> None:
    assert probe.outside("http", address, 80) == internet.word
    assert probe.inside("http", address, 80) is None


@attempt("N2", "fetch packages with pip, past the mirror", wall="a network without a route", answer="no connection")
def test_a_researcher_cannot_fetch_packages(internet: Canary, probe: Prober, stack: Stack) -> None:
    """pip itself, brought into the room; the control is the same pip in an ordinary container, which is answered."""
    brought = stack.settings.state / "homes" / probe.room.id / "files" / "brought"
    shutil.copytree(Path(pip.__file__).parent, brought / "pip", ignore=shutil.ignore_patterns("__pycache__"))
    for path in [brought, *brought.rglob("*")]:
        os.chown(path, 64000, 64000)
    options = ["-vv", "--retries=0", "--timeout=2", "--no-cache-dir", f"--trusted-host={INTERNET}"]
    command = ["-m", "pip", "download", *options, f"--index-url=http://{INTERNET}/simple", "six"]
    inside = probe.room.run(
        "import os, subprocess, sys; os.environ['PYTHONPATH'] = '/home/researcher/brought';"
        f"done = subprocess.run([sys.executable, *{command!r}], stdout=-1, stderr=-2, text=True, cwd='/tmp');"
        "print(done.stdout)"
    )
    outside = subprocess.run(
        ["docker", "run", "--rm", "--env=PYTHONPATH=/brought", f"--volume={brought}:/brought:ro", "--workdir=/tmp",
         "--entrypoint=python", tags(stack.settings)["base"], *command],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
    ).stdout  # fmt: skip
    refused = "Could not fetch URL"
    assert refused not in outside, outside
    assert f"http://{INTERNET}/simple/six/" in outside
    assert refused in inside, inside


@attempt("N3", "send datagrams out, to port 53 too", wall="a network without a route", answer="no answer")
def test_a_researcher_cannot_send_datagrams_out(internet: Canary, probe: Prober) -> None:
    assert probe.outside("udp", INTERNET, 53) == internet.word
    assert probe.inside("udp", INTERNET, 53) is None


@attempt("N4", "resolve a name (a tunnel through DNS)", wall="`dns` in `hub/container.py`", answer="no such name")
def test_a_researcher_cannot_resolve_names(probe: Prober, rooms: tuple[Room, Room]) -> None:
    assert probe.inside("name", "gate")  # the control: from the room's own hosts file
    for name in ("canary.example.org", rooms[1].name("room"), rooms[1].name("gate")):
        assert probe.inside("name", name) is None


@attempt(
    "N5",
    "reach any address of the host, by TCP or UDP",
    wall="`inhibit_ipv4`, `hub/walls.py` `input`",
    answer="no connection",
)
def test_a_researcher_cannot_reach_the_host(host_service: Canary, probe: Prober, stack: Stack) -> None:
    host_addresses = ipv4_addresses()
    reached = {a for a in host_addresses if probe.outside("http", a, 15432) == host_service.word}
    assert ipv4_addresses("docker0") <= reached  # the control: an ordinary container reaches the host
    room_network = stack.docker.inspect_network(probe.room.name("net"))["IPAM"]["Config"][0]["Gateway"]
    for address in [*host_addresses, room_network]:
        assert probe.inside("http", address, 15432) is None, address
        assert probe.inside("udp", address, 15353) is None, address


@attempt(
    "N6", "reach the front address, where the intake listens", wall="`hub/walls.py` `input`", answer="no connection"
)
def test_a_researcher_cannot_reach_the_front_address(host_service: Canary, probe: Prober, stack: Stack) -> None:
    """Nor can any other container: an address of the host would answer on every interface."""
    front = str(stack.settings.front_host)
    assert httpx.get(f"http://{front}:15432/").text == host_service.word
    assert probe.outside("http", front, 15432) is None
    assert probe.inside("http", front, 15432) is None


@attempt("N7", "reach another person's room in the same project", wall="one network a room", answer="no connection")
def test_a_researcher_cannot_reach_another_room(stack: Stack, probe: Prober, rooms: tuple[Room, Room]) -> None:
    network = stack.docker.inspect_network(rooms[1].name("net"))
    address = network["Containers"][stack.docker.inspect_container(rooms[1].name("room"))["Id"]]["IPv4Address"]
    bob = address.split("/")[0]
    beside = bob.rsplit(".", 1)[0] + "." + str(int(bob.rsplit(".", 1)[1]) + 5)
    assert "HTTP/1" in (probe.outside("tcp", bob, 8888, rooms[1].name("net"), beside) or "")
    assert probe.inside("tcp", bob, 8888) is None


@attempt(
    "N8",
    "use another room's gate, or the front side of their own",
    wall="one network a room, `hub/walls.py`",
    answer="no connection",
)
def test_a_researcher_cannot_use_another_gate(stack: Stack, probe: Prober, rooms: tuple[Room, Room]) -> None:
    for room in rooms:
        networks = stack.docker.inspect_container(room.name("gate"))["NetworkSettings"]["Networks"]
        front = networks[f"sluse-{stack.settings.installation}-front"]["IPAddress"]
        assert httpx.get(f"http://{front}:9001/ready").text == "ready"
        for port in (9000, 9001):
            assert probe.inside("tcp", front, port) is None


@attempt("N10", "send echo requests (ICMP) out or to the host", wall="a network without a route", answer="no answer")
def test_a_researcher_cannot_ping(internet: Canary, probe: Prober, stack: Stack) -> None:
    assert probe.outside("icmp", INTERNET) == "ping"
    for address in (INTERNET, METADATA, str(stack.settings.front_host), *ipv4_addresses("docker0")):
        assert probe.inside("icmp", address) is None, address


@attempt("N11", "use IPv6", wall="`enable_ipv6` off, no address", answer="no address but loopback's")
def test_a_researcher_has_no_ipv6(probe: Prober) -> None:
    """Not even of the link, where every bridge of the host has one."""
    links = Path("/proc/net/if_inet6").read_text().split()[5::6]
    assert set(links) - {"lo"}
    said = probe.room.run("print(open('/proc/net/if_inet6').read())").split()[5::6]
    assert set(said) <= {"lo"}


@attempt(
    "N12",
    "get out by routes, neighbours or addresses of their own, even as root in the room's network",
    wall="`hub/walls.py` `input`, `forward`",
    answer="no connection",
)
def test_not_even_root_in_a_rooms_network_gets_out(
    internet: Canary, host_service: Canary, probe: Prober, stack: Stack, rooms: tuple[Room, Room]
) -> None:
    """What a hole in the kernel or the engine would give: the firewall alone must hold."""
    network = stack.docker.inspect_network(probe.room.name("net"))
    gateway = network["IPAM"]["Config"][0]["Gateway"]
    bridge = network["Options"]["com.docker.network.bridge.name"]
    mac = Path(f"/sys/class/net/{bridge}/address").read_text().strip()
    front = stack.docker.inspect_container(rooms[1].name("gate"))["NetworkSettings"]["Networks"]
    bobs_front = front[f"sluse-{stack.settings.installation}-front"]["IPAddress"]
    docker0 = ipv4_addresses("docker0").pop()
    assert probe.outside("udp", INTERNET, 53) == internet.word
    assert internet.heard("who?")
    within = probe.enter("room")
    subprocess.run([*within, "ip", "neigh", "replace", gateway, "lladdr", mac, "dev", "eth0"], check=True)
    subprocess.run([*within, "ip", "route", "replace", "default", "via", gateway, "dev", "eth0"], check=True)
    try:
        for sources in ([], [bobs_front]):
            for source in sources:  # as if it were another room's gate
                subprocess.run([*within, "ip", "addr", "add", f"{source}/32", "dev", "eth0"], check=True)
                changed = [*within, "ip", "route", "replace", "default", "via", gateway, "dev", "eth0", "src", source]
                subprocess.run(changed, check=True)
            assert probe.outside("http", INTERNET, 80) == internet.word
            assert probe.within("room", "http", INTERNET, 80) is None
            assert probe.within("room", "udp", INTERNET, 53) is None
            for address in ipv4_addresses():
                assert probe.within("room", "http", address, 15432) is None, address
                assert probe.within("room", "tcp", address, 8082) is None, address
            # The answer may have been lost on its way back: what arrived counts.
            for canary, address, port in ((internet, INTERNET, 53), (host_service, docker0, 15353)):
                told = secrets.token_hex(8)
                probe.within("room", "udp", address, port, told)
                assert not canary.heard(told), address
    finally:
        subprocess.run([*within, "ip", "route", "del", "default"], check=False)
        subprocess.run([*within, "ip", "addr", "del", f"{bobs_front}/32", "dev", "eth0"], check=False)
        subprocess.run([*within, "ip", "neigh", "del", gateway, "dev", "eth0"], check=False)


@attempt(
    "N13",
    "get further from a gate than the intake, were the gate theirs",
    wall="`hub/walls.py` `input`, `enable_icc` off",
    answer="no connection",
)
def test_a_gate_reaches_the_intake_and_nothing_else(
    internet: Canary, host_service: Canary, probe: Prober, stack: Stack, rooms: tuple[Room, Room]
) -> None:
    front_host = str(stack.settings.front_host)
    assert "HTTP/1" in (probe.within("gate", "tcp", front_host, 8082) or "")
    for address in ipv4_addresses():
        assert probe.within("gate", "http", address, 15432) is None, address
    assert probe.within("gate", "http", INTERNET, 80) is None
    networks = stack.docker.inspect_container(rooms[1].name("gate"))["NetworkSettings"]["Networks"]
    other = networks[f"sluse-{stack.settings.installation}-front"]["IPAddress"]
    assert httpx.get(f"http://{other}:9001/ready").text == "ready"
    assert probe.within("gate", "tcp", other, 9001) is None


@attempt("N9", "have the gate pass packets on", wall="`ip_forward=0` in the gate", answer="0")
def test_a_gate_does_not_forward(stack: Stack, rooms: tuple[Room, Room]) -> None:
    command = stack.docker.exec_create(rooms[0].name("gate"), ["cat", "/proc/sys/net/ipv4/ip_forward"])
    assert stack.docker.exec_start(command["Id"]).decode().strip() == "0"
