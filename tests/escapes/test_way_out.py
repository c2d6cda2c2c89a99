"""A researcher cannot use the way out for anything but requests of their own."""

from __future__ import annotations

import inspect
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import httpx
import pytest
from docker.errors import NotFound

from governance.rooms import standing
from governance.tables import PlatformRole
from output_review import store
from tests import http2
from tests.conftest import Person, Room, Stack, until
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
    headers = {{name: "for={front}" if name == "Forwarded" else "{front}"}}
    connection.request("GET", "/api/room", headers=headers)
    person = json.load(connection.getresponse())["person"]
    connection.request("GET", "/api/requests/{number}", headers=headers)
    answers.append([person, connection.getresponse().status])
print(json.dumps(answers))
"""
    with stack.database.read() as tx:
        names = [standing(tx, room.id).person.name for room in rooms]
    assert names[0] != names[1]
    assert inside(ada, program) == [[names[0], 200]] * 5
    assert inside(bob, program) == [[names[1], 404]] * 5


@attempt(
    "W3",
    "reach anything but requests through the way out",
    wall="`hub/policy.py` `WAY_OUT`",
    answer="404, `path` or `query`",
)
@pytest.mark.parametrize(
    "path",
    ["/", "/login", "/review", "/health", "/api", "/api/requests/../../login", "/api/requests/%2e%2e/x",
     "//api/x", "/api/room/1", "/api/room?x=1", "/api/requests?x=1", "/api/requests/1/files/1/2", "/api/requests/a"],
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


@attempt(
    "W7",
    "walk round the limits of bodies by HTTP/2, where no header says a length",
    wall="`disable-h2-upgrade` in `gate.cfg`",
    answer="400",
)
def test_the_way_out_speaks_no_http2(rooms: tuple[Room, Room]) -> None:
    program = f"""{inspect.getsource(http2)}
import json
def over(method, body=None):
    with socket.create_connection(("gate", 8082), timeout=5) as s:
        return ask(s, {{":method": method, ":scheme": "http", ":path": "/api/requests", "host": "gate"}}, body)
with socket.create_connection(("gate", 8082), timeout=5) as s:
    s.sendall(b"GET /api/requests HTTP/1.1\\r\\nHost: gate\\r\\n\\r\\n")
    plain = answer(s.recv(65536))
print(json.dumps([plain, over("GET"), over("POST", b"x" * 100_000)]))
"""
    refused = ["HTTP/1.1", 400]
    assert json.loads(rooms[0].run(program)) == [["HTTP/1.1", 200], refused, refused]


@attempt(
    "W8",
    "read outside, before it is released, what they wrote in a request: a title, a file's name",
    wall="`portal/templates/requests.html`",
    answer="number, state and time alone",
)
def test_a_requests_names_are_not_read_outside_before_it_is_released(stack: Stack) -> None:
    ada, grace = stack.person("ada"), stack.checker("grace", PlatformRole.LEAD_CHECKER)
    room = stack.open_room(stack.project(ada), ada)
    name = "0101701234-M-F20.csv"
    number = ask(room, {name: b"region;persons\nNord;120\n"})
    until(lambda: call(room, "GET", f"/{number}")[1]["status"] == "in_review", 60)
    with visiting(stack, ada) as author, visiting(stack, grace) as checker:
        page = author.get("/requests").text
        assert f"Request {number}" in page
        assert "Table one" not in page
        assert name not in page
        with stack.database.read() as tx:
            [file] = store.files(tx, number)
        vote = {"sha256": file.canonical_sha256, "approve": "true", "answered": "cpr", "reason": "Made up"}
        assert checker.post(f"/review/{number}/files/{file.id}/vote", data=vote).status_code == 303
        until(lambda: call(room, "GET", f"/{number}")[1]["status"] == "released", 60)
        page = author.get("/requests").text
        assert f"Request {number}: Table one" in page
        assert name in page


@contextmanager
def visiting(stack: Stack, person: Person) -> Iterator[httpx.Client]:
    """The portal, as somebody who is logged in."""
    portal = stack.settings.portal_origin
    headers = {"Host": portal.removeprefix("http://"), "Origin": portal, "Accept-Language": "en"}
    edge = f"http://127.0.0.1:{stack.settings.edge_port}"
    with httpx.Client(base_url=edge, headers=headers, timeout=30, trust_env=False) as client:
        answer = client.post("/login", data={"name": person.name, "password": person.password})
        assert answer.status_code == 303, answer.text
        client.headers["Cookie"] = answer.headers["set-cookie"].split(";", 1)[0]
        yield client


@attempt("W5", "reach the intake but through their gate", wall="`hub/walls.py`", answer="no connection")
def test_a_room_reaches_the_intake_through_its_gate_alone(stack: Stack, probe: Prober) -> None:
    front = str(stack.settings.front_host)
    assert call(probe.room, "GET")[0] == 200
    assert probe.inside("tcp", front, 8082) is None
    assert probe.outside("tcp", front, 8082) is None


@attempt(
    "W6",
    "reach anything from the sandbox that opens their files",
    wall="`hub/sandboxd.py` `sandbox`",
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
    assert {"/proc/locks", "/proc/meminfo"} < set(host["MaskedPaths"])
    assert not (host["Privileged"])
    assert host["PidsLimit"] > 0
    assert host["Memory"] == host["MemorySwap"] > 0
    options = " ".join(host["SecurityOpt"])
    assert "no-new-privileges" in options
    assert "SCMP_ACT_ERRNO" in options
    assert seen[0]["Config"]["User"] == "64002:64002"
