"""What other accounts of the host can do with an installation's folders, and how owners are seen and set."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest
from docker import APIClient

from governance import data
from governance import settings as settings_module
from governance.errors import Unavailable
from governance.settings import Settings, file_of, proposed, write
from hub import doctor, folders
from hub.folders import EACH_OWN, FOLDERS
from sluse import install, processes

NOBODY = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"]


@pytest.mark.parametrize(
    ("who", "mode", "reads"),
    [(NOBODY, None, False), ([], None, True), (NOBODY, 0o755, True)],
    ids=["nobody", "control: root", "control: an open folder"],
)
def test_another_account_of_the_host_reads_no_data(
    tmp_path: Path, who: list[str], mode: int | None, reads: bool
) -> None:
    """Its hash is no secret: releases name it."""
    for above in (tmp_path, *tmp_path.parents[:2]):
        above.chmod(0o755)
    (tmp_path / "a.csv").write_text("rows")
    store = tmp_path / "data"
    store.mkdir()
    sha256, _, _ = data.snapshot(tmp_path / "a.csv", store)
    (designed,) = (folder.mode for folder in FOLDERS if folder.path == "data")
    store.chmod(mode or designed)
    for command in (["cat", store / sha256 / "a.csv"], ["ls", store]):
        done = subprocess.run([*who, *command], capture_output=True, check=False)
        assert (done.returncode == 0) == reads, done.stderr


@pytest.fixture(scope="module")
def with_accounts() -> Iterator[Settings]:
    """Settings of an installation of which there is nothing but its accounts; these are real."""
    settings = proposed(f"t{secrets.token_hex(3)}", [], demo=False)
    subprocess.run(["groupadd", "--system", settings.group], check=True)
    for user in processes.users(settings):
        subprocess.run(["useradd", "--system", "--user-group", "--no-create-home", user], check=True)
        if user != settings.user("edge"):  # as ansible/roles/accounts
            subprocess.run(["usermod", "--append", "--groups", settings.group, user], check=True)
    yield settings
    for user in processes.users(settings):
        subprocess.run(["userdel", user], check=True, capture_output=True)
    subprocess.run(["groupdel", settings.group], check=True)


@pytest.fixture
def made(with_accounts: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """An installation's folders with a file of each kind in them, as processes leave them."""
    monkeypatch.setattr(settings_module, "STATE", tmp_path)
    folders.make(with_accounts)
    for path in FILES:
        (with_accounts.state / path).write_text("its contents")
    folders.make(with_accounts)
    return with_accounts


FILES = {
    "db/datasluse.db": ("root", "database", 0o660),
    "db/datasluse.db-wal": ("root", "database", 0o660),
    "keys/acme.env": ("root", "root", 0o600),
    "keys/volumes/home-a.key": ("root", "root", 0o600),
    "volumes/home-a.img": ("root", "root", 0o600),
    "frozen/originals/00ff": ("intake", "database", 0o440),
    "frozen/canonical/00ff": ("jobs", "database", 0o440),
    "releases/1.zip": ("release", "database", 0o640),
    "releases/heads/000000000001.json": ("release", "database", 0o640),
    "certificates/edge-internal.pem": ("root", "root", 0o600),
    "certificates/authority.pem": ("root", "root", 0o644),
}
"""Files that are made by what runs: whose they are, their group, their mode."""
KEYS = {
    "keys/ticket.key": ("web", "root", 0o600),
    "keys/release.key": ("release", "root", 0o600),
    "keys/ticket.pem": ("root", "root", 0o644),
    "keys/release.pem": ("root", "root", 0o644),
    "keys/hub.token": ("root", "root", 0o600),
    "keys/clusters.key": ("root", "root", 0o600),
}


def everything_wrong(settings: Settings) -> list[str]:
    return [*folders.wrong(settings, secret=True), *folders.wrong(settings, secret=False)]


def doctor_tells(settings: Settings, *, mandatory: bool) -> str:
    """What the doctor says of owners: of keys before each start of a room, of stores when it is asked."""
    [check] = [check for check in doctor.CHECKS if "its one owner" in check.name and check.mandatory is mandatory]
    wrong = check.look(settings, cast(APIClient, None)) or ""
    assert "run ./up --full" in wrong or not wrong
    return wrong


def looks(path: Path) -> tuple[int, int, int, int]:
    """Owner, group and mode, and when any of them was last set."""
    is_now = path.lstat()
    return is_now.st_uid, is_now.st_gid, is_now.st_mode, is_now.st_ctime_ns


def test_every_key_and_stored_file_gets_its_owner_group_and_mode(made: Settings) -> None:
    """By the names of accounts, whatever their numbers are on this host."""
    for path, (owner, group, mode) in {**FILES, **KEYS}.items():
        account = "root" if owner == "root" else made.user(owner)
        group_name = made.group if group == "database" else group
        file = made.state / path
        assert (file.owner(), file.group(), oct(file.stat().st_mode & 0o7777)) == (account, group_name, oct(mode)), path
    assert everything_wrong(made) == []


@pytest.mark.parametrize("path", [*FILES, *KEYS, "keys", "frozen/originals", "releases/heads", "hub"])
def test_what_a_restored_state_gave_to_another_is_told_and_set_right(made: Settings, path: str) -> None:
    """The signing key in the hands of the one process that speaks to strangers, among others."""
    spoilt, edge = made.state / path, made.user("edge")
    before = spoilt.stat()
    others = {file: looks(made.state / file) for file in [*FILES, *KEYS] if file != path}
    subprocess.run(["chown", f"{edge}:{edge}", spoilt], check=True)
    assert [line.split(", not to")[0] for line in everything_wrong(made)] == [f"{spoilt} belongs to {edge}"]
    secret = path.split("/")[0] in {"keys", "certificates", "hub"}
    assert doctor_tells(made, mandatory=secret).startswith(f"{spoilt} belongs to {edge}, not to ")
    assert doctor_tells(made, mandatory=not secret) == ""
    folders.make(made)
    assert everything_wrong(made) == []
    after = spoilt.stat()
    assert (after.st_uid, after.st_gid, after.st_mode) == (before.st_uid, before.st_gid, before.st_mode)
    assert {file: looks(made.state / file) for file in others} == others  # control: nobody set anything


@pytest.mark.parametrize("path", [*FILES, *KEYS])
def test_a_mode_that_lets_others_read_is_told_and_set_right(made: Settings, path: str) -> None:
    open_to_all = made.state / path
    open_to_all.chmod(0o666)
    mode = {**FILES, **KEYS}[path][2]
    assert everything_wrong(made) == [f"{open_to_all} has the mode 666, not {mode:o}"]
    folders.make(made)
    assert everything_wrong(made) == []


@pytest.mark.parametrize("suffix", EACH_OWN)
def test_files_that_sqlite_made_for_any_process_are_well(made: Settings, suffix: str) -> None:
    subprocess.run(["chown", made.user(suffix), made.state / "db" / "datasluse.db-wal"], check=True)
    assert everything_wrong(made) == []
    subprocess.run(["chown", made.user(suffix), made.state / "db" / "datasluse.db"], check=True)
    assert "datasluse.db belongs to" in everything_wrong(made)[0]  # control: the file itself is root's


@pytest.mark.parametrize("how", ["link", "second name"])
def test_root_is_not_led_elsewhere_by_what_a_process_put_into_its_folder(
    made: Settings, tmp_path: Path, how: str
) -> None:
    target = tmp_path / "shadow"
    target.write_text("root's")
    target.chmod(0o600)
    planted = made.state / "frozen" / "originals" / "planted"
    planted.symlink_to(target) if how == "link" else planted.hardlink_to(target)
    before = looks(target)
    folders.make(made)
    assert looks(target) == before
    (told,) = everything_wrong(made)
    assert told.startswith(f"{planted} is a link" if how == "link" else f"{planted} has a second name")
    planted.unlink()
    planted.write_text("its own")
    folders.make(made)  # control: what is a plain file is set right
    assert planted.owner() == made.user("intake")


def test_a_link_in_a_folders_place_is_refused_and_its_target_stays(made: Settings, tmp_path: Path) -> None:
    """The release worker owns the folder above, so it may put anything there."""
    target = tmp_path / "elsewhere"
    target.mkdir()
    (target / "000000000001.json").write_text("root's")
    heads = made.state / "releases" / "heads"
    heads.rename(heads.with_name("moved"))
    heads.symlink_to(target)
    before = looks(target), looks(target / "000000000001.json")
    with pytest.raises(Unavailable, match=r"on the way to .*/releases/heads is a link or a file: remove it"):
        folders.make(made)
    with pytest.raises(Unavailable, match="is a link or a file: remove it"):
        everything_wrong(made)
    assert (looks(target), looks(target / "000000000001.json")) == before
    heads.unlink()
    heads.with_name("moved").rename(heads)
    folders.make(made)
    assert everything_wrong(made) == []


def test_a_pipe_that_a_process_put_into_its_folder_holds_nobody_up(made: Settings) -> None:
    os.mkfifo(made.state / "releases" / "1.pipe")
    folders.make(made)
    assert "1.pipe is a link or a device" in everything_wrong(made)[0]


def test_an_account_that_is_missing_is_named(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings_module, "STATE", tmp_path)
    (tmp_path / "unit" / "db").mkdir(parents=True)
    with pytest.raises(Unavailable, match=r"sluse-unit.*run \./up --full"):
        list(folders.wrong(settings, secret=False))


@pytest.fixture
def on_postgresql(made: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """An installation whose settings file names a database with its password, as an editor left it."""
    monkeypatch.setattr(settings_module, "CONFIGURATION", tmp_path / "etc")
    for above in (tmp_path, *tmp_path.parents[:2]):
        above.chmod(0o755)
    settings = made.model_copy(update={"database_url": "postgresql+psycopg://sluse:secret@db.example/sluse"})
    write(settings)
    file_of(settings.installation).chmod(0o644)
    return settings


def test_a_databases_password_that_others_can_read_is_told_and_set_right(on_postgresql: Settings) -> None:
    file = file_of(on_postgresql.installation)
    shutil.chown(file, "root", on_postgresql.group)
    assert everything_wrong(on_postgresql) == [f"{file} has the mode 644, not 640"]
    folders.make(on_postgresql)
    assert everything_wrong(on_postgresql) == []


@pytest.mark.parametrize(
    ("suffix", "reads"), [("web", True), ("intake", True), ("jobs", True), ("release", True), ("edge", False)]
)
def test_processes_read_the_settings_and_no_other_account_the_password(
    on_postgresql: Settings, suffix: str, reads: bool
) -> None:
    """The edge's account speaks to strangers and is in no group of ours."""
    file, user = file_of(on_postgresql.installation), on_postgresql.user(suffix)
    as_user = ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups", "cat", str(file)]
    assert subprocess.run(as_user, capture_output=True, check=False).returncode == 0  # control: as it was left
    folders.make(on_postgresql)
    done = subprocess.run(as_user, capture_output=True, check=False)
    assert (done.returncode == 0) == reads, done.stderr


def test_settings_without_a_password_stay_readable(
    made: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings_module, "CONFIGURATION", tmp_path / "etc")
    write(made)
    before = looks(file_of(made.installation))
    folders.make(made)
    assert looks(file_of(made.installation)) == before
    assert everything_wrong(made) == []


def test_before_the_first_up_a_password_is_roots_alone(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is no group yet that could read it, and no process that has to."""
    monkeypatch.setattr(settings_module, "CONFIGURATION", tmp_path / "etc")
    monkeypatch.setenv("SLUSE_INSTALLATION", settings.installation)
    write(settings.model_copy(update={"database_url": "postgresql+psycopg://sluse:secret@db.example/sluse"}))
    file = file_of(settings.installation)
    file.chmod(0o644)
    install._settings()
    assert (file.owner(), file.group(), file.stat().st_mode & 0o777) == ("root", "root", 0o640)
