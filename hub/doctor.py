"""What the walls rest on, looked at: the engine, the kernel, the firewall, the clock, the disk, the keys.

Before every start of a room `demand` asks what is mandatory, so that a wall that is gone closes the house and does not
open it. `tried` goes further: it puts a container behind the very same walls and has it try them.
"""

from __future__ import annotations

import ctypes
import itertools
import json
import re
import secrets
import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from pathlib import Path
from typing import Any

from docker import APIClient
from docker.errors import APIError, DockerException, ImageNotFound
from sqlalchemy.exc import SQLAlchemyError

from governance import audit
from governance.database import Database
from governance.errors import Refused, Unavailable
from governance.rooms import SIZES
from governance.settings import GATES, Settings
from hub import certificates, container, folders, images, masks, walls
from hub.plan import plan_room

OLDEST_ENGINE = (20, 10)
"""Debian 12's. Older ones were not tried."""
ENGINE_SETTINGS = Path("/etc/docker/daemon.json")
TIME_ERROR, STA_UNSYNC = 5, 0x40
"""linux/timex.h; either says that nothing set the clock right for long."""
CLOCK_NOT_KEPT = (
    "nothing keeps this host's clock, by which permits and tickets end: install chrony, or see why the time service "
    "that is here reaches no server (`chronyc sources`, `timedatectl timesync-status`)"
)
LEAST_FREE, ENOUGH_FREE = 1 << 30, 10 << 30
"""Bytes on the disk of the installation's state."""
RENEWAL_SLACK = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class Check:
    """One assumption."""

    name: str
    mandatory: bool
    """No room starts without it."""
    look: Callable[[Settings, APIClient], str | None]
    """What is wrong, with what to do about it; None when nothing is."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a check found."""

    name: str
    mandatory: bool
    wrong: str | None


def _engine_is_new_enough(_: Settings, docker: APIClient) -> str | None:
    said = docker.version()["Version"]
    if tuple(int(part) for part in said.split("+")[0].split(".")[:2]) < OLDEST_ENGINE:
        return f"Docker is {said}: install 20.10 or newer"
    return None


def _engine_filters_system_calls(_: Settings, docker: APIClient) -> str | None:
    if not any("seccomp" in option for option in docker.info()["SecurityOptions"]):
        return "the engine was built without seccomp: install Debian's docker.io"
    return None


def _engine_limits(_: Settings, docker: APIClient) -> str | None:
    said = docker.info()
    missing = [name for name in ("MemoryLimit", "PidsLimit", "CpuCfsQuota") if not said.get(name)]
    return f"the engine cannot limit {', '.join(missing)}: enable these control groups" if missing else None


def _rooms_outlive_the_engine(_: Settings, docker: APIClient) -> str | None:
    if not docker.info()["LiveRestoreEnabled"]:
        return "a restart of Docker ends every room: run ./up --full"
    return None


def _engine_keeps_its_settings(_: Settings, docker: APIClient) -> str | None:
    try:
        written = json.loads(ENGINE_SETTINGS.read_text().strip() or "{}")
    except FileNotFoundError:
        return None
    except ValueError as e:
        return f"{ENGINE_SETTINGS} is not JSON, so Docker would not start again: {e}"
    return engine_will_differ(written, docker.info())


def engine_will_differ(written: dict[str, Any], said: dict[str, Any]) -> str | None:
    """What changes for the worse when the engine next starts: by its settings file, and by what it says that it is now.

    A key that is not written may be one of its flags, so nothing follows from that.
    """
    if said["LiveRestoreEnabled"] and not written.get("live-restore", True):
        return f"{ENGINE_SETTINGS} says live-restore: false, so rooms end with Docker's next restarts: run ./up --full"
    remaps = any("name=userns" in option for option in said["SecurityOptions"])
    if "userns-remap" in written and bool(written["userns-remap"]) != remaps:
        return (
            f"{ENGINE_SETTINGS} says userns-remap: {json.dumps(written['userns-remap'])}, and Docker does not run with "
            "that; from its next start on it would find none of its containers and images: set it back, or do as "
            "docs/operator.md says of users of containers"
        )
    return None


def _engine_remaps_users(_: Settings, docker: APIClient) -> str | None:
    if not any("name=userns" in option for option in docker.info()["SecurityOptions"]):
        return "root in a container would be the host's root, should a wall fail: see docs/operator.md"
    container.id_on_host(docker, 0)
    return None


def _engine_gives_gpus(settings: Settings, docker: APIClient) -> str | None:
    if settings.gpus and "nvidia" not in docker.info()["Runtimes"]:
        return "clusters may use GPUs, and the engine has no `nvidia` runtime: install nvidia-container-toolkit"
    return None


def _kernel_encrypts_fast(_: Settings, __: APIClient) -> str | None:
    """Of the drivers of one cipher the kernel takes that of the highest priority."""
    entries = (re.findall(r"^(\w+)\s*: (.*)$", e, re.MULTILINE) for e in Path("/proc/crypto").read_text().split("\n\n"))
    ours = [words for words in map(dict, entries) if words.get("name") == "xts(aes)"]  # none before a volume was open
    taken = max(ours, key=lambda words: int(words["priority"]), default={"driver": ""})["driver"]
    if re.search("generic|fixed-time", taken):
        return "the kernel encrypts without the processor's AES, so homes and scratch are slow: take Debian's kernel"
    return None


def _firewall_stands(settings: Settings, _: APIClient) -> str | None:
    wrong = walls.broken(settings)
    return f"{wrong}: the reconciler puts it up again within 15 s, ./up --full at once" if wrong else None


def _front_network_is_ours(settings: Settings, docker: APIClient) -> str | None:
    try:
        container.same_network(docker, walls.front(settings))
    except Refused as e:
        return f"{e}: run ./up --full"
    return None


def _images_are_here(settings: Settings, docker: APIClient) -> str | None:
    for tag in images.tags(settings).values():
        try:
            docker.inspect_image(tag)  # type: ignore[no-untyped-call]
        except ImageNotFound:
            return f"the image {tag} is missing: run ./up --full"
    return None


def _database(settings: Settings) -> Database:
    """Raises Unavailable before `./up` made it: SQLite would make an empty one at the first look."""
    if settings.database_file and not settings.database_file.exists():
        raise Unavailable("there is no database yet: run ./up")
    return _connected(settings.database)


@cache
def _connected(url: str) -> Database:
    """One for the process: the hub asks at every start of a room."""
    return Database(url)


def _clock_goes_on(settings: Settings, _: APIClient) -> str | None:
    """A clock that was set back would let ended permits and tickets in again."""
    now = datetime.now(UTC)
    with _database(settings).read() as tx:
        latest = audit.clock_set_back(tx, now)
    if latest:
        return (
            f"the clock says {now:%F %T}, but something was recorded at {latest:%F %T}: set the clock; "
            "if it is right now and was wrong then, `sluse clock confirm`"
        )
    return None


class _Timex(ctypes.Structure):
    """The kernel's word on its clock, as far as `status` (adjtimex(2), struct timex)."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_byte * 256),
    )


def _clock_is_kept(_: Settings, __: APIClient) -> str | None:
    clock = _Timex(modes=0)  # asks, and sets nothing
    state = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(clock))
    if state < 0:
        raise OSError(ctypes.get_errno(), "adjtimex")
    return None if synchronised(state, clock.status) else CLOCK_NOT_KEPT


def synchronised(state: int, status: int) -> bool:
    """Whether a time service keeps the clock, by what adjtimex(2) returns and by its status word."""
    return state != TIME_ERROR and not status & STA_UNSYNC


def _database_is_this_versions(settings: Settings, _: APIClient) -> str | None:
    _database(settings).check_revision()
    return None


def _disk_has_room(least: int, settings: Settings, _: APIClient) -> str | None:
    free = shutil.disk_usage(settings.state).free
    if free < least:
        return f"{free / 1e9:.1f} GB are free under {settings.state}: make room, at least {least / 1e9:.0f} GB"
    return None


def _keys_have_their_owners(settings: Settings, _: APIClient) -> str | None:
    """What another account could read it may have read: the keys may be known by now."""
    other = next(folders.wrong(settings, secret=True), None)
    return f"{other}: run ./up --full, and think about who has read it" if other else None


def _stores_have_their_owners(settings: Settings, _: APIClient) -> str | None:
    other = next(folders.wrong(settings, secret=False), None)
    return f"{other}: run ./up --full" if other else None


def _kernel_filters_system_calls(_: Settings, __: APIClient) -> str | None:
    actions = Path("/proc/sys/kernel/seccomp/actions_avail")
    if not actions.exists() or "errno" not in actions.read_text().split():
        return "the kernel has no seccomp filter: boot Debian's own kernel"
    return None


def _kernel_encrypts(_: Settings, __: APIClient) -> str | None:
    if not Path("/sys/fs/ext4/features/encryption").exists():
        return "the kernel cannot encrypt ext4 (CONFIG_FS_ENCRYPTION): boot Debian's own kernel"
    missing = [name for name in ("mkfs.ext4", "e2fsck", "resize2fs", "losetup", "mount") if not shutil.which(name)]
    return f"{', '.join(missing)} is missing: run ./up --full" if missing else None


def _certificate_is_good(settings: Settings, _: APIClient) -> str | None:
    wrong = certificates.wrong(settings, datetime.now(UTC))
    return f"browsers refuse what the edge shows: {wrong}; see log/reconciler.log" if wrong else None


def _certificate_is_renewed(settings: Settings, _: APIClient) -> str | None:
    here, late = certificates.current(settings), datetime.now(UTC) - RENEWAL_SLACK
    if settings.certificate and here and here.is_due(late):
        return f"it ends at {here.leaf.not_valid_after_utc:%F %T} and was to be renewed: see log/reconciler.log"
    return None


CHECKS = (
    Check("the firewall's rules", True, _firewall_stands),
    Check("Docker's version", True, _engine_is_new_enough),
    Check("Docker filters system calls", True, _engine_filters_system_calls),
    Check("Docker limits memory, processes and CPU", True, _engine_limits),
    Check("the kernel filters system calls", True, _kernel_filters_system_calls),
    Check("the kernel encrypts homes", True, _kernel_encrypts),
    Check("the front network", True, _front_network_is_ours),
    Check("the images", True, _images_are_here),
    Check("the database's version", True, _database_is_this_versions),
    Check("the clock goes on", True, _clock_goes_on),
    Check("each key and password has its one owner", True, _keys_have_their_owners),
    Check("the certificate is good", True, _certificate_is_good),
    Check("the certificate is renewed in time", False, _certificate_is_renewed),
    Check("the disk is not full", True, partial(_disk_has_room, LEAST_FREE)),
    Check("each store has its one owner", False, _stores_have_their_owners),
    Check("a time service keeps the clock", False, _clock_is_kept),
    Check("the disk has enough for a while", False, partial(_disk_has_room, ENOUGH_FREE)),
    Check("the kernel encrypts fast", False, _kernel_encrypts_fast),
    Check("Docker can give GPUs away", False, _engine_gives_gpus),
    Check("rooms outlive a restart of Docker", False, _rooms_outlive_the_engine),
    Check("Docker keeps its settings when it restarts", False, _engine_keeps_its_settings),
    Check("users of containers are nobody on the host", False, _engine_remaps_users),
)


def examined(settings: Settings, docker: APIClient, *, mandatory_only: bool = False) -> Iterator[Found]:
    """Look at every assumption. What cannot be asked is wrong."""
    for check in CHECKS:
        if mandatory_only and not check.mandatory:
            continue
        try:
            wrong = check.look(settings, docker)
        except SQLAlchemyError as e:
            wrong = f"it cannot be asked: {str(e).splitlines()[0]}"  # what follows is SQL
        except (Refused, DockerException, OSError, KeyError, ValueError) as e:
            wrong = f"it cannot be asked: {e}"
        yield Found(check.name, check.mandatory, wrong)


def demand(settings: Settings, docker: APIClient) -> None:
    """Raise Unavailable unless everything mandatory holds."""
    for found in examined(settings, docker, mandatory_only=True):
        if found.wrong:
            raise Unavailable("no room is opened now: {what}: {wrong}", what=found.name, wrong=found.wrong)


# -- trying the walls --------------------------------------------------------------------------------------------------
PROBE = """
import json, os, socket, sys
def says(path):
    try:
        return bool(os.listdir(path) if os.path.isdir(path) else open(path).read(1))
    except OSError:
        return False
said = {"counts": [path for path in sys.argv[2].split(",") if says(path)]}
said["replaced"] = {path: open(path).read() for path in sys.argv[3].split(",")}
for address in sys.argv[4:]:
    try:
        with socket.create_connection((address, int(sys.argv[1])), timeout=1) as s:
            s.settimeout(1); said[address] = s.recv(100).decode()
    except OSError:
        said[address] = ""
try:
    said["name"] = socket.gethostbyname("deb.debian.org")
except OSError:
    said["name"] = ""
said["status"] = open("/proc/self/status").read()
print(json.dumps(said))
"""


def tried(settings: Settings, docker: APIClient) -> Iterator[Found]:
    """Put a container behind a room's walls and have it try them; an ordinary container shows that the try is real."""
    addresses = sorted({str(settings.front_host), *_host_addresses()})
    with _listener() as (port, word):
        arguments = [str(port), ",".join(masks.masked(replaced=True)), ",".join(masks.REPLACED), *addresses]
        outside = _ran(docker, _ordinary(settings, arguments))
        inside = _ran_as_room(settings, docker, arguments)
    if word not in outside.values() or not outside["counts"]:
        yield Found("the try itself", True, "an ordinary container heard nothing of this host: nothing was shown")
        return
    heard = [address for address in addresses if inside[address] == word]
    reached = f"a room reaches this host at {', '.join(heard)}: run ./up --full" if heard else None
    yield Found("a room does not reach the host", True, reached)
    named = f"a room finds names ({inside['name']}): check `dns` in hub/container.py" if inside["name"] else None
    yield Found("a room finds no names", True, named)
    status = dict(line.split(":\t", 1) for line in inside["status"].splitlines() if ":\t" in line)
    expected = {"Seccomp": "2", "NoNewPrivs": "1", "CapEff": "0" * 16, "CapBnd": "0" * 16}
    weak = [name for name, value in expected.items() if status.get(name) != value]
    yield Found("a room has no privilege", True, f"{', '.join(weak)} is not as it should be" if weak else None)
    own = masks.files(SIZES["small"])
    seen = [*inside["counts"], *(path for path, text in inside["replaced"].items() if text != own[path])]
    counts = f"a room reads {', '.join(seen)}: install a Docker that masks what it is told to" if seen else None
    yield Found("a room sees nothing that the kernel counts for all", True, counts)


@contextmanager
def _listener() -> Iterator[tuple[int, str]]:
    """Something on every address of the host that says a word nobody else knows."""
    word = secrets.token_hex(8)
    with closing(socket.create_server(("0.0.0.0", 0))) as server:  # noqa: S104 (that is the try)

        def answer() -> None:
            while True:
                try:
                    with server.accept()[0] as caller:
                        caller.sendall(word.encode())
                except OSError:
                    return

        threading.Thread(target=answer, daemon=True).start()
        yield int(server.getsockname()[1]), word


def _host_addresses() -> set[str]:
    """IPv4 addresses of this host but loopback's."""
    table = Path("/proc/net/fib_trie").read_text().split("\n")
    local = {above.split()[-1] for above, line in itertools.pairwise(table) if "/32 host LOCAL" in line}
    return {address for address in local if not address.startswith("127.")}


def _ordinary(settings: Settings, arguments: list[str]) -> dict[str, Any]:
    name = f"sluse-{settings.installation}-doctor-outside"
    return {
        "name": name,
        "image": images.tags(settings)["base"],
        "command": ["python", "-c", PROBE, *arguments],
        "labels": {"datasluse.installation": settings.installation, "datasluse.part": "doctor"},
        "host_config": {"network_mode": "bridge", "cap_drop": ["ALL"]},
        "networking_config": {},
    }


def _ran_as_room(settings: Settings, docker: APIClient, arguments: list[str]) -> dict[str, Any]:
    plan = plan_room("doctordoct", 0, 0, GATES - 1, "small", [], settings)
    network = container.network(plan)
    wanted = container.room(plan, images.tags(settings)["base"], "")
    wanted["command"] = ["python", "-c", PROBE, *arguments]
    wanted["host_config"]["binds"] = masks.binds(plan.masks, plan.size)
    masks.prepare(settings, plan.size)
    container.ensure_network(docker, network)
    try:
        return _ran(docker, wanted)
    finally:
        container.remove_network(docker, network["name"])


def _ran(docker: APIClient, wanted: dict[str, Any]) -> dict[str, Any]:
    """Run a container to its end and read what it printed last."""
    container.create(docker, wanted)
    try:
        docker.start(wanted["name"])
        docker.wait(wanted["name"], timeout=60)
        printed = docker.logs(wanted["name"]).decode()
        return dict(json.loads(printed.strip().splitlines()[-1]))
    except (APIError, ValueError, IndexError) as e:
        raise Unavailable("the try did not end as it should: {reason}", reason=e) from e
    finally:
        container.remove(docker, wanted["name"], wanted["labels"])
