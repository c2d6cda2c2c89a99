"""What a room is answered, through a real proxpi, by a pretended index that counts what it is asked for outside."""

from __future__ import annotations

import hashlib
import http.server
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

import httpx
import pytest
from fastapi.testclient import TestClient

from governance import people, projects, rooms
from governance import settings as settings_module
from governance.database import Database
from governance.settings import Settings
from governance.tables import ProjectRole, Room, RoomState
from governance.tiers import TIERS, Tier
from mirror import allowed, app
from tests.conftest import NOW, until

WHEEL, CONTENT = "lifelines-0.30.0-py3-none-any.whl", b"a wheel"
OTHER = "lifelines-0.40.0-py3-none-any.whl"
OF_WINDOWS = "lifelines-0.30.0-cp311-cp311-win_amd64.whl"
NAMES = [f"{what}-{kind}" for what in ("control", "kept") for kind in ("postgresql", "sqlite")]
"""Asked for once in each kind of database: proxpi keeps what it was told, as it should."""
LIST = "\n".join(["broken", "elsewhere", "lifelines <0.40", "moved", "missing", *NAMES])


@dataclass
class Outside:
    """An index: what it was asked for, and how it answers."""

    origin: str = ""
    asked: list[tuple[str, str]] = field(default_factory=list)
    down: bool = False
    broken: str = "x.whl"
    mended: bool = False

    def page(self, name: str) -> bytes:
        files = [
            {
                "filename": file,
                "url": f"{self.origin}/kept/{file}",
                "hashes": {"sha256": hashlib.sha256(CONTENT).hexdigest()},
            }
            for file in (WHEEL, OTHER, "moved-1.0-py3-none-any.whl", f"{name.replace('-', '_')}-1.0-py3-none-any.whl")
        ]
        files += [
            files[0] | {"filename": OF_WINDOWS},
            files[0] | {"filename": "elsewhere-1.0-py3-none-any.whl", "url": "http://127.0.0.2:1/x.whl"},
            files[0] | {"filename": "broken-1.0-py3-none-any.whl", "url": f"{self.origin}/broken/{self.broken}"},
        ]
        return json.dumps({"meta": {"api-version": "1.0"}, "name": name, "files": files}).encode()


@contextmanager
def index_outside() -> Iterator[Outside]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            there.asked.append((self.command, self.path))
            name = self.path.strip("/").split("/")[-1]
            if there.down:
                self.send_response(500)
                self.end_headers()
            elif "moved-1.0" in name:
                self.send_response(302)
                self.send_header("Location", "http://127.0.0.1:1/elsewhere")
                self.end_headers()
            elif self.path.startswith("/simple/") and name != "missing":
                self.answer(there.page(name), "application/vnd.pypi.simple.v1+json")
            elif self.path.startswith("/kept/") or (self.path.startswith("/broken/") and there.mended):
                self.answer(CONTENT, "application/octet-stream")
            else:
                self.send_response(404)
                self.end_headers()

        do_HEAD = do_GET

        def answer(self, body: bytes, kind: str) -> None:
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    there = Outside(f"http://127.0.0.1:{server.server_address[1]}")
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield there
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture(scope="module")
def outside() -> Iterator[Outside]:
    with index_outside() as there:
        yield there


@pytest.fixture(scope="module")
def index_socket(outside: Outside, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The process `index`, as it runs in an installation."""
    folder = tmp_path_factory.mktemp("index")
    socket, log = folder / "index.sock", folder / "log"
    command = [sys.executable, "-m", "mirror.index", socket, folder / "kept", f"{outside.origin}/simple/"]
    with (
        log.open("w") as out,
        subprocess.Popen(command, stdout=out, stderr=out, env=os.environ | {"NO_PROXY": "*"}) as running,
    ):
        try:
            until(socket.exists, 30)
            yield socket
        finally:
            running.terminate()


def rooms_address(database: Database, settings: Settings, tier: Tier) -> str:
    """The address of the gate of Ada's open room."""
    with database.write() as tx:
        ada = people.add(tx, "ada", "Ada", NOW, training_until=date(2027, 1, 1))
        people.accept_terms(tx, ada, NOW)
        project = projects.add(tx, "p1", "P", Tier.SYNTHETIC, "C", "P-1", date(2026, 12, 31), NOW)
        projects.add_member(tx, project, ada, ProjectRole.LEAD, NOW)
        room = rooms.want_open(tx, ada, project, "small", settings, NOW)
        rooms.became(tx, tx.get_one(Room, room.id), RoomState.OPEN, NOW)
        project.tier = tier
        slot = room.slot
    assert slot is not None
    return str(settings.front_address(slot))


@pytest.fixture
def tier() -> Tier:
    return Tier.SYNTHETIC


@pytest.fixture
def client(
    database: Database,
    settings: Settings,
    tier: Tier,
    index_socket: Path,
    outside: Outside,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[TestClient]:
    """A caller behind the gate of Ada's open room."""
    monkeypatch.setattr(settings_module, "STATE", tmp_path)
    monkeypatch.setitem(TIERS, tier, replace(TIERS[tier], direct=True))  # no such room can be opened yet
    monkeypatch.setattr(allowed, "CONFIGURATION", tmp_path)
    (tmp_path / f"{settings.installation}-packages.txt").write_text(LIST)
    outside.asked.clear()
    outside.down = False
    transport = httpx.AsyncHTTPTransport(uds=str(index_socket))
    index = httpx.AsyncClient(transport=transport, base_url="http://index", trust_env=False)
    mirror = app.create_app(settings, database, lambda: NOW, index)
    with TestClient(mirror, client=(rooms_address(database, settings, tier), 1)) as client:
        yield client


def files(client: TestClient, name: str) -> dict[str, str]:
    answer = client.get(f"/packages/simple/{name}/")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/vnd.pypi.simple.v1+json")
    return {file["filename"]: file["url"] for file in answer.json()["files"]}


def test_what_is_on_the_list_is_sent_and_kept(client: TestClient, database: Database, outside: Outside) -> None:
    name = f"kept-{database.engine.dialect.name}"
    wheel = f"{name.replace('-', '_')}-1.0-py3-none-any.whl"
    assert files(client, name) == {wheel: f"../../files/{name}/{wheel}"}
    for _ in range(2):
        answer = client.get(f"/packages/files/{name}/{wheel}")
        assert (answer.status_code, answer.content) == (200, CONTENT)
    assert outside.asked.count(("GET", f"/kept/{wheel}")) == 1
    assert outside.asked.count(("GET", f"/simple/{name}")) == 1
    assert client.head(f"/packages/files/{name}/{wheel}").headers["content-length"] == str(len(CONTENT))
    names = [project["name"] for project in client.get("/packages/simple/").json()["projects"]]
    assert names == sorted(["broken", "elsewhere", "lifelines", "missing", "moved", *NAMES])


@pytest.mark.parametrize("name", ["born-1-of-may-1950", "lifelines-0101501234", "Lifeline", "%2e%2e", "simple"])
def test_for_another_name_nobody_outside_is_asked(client: TestClient, outside: Outside, name: str) -> None:
    answer = client.get(f"/packages/simple/{name}/")
    assert "not.on.the.list.of.this.platform" in str(answer.json()) or answer.status_code == 404
    assert client.get(f"/packages/files/{name}/{name}-1.0-py3-none-any.whl").status_code in {403, 404}
    assert client.get(f"/packages/files/{name}/{WHEEL}").status_code in {403, 404}
    assert client.get(f"/packages/files/lifelines/{name}-1.0-py3-none-any.whl").status_code == 403
    assert outside.asked == []


def test_for_a_name_on_the_list_somebody_is(client: TestClient, database: Database, outside: Outside) -> None:
    name = f"control-{database.engine.dialect.name}"
    files(client, name)
    assert outside.asked == [("GET", f"/simple/{name}")]


def test_a_refused_package_shows_one_file_that_says_why_and_nobody_gets(client: TestClient) -> None:
    only = files(client, "secret-name")
    assert list(only) == ["secret_name-0+not.on.the.list.of.this.platform-py3-none-any.whl"]
    assert client.get(f"/packages/files/secret-name/{next(iter(only))}").status_code == 403


def test_another_version_is_not_asked_for(client: TestClient, outside: Outside) -> None:
    assert client.get(f"/packages/files/lifelines/{OTHER}").status_code == 403
    assert not any(OTHER in path for _, path in outside.asked)
    assert "lifelines-0+other.versions.are.not.on.the.list.of.this.platform-py3-none-any.whl" in files(
        client, "lifelines"
    )


@pytest.mark.parametrize("tier", [Tier.SENSITIVE])
def test_the_strictest_tier_installs_nothing(client: TestClient, outside: Outside) -> None:
    assert list(files(client, "lifelines")) == ["lifelines-0+no.packages.in.projects.of.this.tier-py3-none-any.whl"]
    assert client.get(f"/packages/files/lifelines/{WHEEL}").status_code == 451
    assert client.get("/packages/simple/").json()["projects"] == []
    assert outside.asked == []


@pytest.mark.parametrize("tier", [Tier.PSEUDONYMISED])
def test_other_data_of_persons_do(client: TestClient) -> None:
    assert WHEEL in files(client, "lifelines")


def test_a_redirect_leads_nobody_elsewhere(client: TestClient) -> None:
    answer = client.get("/packages/files/moved/moved-1.0-py3-none-any.whl", follow_redirects=False)
    assert (answer.status_code, answer.headers.get("location")) == (502, None)


def test_what_the_index_does_not_have(client: TestClient, outside: Outside) -> None:
    only = files(client, "missing")
    assert list(only) == ["missing-0+the.package.index.outside.does.not.answer-py3-none-any.whl"]
    assert client.get(f"/packages/files/missing/{next(iter(only))}").status_code == 502
    outside.asked.clear()
    for name in ("lifelines-0.1-py3-none-any.whl", f"{WHEEL}.metadata", OF_WINDOWS):
        assert client.get(f"/packages/files/lifelines/{name}").status_code == 404
    assert not any(path.startswith("/kept/") for _, path in outside.asked)  # it is on no page: nobody is asked


def test_a_page_that_leads_elsewhere_is_not_believed(client: TestClient) -> None:
    assert "elsewhere-1.0-py3-none-any.whl" in files(client, "elsewhere")
    assert client.get("/packages/files/elsewhere/elsewhere-1.0-py3-none-any.whl").status_code == 404


def test_a_download_that_failed_is_tried_again(client: TestClient, outside: Outside) -> None:
    outside.mended = False
    path = "/packages/files/broken/broken-1.0-py3-none-any.whl"
    if client.get(path).status_code != 200:  # the other database's turn may have fetched it
        outside.mended = True
        assert client.get(path).content == CONTENT


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("path", ["/packages/simple/lifelines/", f"/packages/files/lifelines/{WHEEL}", "/cache/list"])
def test_nothing_is_taken(client: TestClient, outside: Outside, method: str, path: str) -> None:
    assert client.request(method, path).status_code in {404, 405}
    assert outside.asked == []


@pytest.mark.parametrize(
    "path",
    [
        "/packages/files/lifelines/..%2f..%2fcache%2flist",
        "/packages/files/lifelines/%2e%2e/%2e%2e/cache/list",
        "/packages/simple/..%2fcache%2flist/",
        "/index/lifelines/",
        "/cache/list",
        "/packages/",
    ],
)
def test_no_path_leads_to_the_index_itself(client: TestClient, outside: Outside, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code in {403, 404} or "not.on.the.list" in answer.text
    assert outside.asked == []


def test_a_person_is_sent_so_much_in_a_day(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "MOST", 2 * len(CONTENT) + 1)
    path = f"/packages/files/lifelines/{WHEEL}"
    assert [client.get(path).status_code for _ in range(3)] == [200, 200, 429]


def test_a_person_asks_for_so_many_in_a_day(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "MOST_NAMES", 2)
    files(client, "lifelines")
    assert client.get(f"/packages/files/lifelines/{WHEEL}").status_code == 200
    assert list(files(client, "moved")) == ["moved-0+this.is.as.much.as.can.be.installed.in.a.day-py3-none-any.whl"]
    assert client.get("/packages/files/moved/moved-1.0-py3-none-any.whl").status_code == 429
    assert client.get(f"/packages/files/lifelines/{WHEEL}").status_code == 200  # what was had before


def test_who_is_no_open_rooms_gate_is_told_nothing(client: TestClient, database: Database, outside: Outside) -> None:
    with database.write() as tx:
        room = next(iter(rooms.every(tx))).room
        rooms.became(tx, room, RoomState.CLOSED, NOW)
        room.wanted = RoomState.CLOSED
    assert client.get("/packages/simple/lifelines/").status_code == 403
    assert outside.asked == []


def test_a_list_that_cannot_be_read_lets_nothing_be_had(
    client: TestClient, settings: Settings, outside: Outside
) -> None:
    (allowed.CONFIGURATION / f"{settings.installation}-packages.txt").write_text("lifelines and more\n")
    time.sleep(0.01)
    answers = [
        client.get(path) for path in ("/packages/simple/lifelines/", f"/packages/files/lifelines/{WHEEL}", "/health")
    ]
    assert [answer.status_code for answer in answers] == [400] * 3
    assert "line 1: 'lifelines and more' is not a package's name" in answers[2].json()["error"]
    assert outside.asked == []
