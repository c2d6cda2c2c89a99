"""A gate, on loopback, in front of a hostile room: what it lets out of what the room answers, and out at its back."""

from __future__ import annotations

import http.server
import json
import random
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from governance.settings import Settings
from hub import gate, haproxy, policy
from hub.gate import Gate
from hub.plan import COMMANDS_PORT, DOOR_PORT, INTAKE_PORT, MIRROR_PORT, OUT_PORT, PROBE_PORT
from output_review.service import LARGEST_CALL, LARGEST_FILE
from tests import http2
from tests.hub.test_plan import plan

Answer = tuple[int, dict[str, str], bytes]


@dataclass
class Bench:
    """A running gate, the answers its room gives, and what the room was asked; the intake is the same server."""

    http: httpx.Client
    door: Gate
    origin: str
    answers: list[Answer]
    asked: list[tuple[str, dict[str, str]]]
    log: Path
    out: int
    """The port of the way out."""

    def get(self, answer: Answer = (200, {}, b"{}"), path: str = "/api/status", **headers: str) -> httpx.Response:
        """Ask for a page whose answer by the room is the one given."""
        self.answers.append(answer)
        return self.http.get(path, headers=headers)

    def logged(self) -> list[dict[str, Any]]:
        time.sleep(0.1)
        return [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]


def free_port() -> int:
    """A port below those that Linux gives to connections: one of those could take it before it is listened on."""
    for _ in range(100):
        port = random.randrange(20_000, 32_000)
        with suppress(OSError), closing(socket.socket()) as s:
            s.bind(("127.0.0.1", port))
            return port
    raise AssertionError("no port is free")


def listens(port: int) -> bool:
    """By the kernel's word (state 0A): a connection would stand in the gate's log."""
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return any(line[1].endswith(f":{port:04X}") and line[3] == "0A" for line in lines)


@pytest.fixture
def bench(settings: Settings, tmp_path: Path) -> Iterator[Bench]:
    with running_gate(settings, tmp_path) as bench:
        yield bench


@contextmanager
def running_gate(settings: Settings, tmp_path: Path, without: str = "") -> Iterator[Bench]:
    """A gate on loopback; a line of its configuration may be left out."""
    here, key = plan(settings), ec.generate_private_key(ec.SECP256R1())
    (tmp_path / "ticket.pem").write_bytes(
        key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    for page in ("closed", "used-up"):
        (tmp_path / f"{page}.html").write_text(page)
    (tmp_path / "etc").mkdir()
    (tmp_path / "run").mkdir()
    haproxy.write_map(tmp_path / "sids.map", {"s1": "yes"})
    haproxy.write_map(tmp_path / "budget.map", {"left": "1000"})
    haproxy.write_map(tmp_path / "verified.map", {})
    answers: list[Answer] = []
    asked: list[tuple[str, dict[str, str]]] = []

    class Room(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            asked.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
            status, headers, body = answers.pop(0) if answers else (200, {}, b"{}")
            self.send_response(status)
            for name, value in ({"Content-Length": str(len(body))} | headers).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)
            self.rfile.read(int(self.headers.get("Content-Length", 0)))

        do_POST = do_PUT = do_GET

        def handle(self) -> None:
            with suppress(ConnectionError):
                super().handle()

        def log_message(self, *_: object) -> None:
            pass

    room = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Room)
    threading.Thread(target=room.serve_forever, daemon=True).start()
    port, out_port = free_port(), free_port()
    text = gate.configuration(here, settings, "the-rooms-token")
    for old, new in {
        "/etc/gate": str(tmp_path),
        "/run/gate/admin.sock": str(tmp_path / "run" / "admin.sock"),
        f"bind {here.front}:{DOOR_PORT}": f"bind 127.0.0.1:{port}",
        f"bind {here.front}:{PROBE_PORT}": f"bind 127.0.0.1:{free_port()}",
        f"bind {here.front}:{COMMANDS_PORT}": f"bind 127.0.0.1:{free_port()}",
        f"bind {here.gate_address}:{OUT_PORT}": f"bind 127.0.0.1:{out_port}",
        f"src {here.subnet}": "src 127.0.0.1",
        f"{settings.front_host}:{INTAKE_PORT}": f"127.0.0.1:{room.server_address[1]}",
        f"{settings.front_host}:{MIRROR_PORT}": f"127.0.0.1:{room.server_address[1]}",
        without: "",
        f"src {settings.front_host}": "src 127.0.0.1",
        f"{here.room_address}:8888": f"127.0.0.1:{room.server_address[1]}",
    }.items():
        assert old in text, old
        text = text.replace(old, new)
    (tmp_path / "haproxy.cfg").write_text(text)
    log = tmp_path / "log"
    with (
        log.open("w") as out,
        subprocess.Popen(
            ["/usr/sbin/haproxy", "-db", "-f", tmp_path / "haproxy.cfg"], stdout=out, stderr=out
        ) as running,
    ):
        try:
            origin = settings.room_origin(here.room)
            ticket = {"iss": settings.portal_origin, "aud": here.host, "sub": "x", "sid": "s1"}
            signed = jwt.encode(ticket | {"exp": int(time.time()) + 600}, key, algorithm="ES256")
            headers = {"Host": origin.removeprefix("http://"), "Cookie": f"__Host-room={signed}"}
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, trust_env=False) as client:
                _until(lambda: listens(port) and listens(out_port) and (tmp_path / "run" / "admin.sock").exists())
                yield Bench(client, Gate(tmp_path), origin, answers, asked, log, out_port)
        finally:
            running.terminate()
            room.shutdown()
            room.server_close()


def _until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_an_answer_comes_through(bench: Bench) -> None:
    answer = bench.get((200, {"Content-Type": "application/json"}, b'{"a": 1}'))
    assert (answer.status_code, answer.json()) == (200, {"a": 1})
    path, headers = bench.asked[0]
    assert path == "/api/status"
    assert headers["authorization"] == "token the-rooms-token"
    assert "cookie" not in headers


@pytest.mark.parametrize(
    "name",
    ["Set-Cookie", "Service-Worker-Allowed", "Clear-Site-Data", "Access-Control-Allow-Origin", "Datasluse-Portal"],
)
def test_what_a_room_may_not_say_is_taken_away(bench: Bench, name: str) -> None:
    answer = bench.get((200, {name: "x=1; Domain=rooms.localhost", "X-Kept": "y"}, b"{}"))
    assert name.lower() not in answer.headers
    assert answer.headers["x-kept"] == "y"


def test_the_gates_policy_stands_in_the_place_of_the_rooms(bench: Bench) -> None:
    answer = bench.get((200, {"Content-Security-Policy": "default-src *", "X-Frame-Options": "ALLOWALL"}, b"{}"))
    policies = answer.headers.get_list("content-security-policy")
    assert len(policies) == 1
    assert "frame-ancestors 'none'" in policies[0]
    assert "allow-downloads" not in policies[0]
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_attachments_and_great_answers_are_held_back(bench: Bench) -> None:
    secret = b"rows of persons"
    assert bench.get((200, {"Content-Disposition": "inline"}, secret)).content == secret
    held = bench.get((200, {"Content-Disposition": 'ATTACHMENT; filename="a"'}, secret))
    assert (held.status_code, secret in held.content) == (403, False)
    great = bench.get((200, {"Content-Type": "text/csv"}, b"x" * (policy.LARGEST_ANSWER + 1)))
    assert great.status_code == 403
    assert "16 MiB" in great.json()["message"]
    assert [line["why"] for line in bench.logged()] == ["-", "attachment", "size"]


def test_a_page_that_is_no_page_is_not_shown_as_one(bench: Bench) -> None:
    visit = {"Sec-Fetch-Dest": "document", "Sec-Fetch-Mode": "navigate"}
    page = {"Content-Type": "text/html"}
    assert bench.get((200, page, b"<p>"), "/lab", **visit).status_code == 200
    assert bench.get((200, {"Content-Type": "application/zip"}, b"PK"), "/lab", **visit).status_code == 403
    assert bench.logged()[-1]["why"] == "page"


def test_a_ticket_is_checked_once_and_its_time_and_login_each_time(bench: Bench) -> None:
    for _ in range(3):
        assert bench.get().status_code == 200
    kept = haproxy.live_map(bench.door.admin, str(bench.door.folder / "verified.map"))
    assert [value.split(":")[1] for value in kept.values()] == ["s1"]
    sids = str(bench.door.folder / "sids.map")
    haproxy.set_live_map(bench.door.admin, sids, {})
    assert bench.get().status_code == 401
    haproxy.set_live_map(bench.door.admin, sids, {"s1": "yes"})
    assert bench.get().status_code == 200
    haproxy.command(bench.door.admin, f"set map {bench.door.folder / 'verified.map'} {next(iter(kept))} 1:s1")
    assert bench.get().status_code == 401  # its time is over
    cookie = bench.http.headers["cookie"]
    changed = cookie[:-6] + ("AAAAAA" if not cookie.endswith("AAAAAA") else "BBBBBB")
    assert bench.get(Cookie=changed).status_code == 401


def test_bytes_are_counted_and_stop_at_the_budget(bench: Bench) -> None:
    assert bench.get((200, {}, b"x" * 300_000)).status_code == 200
    counted = bench.door.counted()
    assert counted is not None
    assert 300_000 < counted.bytes < 302_000
    haproxy.set_live_map(bench.door.admin, str(bench.door.folder / "budget.map"), {"left": "400"})
    assert bench.get((200, {}, b"x" * 300_000)).status_code == 200  # what has begun is finished
    over = bench.get()
    assert (over.status_code, "datasluse-portal" in over.headers) == (429, True)
    assert bench.logged()[-1]["why"] == "budget"
    bench.http.headers["cookie"] = ""  # strangers are told nothing else, and burn nobody's budget
    before = bench.door.counted()
    assert bench.get().status_code == 401
    assert bench.door.counted() == before


def test_doing_is_counted_and_asking_is_not(bench: Bench) -> None:
    def acts() -> int:
        counted = bench.door.counted()
        return counted.acts if counted else 0

    bench.get()
    assert acts() == 0
    bench.answers.append((201, {}, b"{}"))
    assert bench.http.post("/api/kernels", headers={"Origin": bench.origin}, json={}).status_code == 201
    assert acts() == 1


@pytest.mark.parametrize(
    "uri", ['/x"y', "/x%22%7D%0A%7B%22part%22:%22edge", "/\\u0022", "/æ", "/x\ty".replace("\t", "%09")]
)
def test_nothing_that_is_asked_breaks_a_line_of_the_log(bench: Bench, uri: str) -> None:
    with closing(socket.create_connection(("127.0.0.1", bench.http.base_url.port or 0))) as s:
        s.sendall(f"GET {uri} HTTP/1.1\r\nHost: {bench.http.headers['host']}\r\nConnection: close\r\n\r\n".encode())
        s.recv(1000)
    lines = bench.logged()
    assert [line["part"] for line in lines] == ["gate"]


# -- the way out -------------------------------------------------------------------------------------------------------
def say(bench: Bench, text: str) -> int:
    """The status of the answer to a request on the way out, sent as it is."""
    with closing(socket.create_connection(("127.0.0.1", bench.out), timeout=5)) as s:
        s.sendall(text.replace("\n", "\r\n").encode())
        return int(s.recv(1000).split()[1])


@pytest.mark.parametrize("status", policy.REASONS)
def test_why_a_package_is_refused_stands_in_the_status_line(bench: Bench, status: int) -> None:
    path = f"http://127.0.0.1:{bench.out}/packages/files/some/some-1.0-py3-none-any.whl"
    bench.answers += [(status, {"Location": "http://elsewhere.example/"}, b""), (200, {}, b"a wheel")]
    refused, had = (httpx.get(path, trust_env=False) for _ in range(2))
    assert (refused.status_code, refused.reason_phrase) == (status, policy.REASONS[status])
    assert "location" not in refused.headers
    assert (had.status_code, had.content) == (200, b"a wheel")
    assert [(line["passage"], line["status"]) for line in bench.logged()] == [("package", status), ("package", 200)]


def test_a_room_that_asks_for_packages_without_end_is_slowed_down(bench: Bench) -> None:
    with httpx.Client(base_url=f"http://127.0.0.1:{bench.out}", trust_env=False) as http:
        answers = [200]
        while answers[-1] == 200 and len(answers) < 2_000:  # a slow machine needs more than 200
            answers.append(http.get("/packages/simple/some/").status_code)
        assert answers[150:][-1:] == [429]
        assert http.get("/api/room").status_code == 200  # the control: nothing else is


def test_a_body_on_the_way_out_says_its_length(bench: Bench) -> None:
    call, file = "POST /api/requests HTTP/1.1\nHost: gate\n", "PUT /api/requests/1/files/1 HTTP/1.1\nHost: gate\n"
    assert say(bench, f"{call}Content-Length: 2\n\n{{}}") == 200
    assert say(bench, f"{call}Content-Length: 0\n\n") == 200
    assert say(bench, f"{file}Content-Length: {LARGEST_CALL + 1}\n\n{'x' * (LARGEST_CALL + 1)}") == 200
    assert say(bench, "GET /api/requests HTTP/1.1\nHost: gate\n\n") == 200
    reached = len(bench.asked)
    for begins in (call, file):
        assert say(bench, f"{begins}\n") == 411
        assert say(bench, f"{begins}Transfer-Encoding: chunked\n\n2\n{{}}\n0\n\n") == 411
        assert say(bench, f"{begins}Content-Length: {LARGEST_FILE + 1}\n\n") == 413
    assert say(bench, f"{call}Content-Length: {LARGEST_CALL + 1}\n\n") == 413
    assert len(bench.asked) == reached


@pytest.mark.parametrize(
    ("without", "answered"),
    [("", ("HTTP/1.1", 400)), ("  option disable-h2-upgrade\n", ("HTTP/2", 200))],
    ids=["as it is", "control"],
)
def test_neither_side_of_a_gate_speaks_http2(
    settings: Settings, tmp_path: Path, without: str, answered: tuple[str, int]
) -> None:
    """Without the one line both would: the rules ask for headers that a request in frames need not have."""
    with running_gate(settings, tmp_path, without) as bench:
        for port, path in ((bench.out, "/api/requests"), (bench.http.base_url.port, "/api/status")):
            asked = {":method": "GET", ":scheme": "http", ":path": path, "host": bench.http.headers["host"]}
            with closing(socket.create_connection(("127.0.0.1", port or 0), timeout=5)) as s:
                assert http2.ask(s, asked | {"cookie": bench.http.headers["cookie"]}) == answered


def test_a_body_without_a_length_is_refused_in_frames_too(settings: Settings, tmp_path: Path) -> None:
    """The second wall, with the first one down."""
    with running_gate(settings, tmp_path, "  option disable-h2-upgrade\n") as bench:
        asked = {":method": "POST", ":scheme": "http", ":path": "/api/requests", "host": "gate"}
        for sized, status in (({"content-length": "2"}, 200), ({}, 411)):
            with closing(socket.create_connection(("127.0.0.1", bench.out), timeout=5)) as s:
                assert http2.ask(s, asked | sized, b"{}") == ("HTTP/2", status)
