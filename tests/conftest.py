"""What tests share: databases of both kinds, and one installation `test` for everything that needs an engine."""

from __future__ import annotations

import http.client
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from argon2 import PasswordHasher
from docker import APIClient
from sqlalchemy import event, make_url
from websockets.sync.client import ClientConnection, connect

from governance import people, projects, rooms
from governance.database import Database
from governance.settings import Settings, file_of, installed, load, proposed, write
from governance.tables import PlatformRole, ProjectRole
from governance.tiers import Tier
from sluse import processes, status
from sluse.access import open_room
from tests.browser import chromium, playwright, visitor
from tests.postgresql import created, server

__all__ = ["chromium", "playwright", "visitor"]

ROOT = Path(__file__).parent.parent
SLUSE = ROOT / ".venv" / "bin" / "sluse"
collect_ignore = [] if os.environ.get("DRILL") else ["drills"]
"""What is too heavy for every build: `just drill`."""
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


SOCKETS = ExitStack()
"""Websockets that a test opened; closed when it ends."""


@pytest.fixture(autouse=True)
def _close_sockets() -> Iterator[None]:
    yield
    SOCKETS.close()


def until(done: Callable[[], bool], seconds: float = 60, every: float = 0.2) -> None:
    """Wait until something is so, or fail."""
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(every)


# -- databases ---------------------------------------------------------------------------------------------------------
@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """A PostgreSQL server of our own; yields a URL with a place for a database's name."""
    with server() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def kind_of_database(request: pytest.FixtureRequest) -> str:
    """SQLite, then PostgreSQL."""
    return str(request.param)


@pytest.fixture
def empty_database(kind_of_database: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database without a table."""
    if kind_of_database == "sqlite":
        url = f"sqlite:///{tmp_path / 'empty.db'}"
    else:
        url = created(request.getfixturevalue("postgresql"))
    yield from _opened(url)


@pytest.fixture
def database(kind_of_database: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A migrated database without people: a copy of one that was migrated once."""
    if kind_of_database == "sqlite":
        file = tmp_path / "test.db"
        shutil.copyfile(request.getfixturevalue("migrated_sqlite"), file)
        url = f"sqlite:///{file}"
    else:
        template = request.getfixturevalue("migrated_postgresql")
        url = created(request.getfixturevalue("postgresql"), f"TEMPLATE {template}")
    yield from _opened(url)


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file to copy."""
    folder = tmp_path_factory.mktemp("template")
    database = Database(f"sqlite:///{folder / 'migrated.db'}")
    database.migrate()
    with closing(database.engine.raw_connection()) as connection:
        connection.cursor().execute(f"VACUUM INTO '{folder / 'template.db'}'")
    database.engine.dispose()
    return folder / "template.db"


@pytest.fixture(scope="session")
def migrated_postgresql(postgresql: str) -> str:
    """The name of a database to copy; nobody is connected to it."""
    url = created(postgresql)
    database = Database(url)
    database.migrate()
    database.engine.dispose()
    return str(make_url(url).database)


@pytest.fixture(autouse=True, scope="session")
def _cheap_password_hashes() -> Iterator[None]:
    """Argon2 is slow on purpose, which is no test's concern. What is installed keeps its own parameters."""
    usual, people._hasher = people._hasher, PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    yield
    people._hasher = usual


def _opened(url: str) -> Iterator[Database]:
    """The database; on SQLite without waiting for the disk, which no test turns off meanwhile."""
    database = Database(url)
    if make_url(url).get_backend_name() == "sqlite":
        event.listen(database.engine, "connect", lambda driver, _: driver.execute("PRAGMA synchronous=OFF"))
    yield database
    database.engine.dispose()


@pytest.fixture
def settings() -> Settings:
    """Settings of an installation that is not there."""
    return proposed("unit", [], demo=False)


# -- the stack ---------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Stack:
    """The running installation `test`."""

    settings: Settings
    docker: APIClient
    database: Database
    open: ExitStack = field(default_factory=ExitStack)
    rooms: list[Room] = field(default_factory=list)
    """Those that tests of a module opened; they end with it."""
    staying: list[Room] = field(default_factory=list)
    """Those that many modules share."""

    def sluse(self, *arguments: str) -> str:
        """Run a `sluse` command and return what it printed."""
        done = subprocess.run([SLUSE, *arguments], capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"sluse {' '.join(arguments)}: {done.stdout}{done.stderr}"
        return done.stdout

    def person(self, name: str, *, terms: bool = True, training: str = "2099-12-31") -> Person:
        """A new person with a name of their own, as `name` with something random behind it."""
        person = Person(f"{name}-{secrets.token_hex(3)}", secrets.token_urlsafe(12))
        now, until = datetime.now(UTC), date.fromisoformat(training)
        with self.database.write() as tx:
            row = people.add(tx, person.name, name, now, password=person.password, training_until=until)
            if terms:
                people.accept_terms(tx, row, now)
        return person

    def project(self, *members: Person, until: date = date(2099, 12, 31), tier: Tier = Tier.SYNTHETIC) -> str:
        """A new project with these members; returns its key."""
        key, now = f"p-{secrets.token_hex(4)}", datetime.now(UTC)
        with self.database.write() as tx:
            project = projects.add(tx, key, key, tier, "Test Controller", "T-1", until, now)
            for member in members:
                projects.add_member(tx, project, people.named(tx, member.name), ProjectRole.ANALYST, now)
        return key

    def checker(self, name: str, role: PlatformRole = PlatformRole.CHECKER) -> Person:
        """A new output checker for the tests' data controller."""
        person = self.person(name)
        with self.database.write() as tx:
            people.give_role(tx, people.named(tx, person.name), role, "Test Controller", datetime.now(UTC))
        return person

    @contextmanager
    def held(self, process: str) -> Iterator[None]:
        """One of the processes does nothing meanwhile; it may be killed."""
        pid = processes.pids(self.settings)[process]
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

    @contextmanager
    def portal(self, person: Person) -> Iterator[httpx.Client]:
        """Calls as a browser makes them that this person has logged in with; answers are in English."""
        headers = {"Origin": self.settings.portal_origin, "Accept-Language": "en"}
        with status.at_the_edge(self.settings) as http:
            http.headers.update(headers)
            answer = http.post("/login", data={"name": person.name, "password": person.password})
            assert answer.status_code == 303, answer.text
            http.cookies = httpx.Cookies()  # no client sends a cookie of `localhost`'s sub-domains back
            http.headers["Cookie"] = answer.headers["set-cookie"].split(";", 1)[0]
            yield http

    def close(self, opened: list[Room]) -> None:
        """End rooms, and wait until they are gone."""
        now = datetime.now(UTC)
        with self.database.write() as tx:
            for room in opened:
                rooms.want_closed(tx, rooms.standing(tx, room.id).room, now, reason=rooms.CLOSED_BY_PERSON)
        until(lambda: not any(self.docker.containers(filters={"label": f"datasluse.room={r.id}"}) for r in opened))
        opened.clear()

    def open_room(self, project: str, person: Person, image: str = "base", *, stays: bool = False) -> Room:
        """Open a person's room and go in with the ticket; one that stays outlives the tests of its module."""
        now = lambda: datetime.now(UTC)  # noqa: E731
        opened = open_room(self.settings, self.database, project, person.name, "small", now, image)
        room = Room(self, opened.room, opened.ticket)
        (self.staying if stays else self.rooms).append(room)
        room.enter()
        return room


@dataclass(frozen=True)
class Person:
    name: str
    password: str


class Room:
    """An open room, reached through edge and gate as a browser would."""

    def __init__(self, stack: Stack, room: str, ticket: str) -> None:
        self.stack, self.id, self.ticket = stack, room, ticket
        self.origin = stack.settings.room_origin(room)
        self.authority = self.origin.removeprefix("http://")
        self.cookie = ""
        base = f"http://127.0.0.1:{stack.settings.edge_port}"
        self.http = stack.open.enter_context(httpx.Client(base_url=base, headers={"Host": self.authority}, timeout=30))

    def name(self, part: str) -> str:
        return f"sluse-{self.stack.settings.installation}-{part}-{self.id}"

    def knock(self, ticket: str, origin: str | None = None) -> httpx.Response:
        """Hand a ticket in at the door."""
        origin = origin or self.stack.settings.portal_origin
        return self.http.post("/_gate/enter", data={"ticket": ticket}, headers={"Origin": origin})

    def enter(self) -> None:
        answer = self.knock(self.ticket)
        assert answer.status_code == 303, answer.text
        self.cookie = answer.headers["set-cookie"].split(";", 1)[0]

    def request(self, method: str, path: str, **kwargs: Any) -> httpx.Response:
        """A request with the ticket's cookie; the room's own Origin unless another is given."""
        headers = {"Cookie": self.cookie, "Origin": self.origin} | kwargs.pop("headers", {})
        return self.http.request(method, path, headers={k: v for k, v in headers.items() if v}, **kwargs)

    def raw(self, path: str) -> int:
        """The status of a GET whose path is sent just as it is; clients tidy paths up."""
        connection = http.client.HTTPConnection("127.0.0.1", self.stack.settings.edge_port, timeout=30)
        with closing(connection):
            connection.putrequest("GET", path, skip_host=True)
            for name, value in {"Host": self.authority, "Cookie": self.cookie}.items():
                connection.putheader(name, value)
            connection.endheaders()
            return connection.getresponse().status

    def kernel(self, language: str = "python3") -> Kernel:
        """A new kernel with its websocket."""
        kernel = self.request("POST", "/api/kernels", json={"name": language}).json()["id"]
        return Kernel(self, kernel)

    def websocket(self, kernel: str, *, origin: str | None = None, cookie: str | None = None) -> ClientConnection:
        """The websocket of a kernel, dialled through the edge."""
        return self.dial(f"/api/kernels/{kernel}/channels", origin=origin, cookie=cookie)

    def dial(self, path: str, *, origin: str | None = None, cookie: str | None = None) -> ClientConnection:
        """A websocket, through the edge."""
        port = self.stack.settings.edge_port
        connection = connect(
            f"ws://{self.authority}{path}",
            sock=socket.create_connection(("127.0.0.1", port)),
            origin=origin or self.origin,  # type: ignore[arg-type]
            additional_headers={"Cookie": self.cookie if cookie is None else cookie},
            open_timeout=20,
            max_size=None,
            proxy=None,
        )
        return SOCKETS.enter_context(connection)

    def run(self, program: str) -> str:
        """Run Python in the room as the researcher would in a terminal, and return what it printed."""
        docker = self.stack.docker
        command = docker.exec_create(self.name("room"), ["python", "-c", program], user="64000:64000")
        return docker.exec_start(command["Id"]).decode()


class KernelDied(Exception):
    """JupyterLab starts it again; what ran is lost."""


class Kernel:
    """A kernel behind its websocket."""

    def __init__(self, room: Room, kernel: str) -> None:
        self.room, self.id = room, kernel
        self.socket = room.websocket(kernel)

    def begin(self, code: str) -> str:
        """Send a cell; returns its message id."""
        message = secrets.token_hex(16)
        header = {"msg_id": message, "msg_type": "execute_request", "session": "t", "username": "", "version": "5.3"}
        content = {"code": code, "silent": False, "store_history": False, "allow_stdin": False}
        self.socket.send(
            json.dumps({"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": "shell"})
        )
        return message

    def output(self, message: str, timeout: float = 60) -> str:
        """What a cell printed, when it has ended; its error, if it failed. Raises KernelDied."""
        printed: list[str] = []
        while True:
            said = json.loads(self.socket.recv(timeout=timeout))
            if said["msg_type"] == "status" and said["content"]["execution_state"] in ("restarting", "dead"):
                raise KernelDied
            if said["parent_header"].get("msg_id") != message:
                continue
            if said["msg_type"] == "stream":
                printed.append(said["content"]["text"])
            elif said["msg_type"] == "error":
                printed.append(f"{said['content']['ename']}: {said['content']['evalue']}")
            elif said["msg_type"] == "status" and said["content"]["execution_state"] == "idle":
                return "".join(printed)

    def run(self, code: str) -> str:
        """Run a cell and return what it printed."""
        return self.output(self.begin(code))


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """The installation `test`, made by `./up` itself; kept with KEEP=1."""
    os.environ["SLUSE_INSTALLATION"] = "test"
    if not file_of("test").exists():  # many rooms on a small disk
        write(proposed("test", installed(), demo=True))
    if not os.environ.get("MUTATED"):  # a wall was taken down in what is installed: that is what is tried
        subprocess.run([ROOT / "up"], check=True)
    settings = load("test")
    with APIClient(timeout=60) as docker:
        stack = Stack(settings, docker, Database(settings.database))
        with stack.open:
            yield stack
        if os.environ.get("MUTATED"):  # one of many runs on one stack: open rooms hold their quota of the disk
            stack.close(stack.staying)
        stack.database.engine.dispose()
    if not os.environ.get("KEEP"):
        subprocess.run([ROOT / "up", "destroy", "--yes"], check=True)


@pytest.fixture(scope="module")
def rooms_end_with_their_tests(stack: Stack) -> Iterator[None]:
    """Dozens of rooms that nobody needs any more would make whatever comes later slow."""
    yield
    stack.close(stack.rooms)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    """When a test on the stack fails, show the end of every part's log."""
    report = yield
    if report.failed and "stack" in getattr(item, "fixturenames", ()):
        for log in sorted(Path("/var/lib/datasluse/test/log").glob("*.log")):
            report.sections.append((log.name, "\n".join(log.read_text(errors="replace").splitlines()[-30:])))
    return report


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whatever uses the stack needs Docker; it runs last, so that what is fast fails first."""
    for item in items:
        if "stack" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.docker)
            item.fixturenames.append("rooms_end_with_their_tests")  # type: ignore[attr-defined]
    items.sort(key=lambda item: item.get_closest_marker("docker") is not None)
