"""Commands for people, permits, data and the clock, on a database of both kinds and without the stack."""

from __future__ import annotations

import json
import shutil
import socketserver
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from sqlalchemy import select

from governance import audit, logins, people, projects, stops
from governance import settings as settings_module
from governance.audit import Event
from governance.database import Database
from governance.settings import Settings, proposed, write
from governance.tables import AuditEvent, StopKind
from sluse import cli, command_line, demo

DAY, LATER = "2098-01-31", "2099-01-31"


@dataclass(frozen=True)
class Done:
    """What a command did."""

    status: int
    out: str
    err: str


@dataclass(frozen=True)
class Desk:
    """An operator's place: commands, the database they work on, and what the reconciler was asked meanwhile."""

    settings: Settings
    database: Database
    asked: list[str]
    run: Callable[..., Done]

    def sluse(self, *arguments: str) -> str:
        """Run a command that must do what it says."""
        done = self.run(*arguments)
        assert done.status == 0, done
        return done.out

    def refused(self, *arguments: str) -> str:
        """Run a command that must be refused: one line, no traceback, and no event."""
        before = len(self.events())
        done = self.run(*arguments)
        assert done.status == 1, done
        assert done.err.startswith("sluse: ")
        assert done.err.count("\n") == 1
        assert len(self.events()) == before
        return done.err

    def events(self) -> list[AuditEvent]:
        with self.database.read() as tx:
            return list(tx.scalars(select(AuditEvent).order_by(AuditEvent.number)))

    def last_event(self) -> tuple[str, dict[str, object]]:
        """The newest event; the command that looks at the chain must find it whole."""
        assert "each bound to the one before it" in self.sluse("audit", "verify")
        event = self.events()[-1]
        return event.kind, event.detail

    def person(self, name: str = "ada") -> people.Account:
        with self.database.read() as tx:
            return next(account for account in people.accounts(tx) if account.name == name)


class _Reconciler(BaseHTTPRequestHandler):
    """Answers like the reconciler, and keeps what it was asked."""

    asked: list[str]

    def do_POST(self) -> None:
        self.asked.append(self.path)
        self.send_response(202)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def address_string(self) -> str:
        return "a unix socket"

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def desk(database: Database, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Desk]:
    place = Path(tempfile.mkdtemp(prefix="desk-", dir="/tmp"))  # a socket's path is at most 107 bytes
    monkeypatch.setattr(settings_module, "CONFIGURATION", place / "etc")
    monkeypatch.setattr(settings_module, "STATE", place / "state")
    monkeypatch.setenv("SLUSE_INSTALLATION", "unit")
    url = database.engine.url.render_as_string(hide_password=False)
    settings = proposed("unit", [], demo=False).model_copy(update={"database_url": url})
    write(settings)
    for folder in (settings.keys, settings.run / "reconciler", settings.state / "releases" / "heads"):
        folder.mkdir(parents=True)
    key = settings.keys / "release.pem"
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", key.with_suffix(".key")], check=True)
    subprocess.run(["openssl", "pkey", "-in", key.with_suffix(".key"), "-pubout", "-out", key], check=True)

    opened: list[Database] = []

    class Opened(Database):
        """A command's own database: a process that ends closes it, so this must, too."""

        def __init__(self, url: str) -> None:
            super().__init__(url)
            opened.append(self)

    monkeypatch.setattr(command_line, "Database", Opened)

    def run(*arguments: str) -> Done:
        monkeypatch.setattr(sys, "argv", ["sluse", *arguments])
        status = 0
        try:
            cli.main()
        except SystemExit as e:
            status = int(e.code or 0)
        while opened:
            opened.pop().engine.dispose()
        return Done(status, *capsys.readouterr())

    asked: list[str] = []
    handler = type("Handler", (_Reconciler,), {"asked": asked})
    with socketserver.ThreadingUnixStreamServer(
        str(settings.run / "reconciler" / "reconciler.sock"), handler
    ) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        desk = Desk(settings, database, asked, run)
        desk.sluse("person", "add", "ada", "--full-name", "Ada", "--training-until", DAY, "--terms-accepted")
        desk.sluse(
            "project", "add", "p1", "--title", "P", "--tier", "synthetic", "--controller", "Region X",
            "--permit", "P-1", "--permit-until", DAY,
        )  # fmt: skip
        asked.clear()
        yield desk
        server.shutdown()
    shutil.rmtree(place)


def now_in(database: Database, name: str, password: str) -> bool:
    """Whether this name and password log in."""
    return logins.begin(database, name, password, command_line.now) is not None


def test_a_new_password_is_printed_once_and_logs_in(desk: Desk) -> None:
    printed = json.loads(desk.sluse("person", "password", "ada", "--json"))
    assert desk.last_event() == ("person.password", {})
    assert desk.asked == ["/look"]
    assert now_in(desk.database, "ada", printed["password"])
    again = desk.sluse("person", "password", "ada").strip().removeprefix("ada's first password: ")
    assert again != printed["password"]
    assert not now_in(desk.database, "ada", printed["password"])
    assert now_in(desk.database, "ada", again)
    assert "no person is called nobody" in desk.refused("person", "password", "nobody")


def test_training_is_recorded(desk: Desk) -> None:
    assert desk.sluse("person", "training", "ada", "--until", LATER) == f"ada's training counts until {LATER}.\n"
    assert desk.last_event() == ("person.training", {"until": LATER})
    assert str(desk.person().training_until) == LATER
    assert "is past: rooms close now" in desk.sluse("person", "training", "ada", "--until", "2020-01-01")
    assert desk.asked == ["/look", "/look"]
    assert "no person is called nobody" in desk.refused("person", "training", "nobody", "--until", LATER)
    assert desk.run("person", "training", "ada", "--until", "31/12/2099").status == 2


def test_a_role_is_given_and_taken_back(desk: Desk) -> None:
    checker = ("person", "role", "ada", "checker", "--controller", "Region X")
    desk.sluse(*checker)
    assert desk.person().roles == [{"role": "checker", "controller": "Region X"}]
    desk.sluse(*checker, "--remove")
    assert desk.last_event() == ("role.taken", {"role": "checker", "controller": "Region X"})
    assert desk.person().roles == []
    assert "ada is no checker for Region X" in desk.refused(*checker, "--remove")


def test_an_account_is_closed_and_opened_again(desk: Desk) -> None:
    password = json.loads(desk.sluse("person", "password", "ada", "--json"))["password"]
    assert "Their rooms close now" in desk.sluse("person", "close", "ada")
    assert desk.last_event() == ("person.closed", {})
    assert desk.asked == ["/look", "/look"]
    assert desk.person().closed_at
    assert not now_in(desk.database, "ada", password)
    assert "sluse person reopen" in desk.refused("person", "password", "ada")
    assert "open again" in desk.sluse("person", "reopen", "ada")
    assert desk.last_event() == ("person.reopened", {})
    assert now_in(desk.database, "ada", password)
    assert "is not closed" in desk.refused("person", "reopen", "ada")
    assert "no person is called nobody" in desk.refused("person", "close", "nobody")


def test_a_permit_is_extended_and_an_ended_projects_is_not(desk: Desk) -> None:
    printed = desk.sluse("project", "permit", "p1", "--until", LATER, "--permit", "P-2")
    assert printed == f"p1's permit P-2 counts until {LATER}.\n"
    assert desk.last_event() == ("project.permit", {"until": LATER, "reference": "changed"})
    assert desk.asked == ["/look"]
    assert "is past: rooms close now" in desk.sluse("project", "permit", "p1", "--until", "2020-01-01")
    with desk.database.write() as tx:
        project = projects.keyed(tx, "p1")
        assert (str(project.permit_until), project.permit) == ("2020-01-01", "P-2")
        stops.stop(tx, project, StopKind.END, None, command_line.now())
    assert "p1 was ended" in desk.refused("project", "permit", "p1", "--until", LATER)
    assert "no project has the key none" in desk.refused("project", "permit", "none", "--until", LATER)


def test_a_data_set_is_withdrawn(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "registers.csv").write_text("id\n1\n")
    desk.sluse("data", "add", str(tmp_path / "registers.csv"), "--project", "p1")
    [added] = json.loads(desk.sluse("data", "list", "--json"))
    printed = desk.sluse("data", "remove", "registers", "--project", "p1")
    assert "keep it until they are opened again" in printed
    assert "another project may have it, and requests name it" in printed
    assert desk.last_event() == ("data.removed", {"name": "registers", "sha256": added["sha256"]})
    assert (desk.settings.state / "data" / added["sha256"] / "registers.csv").exists()
    assert json.loads(desk.sluse("data", "list", "--json")) == []
    assert "p1 has no data set called registers" in desk.refused("data", "remove", "registers", "--project", "p1")
    assert "no project has the key none" in desk.refused("data", "remove", "registers", "--project", "none")


def test_lists_for_people_and_for_scripts(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "registers.csv").write_text("id\n1\n")
    desk.sluse("data", "add", str(tmp_path / "registers.csv"), "--project", "p1")
    desk.sluse("project", "member", "p1", "ada", "--role", "lead")
    desk.sluse("person", "role", "ada", "checker", "--controller", "Region Y")
    assert json.loads(desk.sluse("person", "list", "--json")) == [
        {
            "name": "ada",
            "full_name": "Ada",
            "roles": [{"role": "checker", "controller": "Region Y"}],
            "projects": [{"project": "p1", "role": "lead"}],
            "training_until": DAY,
            "terms_accepted": True,
            "closed_at": None,
        }
    ]
    assert json.loads(desk.sluse("project", "list", "--json")) == [
        {
            "key": "p1",
            "title": "P",
            "purpose": "",
            "tier": "synthetic",
            "controller": "Region X",
            "permit": "P-1",
            "permit_until": DAY,
            "clusters": False,
            "stop": None,
            "members": [{"person": "ada", "role": "lead"}],
            "data": ["registers"],
        }
    ]
    [version] = json.loads(desk.sluse("data", "list", "--project", "p1", "--json"))
    assert (version["project"], version["name"], version["files"], version["bytes"]) == ("p1", "registers", 1, 5)
    assert version["added_at"].endswith("+00:00")
    people_lines = desk.sluse("person", "list").splitlines()
    assert people_lines[0].split("  ")[0] == "NAME"
    assert " ".join(people_lines[1].split()) == f"ada Ada {DAY} accepted open p1 (lead) checker for Region Y"
    assert desk.sluse("project", "list").splitlines()[1].split()[:2] == ["p1", "synthetic"]
    assert desk.sluse("data", "list").splitlines()[1].split()[:4] == ["p1", "registers", "1", "5"]
    assert "no project has the key none" in desk.refused("data", "list", "--project", "none")
    desk.sluse("person", "close", "ada")
    assert json.loads(desk.sluse("person", "list", "--json"))[0]["closed_at"]
    assert " closed 2" in desk.sluse("person", "list")


def test_a_list_of_nothing_has_its_heads(desk: Desk) -> None:
    assert desk.sluse("data", "list").split() == ["PROJECT", "NAME", "FILES", "BYTES", "ADDED", "SHA-256"]


def test_a_member_who_is_removed_loses_their_room_now(desk: Desk) -> None:
    desk.sluse("project", "member", "p1", "ada")
    desk.asked.clear()
    desk.sluse("project", "member", "p1", "ada", "--remove")
    assert desk.asked == ["/look"]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # httpcore's own socket
def test_commands_work_while_the_reconciler_is_away(desk: Desk) -> None:
    (desk.settings.run / "reconciler" / "reconciler.sock").unlink()
    desk.sluse("person", "close", "ada")
    assert desk.person().closed_at


def test_the_demos_passwords_are_kept_and_others_are_not(desk: Desk) -> None:
    settings = desk.settings.model_copy(update={"demo": True})
    settings_module.file_of("unit").unlink()
    write(settings)
    demo._keep(settings, {"ada": "before"})
    desk.sluse("person", "add", "carl", "--full-name", "Carl")
    fresh = json.loads(desk.sluse("person", "password", "ada", "--json"))["password"]
    desk.sluse("person", "password", "carl")
    assert json.loads((settings.keys / "demo-passwords.json").read_text()) == {"ada": fresh}


def test_after_a_jump_forward_the_clock_is_confirmed(desk: Desk) -> None:
    assert "nothing to confirm" in desk.refused("clock", "confirm", "--yes")
    with desk.database.write() as tx:
        audit.append(tx, Event("login.ended"), command_line.now() + timedelta(days=400))
    again = ("project", "permit", "p1", "--until", LATER)
    assert "clock says" in desk.refused(*again)
    desk.sluse("person", "close", "ada")  # ends something: under any clock
    assert "the clock is right now" in desk.sluse("clock", "confirm", "--yes")
    assert desk.last_event()[0] == "clock.confirmed"
    desk.sluse(*again)
    assert desk.last_event()[0] == "project.permit"


def test_a_database_that_is_away_is_told_in_a_line(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    nowhere = "postgresql+psycopg://nobody@127.0.0.1:1/nothing"
    write(desk.settings.model_copy(update={"database_url": nowhere}))
    for arguments in (("person", "list"), ("audit", "verify"), ("project", "list")):
        done = desk.run(*arguments)
        assert (done.status, done.err.count("\n")) == (1, 1), done
        assert done.err.startswith("sluse: the database does not answer: ")


def test_help_needs_neither_engine_nor_hub() -> None:
    heavy = "{'docker', 'jupyterhub', 'hub', 'httpx', 'fastapi'}"
    program = f"import sys; import sluse.cli; sys.exit(' '.join({heavy} & set(sys.modules)) or 0)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
