"""A project made with `sluse` commands alone, as an operator would."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from governance import settings
from governance.errors import Unavailable
from hub import doctor, folders
from tests.conftest import SLUSE, Person, Room, Stack


def test_a_person_a_project_and_data_are_added_by_command(stack: Stack, tmp_path: Path) -> None:
    (tmp_path / "register.csv").write_text("id,age\n1,40\n")
    added = stack.sluse(
        "person", "add", "carl", "--full-name", "Carl", "--training-until", "2099-01-01", "--terms-accepted", "--json"
    )  # fmt: skip
    carl = Person(**json.loads(added))
    stack.sluse(
        "project", "add", "registers", "--title", "Registers", "--tier", "synthetic", "--controller", "C",
        "--permit", "P-1", "--permit-until", "2099-12-31",
    )  # fmt: skip
    stack.sluse("project", "member", "registers", carl.name, "--role", "lead")
    assert "1 files" in stack.sluse("data", "add", str(tmp_path / "register.csv"), "--project", "registers")
    opened = json.loads(stack.sluse("room", "open", "registers", carl.name, "--json"))
    room = Room(stack, opened["room"], opened["ticket"])
    room.enter()
    assert room.run("print(open('/data/register/register.csv').read())") == "id,age\n1,40\n\n"
    stack.sluse("room", "close", room.id)
    stack.sluse("audit", "verify")


def test_bad_input_is_answered_in_a_line(stack: Stack, tmp_path: Path) -> None:
    for arguments, says in {
        ("person", "add", "Carl!", "--full-name", "C"): "lower-case letters",
        ("data", "add", str(tmp_path / "none"), "--project", "synthetic-registers"): "there is no file or folder",
        ("data", "add", str(tmp_path), "--project", "nothing"): "no project has the key nothing",
        ("room", "open", "synthetic-registers", "nobody"): "no person is called nobody",
        ("project", "add", "x1", "--title", "T", "--tier", "secret", "--controller", "C", "--permit", "P",
         "--permit-until", "2099-12-31"): "Invalid value",
        ("project", "add", "x1", "--title", "T", "--tier", "open", "--controller", "C", "--permit", "P",
         "--permit-until", "31/12/2099"): "is not a day",
    }.items():  # fmt: skip
        done = subprocess.run([SLUSE, *arguments], capture_output=True, text=True, check=False)
        assert done.returncode != 0
        assert says in " ".join(done.stderr.replace("│", " ").split())
        assert "Traceback" not in done.stderr


def test_every_part_is_up(stack: Stack) -> None:
    status = json.loads(stack.sluse("status", "--json"))
    parts = {part["name"]: part["state"] for part in status["parts"]}
    assert {"edge", "web", "hub", "reconciler", "walls"} <= set(parts)
    assert {state for name, state in parts.items() if not name.startswith("sluse-")} == {"up"}
    assert status["urls"]["portal"] == stack.settings.portal_origin


def test_every_folder_and_key_has_its_owner_and_mode(stack: Stack) -> None:
    """Who can read a key can do what it is for."""
    state, user = stack.settings.state, stack.settings.user
    for path, owner, mode in (
        ("keys/ticket.key", user("web"), 0o600),
        ("keys/release.key", user("release"), 0o600),
        ("keys/hub.token", "root", 0o600),
        ("keys/demo-passwords.json", "root", 0o600),
        ("data", "root", 0o700),
        ("hub", "root", 0o700),
        ("db", "root", 0o2770),
        ("frozen/originals", user("intake"), 0o2750),
        ("frozen/canonical", user("jobs"), 0o2750),
        ("releases", user("release"), 0o2750),
        ("releases/heads", user("release"), 0o2750),
        ("run/edge", "root", 0o750),
        ("run/reconciler", "root", 0o750),
        ("run/sandboxd", "root", 0o750),
    ):
        found = state / path
        assert (found.owner(), oct(found.stat().st_mode & 0o7777)) == (owner, oct(mode)), path
    assert [*folders.wrong(stack.settings, secret=True), *folders.wrong(stack.settings, secret=False)] == []


def test_no_room_starts_while_a_key_is_anothers(stack: Stack) -> None:
    """As after a backup that was restored beside other account numbers."""
    key, owner = stack.settings.keys / "release.key", stack.settings.user("release")
    doctor.demand(stack.settings, stack.docker)  # control
    shutil.chown(key, stack.settings.user("edge"))
    try:
        with pytest.raises(Unavailable, match=f"release.key belongs to .*-edge, not to {owner}: run"):
            doctor.demand(stack.settings, stack.docker)
    finally:
        folders.make(stack.settings)
    assert key.owner() == owner
    doctor.demand(stack.settings, stack.docker)


@pytest.mark.parametrize(
    ("suffix", "may"), [("web", {"ticket.key"}), ("release", {"release.key"}), ("jobs", set()), ("edge", set())]
)
def test_a_process_reads_its_own_key_and_no_other(stack: Stack, suffix: str, may: set[str]) -> None:
    program = "import sys\nfor p in sys.argv[1:]:\n  try: open(p).read(); print(p)\n  except PermissionError: pass"
    keys = [stack.settings.keys / name for name in ("ticket.key", "release.key", "hub.token", "demo-passwords.json")]
    user = stack.settings.user(suffix)
    command = [
        "setpriv",
        f"--reuid={user}",
        f"--regid={user}",
        "--init-groups",
        "/usr/bin/python3",
        "-c",
        program,
        *keys,
    ]
    read = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert {Path(path).name for path in read} == may


def test_an_installation_that_is_not_there_says_what_to_do() -> None:
    environment = os.environ | {"SLUSE_INSTALLATION": "nothere"}
    done = subprocess.run([SLUSE, "status"], capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 1
    assert "run ./up" in done.stderr


def test_an_installation_half_made_is_removed(stack: Stack) -> None:
    """Its `./up` failed before anything but its settings was there; what is whole beside it stays."""
    half = settings.proposed("half", settings.installed(), demo=True)
    settings.write(half)
    remove = [SLUSE, "destroy", "--yes"]
    environment = os.environ | {"SLUSE_INSTALLATION": "half"}
    done = subprocess.run(remove, capture_output=True, text=True, env=environment, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert not settings.file_of("half").exists()
    again = subprocess.run(remove, capture_output=True, text=True, env=environment, check=False)
    assert again.returncode == 1
    assert "there is no installation half here" in again.stderr
    assert "Traceback" not in again.stderr
    assert settings.file_of(stack.settings.installation).exists()
