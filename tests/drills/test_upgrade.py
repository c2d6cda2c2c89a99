"""An installation of an earlier version, with people in it, is upgraded; and upgrades that fail leave it as it was."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from docker import APIClient
from sqlalchemy import create_engine, text

from governance.database import Database
from governance.settings import STATE, Settings, file_of, installed, load, proposed, write
from sluse import status
from tests.conftest import ROOT, Room, Stack, until
from tests.drills.results import keep, kept
from tests.postgresql import created, server
from tests.stories.asking import ask, call

EARLIER = "215fc43"
"""The first version that an installation may be upgraded from."""
NAME = "upgraded"
DISK = 20 << 30
"""Bytes of the disk that its state lies on, so that it can be filled."""
MIGRATION = """
revision = "9999"
down_revision = "{head}"
branch_labels = None
depends_on = None


def upgrade():
    raise OSError("it broke")
"""
TABLE = b"group,n\nyoung,120\nold,80\n"


@dataclass
class Installation:
    """The installation, as whoever uses it sees it; it runs the earlier version until it is upgraded."""

    folder: Path
    settings: Settings
    logins: dict[str, str]
    """Passwords by name."""
    room: Room = field(init=False)
    released: int = 0
    waiting: int = 0
    """Numbers of requests."""
    seconds: dict[str, float] = field(default_factory=dict)

    def sluse(self, checkout: Path, *arguments: str) -> str:
        done = subprocess.run(
            [checkout / ".venv" / "bin" / "sluse", *arguments], capture_output=True, text=True, env=named(), check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    @contextmanager
    def portal(self, person: str) -> Iterator[httpx.Client]:
        """A browser's calls, logged in."""
        with status.at_the_edge(self.settings) as http:
            answer = http.post("/login", data={"name": person, "password": self.logins[person]}, headers=self.origin)
            assert answer.status_code == 303, answer.text
            http.cookies = httpx.Cookies()
            http.headers["Cookie"] = answer.headers["set-cookie"].split(";", 1)[0]
            yield http

    @property
    def database(self) -> str:
        """Which one, as in the result that is kept."""
        return f"{'postgresql' if self.settings.database_url else 'sqlite'}, seconds"

    @property
    def origin(self) -> dict[str, str]:
        return {"Origin": self.settings.portal_origin}

    def approve(self, number: int) -> None:
        """As Grace, each file of a request."""
        with self.portal("grace") as http:
            until(lambda: 'name="sha256"' in http.get(f"/review/{number}").text)
            page = http.get(f"/review/{number}").text
            [file] = set(re.findall(r"/files/(\d+)/vote", page))
            [sha256] = set(re.findall(r'name="sha256" value="([0-9a-f]{64})"', page))
            vote = {
                "sha256": sha256,
                "approve": "true",
                "answered": re.findall(r'name="answered" value="(\w+)"', page),
            }
            answer = http.post(f"/review/{number}/files/{file}/vote", data=vote, headers=self.origin)
            assert answer.status_code == 303, answer.text

    def download(self, number: int, to: Path) -> Path:
        with self.portal("ada") as http:
            until(lambda: http.get(f"/requests/{number}/download").status_code == 200)
            to.write_bytes(http.get(f"/requests/{number}/download").content)
        return to

    def works(self) -> None:
        """The portal answers, the open room is the one that was opened, and what was handed in is there."""
        with self.portal("ada") as http:
            assert "synthetic" in http.get("/").text.lower()
        assert self.room.run("print(open('kept.txt').read())").strip() == "kept"
        assert call(self.room, "GET", f"/{self.released}")[1]["status"] == "released"
        assert call(self.room, "GET", f"/{self.waiting}")[1]["status"] == "in_review"

    def upgrade(self, checkout: Path) -> tuple[int, str]:
        begun = time.monotonic()
        done = subprocess.run([checkout / "up"], capture_output=True, text=True, env=named(), check=False)
        self.seconds.setdefault(checkout.name, round(time.monotonic() - begun, 1))
        return done.returncode, done.stdout + done.stderr


def named() -> dict[str, str]:
    return os.environ | {"SLUSE_INSTALLATION": NAME}


def cloned(folder: Path, commit: str = "HEAD") -> Path:
    """A checkout of a commit, as an operator's."""
    subprocess.run(["git", "clone", "-q", ROOT, folder], check=True)
    subprocess.run(["git", "-C", folder, "checkout", "-q", commit], check=True)
    return folder


@pytest.fixture(scope="module")
def postgresql_role() -> Iterator[str]:
    """The URL of an empty database on a PostgreSQL server of this host, for a role that is no superuser."""
    with server(everybody=True) as url:
        admin = create_engine(created(url), isolation_level="AUTOCOMMIT")
        with admin.connect() as connection:
            connection.execute(text("CREATE ROLE sluse LOGIN"))
            connection.execute(text("CREATE DATABASE sluse OWNER sluse"))
        admin.dispose()
        yield url.format(name="sluse").replace("postgres@", "sluse@")


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def installation(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """The earlier version, with a release, a request that waits for its checker, and a room that is open."""
    folder = tmp_path_factory.mktemp("upgrade")
    state = STATE / NAME
    state.mkdir(parents=True)
    disk = folder / "disk"
    with disk.open("wb") as file:
        file.truncate(DISK)
    subprocess.run(["mkfs.ext4", "-q", "-m", "0", disk], check=True)
    subprocess.run(["mount", "-o", "loop", disk, state], check=True)
    (state / "lost+found").rmdir()
    earlier = cloned(folder / "earlier", EARLIER)
    if request.param == "postgresql":
        chosen = proposed(NAME, installed(), demo=True)
        write(chosen.model_copy(update={"database_url": request.getfixturevalue("postgresql_role")}))
        file_of(NAME).chmod(0o644)  # the earlier version's processes could not read it otherwise
    os.environ["SLUSE_INSTALLATION"] = NAME
    try:
        subprocess.run([earlier / "up"], env=named(), check=True)
        settings = load(NAME)
        with APIClient(timeout=60) as docker:
            stack = Stack(settings, docker, Database(settings.database))
            with stack.open:
                yield filled(folder, earlier, stack)
    finally:
        subprocess.run([ROOT / "up", "destroy", "--yes"], env=named(), check=False)
        subprocess.run(["umount", state], check=False)
        if state.exists():
            state.rmdir()
        os.environ["SLUSE_INSTALLATION"] = "test"


def filled(folder: Path, earlier: Path, stack: Stack) -> Installation:
    sluse = earlier / ".venv" / "bin" / "sluse"

    def said(*arguments: str) -> str:
        done = subprocess.run([sluse, *arguments], capture_output=True, text=True, env=named(), check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    logins = {login["name"]: login["password"] for login in json.loads(said("demo", "logins", "--json"))}
    made = Installation(folder, stack.settings, logins)
    with made.portal("ada") as http:
        assert http.post("/terms", headers=made.origin).status_code == 303
    opened = json.loads(said("room", "open", "synthetic-registers", "ada", "--json"))
    made.room = room = Room(stack, opened["room"], opened["ticket"])
    room.enter()
    room.run("open('kept.txt', 'w').write('kept')")
    made.released = ask(room, {"table.csv": TABLE})
    made.approve(made.released)
    until(lambda: call(room, "GET", f"/{made.released}")[1]["status"] == "released")
    made.waiting = ask(room, {"later.csv": TABLE})
    until(lambda: call(room, "GET", f"/{made.waiting}")[1]["status"] == "in_review")
    made.download(made.released, folder / "before.zip")
    made.works()
    return made


def broken(folder: Path, file: str, text: str, *, mode: str = "a") -> Path:
    """A checkout of this version in which something is wrong."""
    checkout = cloned(folder)
    path = checkout / file
    path.write_text((path.read_text() if mode == "a" else "") + text)
    return checkout


def test_an_image_that_cannot_be_built_changes_nothing(installation: Installation) -> None:
    checkout = broken(installation.folder / "build", "images/gate/Dockerfile", "RUN false\n")
    code, said = installation.upgrade(checkout)
    assert code == 1
    assert "Traceback" not in said
    assert "What ran before goes on" in said
    installation.works()


def test_a_migration_that_fails_leaves_the_earlier_version_running(installation: Installation) -> None:
    migration = (
        '"""b"""\nrevision = "9999"\ndown_revision = "{head}"\n\n\ndef upgrade():\n    raise OSError("it broke")\n'
    )
    head = sorted((ROOT / "governance" / "migrations" / "versions").glob("*.py"))[-1].name[:4]
    file = "governance/migrations/versions/9999_broken.py"
    checkout = broken(installation.folder / "migration", file, migration.format(head=head), mode="w")
    code, said = installation.upgrade(checkout)
    assert (code, said.count("the earlier version runs again")) == (1, 1), said
    assert "it broke" in said
    assert "Traceback" not in said
    installation.works()


def test_a_process_that_does_not_start_brings_the_earlier_version_and_its_database_back(
    installation: Installation,
) -> None:
    checkout = broken(installation.folder / "start", "output_review/worker.py", "\nraise OSError('it broke')\n")
    code, said = installation.upgrade(checkout)
    assert (code, said.count("the earlier version runs again")) == (1, 1), said
    assert "jobs" in said
    assert "Traceback" not in said
    installation.works()


def test_a_disk_that_is_full_leaves_the_earlier_version_running(installation: Installation) -> None:
    state = installation.settings.state
    ballast = state / "ballast"
    left = 20_000 if installation.settings.database_url else 300_000  # not enough for a copy of the database
    subprocess.run(["fallocate", "-l", str(shutil.disk_usage(state).free - left), ballast], check=True)
    try:
        code, said = installation.upgrade(cloned(installation.folder / "full"))
    finally:
        ballast.unlink()
    assert code == 1
    assert "Traceback" not in said
    assert re.search("runs again|goes on", said), said
    installation.works()


def test_an_upgrade_keeps_people_requests_releases_and_an_open_room(installation: Installation) -> None:
    checkout = cloned(installation.folder / "now")
    code, said = installation.upgrade(checkout)
    assert code == 0, said
    installation.works()
    parts = json.loads(installation.sluse(checkout, "status", "--json"))["parts"]
    assert {part["state"] for part in parts} == {"up"}
    assert "signed heads agree" in installation.sluse(checkout, "audit", "verify")
    installation.approve(installation.waiting)
    trust = str(installation.settings.keys / "release.pem")
    for number, name in ((installation.released, "before.zip"), (installation.waiting, "after.zip")):
        bundle = installation.download(number, installation.folder / name)
        assert "every file as approved" in installation.sluse(checkout, "verify", str(bundle), "--trust", trust)
    number = ask(installation.room, {"new.csv": TABLE})
    until(lambda: call(installation.room, "GET", f"/{number}")[1]["status"] == "in_review")
    code, said = installation.upgrade(checkout)
    assert (code, "Nothing to do" in said) == (0, True), said
    if installation.settings.database_url:
        assert file_of(NAME).stat().st_mode & 0o777 == 0o640  # it holds a password
    other = {name: value for name, value in kept("upgrade").items() if name.endswith(", seconds")}
    keep("upgrade", {"from": EARLIER} | other | {installation.database: installation.seconds})
