"""A researcher cannot use a room's gate for anything but JupyterLab, nor be shown more than their budget."""

from __future__ import annotations

import json
import socket
import time
from contextlib import closing, suppress
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed

from governance import egress, people
from governance import rooms as room_rows
from governance.egress import MIB
from governance.tables import AuditEvent, EgressDay
from hub.plan import DOOR_PORT
from tests import http2
from tests.conftest import Person, Room, Stack, until
from tests.escapes.attempts import attempt
from tests.hub.test_policy import PASSES, REFUSED


@pytest.fixture(scope="module")
def room(rooms: tuple[Room, Room]) -> Room:
    return rooms[0]


def raw(room: Room, request: str) -> list[int]:
    """Send bytes as they are and return the status of every answer that comes back."""
    with closing(socket.create_connection(("127.0.0.1", room.stack.settings.edge_port), timeout=5)) as s:
        s.sendall(request.replace("\n", "\r\n").encode("latin-1"))
        said = b""
        with suppress(TimeoutError, ConnectionError):
            s.settimeout(2)
            while block := s.recv(65536):
                said += block
    lines = said.split(b"\r\n")
    return [int(line.split()[1]) for line in lines if line.startswith(b"HTTP/1.")]


def logged(room: Room) -> list[dict[str, Any]]:
    """The gate's log."""
    lines = room.stack.docker.logs(room.name("gate")).decode().splitlines()
    return [json.loads(line) for line in lines if line.startswith("{")]


@attempt("G1", "ask the room for anything that JupyterLab does not need", wall="`hub/policy.py`", answer="403, `path`")
def test_nothing_but_jupyterlab_passes(room: Room) -> None:
    for method, path, passage in PASSES:
        kwargs: dict[str, Any] = {"json": {}} if method in ("POST", "PUT", "PATCH") else {}
        status = room.request(method, path, **kwargs).status_code
        websocket = passage in ("kernel-messages", "terminal-messages", "events", "dashboard-messages")
        assert (status == 403) is websocket, (method, path, status)  # a websocket's path without one is refused
    for method, path in REFUSED:
        if "\n" not in path and ".." not in path and method != "CONNECT":
            assert room.request(method, path).status_code in (403, 405), (method, path)


HEAD = "Host: {authority}\nCookie: {cookie}\nOrigin: {origin}\n"


@attempt(
    "G2",
    "reach another path by dots, encodings, absolute addresses, h2c, doubled or malformed headers",
    wall="`gate.cfg`, HAProxy",
    answer="4xx",
)
@pytest.mark.parametrize(
    "request_text",
    [
        "GET /lab/../files/x HTTP/1.1\n{head}\n",
        "GET /lab/%2e%2e/files/x HTTP/1.1\n{head}\n",
        "GET /lab/%2E%2E/%2e%2e/files/x HTTP/1.1\n{head}\n",
        "GET //files/x HTTP/1.1\n{head}\n",
        "GET /%66iles/x HTTP/1.1\n{head}\n",
        "GET /files%2fx HTTP/1.1\n{head}\n",
        "GET /lab\\..\\files\\x HTTP/1.1\n{head}\n",
        "GET /lab;/../files/x HTTP/1.1\n{head}\n",
        "GET /api/status/../../files/x HTTP/1.1\n{head}\n",
        "GET http://{authority}/api/status HTTP/1.1\n{head}\n",
        "GET http://evil.example/api/status HTTP/1.1\n{head}\n",
        "GET * HTTP/1.1\n{head}\n",
        "CONNECT 10.0.0.1:22 HTTP/1.1\n{head}\n",
        "GET /api/status HTTP/1.1\n{head}Connection: Upgrade, HTTP2-Settings\nUpgrade: h2c\nHTTP2-Settings: AA\n\n",
        "GET /api/status HTTP/1.1\n{head}Upgrade: websocket\nConnection: Upgrade\n\n",
        "GET /api/status HTTP/1.1\nHost: evil\n{head}\n",
        "GET /api/status HTTP/1.1\n{head}Content-Length: 5\nContent-Length: 6\n\nxxxxx",
        "GET /api/status HTTP/1.1\n{head}Transfer-Encoding: xchunked\n\n0\n\n",
        "GET /api/status HTTP/1.1\n{head}Transfer-Encoding: chunked\nTransfer-Encoding: identity\n\n0\n\n",
        "GET /api/status HTTP/1.1\n{head}Content-Length: +0\n\n",
        "GET /api/status HTTP/1.1\n{head}Bad Header: x\n\n",
        " GET /api/status HTTP/1.1\n{head}\n",
    ],
)
def test_no_trick_with_a_request_opens_another_path(room: Room, request_text: str) -> None:
    head = HEAD.format(authority=room.authority, cookie=room.cookie, origin=room.origin)
    assert raw(room, f"GET /api/status HTTP/1.1\n{head}Connection: close\n\n") == [200]
    answers = raw(room, request_text.format(head=head, authority=room.authority))
    assert not [status for status in answers if status < 400], answers


@attempt(
    "G9",
    "speak HTTP/2 with the door, whose rules ask for the headers of HTTP/1.1",
    wall="`disable-h2-upgrade` in `edge.cfg` and `gate.cfg`",
    answer="400",
)
def test_no_door_speaks_http2(room: Room) -> None:
    """In real frames, to the edge, and from the host to the gate itself, which takes its word for the edge's."""
    settings = room.stack.settings
    networks = room.stack.docker.inspect_container(room.name("gate"))["NetworkSettings"]["Networks"]
    gate = networks[f"sluse-{settings.installation}-front"]["IPAddress"]
    for place in (("127.0.0.1", settings.edge_port), (gate, DOOR_PORT)):
        with closing(socket.create_connection(place, timeout=5)) as s:
            s.sendall(f"GET /api/status HTTP/1.1\r\nHost: {room.authority}\r\nCookie: {room.cookie}\r\n\r\n".encode())
            assert http2.answer(s.recv(65536)) == ("HTTP/1.1", 200)
        asked = {":method": "GET", ":scheme": "http", ":path": "/api/status", "host": room.authority}
        with closing(socket.create_connection(place, timeout=5)) as s:
            assert http2.ask(s, asked | {"cookie": room.cookie}) == ("HTTP/1.1", 400), place


@attempt("G3", "smuggle a request inside another (CL and TE)", wall="HAProxy", answer="the second is not answered")
def test_a_request_inside_a_request_is_not_answered(room: Room) -> None:
    """Two lengths: what one server takes for a body another might take for the next request."""
    head = HEAD.format(authority=room.authority, cookie=room.cookie, origin=room.origin)
    inner = "GET /api/kernels HTTP/1.1\nHost: x\n\n"
    for both in (
        f"Content-Length: {len(inner) + 5}\nTransfer-Encoding: chunked\n\n0\n\n{inner}",
        f"Transfer-Encoding: chunked\nContent-Length: 4\n\n5c\n{inner}0\n\n",
        f"Transfer-Encoding : chunked\nContent-Length: 4\n\n0\n\n{inner}",
        f"Content-Length: 0\nContent-Length: {len(inner)}\n\n{inner}",
    ):
        assert raw(room, f"POST /api/kernels HTTP/1.1\n{head}{both}")[1:] in ([], [400], [421]), both


@attempt(
    "G4",
    "put a server of their own in Jupyter's place",
    wall="its port is taken; the gate asks no other",
    answer="address in use",
)
def test_another_server_cannot_stand_in_jupyters_place(room: Room) -> None:
    """Jupyter's port is taken, no other port is asked, and what takes the place of Jupyter ends the room."""
    program = (
        "import socket\n"
        "for port in (8889, 8888):\n"
        "    with socket.socket() as s:\n"
        "        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); s.setsockopt(socket.SOL_SOCKET, 15, 1)\n"
        "        try: s.bind(('0.0.0.0', port)); print('bound')\n"
        "        except OSError as e: print(e.strerror)"
    )
    assert room.run(program).split("\n")[:2] == ["bound", "Address already in use"]


@attempt(
    "G5",
    "carry data in JupyterLab's own files",
    wall="`portal/lab_files.py`, the edge",
    answer="they never come from the room",
)
def test_jupyterlabs_own_files_come_from_outside_the_room(stack: Stack, rooms: tuple[Room, Room]) -> None:
    ada, bob = rooms
    page = ada.request("GET", "/lab", headers={"Origin": ""}).text
    address = page.split('fullStaticUrl": "')[1].split('"')[0]
    script = page.split(f'src="{address}')[1].split('"')[0]
    assert address.startswith("/assets/")
    time.sleep(1)  # the engine takes lines in after their answers are out
    before = len(logged(ada))
    bodies = {r.http.get(f"{address}{script}", headers={"Cookie": ""}).content for r in (ada, bob)}
    assert len(bodies) == 1
    assert len(logged(ada)) == before  # the gate was not asked
    for path in (f"{address}/../../etc/passwd", f"{address}/%2e%2e/%2e%2e/keys/ticket.key", "/assets/", f"{address}/"):
        assert raw(ada, f"GET {path} HTTP/1.1\nHost: {ada.authority}\nConnection: close\n\n") in ([404], [400]), path
    assert ada.http.post(f"{address}{script}", headers={"Cookie": ""}).status_code == 405


@attempt(
    "G6",
    "be refused without a line in the log, or write lines of their own",
    wall="`log-format` in `gate.cfg`",
    answer="one JSON line a request",
)
def test_every_refusal_leaves_a_line_that_says_why(room: Room) -> None:
    def is_last(status: int, why: str, passage: str) -> None:
        """The engine takes a line in after the answer is out."""
        until(lambda: [logged(room)[-1][key] for key in ("status", "why", "passage")] == [status, why, passage], 5)

    room.request("GET", "/api/status")
    is_last(200, "-", "status")
    room.request("GET", "/files/x")
    is_last(403, "path", "-")
    room.request("GET", "/api/contents?download=1")
    is_last(403, "download", "contents")
    room.request("POST", "/api/kernels", headers={"Origin": "http://evil.example"})
    is_last(403, "origin", "-")
    room.request("GET", "/lab", headers={"Cookie": ""})
    is_last(401, "ticket", "-")
    for uri in ('/"}', "/%0a%7b%22part%22%3a%22edge%22%7d", "/\\"):
        raw(room, f"GET {uri} HTTP/1.1\nHost: {room.authority}\nConnection: close\n\n")
    assert {line["part"] for line in logged(room)} == {"gate"}


# -- the budget --------------------------------------------------------------------------------------------------------
def nearly_used_up(stack: Stack, ada: Person, left: int) -> None:
    """As after a long day."""
    now = datetime.now(UTC)
    with stack.database.write() as tx:
        person = people.named(tx, ada.name)
        egress.grant(tx, person, 1, now)
        tx.flush()
        day = tx.get_one(EgressDay, (person.id, now.astimezone(room_rows.projects.LOCAL).date()))
        day.shown = egress.today(tx, person.id, stack.settings, now).budget - left


def left_of(stack: Stack, ada: Person) -> int:
    with stack.database.read() as tx:
        return egress.today(tx, people.named(tx, ada.name).id, stack.settings, datetime.now(UTC)).left


def status(room: Room) -> int:
    """Of a plain request; 0 while the gate is away."""
    try:
        return room.request("GET", "/api/status").status_code
    except httpx.TransportError:
        return 0


@attempt(
    "G7",
    "be shown more than a day's budget by the contents API, or start the count anew",
    wall="`governance/egress.py`, `gate.cfg`",
    answer="429, `budget`",
)
def test_a_budget_stops_downloads_and_outlives_the_gate(stack: Stack) -> None:
    ada = stack.person("ada")
    nearly_used_up(stack, ada, 6 * MIB)
    room = stack.open_room(stack.project(ada), ada)
    room.run("import os; open('big.bin', 'wb').write(os.urandom(1500000))")  # nothing that could be compressed
    taken = 0
    for _ in range(10):
        answer = room.request("GET", "/api/contents/big.bin")
        if answer.status_code != 200:
            break
        taken += len(answer.content)
    assert (answer.status_code, answer.headers["datasluse-portal"]) == (429, f"{stack.settings.portal_origin}/")
    assert 2 * MIB < taken < 9 * MIB  # what has begun is finished
    until(lambda: left_of(stack, ada) == 0, 20)
    stack.docker.kill(room.name("gate"))
    until(lambda: status(room) == 429, 60)
    with stack.database.read() as tx:
        person = people.named(tx, ada.name).id
        assert tx.query(AuditEvent).filter_by(kind="egress.used_up", person_id=person).count() == 1
    stack.sluse("person", "budget", ada.name, "--more", "5")
    until(lambda: status(room) == 200, 20)


@attempt("G8", "be shown more through an open websocket", wall="`hub/reconciler.py` `count`", answer="cut within 10 s")
def test_a_websocket_over_the_budget_is_cut(stack: Stack) -> None:
    ada = stack.person("ada")
    nearly_used_up(stack, ada, 2 * MIB)
    room = stack.open_room(stack.project(ada), ada)
    kernel = room.kernel()
    assert kernel.run("print(1)") == "1\n"
    began = datetime.now(UTC)
    with pytest.raises(ConnectionClosed):
        kernel.run(
            "import time, base64, os\n"
            "from IPython.display import display\n"
            "for _ in range(300):\n"
            "    display({'text/plain': base64.b64encode(os.urandom(30_000)).decode()}, raw=True); time.sleep(0.1)"
        )
    assert (datetime.now(UTC) - began).total_seconds() < 25  # of the 30 that the cell takes
    assert room.request("GET", "/api/status").status_code == 429


def test_a_researcher_sees_the_budget(stack: Stack, room: Room) -> None:
    said = room.request("GET", "/datasluse/requests").json()["room"]
    assert said["budget"] >= stack.settings.shown_per_day_mib * MIB
    assert 0 < said["shown"] < said["budget"] or said["shown"] == 0
    assert datetime.fromisoformat(said["closes_at"]) > datetime.now(UTC)
