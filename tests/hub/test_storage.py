"""Volumes on real loop devices: a quota that holds, contents that cannot be read without the key, keys that go."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from governance import people, projects, rooms
from governance import settings as settings_module
from governance.database import Database
from governance.errors import Invalid, Unavailable
from governance.settings import Settings
from governance.tables import ProjectRole, RoomState
from governance.tiers import Tier
from hub import storage
from hub.storage import MIB
from tests.conftest import NOW

WORD = b"a word that is nowhere else, 0101705234"
NAME = "patients-of-region-x.csv"


@pytest.fixture
def here(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    """An installation's state in a folder of the test's, with small quotas."""
    monkeypatch.setattr(settings_module, "STATE", tmp_path)
    monkeypatch.setattr(storage, "STATE", tmp_path)
    small = settings.model_copy(update={"home_mib": 64, "project_mib": 64})
    for folder in ("volumes", "keys/volumes", "homes", "projects", "starters/7"):
        (small.state / folder).mkdir(parents=True)
    (small.state / "starters" / "7" / "start.ipynb").write_text("{}")
    yield small
    storage.close_all(small)


def opened(here: Settings, room: str = "aaaaaaaaaa") -> storage.Volume:
    storage.prepare_home(here, room, 7, 64000)
    return storage.home(here, room)


def test_a_new_home_has_the_starters_and_belongs_to_the_room(here: Settings) -> None:
    home = opened(here)
    assert [path.name for path in home.files.iterdir()] == ["start.ipynb"]
    assert {path.stat().st_uid for path in (home.files, home.files / "start.ipynb")} == {64000}
    assert home.key.stat().st_mode & 0o777 == 0o600
    storage.prepare_project(here, 7, 64000)
    assert (storage.project(here, 7).files / "shared.git" / "HEAD").exists()


def test_a_namesake_in_another_container_is_another_volume(here: Settings, tmp_path: Path) -> None:
    """Containers share the kernel's loop devices, and each has paths of its own."""
    home = opened(here)
    own = storage._device(home.image)
    assert own  # the control
    storage.close_all(here)
    root, seen_at = tmp_path / "root", tmp_path / "mnt"
    copied = root / home.image.relative_to("/")  # where it is, seen from that container's root
    copied.parent.mkdir(parents=True)
    seen_at.mkdir()
    shutil.copy(home.image, copied)
    attach = f"mount --bind {root} {seen_at} && losetup --find --show {seen_at}{home.image}"
    namesake = subprocess.run(
        ["unshare", "--mount", "sh", "-c", attach], capture_output=True, text=True, check=True
    ).stdout
    try:
        assert storage._device(home.image) is None
        assert (opened(here).files / "start.ipynb").exists()
    finally:
        subprocess.run(["losetup", "--detach", namesake.strip()], check=True)


def test_a_device_that_is_let_go_meanwhile_is_nobodys(here: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """`losetup` names it still, with nothing behind it: another room or container ended at that moment."""
    home = opened(here)
    plain = storage._run

    def run(*command: str) -> str:
        said = json.loads(plain(*command) or '{"loopdevices": []}')
        said["loopdevices"].insert(0, {"name": "/dev/loop99", "back-maj:min": None, "back-ino": None})
        return json.dumps(said)

    monkeypatch.setattr(storage, "_run", run)
    device = storage._device(home.image)
    assert device
    assert device != "/dev/loop99"
    assert storage._device(here.state / "none.img") is None


def test_a_home_follows_the_engines_users(here: Settings) -> None:
    """An engine that remaps users, or no longer does, runs the room as somebody else: all of the home is theirs."""
    home = opened(here)
    (home.files / "deep" / "er").mkdir(parents=True)
    (home.files / "deep" / "er" / "x").write_text("1")
    (home.files / "link").symlink_to("/etc/passwd")
    for path in (home.files / "deep", home.files / "deep" / "er", home.files / "deep" / "er" / "x"):
        os.chown(path, 64000, 64000)
    storage.close_all(here)
    storage.prepare_home(here, "aaaaaaaaaa", 7, 164000)
    everything = [home.files, *home.files.rglob("*")]
    assert len(everything) == 6
    assert {(path.lstat().st_uid, path.lstat().st_gid) for path in everything} == {(164000, 164000)}
    assert Path("/etc/passwd").stat().st_uid == 0


def test_what_is_written_is_there_again_and_noise_in_between(here: Settings) -> None:
    home = opened(here)
    (home.files / NAME).write_bytes(WORD * 1000)
    plain = here.state / "plain"
    plain.write_bytes(WORD)
    storage.close_all(here)
    assert not home.is_open
    assert not home.mount.exists()
    raw = home.image.read_bytes()
    assert WORD in plain.read_bytes()  # the control: it would be seen
    assert WORD not in raw
    assert NAME.encode() not in raw
    opened(here)
    assert (home.files / NAME).read_bytes() == WORD * 1000


def test_a_quota_holds_against_dd(here: Settings) -> None:
    home = opened(here)
    done = subprocess.run(
        ["dd", "if=/dev/zero", f"of={home.files}/big", "bs=1M", "count=200"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "No space left" in done.stderr
    assert 30 * MIB < (home.files / "big").stat().st_size < 64 * MIB
    os.sync()
    assert home.image.stat().st_blocks * 512 <= 65 * MIB
    with (here.state / "beside").open("wb") as file:  # the disk itself has place
        file.write(b"x" * MIB)
    storage.close_all(here)
    opened(here)  # a full home opens
    (home.files / "big").unlink()
    (home.files / "small").write_text("x")


def last_checked_long_ago(volume: storage.Volume) -> None:
    """As on another day: mounted since it was last checked."""
    subprocess.run(["tune2fs", "-T", "20200101", volume.image], check=True, capture_output=True)


def test_a_volume_opens_again_on_another_day(here: Settings) -> None:
    home = opened(here)
    (home.files / "kept").write_bytes(WORD)
    storage.close_all(here)
    last_checked_long_ago(home)
    assert (opened(here).files / "kept").read_bytes() == WORD


def test_a_damaged_volume_is_not_opened_and_the_operator_is_told_what_to_do(here: Settings) -> None:
    home = opened(here)
    storage.close_all(here)
    opened(here)  # the control
    storage.close_all(here)
    kept = home.image.read_bytes()
    with home.image.open("r+b") as file:
        file.write(bytes(64 << 10))
    with pytest.raises(Unavailable, match="is damaged: close its rooms and run e2fsck"):
        opened(here)
    assert not home.is_open
    home.image.write_bytes(kept)
    opened(here)


def test_a_volume_grows_and_keeps_what_it_has(here: Settings) -> None:
    home = opened(here)
    (home.files / "kept").write_bytes(WORD)
    at_once = storage.grow(here, home, 128)
    if not at_once:  # what is open may be grown by CAP_SYS_RESOURCE alone
        storage.close_all(here)
        last_checked_long_ago(home)
        opened(here)
    assert os.statvfs(home.files).f_blocks * 4096 > 100 * MIB
    assert (home.files / "kept").read_bytes() == WORD
    with pytest.raises(Invalid, match="does not shrink"):
        storage.grow(here, home, 64)
    with pytest.raises(Invalid, match="nothing to enlarge"):
        storage.grow(here, storage.home(here, "never"), 128)


def test_wiping_is_destroying_the_key(here: Settings, tmp_path: Path) -> None:
    home = opened(here)
    (home.files / NAME).write_bytes(WORD * 1000)
    with pytest.raises(Unavailable, match="in use"):
        storage.wipe(here, home)
    storage.close_all(here)
    stolen = tmp_path / "stolen.img"
    shutil.copy(home.image, stolen)
    storage.wipe(here, home)
    assert not home.key.exists()
    assert not home.image.exists()
    mount = tmp_path / "stolen"
    mount.mkdir()
    subprocess.run(["mount", "-o", "loop,ro", stolen, mount], check=True)
    try:
        scrambled = list((mount / "files").iterdir())
        assert len(scrambled) == 2
        assert NAME not in {path.name for path in scrambled}
        with pytest.raises(OSError, match="Required key not available"):
            scrambled[0].read_bytes()
    finally:
        subprocess.run(["umount", mount], check=True)


@contextlib.contextmanager
def another_namespace(begin: str) -> Iterator[subprocess.Popen[str]]:
    """A process called sleep that has a copy of every mount, as a container that starts; it has run `begin` first."""
    script = f"{begin} && echo begun && exec sleep 100"
    with subprocess.Popen(["unshare", "--mount", "sh", "-c", script], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            assert process.stdout.readline() == "begun\n"
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("caught", ["copied", "bound"])
def test_a_mount_that_was_caught_elsewhere_keeps_nothing(here: Settings, tmp_path: Path, caught: str) -> None:
    """A container that started meanwhile has a copy of the mount, or an operator's has it as a folder of its own."""
    home = opened(here)
    (home.files / NAME).write_bytes(WORD * 100_000)
    folder = home.mount if caught == "copied" else tmp_path / "bound"
    folder.mkdir(exist_ok=True)
    begin = "true" if caught == "copied" else f"mount --bind {home.mount} {folder}"
    with another_namespace(begin) as process, home.image.open("rb") as image:

        def read_there() -> bytes:
            command = ["nsenter", "--mount", "--target", str(process.pid), "cat", folder / "files" / NAME]
            return subprocess.run(command, capture_output=True, check=False).stdout

        assert read_there() == WORD * 100_000  # the control
        storage.close_all(here)
        assert not home.is_open
        assert read_there() == b""
        assert (storage._device(home.image) is None) == (caught == "copied")
        os.sync()
        assert os.fstat(image.fileno()).st_blocks * 512 > MIB  # the control
        storage.wipe(here, home)
        assert not home.key.exists()
        assert not home.image.exists()
        assert os.fstat(image.fileno()).st_blocks * 512 < MIB


def test_what_another_mount_can_still_read_is_not_wiped_before_its_key_is_gone(here: Settings, tmp_path: Path) -> None:
    """Taken off by hand, while a container has it: the kernel still has the key."""
    home = opened(here)
    (home.files / NAME).write_bytes(WORD)
    bound = tmp_path / "bound"
    bound.mkdir()
    with another_namespace(f"mount --bind {home.mount} {bound}") as process:
        command = ["nsenter", "--mount", "--target", str(process.pid), "cat", bound / "files" / NAME]
        subprocess.run(["umount", home.mount], check=True)
        assert subprocess.run(command, capture_output=True, check=False).stdout == WORD  # the control
        storage.wipe(here, home)
        assert subprocess.run(command, capture_output=True, check=False).stdout == b""
    assert not home.image.exists()


@pytest.mark.parametrize("how", ["exec 3< {files}/start.ipynb", "cd {files}", "mount --bind {files} /mnt"])
def test_a_volume_that_somebody_still_reads_is_not_closed(
    here: Settings, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """A room has it mounted so; anybody else may have a file or a folder open. The operator is told who."""
    monkeypatch.setattr(storage, "PATIENCE", 0.2)
    home = opened(here)
    with another_namespace(how.format(files=home.files)) as process:
        with pytest.raises(Unavailable, match=rf"still in use: sleep \({process.pid}\)"):
            storage.close_all(here)
        with pytest.raises(Unavailable, match="in use"):
            storage.wipe(here, home)
        assert home.key.exists()
        (opened(here).files / NAME).write_bytes(WORD)  # a room may open it again
        assert (home.files / NAME).read_bytes() == WORD
    storage.close_all(here)  # the control
    assert not home.is_open
    assert (opened(here).files / NAME).read_bytes() == WORD


def test_a_volume_whose_key_is_missing_is_not_made_anew(here: Settings) -> None:
    home = opened(here)
    storage.close_all(here)
    kept = home.key.read_bytes()
    home.key.unlink()
    with pytest.raises(Unavailable, match="restore it from a backup"):
        opened(here)
    home.key.write_bytes(kept)
    opened(here)


def test_a_start_that_broke_off_leaves_nothing_half_made(here: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    real = shutil.copyfile

    def broken(*_: object) -> str:
        raise OSError("the machine stops here")

    monkeypatch.setattr(shutil, "copyfile", broken)
    with pytest.raises(OSError, match="stops here"):
        opened(here)
    assert not storage.home(here, "aaaaaaaaaa").is_open
    monkeypatch.setattr(shutil, "copyfile", real)
    assert [path.name for path in opened(here).files.iterdir()] == ["start.ipynb"]


def test_what_a_process_that_was_killed_left_mounted_is_made_anew(
    here: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise OSError("the process ends here")

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "copyfile", killed)
        patch.setattr(storage, "_close", lambda _: None)  # nor does what would clear up after it run
        with pytest.raises(OSError, match="ends here"):
            opened(here)
    left = storage.home(here, "aaaaaaaaaa")
    assert left.is_open
    assert not any(left.files.iterdir())
    assert [path.name for path in opened(here).files.iterdir()] == ["start.ipynb"]


def test_a_plain_folder_of_before_is_taken_in(here: Settings) -> None:
    before = here.state / "homes" / "aaaaaaaaaa"
    before.mkdir()
    (before / "work.py").write_text("print(1)")
    os.chown(before / "work.py", 64000, 64000)
    home = opened(here)
    assert (home.files / "work.py").read_text() == "print(1)"
    assert (home.files / "work.py").stat().st_uid == 64000
    assert [path.name for path in (here.state / "homes").iterdir()] == ["aaaaaaaaaa"]


def test_what_the_disk_could_not_hold_is_not_opened(here: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    first = opened(here)
    free = shutil.disk_usage(here.state).free

    def disk(left: int) -> None:
        usage = shutil._ntuple_diskusage(free, free - left, left)  # type: ignore[attr-defined]
        monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)

    disk(storage.RESERVE + 100 * MIB)  # 64 are promised to the first
    with pytest.raises(Unavailable, match="no place for this: 64 MiB"):
        opened(here, "bbbbbbbbbb")
    assert not storage.home(here, "bbbbbbbbbb").image.exists()
    disk(storage.RESERVE + 140 * MIB)
    opened(here, "bbbbbbbbbb")
    assert first.is_open


def test_a_volume_that_cannot_be_closed_keeps_no_other_open(
    here: Settings, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage, "PATIENCE", 0.1)
    homes = [opened(here, name * 10) for name in "abcdef"]  # closed in any order
    held = homes[:3]
    with contextlib.ExitStack() as stack:
        for home in held:
            stack.enter_context(another_namespace(f"cd {home.files}"))
        with pytest.raises(Unavailable, match="still in use"):
            storage.close_unused(here, database)
        assert [home.is_open for home in homes] == [home in held for home in homes]
    storage.close_unused(here, database)  # the control
    assert not any(home.is_open for home in homes)


def test_volumes_that_no_room_needs_are_taken_off(here: Settings, database: Database) -> None:
    with database.write() as tx:
        project = projects.add(tx, "p1", "P", Tier.SYNTHETIC, "C", "P-1", NOW.date().replace(year=2030), NOW)
        made = []
        for name in ("ada", "bob"):
            person = people.add(tx, name, name, NOW, training_until=NOW.date().replace(year=2030))
            people.accept_terms(tx, person, NOW)
            projects.add_member(tx, project, person, ProjectRole.LEAD, NOW)
            made.append(rooms.want_open(tx, person, project, "small", here, NOW).id)
        number = project.id
    for room in made:
        storage.prepare_home(here, room, 7, 64000)
    storage.prepare_project(here, number, 64000)
    folder = storage.project(here, number)

    def end(room: str) -> None:
        with database.write() as tx:
            row = rooms.standing(tx, room).room
            rooms.want_closed(tx, row, NOW, reason=rooms.CLOSED_BY_PERSON)
            rooms.became(tx, row, RoomState.CLOSED, NOW)
        storage.close_unused(here, database)

    end(made[0])
    assert [storage.home(here, room).is_open for room in made] == [False, True]
    assert folder.is_open  # the other is still in it
    end(made[1])
    assert [storage.home(here, made[1]).is_open, folder.is_open] == [False, False]
