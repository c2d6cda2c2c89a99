"""`sluse status` believes no process that merely runs: each answers for itself."""

from __future__ import annotations

import gc
import json
import shutil
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from itertools import count
from pathlib import Path
from socketserver import ThreadingUnixStreamServer
from typing import Any

import httpx
import pytest
from docker import APIClient

from governance import heartbeat, jobs, people, projects, rooms
from governance.database import Database
from governance.settings import Settings, proposed
from governance.tables import ProjectRole
from governance.tiers import Tier
from output_review import service
from output_review.service import Output
from sluse import processes, status
from sluse.processes import PROCESSES

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

SERVE = {"web": "web/people.sock"} | {name: f"{name}/{name}.sock" for name in ("index", "reconciler", "sandboxd")}
CONTAINERS, LINE_TO = status._containers, status._line_to
BY_PORT = ("edge", "hub", "intake", "mirror", "clusters")


class Answering:
    """The processes of an installation, as far as they can be asked: on their own sockets, and in files."""

    def __init__(self, settings: Settings, stack: ExitStack) -> None:
        self.settings, self.stack = settings, stack
        self.says: dict[str, tuple[int, Any]] = {}
        self.hung: set[str] = set()
        self.go_on = threading.Event()
        for name, place in SERVE.items():
            path = settings.run / place
            path.parent.mkdir(parents=True)
            server = ThreadingUnixStreamServer(str(path), self._handler(name))
            server.daemon_threads = True
            stack.callback(server.server_close)
            stack.callback(server.shutdown)
            threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        for name in ("jobs", "release"):
            (settings.run / name).mkdir()
            self.beat(name)

    def beat(self, name: str, *, wrong: str | None = None, ago: timedelta = timedelta()) -> None:
        now = lambda: datetime.now(UTC) - ago  # noqa: E731
        heartbeat.into(self.settings.run / name, now)("loop", timedelta(seconds=30), wrong=wrong)

    def _handler(self, name: str) -> type[BaseHTTPRequestHandler]:
        answering = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if name in answering.hung:
                    answering.go_on.wait(60)
                code, said = answering.says.get(name, (200, {"part": name, "state": "up"}))
                content = json.dumps(said).encode()
                self.send_response(code)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def address_string(self) -> str:
                return "a unix socket"

            def log_message(self, *_: object) -> None:
                return

        return Handler


@pytest.fixture
def answering(database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[Answering]:
    place = Path(tempfile.mkdtemp(prefix="status-", dir="/tmp"))  # a socket's path is at most 107 bytes
    monkeypatch.setattr("governance.settings.STATE", place)
    url = database.engine.url.render_as_string(hide_password=False)
    settings = proposed("unit", [], demo=False).model_copy(update={"database_url": url})
    monkeypatch.setattr(processes, "states", lambda _: {p.name: "RUNNING" for p in PROCESSES})
    monkeypatch.setattr(status.walls, "broken", lambda _: None)
    monkeypatch.setattr(status, "_containers", lambda _: [])
    monkeypatch.setattr(status, "ASKED_FOR", 1.0)
    line_to = status._line_to
    well = httpx.MockTransport(lambda _: httpx.Response(200, json={}))
    by_port = lambda settings, name: (  # noqa: E731 (their ports are fixed, and may be somebody's)
        httpx.Client(transport=well, base_url="http://it") if name in BY_PORT else line_to(settings, name)
    )
    monkeypatch.setattr(status, "_line_to", by_port)
    with ExitStack() as stack:
        made = Answering(settings, stack)
        yield made
        made.go_on.set()
    shutil.rmtree(place)
    gc.collect()  # httpcore leaves a socket that found nobody to the collector, which warns: here, and in no later test


def shown(answering: Answering) -> dict[str, status.Part]:
    return {part.name: part for part in status.parts(answering.settings)}


def test_what_answers_is_up(answering: Answering) -> None:
    parts = shown(answering)
    assert {part.state for part in parts.values()} == {"up"}, parts
    assert status.is_well(parts.values())
    assert status.all_up(answering.settings)


FAULTS: dict[str, tuple[str, str, Callable[[Answering], None]]] = {
    "a page fails": ("web", "it answers 500", lambda a: a.says.update(web=(500, "a page"))),
    "a process hangs": ("web", "it does not answer", lambda a: a.hung.add("web")),
    "it says what is wrong": (
        "reconciler", "no look", lambda a: a.says.update(reconciler=(503, {"wrong": "no look at the rooms"}))),
    "a loop hangs": ("jobs", "loop hangs", lambda a: a.beat("jobs", ago=timedelta(minutes=5))),
    "a loop complains": ("release", "a round failed", lambda a: a.beat("release", wrong="a round failed: OSError")),
    "nobody listens": ("sandboxd", "it does not answer", lambda a: (a.settings.run / SERVE["sandboxd"]).unlink()),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_process_that_runs_and_does_not_answer_is_not_up(answering: Answering, fault: str) -> None:
    name, says, break_it = FAULTS[fault]
    break_it(answering)
    parts = shown(answering)
    assert parts[name].state == "failed"
    assert says in (parts[name].detail or "")
    assert [part.name for part in parts.values() if part.state != "up"] == [name]
    assert not status.is_well(parts.values())
    assert not status.all_up(answering.settings)


def test_a_database_that_is_away_is_not_up(answering: Answering) -> None:
    nowhere = answering.settings.model_copy(update={"database_url": "postgresql+psycopg://nobody@127.0.0.1:1/nothing"})
    [part] = [part for part in status.parts(nowhere) if part.name == "database"]
    assert part.state == "failed"
    assert "refused" in (part.detail or "")


def test_an_engine_that_is_stopped_is_not_up(answering: Answering, monkeypatch: pytest.MonkeyPatch) -> None:
    away = lambda **_: APIClient(base_url="unix:///nonexistent.sock")  # noqa: E731
    monkeypatch.setattr(status, "APIClient", away)
    [part] = CONTAINERS(answering.settings)
    assert (part.name, part.state) == ("engine", "down")


def test_inspections_that_fail_are_shown_with_the_reason(answering: Answering, database: Database) -> None:
    now = datetime.now(UTC)
    with database.write() as tx:
        ada = people.add(tx, "ada", "Ada", now, training_until=date(2099, 1, 1))
        people.accept_terms(tx, ada, now)
        project = projects.add(tx, "p1", "P", Tier.SYNTHETIC, "C", "P-1", date(2099, 1, 1), now)
        projects.add_member(tx, project, ada, ProjectRole.ANALYST, now)
        room = rooms.want_open(tx, ada, project, "small", answering.settings, now)
        row = service.create(tx, rooms.standing(tx, room.id), "T", now)
        file = service.announce(tx, row, Output("a.csv", "d", "p", "p"))
        service.froze(tx, row, file.id, "f" * 64, 10, now)
        service.submit(tx, row, ada, now)
    assert shown(answering)["inspections"].state == "up"
    with database.write() as tx:
        job = jobs.claim(tx, [service.INSPECT], now)
        assert job
        jobs.failed(tx, job, now, "no sandbox: 503 No such image")
    part = shown(answering)["inspections"]
    assert part.state == "failed"
    assert "1 wait" in (part.detail or "")
    assert "No such image" in (part.detail or "")


def test_a_start_waits_for_a_slow_machine_and_not_for_what_was_given_up(
    answering: Answering, monkeypatch: pytest.MonkeyPatch
) -> None:
    answering.hung.add("web")
    threading.Timer(3, answering.go_on.set).start()
    status.wait_until_up(answering.settings, 60)
    monkeypatch.setattr(processes, "states", lambda _: {p.name: "FATAL" for p in PROCESSES if p.name == "jobs"})
    with pytest.raises(status.Unavailable, match="not up after 0 s: jobs; see"):
        status.wait_until_up(answering.settings, 60)
    answering.says["web"] = (500, "")
    monkeypatch.setattr(processes, "states", lambda _: {p.name: "RUNNING" for p in PROCESSES})
    pids = count(1)
    monkeypatch.setattr(processes, "pids", lambda _: {"web": next(pids), "hub": 1})  # it ends each time, soon after
    with pytest.raises(status.Unavailable, match="s: web; see"):
        status.wait_until_up(answering.settings, 60)


def test_an_open_port_alone_is_no_answer(answering: Answering, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(status, "_line_to", LINE_TO)
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        settings = answering.settings.model_copy(update={"hub_port": silent.getsockname()[1]})
        assert "does not answer" in (status._asked(settings, "hub") or "")
