"""The volumes that rooms write in: a home for each room, a folder for each project with a bare git repository, and
scratch for each worker of a cluster.

A volume is an ext4 file system in one file: its size is the quota, and it is encrypted with a key of its own (fscrypt).
It is open while a room that uses it runs; closed, its names and contents are noise, and without its key for ever.
A container that starts takes a copy of every mount of the host, and may keep it: so what closes a volume is that the
kernel forgets its key, for every mount of it, and not the unmounting.
A volume that is open can always be filled to its quota: what the disk could not hold is not opened.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import re
import secrets
import shutil
import stat
import struct
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from governance import clusters, rooms
from governance.database import Database
from governance.errors import Invalid, Unavailable
from governance.settings import STATE, Settings

MIB = 1 << 20

BLOCK = 4096
"""Bytes, of a volume's file system."""
RESERVE = 1 << 30
"""Bytes of the disk that no volume is ever given: the database, logs and frozen files live there too."""
PATIENCE = 5.0
"""Seconds: what a container had is let go a moment after it is removed."""
Filling = Callable[[Path], None]
"""What is put into a new volume."""

# include/uapi/linux/fscrypt.h
ADD_KEY, REMOVE_KEY, SET_POLICY, GET_POLICY = 0xC0506617, 0xC0406619, 0x800C6613, 0xC0096616
FILES_BUSY = 1
KEY_BY_IDENTIFIER, POLICY_V2 = 2, 2
AES_256_XTS, AES_256_CTS, PAD_32 = 1, 4, 3
KEY_SIZE = 64
# include/uapi/linux/loop.h
LOOP_GET_FREE, LOOP_MAJOR, LOOP_CONTROL = 0x4C82, 7, (10, 237)


@dataclass(frozen=True, slots=True)
class Volume:
    """One encrypted volume on the host."""

    image: Path
    key: Path
    mount: Path
    """Where it is mounted while it is open."""

    @property
    def files(self) -> Path:
        """The encrypted folder in it: what a room sees."""
        return self.mount / "files"

    @property
    def is_open(self) -> bool:
        return os.path.ismount(self.mount)


def home(settings: Settings, room: str) -> Volume:
    """The home of one person in one project."""
    return _volume(settings, f"home-{room}", settings.state / "homes" / room)


def project(settings: Settings, project_id: int) -> Volume:
    """The folder that a project's members share."""
    return _volume(settings, f"project-{project_id}", settings.state / "projects" / str(project_id))


def prepare_home(settings: Settings, room: str, project_id: int, uid: int) -> None:
    """Open a home; at the room's first start it is made, with the project's starter notebooks."""

    def fill(files: Path) -> None:
        starters = settings.state / "starters" / str(project_id)
        for starter in sorted(starters.glob("*.ipynb")):
            shutil.copyfile(starter, files / starter.name)

    with _alone(settings):
        _open(home(settings, room), settings.home_mib, uid, fill)


def prepare_project(settings: Settings, project_id: int, uid: int) -> None:
    """Open a project's folder; at its first room it is made, with `shared.git` to work on code together.

    It is never touched from the host again: what is in it is the researchers'.
    """

    def fill(files: Path) -> None:
        subprocess.run(
            ["/usr/bin/git", "init", "-q", "--bare", "--initial-branch=main", files / "shared.git"],
            check=True,
            capture_output=True,
            timeout=30,
            env={"GIT_CONFIG_NOSYSTEM": "1", "HOME": "/nonexistent"},
        )

    with _alone(settings):
        _open(project(settings, project_id), settings.project_mib, uid, fill)


def scratch(settings: Settings, worker: str) -> Volume:
    """Where one worker of a cluster puts what does not fit in its memory."""
    return _volume(settings, f"scratch-{worker}", settings.state / "scratch" / worker)


def prepare_scratch(settings: Settings, worker: str, mib: int, uid: int) -> Path:
    """Make a worker's scratch and return what it sees; raises Unavailable when the disk could not hold it."""
    with _alone(settings):
        volume = scratch(settings, worker)
        _open(volume, mib, uid, lambda _: None)
    return volume.files


def scratches_that_fit(settings: Settings, mib: int, coming: Iterable[tuple[str, int]]) -> int:
    """How many more workers' scratch of this size the disk could hold.

    Args:
        coming: (worker, MiB) of those that are claimed: some may not have theirs yet.
    """
    to_be_made = sum(size for worker, size in coming if not scratch(settings, worker).image.exists())
    left: int = _left(settings.state) // MIB - to_be_made
    return max(0, left) // mib


def unclaimed_scratch(settings: Settings, database: Database) -> set[str]:
    """The workers whose scratch no row claims. A claim comes before its scratch, so it is read after."""
    there = {image.stem.removeprefix("scratch-") for image in (settings.state / "volumes").glob("scratch-*")}
    with database.read() as tx:
        return there - clusters.claimed(tx)


def remove_scratch(settings: Settings, worker: str) -> None:
    """Destroy the scratch of a worker that ended, whatever there is of it.

    Raises:
        Unavailable: something still uses it.
    """
    volume = scratch(settings, worker)
    unfinished = replace(volume, image=volume.image.with_suffix(".partial"))
    with _alone(settings):
        _close(volume)
        _close(unfinished)
        unfinished.image.unlink(missing_ok=True)
    wipe(settings, volume)


def close_unused(settings: Settings, database: Database) -> None:
    """Take off every volume that no room needs, as the rows say it: a room's own, and its project's.

    Raises:
        Unavailable: something still uses one of them.
    """
    with _alone(settings):
        with database.read() as tx:
            here = [standing.room for standing in rooms.every(tx)]
            workers = clusters.claimed(tx)
        needed = {home(settings, room.id) for room in here} | {project(settings, room.project_id) for room in here}
        needed |= {scratch(settings, worker) for worker in workers}
        refused = []
        for volume in set(_mounted(settings)) - needed:
            try:
                _close(volume)
            except Unavailable as e:  # which keeps no other open
                refused.append(e)
    if refused:
        raise refused[0]


def close_all(settings: Settings) -> None:
    """Take every volume of an installation off, before its state is removed."""
    if not (settings.state / "volumes").exists():
        return
    with _alone(settings):
        for volume in _mounted(settings):
            _close(volume)


def size(volume: Volume) -> int:
    """A volume's quota in bytes; 0 when it was never made."""
    return volume.image.stat().st_size if volume.image.exists() else 0


def grow(settings: Settings, volume: Volume, mib: int) -> bool:
    """Give a volume a greater quota.

    Returns:
        Whether it counts at once; otherwise when it is next opened (ext4 lets only CAP_SYS_RESOURCE grow what is open).

    Raises:
        Invalid: it was never made, or is as large already.
        Unavailable: the disk has no place for it.
    """
    with _alone(settings):
        if not volume.image.exists():
            raise Invalid("it is made when a room that uses it is first opened: there is nothing to enlarge yet")
        more = mib * MIB - size(volume)
        if more <= 0:
            raise Invalid("it has {size} MiB already: a volume does not shrink", size=size(volume) // MIB)
        _must_fit(settings.state, more)
        os.truncate(volume.image, mib * MIB)
        device = _device(volume.image)
        if device is None:
            return False
        _run("losetup", "--set-capacity", device)
        return subprocess.run(["/usr/sbin/resize2fs", device], capture_output=True, check=False).returncode == 0


def wipe(settings: Settings, volume: Volume) -> None:
    """Destroy a volume's key, and with it everything in it; the file, which is noise then, is removed.

    Raises:
        Unavailable: it is open, or something still uses it.
    """
    with _alone(settings):
        if volume.is_open:
            raise Unavailable("{name} is in use: close its rooms first", name=volume.image.stem)
        if _device(volume.image):  # some other mount of it is left: is its key gone there, too?
            _mount(volume.image, volume.mount)
            _close(volume)
        if volume.key.exists():
            with volume.key.open("r+b") as file:
                file.write(secrets.token_bytes(KEY_SIZE))
                os.fsync(file.fileno())
            volume.key.unlink()
        if volume.image.exists():
            os.truncate(volume.image, 0)  # a mount that is left somewhere keeps no place of the disk
            volume.image.unlink()


# -- how ---------------------------------------------------------------------------------------------------------------
def _volume(settings: Settings, name: str, mount: Path) -> Volume:
    return Volume(settings.state / "volumes" / f"{name}.img", settings.keys / "volumes" / f"{name}.key", mount)


def _mounted(settings: Settings) -> list[Volume]:
    """The volumes that are open, by the kernel's list of mounts: there may be thousands that are not."""
    volume_of = {
        settings.state / "homes": lambda name: home(settings, name),
        settings.state / "projects": lambda name: project(settings, int(name)),
        settings.state / "scratch": lambda name: scratch(settings, name),
    }
    mounts = [Path(line.split()[4]) for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    return [volume_of[mount.parent](mount.name) for mount in mounts if mount.parent in volume_of]


@contextlib.contextmanager
def _alone(settings: Settings) -> Iterator[None]:
    """Hub, reconciler and commands open and close volumes, one at a time."""
    with (settings.state / "volumes" / ".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _open(volume: Volume, mib: int, uid: int, fill: Filling) -> None:
    if not volume.image.exists():
        _must_fit(volume.image.parents[1], mib * MIB)
        _make(volume, mib, uid, fill)
        return
    if not volume.key.exists():
        raise Unavailable("the key {key} is missing: restore it from a backup", key=volume.key)
    if volume.is_open:
        _add_key(volume)  # a closing that was refused has taken it away
        return
    shutil.rmtree(volume.mount.with_name(f".before-{volume.mount.name}"), ignore_errors=True)  # taken in already
    _must_fit(volume.image.parents[1], _unallocated(volume.image))
    _check(volume.image)
    _mount(volume.image, volume.mount)
    try:
        _add_key(volume)
        if volume.files.stat().st_uid != uid:
            _give(volume.files, uid)
    except BaseException:
        _close(volume)
        raise


def _give(files: Path, uid: int) -> None:
    """Make everything in a volume a room's user's, who is somebody else where the engine remaps users.

    The folder itself comes last: broken off, it is done again at the next opening.
    """
    for folder, folders, names in os.walk(files, topdown=False):
        for name in [*folders, *names]:
            os.chown(Path(folder) / name, uid, uid, follow_symlinks=False)
    os.chown(files, uid, uid)


def _make(volume: Volume, mib: int, uid: int, fill: Filling) -> None:
    """Make a volume and leave it open. It gets its name last: what bears it was made to its end."""
    partial = replace(volume, image=volume.image.with_suffix(".partial"))
    _close(partial)
    partial.image.unlink(missing_ok=True)
    volume.key.unlink(missing_ok=True)  # of an attempt that was not finished: nothing was ever kept under it
    with os.fdopen(os.open(volume.key, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(secrets.token_bytes(KEY_SIZE))
        os.fsync(file.fileno())
    with os.fdopen(os.open(partial.image, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.truncate(mib * MIB)
    _run("mkfs.ext4", "-q", "-O", "encrypt", "-m", "0", "-b", str(BLOCK), "-E", "nodiscard", str(partial.image))
    before = _folder_of_before(volume)
    _mount(partial.image, volume.mount)
    try:
        identifier = _add_key(partial)
        volume.files.mkdir(mode=0o700)
        with _folder(volume.files) as files:
            policy = struct.pack("BBBB4x16s", POLICY_V2, AES_256_XTS, AES_256_CTS, PAD_32, identifier)
            fcntl.ioctl(files, SET_POLICY, policy)
        if before:
            _run("cp", "--archive", "--no-target-directory", str(before), str(volume.files))
        else:
            fill(volume.files)
        _give(volume.files, uid)
        os.sync()
        partial.image.rename(volume.image)
    except BaseException:
        _close(partial)
        raise
    if before:
        shutil.rmtree(before)


def _close(volume: Volume) -> None:
    """Take a volume off: nobody reads it from here on, whoever else has it mounted.

    Raises:
        Unavailable: a process has something of it open, or mounted as rooms have, and keeps it for `PATIENCE`.
    """
    deadline = time.monotonic() + PATIENCE
    while volume.is_open:
        if _forget_key(volume):
            done = subprocess.run(["/usr/bin/umount", volume.mount], capture_output=True, check=False)
            if done.returncode == 0:
                continue
        if time.monotonic() > deadline:
            raise Unavailable("{name} is still in use: {why}", name=volume.image.stem, why=_users(volume.mount))
        time.sleep(0.1)
    with contextlib.suppress(OSError):  # not there, or with files of before in it
        volume.mount.rmdir()  # copies of the mount in other namespaces end with their folder
    device = _device(volume.image)
    if device:
        subprocess.run(["/usr/sbin/losetup", "--detach", device], capture_output=True, check=False)


def _check(image: Path) -> None:
    """Mend what a crash left, and let a volume that was enlarged while it was open have its new size."""
    if _device(image):
        return
    _mend(image)
    if _blocks(image) * BLOCK != image.stat().st_size:
        _mend(image, "-f")  # resize2fs takes only what was checked whole after it was last mounted
        _run("resize2fs", str(image))


def _mend(image: Path, *how: str) -> None:
    done = subprocess.run(["/usr/sbin/e2fsck", "-p", *how, image], capture_output=True, text=True, check=False)
    if done.returncode > 1:
        raise Unavailable("{image} is damaged: close its rooms and run e2fsck on it", image=image)


def _blocks(image: Path) -> int:
    """Of `BLOCK` bytes each, that a volume's file system counts.

    Raises:
        Unavailable: the image holds no file system.
    """
    said = _run("dumpe2fs", "-h", str(image))
    found = re.search(r"^Block count:\s+(\d+)$", said, re.MULTILINE)
    if found is None:
        raise Unavailable("{command} failed: {why}", command="dumpe2fs", why=said[-300:])
    return int(found[1])


def _mount(image: Path, where: Path) -> None:
    where.mkdir(mode=0o700, exist_ok=True)
    device = _device(image)
    if device is None:
        _ensure_loop_device()
        device = _run("losetup", "--find", "--show", str(image)).strip()
        # Else everything is cached twice, and read at an eighth of the speed. Some file systems cannot: then it is so.
        subprocess.run(["/usr/sbin/losetup", "--direct-io=on", device], capture_output=True, check=False)
    _run("mount", "-t", "ext4", "-o", "nodev,nosuid,discard", device, str(where))


def _ensure_loop_device() -> None:
    """Where /dev is not the kernel's own (in a container), the next loop device may have no name yet."""
    control = Path("/dev/loop-control")
    if not control.exists():
        os.mknod(control, 0o600 | stat.S_IFCHR, os.makedev(*LOOP_CONTROL))
    with control.open("rb") as file:
        number = fcntl.ioctl(file, LOOP_GET_FREE)
    device = Path(f"/dev/loop{number}")
    if not device.exists():
        os.mknod(device, 0o600 | stat.S_IFBLK, os.makedev(LOOP_MAJOR, number))


def _add_key(volume: Volume) -> bytes:
    """Give the mounted file system its key; returns the identifier that the kernel derives from it."""
    raw = volume.key.read_bytes()
    argument = bytearray(struct.pack("II32sII32x", KEY_BY_IDENTIFIER, 0, b"", len(raw), 0) + raw)
    with _folder(volume.mount) as mounted:
        fcntl.ioctl(mounted, ADD_KEY, argument)
    return bytes(argument[8:24])


def _forget_key(volume: Volume) -> bool:
    """Let the kernel forget a mounted file system's key, for every mount of it in every namespace.

    Returns:
        Whether nothing of it can be read any more; otherwise what a process has open can, and this can be tried again.
    """
    policy = bytearray(struct.pack("Q24x", 24))
    try:
        with _folder(volume.files) as files:
            fcntl.ioctl(files, GET_POLICY, policy)
    except OSError as e:
        if e.errno in (errno.ENOENT, errno.ENODATA):  # it was not made to its end, and is empty
            return True
        raise
    argument = bytearray(struct.pack("II16s40x", KEY_BY_IDENTIFIER, 0, policy[16:32]))
    try:
        with _folder(volume.mount) as mounted:
            fcntl.ioctl(mounted, REMOVE_KEY, argument)
    except OSError as e:
        if e.errno == errno.ENOKEY:  # it has none
            return True
        raise
    flags: int = struct.unpack_from("I", argument, 40)[0]
    return not flags & FILES_BUSY


def _users(mount: Path) -> str:
    """Who has something of a mounted volume open or mounted, for the operator, who may end it."""
    number = mount.stat().st_dev
    device = f"{os.major(number)}:{os.minor(number)}"
    users = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it ended meanwhile
            mounts = [line.split() for line in (process / "mountinfo").read_text().splitlines()]
            held = [path for path in ((process / "cwd"), *(process / "fd").iterdir()) if path.stat().st_dev == number]
            if held or any(fields[2] == device and fields[3] != "/" for fields in mounts):
                users.append(f"{(process / 'comm').read_text().strip()} ({process.name})")
    return ", ".join(users)


@contextlib.contextmanager
def _folder(path: Path) -> Iterator[int]:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _folder_of_before(volume: Volume) -> Path | None:
    """A plain folder of an earlier version of this software, put aside until its files are in the volume."""
    aside = volume.mount.with_name(f".before-{volume.mount.name}")
    if not aside.exists() and volume.mount.is_dir() and any(volume.mount.iterdir()):
        volume.mount.rename(aside)
    return aside if aside.exists() else None


def _devices() -> dict[tuple[int, int], str]:
    """Loop devices by what stands behind each (device, inode), as util-linux tells them apart.

    Not by its path: containers share the kernel's loop devices, and one may have had the same path. An image must never
    have two devices: each would be a file system of its own on it. One with nothing behind it was let go meanwhile.
    """
    listed = _run("losetup", "--list", "--json", "--output", "NAME,BACK-MAJ:MIN,BACK-INO")
    found = {}
    for one in json.loads(listed or "{}").get("loopdevices", []):
        if one["back-maj:min"] is not None:
            major, minor = (int(number) for number in one["back-maj:min"].split(":"))
            found[os.makedev(major, minor), int(one["back-ino"])] = one["name"]
    return found


def _device(image: Path) -> str | None:
    """The loop device that an image has."""
    return _devices().get(_identity(image))


def _identity(image: Path) -> tuple[int, int]:
    """What tells a file from every other; nothing's, when it is not there."""
    try:
        there = image.stat()
    except FileNotFoundError:
        return (0, 0)
    return (there.st_dev, there.st_ino)


def _must_fit(state: Path, more: int) -> None:
    """Raise Unavailable unless the disk could hold every open volume filled, this much more, and the reserve."""
    left = _left(state)
    if left < more:
        raise Unavailable(
            "the disk has no place for this: {needed} MiB are needed, {left} are left beside what open rooms may fill",
            needed=more // MIB,
            left=left // MIB,
        )


def _left(state: Path) -> int:
    """Bytes of the disk that are promised to nobody."""
    open_now = _devices()
    promised = sum(_unallocated(image) for image in STATE.glob("*/volumes/*.img") if _identity(image) in open_now)
    return max(0, shutil.disk_usage(state).free - promised - RESERVE)


def _unallocated(image: Path) -> int:
    """Bytes that a sparse file may still take of the disk."""
    found = image.stat()
    return max(0, found.st_size - found.st_blocks * 512)


def _run(*command: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, env={"PATH": "/usr/sbin:/usr/bin"})
    except OSError as e:
        raise Unavailable("{command} does not run: {why}", command=command[0], why=e.strerror) from e
    if done.returncode:
        raise Unavailable("{command} failed: {why}", command=command[0], why=done.stderr.strip()[-300:])
    return done.stdout
