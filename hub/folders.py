"""The folders and keys of an installation, each with its one owner: one table makes them, mends them and looks at them.

Processes may write into some of these folders, and root works in them here: no link is ever followed below the state.
"""

from __future__ import annotations

import base64
import contextlib
import grp
import os
import pwd
import secrets
import shutil
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePath

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from governance.errors import Unavailable
from governance.settings import Settings, file_of

PrivateKey = ec.EllipticCurvePrivateKey | Ed25519PrivateKey


@dataclass(frozen=True, slots=True)
class Files:
    """Files that lie directly in a folder. A name with a dot in front is a file's that is still being written."""

    pattern: str
    """Of their names, as a shell's."""
    mode: int | None
    """None: its folder lets in nobody who may not read it."""
    owner: str = ""
    """Owner and group are suffixes of system users, "" is root; the group "database" is the installation's."""
    group: str = ""
    also_of: tuple[str, ...] = ()
    """Other owners that are well: whoever comes first makes such a file."""


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder under `/var/lib/datasluse/<installation>`; owner and group as those of its files."""

    path: str
    mode: int
    owner: str = ""
    group: str = ""
    files: tuple[Files, ...] = ()
    """The first pattern that fits a name counts; a file that none fits is not looked at."""
    secret: bool = False
    """What is in it opens something: it is looked at before every start of a room."""
    optional: bool = False
    """Something else makes it, when it is needed."""


ROOTS_ALONE = Files("*", 0o600)
PUBLIC_KEYS = Files("*.pem", 0o644)
WITH_PASSWORD = 0o640
"""The mode of a settings file that names a database."""
EACH_OWN = ("web", "intake", "mirror", "jobs", "release")
"""The accounts that may write to the embedded database: SQLite's files beside it belong to who opened it first."""

FOLDERS = (
    Folder("", 0o755),
    Folder(
        "db",
        0o2770,
        group="database",
        files=(
            Files("datasluse.db", 0o660, group="database"),
            Files("datasluse.db-*", 0o660, group="database", also_of=EACH_OWN),
            Files("*", None, group="database"),
        ),
    ),
    Folder(
        "keys",
        0o711,
        files=(Files("ticket.key", 0o600, "web"), Files("release.key", 0o600, "release"), PUBLIC_KEYS, ROOTS_ALONE),
        secret=True,
    ),
    Folder("keys/volumes", 0o700, files=(ROOTS_ALONE,), secret=True),
    Folder("data", 0o700),  # snapshots in it are for every room's user, so no other account may come as far
    Folder("assets", 0o755),
    Folder("masks", 0o755),
    Folder("volumes", 0o700, files=(ROOTS_ALONE,)),
    Folder("homes", 0o711),
    Folder("starters", 0o755),
    Folder("projects", 0o711),
    Folder("scratch", 0o711),
    Folder("hub", 0o700, secret=True),
    Folder("clusters", 0o700, secret=True),
    Folder("frozen", 0o711),
    Folder(
        "frozen/originals", 0o2750, "intake", "database", files=(Files("*", 0o440, owner="intake", group="database"),)
    ),
    Folder("frozen/canonical", 0o2750, "jobs", "database", files=(Files("*", 0o440, owner="jobs", group="database"),)),
    Folder("releases", 0o2750, "release", "database", files=(Files("*", 0o640, owner="release", group="database"),)),
    Folder(
        "releases/heads", 0o2750, "release", "database", files=(Files("*", 0o640, owner="release", group="database"),)
    ),
    Folder("packages", 0o700, owner="index"),
    Folder("log", 0o750),
    Folder("log/gates", 0o750),
    Folder("upgrades", 0o700),
    Folder("run", 0o755),
    Folder("run/edge", 0o750, group="edge"),
    Folder("run/edge/socket", 0o700),
    Folder("certificates", 0o711, files=(Files("authority.pem", 0o644), ROOTS_ALONE), secret=True),
    Folder("certificates/acme", 0o700, secret=True, optional=True),
    Folder("run/web", 0o750, owner="web", group="edge"),
    Folder("run/reconciler", 0o750, group="web"),
    Folder("run/sandboxd", 0o750, group="jobs"),
    Folder("run/jobs", 0o750, owner="jobs"),
    Folder("run/release", 0o750, owner="release"),
    Folder("run/index", 0o750, owner="index", group="mirror"),
    Folder("run/gates", 0o711),
)


def make(settings: Settings) -> None:
    """Make every folder, and every key that is missing; what is there keeps its contents.

    Owner, group and mode are set again by the names of accounts: a state that was restored beside other account numbers
    is right afterwards.

    Raises:
        Unavailable: an account is missing, or a link or a file is in a folder's place.
    """
    settings.state.mkdir(parents=True, exist_ok=True)
    keep_password(settings)
    for folder in FOLDERS:
        if not folder.optional:
            _make_folder(settings, folder)
        with _opened(settings, folder.path) as descriptor:
            if descriptor is None:
                continue
            demand_of_folder = _Demand.of(settings, folder)
            if demand_of_folder.differs(os.fstat(descriptor)):
                _set(descriptor, demand_of_folder)
            for name, demand, found in _files(settings, folder, descriptor):
                if demand.differs(found):
                    _mend(descriptor, name, demand)
    _key_pair(settings, "ticket", ec.generate_private_key(ec.SECP256R1()), "web")
    _key_pair(settings, "release", Ed25519PrivateKey.generate(), "release")
    token = settings.keys / "hub.token"
    if not token.exists():
        _secret(token, secrets.token_hex(32), "root")
    encryption = settings.keys / "clusters.key"
    if not encryption.exists():
        _secret(encryption, base64.b64encode(secrets.token_bytes(32)).decode(), "root")


def keep_password(settings: Settings) -> None:
    """Let only root and the installation's processes read settings that name a database: its password is in them.

    The edge's account, which is not in the installation's group, does not read settings.
    """
    if settings.database_url is None:
        return
    file = file_of(settings.installation)
    file.chmod(WITH_PASSWORD)
    try:
        shutil.chown(file, "root", settings.group)
    except LookupError:  # before the first ./up there is no such group, and no process
        shutil.chown(file, "root", "root")


def wrong(settings: Settings, *, secret: bool) -> Iterator[str]:
    """Each folder and file whose owner, group or mode is not the table's, with what is wrong; changes nothing.

    Args:
        secret: look at keys and the settings file, else at all other folders: there may be 100,000 files in them.

    Raises:
        Unavailable: an account is missing, or a link or a file is in a folder's place.
    """
    if secret and settings.database_url:
        file = file_of(settings.installation)
        difference = _Demand.of(settings, Files(file.name, WITH_PASSWORD, group="database")).differs(file.stat())
        if difference:
            yield f"{file} {difference}"
    for folder in FOLDERS:
        if folder.secret != secret:
            continue
        path = settings.state / folder.path
        with _opened(settings, folder.path) as descriptor:
            if descriptor is None:
                if not folder.optional:
                    yield f"{path} is missing"
                continue
            difference = _Demand.of(settings, folder).differs(os.fstat(descriptor))
            if difference:
                yield f"{path} {difference}"
            for name, demand, found in _files(settings, folder, descriptor):
                difference = _no_plain_file(found) or demand.differs(found)
                if difference:
                    yield f"{path / name} {difference}"


@dataclass(frozen=True, slots=True)
class _Demand:
    """What the table asks of one folder or file, with the numbers that the accounts have on this host."""

    owner: int
    others: frozenset[int]
    group: int
    mode: int | None

    @staticmethod
    def of(settings: Settings, rule: Folder | Files) -> _Demand:
        also_of = rule.also_of if isinstance(rule, Files) else ()
        try:
            return _Demand(
                pwd.getpwnam(_owner(settings, rule.owner)).pw_uid,
                frozenset(pwd.getpwnam(_owner(settings, suffix)).pw_uid for suffix in also_of),
                grp.getgrnam(_group(settings, rule.group)).gr_gid,
                rule.mode,
            )
        except KeyError as e:
            raise Unavailable("an account is missing: {reason}: run ./up --full", reason=e.args[0]) from None

    def differs(self, found: os.stat_result) -> str | None:
        """How something is not as it is asked for, as the end of a sentence that begins with its path."""
        if found.st_uid not in {self.owner, *self.others}:
            return f"belongs to {_user(found.st_uid)}, not to {_user(self.owner)}"
        if found.st_gid != self.group:
            return f"is of the group {_group_name(found.st_gid)}, not of {_group_name(self.group)}"
        mode = stat.S_IMODE(found.st_mode)
        if self.mode is not None and mode != self.mode:
            return f"has the mode {mode:o}, not {self.mode:o}"
        return None


@contextlib.contextmanager
def _opened(settings: Settings, path: str) -> Iterator[int | None]:
    """A descriptor of a folder below the state; None when it is not there."""
    try:
        descriptor = _open(settings, path)
    except FileNotFoundError:
        yield None
        return
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _open(settings: Settings, path: str) -> int:
    """Open a folder without following a link on the way to it from the state on."""
    descriptor = os.open(settings.state, os.O_RDONLY | os.O_DIRECTORY)
    for part in PurePath(path).parts:
        above = descriptor
        try:
            descriptor = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=above)
        except NotADirectoryError:
            raise Unavailable(
                "on the way to {path} is a link or a file: remove it", path=settings.state / path
            ) from None
        finally:
            os.close(above)
    return descriptor


def _make_folder(settings: Settings, folder: Folder) -> None:
    path = PurePath(folder.path)
    if not path.parts:
        return
    with _opened(settings, str(path.parent)) as above, contextlib.suppress(FileExistsError):
        os.mkdir(path.name, 0o700, dir_fd=above)


def _files(settings: Settings, folder: Folder, descriptor: int) -> Iterator[tuple[str, _Demand, os.stat_result]]:
    """The files of a folder that the table says something of; folders in it have lines of their own."""
    demands = [(files.pattern, _Demand.of(settings, files)) for files in folder.files]
    if not demands:
        return
    with os.scandir(descriptor) as entries:
        for entry in entries:
            demand = next((demand for pattern, demand in demands if fnmatchcase(entry.name, pattern)), None)
            if demand is None or entry.name.startswith(".") or entry.is_dir(follow_symlinks=False):
                continue
            with contextlib.suppress(FileNotFoundError):  # a file that was just being written has its own name now
                yield entry.name, demand, entry.stat(follow_symlinks=False)


def _no_plain_file(found: os.stat_result) -> str | None:
    """Why root does not set owner and mode here: it would be another file's, elsewhere."""
    if not stat.S_ISREG(found.st_mode):
        return "is a link or a device, not a file of ours: remove it"
    if found.st_nlink != 1:
        return "has a second name elsewhere: remove one of them"
    return None


def _mend(folder: int, name: str, demand: _Demand) -> None:
    """Set owner, group and mode of a plain file; anything else stays as it is, and `wrong` tells of it."""
    try:
        descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
    except OSError:
        return
    try:
        if not _no_plain_file(os.fstat(descriptor)):
            _set(descriptor, demand)
    finally:
        os.close(descriptor)


def _set(descriptor: int, demand: _Demand) -> None:
    os.fchown(descriptor, demand.owner, demand.group)
    if demand.mode is not None:
        os.fchmod(descriptor, demand.mode)


def _key_pair(settings: Settings, name: str, key: PrivateKey, owner: str) -> None:
    """Keep a new private key for the one process that signs with it, and its public half for everybody.

    `ticket` (ES256) opens rooms; `release` (Ed25519) signs releases and audit heads. An old key is never replaced.
    """
    private, public = settings.keys / f"{name}.key", settings.keys / f"{name}.pem"
    if private.exists():
        return
    format_of_public = serialization.PublicFormat.SubjectPublicKeyInfo
    public.write_bytes(key.public_key().public_bytes(serialization.Encoding.PEM, format_of_public))
    public.chmod(0o644)
    plain = serialization.NoEncryption()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    _secret(private, pem.decode(), settings.user(owner))


def _secret(path: Path, text: str, owner: str) -> None:
    partial = path.with_suffix(".partial")
    partial.unlink(missing_ok=True)
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    shutil.chown(partial, owner, "root")
    partial.rename(path)


def _owner(settings: Settings, suffix: str) -> str:
    return settings.user(suffix) if suffix else "root"


def _group(settings: Settings, suffix: str) -> str:
    return settings.group if suffix == "database" else _owner(settings, suffix)


def _user(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"the account number {number}"


def _group_name(number: int) -> str:
    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return f"number {number}"
