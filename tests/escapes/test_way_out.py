"""A researcher cannot use the way out for anything but requests of their own."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import Any

import pytest
from docker.errors import NotFound

from tests.conftest import Room, Stack
from tests.escapes.attempts import attempt
from tests.escapes.conftest import Prober
from tests.stories.asking import ask, call, inside


@attempt("W1", "see or touch another room's request", wall="`output_review/intake.py` `Caller.own`", answer="404")
def test_another_rooms_request_is_not_there(rooms: tuple[Room, Room]) -> None:
    ada, bob = rooms
    number = ask(ada, {"table.csv": b"region;persons\nNord;120\n"}, submit=False)
    assert call(ada, "GET", f"/{number}")[0] == 200
    for method, path in (("GET", ""), ("POST", "/submit"), ("POST", "/withdraw")):
        assert call(bob, method, f"/{number}{path}")[0] == 404
    assert [r["request"] for r in call(bob, "GET")[1]["requests"]] == []
    assert call(ada, "POST", f"/{number}/withdraw")[1]["status"] == "withdrawn"


@attempt(
    "W2", "say by a header that they are another room", wall="`intake.caller` reads the address alone", answer="404"
)
def test_no_header_makes_a_room_another(rooms: tuple[Room, Room], stack: Stack) -> None:
    ada, bob = rooms
    number = ask(ada, {"table.csv": b"region;persons\nNord;120\n"}, submit=False)
    networks = stack.docker.inspect_container(ada.name("gate"))["NetworkSettings"]["Networks"]
    front = networks[f"sluse-{stack.settings.installation}-front"]["IPAddress"]
    program = f"""
import http.client
answers = []
for name in ("X-Forwarded-For", "Forwarded", "X-Real-IP", "x_forwarded_for", "X-Datasluse-Room"):
    connection = http.client.HTTPConnection("gate", 8082)
    value = "for={front}" if name == "Forwarded" else "{front}"
    connection.request("GET", "/api/requests/{number}", headers={{name: value}})
    answers.append(connection.getresponse().status)
print(json.dumps(answers))
"""
    assert inside(ada, program) == [200] * 5
    assert inside(bob, program) == [404] * 5


@attempt(
    "W3",
    "reach anything but requests through the way out",
    wall="`hub/policy.py` `WAY_OUT`",
    answer="404, `path` or `query`",
)
@pytest.mark.parametrize(
    "path",
    ["/", "/login", "/review", "/health", "/api", "/api/requests/../../login", "/api/requests/%2e%2e/x",
     "//api/x", "/api/requests?x=1", "/api/requests/1/files/1/2", "/api/requests/a"],
)  # fmt: skip
def test_nothing_else_is_on_the_way_out(rooms: tuple[Room, Room], path: str) -> None:
    program = """
import socket
def get(path):
    with socket.create_connection(("gate", 8082), timeout=5) as s:
        s.sendall(f"GET {path} HTTP/1.1\\r\\nHost: gate\\r\\nConnection: close\\r\\n\\r\\n".encode())
        return int(s.recv(100).split()[1])
print(json.dumps([get("/api/requests"), get(%r)]))
"""
    assert inside(rooms[0], program % path) == [200, 404]


@attempt("W4", "send a body of unknown or too great size", wall="`gate.cfg` `out`", answer="411 or 413, `length`")
def test_a_body_of_unknown_or_too_great_size_is_not_read(rooms: tuple[Room, Room]) -> None:
    program = """
import socket
def put(headers):
    with socket.create_connection(("gate", 8082), timeout=5) as s:
        s.sendall(f"PUT /api/requests/999999/files/1 HTTP/1.1\\r\\nHost: gate\\r\\n{headers}\\r\\n\\r\\n".encode())
        return int(s.recv(100).split()[1])
print(json.dumps([put("Content-Length: 10000000000"), put("Transfer-Encoding: chunked"),
                  put("Content-Length: 5\\r\\nTransfer-Encoding: chunked"), put("Content-Length: 0")]))
"""
    assert inside(rooms[0], program) == [413, 411, 411, 404]


@attempt("W5", "reach the intake but through their gate", wall="`hub/walls.py`", answer="no connection")
def test_a_room_reaches_the_intake_through_its_gate_alone(stack: Stack, probe: Prober) -> None:
    front = str(stack.settings.front_host)
    assert call(probe.room, "GET")[0] == 200
    assert probe.inside("tcp", front, 8082) is None
    assert probe.outside("tcp", front, 8082) is None


@attempt(
    "W6",
    "reach anything from the sandbox that opens their files",
    wall="`hub/sandboxd.py` `command`",
    answer="no network, no folder of the host",
)
def test_the_sandbox_has_no_network_and_nothing_of_the_host(stack: Stack, rooms: tuple[Room, Room]) -> None:
    """What the engine runs while a request is inspected."""
    seen: list[dict[str, Any]] = []
    label = [f"datasluse.installation={stack.settings.installation}", "datasluse.part=sandbox"]

    def watch() -> None:
        while not seen:
            for found in stack.docker.containers(filters={"label": label}):
                with suppress(NotFound):
                    seen.append(stack.docker.inspect_container(found["Id"]))

    watching = threading.Thread(target=watch, daemon=True)
    watching.start()
    ask(rooms[0], {f"{n}.csv": f"region;persons\nNord;{n}00\n".encode() for n in range(1, 10)})
    watching.join(30)
    host = seen[0]["HostConfig"]
    assert host["NetworkMode"] == "none"
    assert host["ReadonlyRootfs"] is True
    assert host["CapDrop"] == ["ALL"]
    assert not (host["Binds"])
    assert not (host.get("Mounts"))
    assert not (host["Devices"])
    assert not (host["Privileged"])
    assert host["PidsLimit"] > 0
    assert host["Memory"] == host["MemorySwap"] > 0
    options = " ".join(host["SecurityOpt"])
    assert "no-new-privileges" in options
    assert "SCMP_ACT_ERRNO" in options
    assert seen[0]["Config"]["User"] == "64002:64002"
