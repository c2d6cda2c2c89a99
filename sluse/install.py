"""What `./up` does: prepare the host, install this checkout's version, build images, start everything.

A fingerprint of all that goes in comes first: when nothing changed and everything runs there is nothing to do.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from importlib.metadata import version
from ipaddress import IPv4Network
from pathlib import Path

from docker import APIClient
from docker.errors import DockerException
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from governance.database import Database
from governance.errors import Invalid, Refused, Unavailable
from governance.settings import STATE, Settings, chosen, file_of, installed, load, proposed, write
from governance.tables import Base
from hub import certificates, container, folders, images, own_images, storage, walls
from sluse import changeover, demo, processes, status

SOURCE = Path(__file__).parent.parent
TOOLS = Path(sys.executable).parent
INPUTS = (
    "ansible",
    "extensions",
    "governance",
    "hub",
    "images",
    "output_review",
    "portal",
    "sluse",
    "pyproject.toml",
    "uv.lock",
)
STEPS = 6
SHORTEST_ROUTE = 8
"""A shorter prefix is a default route's, also in halves as OpenVPN writes it (`redirect-gateway def1`)."""


class Progress:
    """Numbered steps with their times."""

    def __init__(self) -> None:
        self.begun = time.monotonic()
        self.number = 0
        self.at = ""
        """The step that was last announced."""

    @contextmanager
    def step(self, what: str) -> Iterator[Callable[[str], None]]:
        """Announce a step; the block may say what it is at."""
        self.number += 1
        self.at = what
        begun = time.monotonic()
        print(f"[{self.number}/{STEPS}] {what}", flush=True)
        yield lambda at: print(f"      {time.monotonic() - begun:5.0f} s  {at}", flush=True)
        print(f"      {time.monotonic() - begun:5.1f} s  done", flush=True)

    def total(self) -> float:
        return time.monotonic() - self.begun


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Two at once would take each other's environment away."""
    with Path("/run/datasluse-up.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("Another ./up is at work here: waiting for it.", flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@_one_at_a_time()
def up(*, full: bool) -> Settings:
    """Bring the installation to this checkout's version and start it; changes nothing when it is there already.

    Raises:
        Refused: a step failed; the message says which and why, and what runs now.
    """
    _must_be_root()
    progress = Progress()
    settings = _settings()
    version = fingerprint()
    mark = f"{version} {hashlib.sha256(settings.model_dump_json().encode()).hexdigest()}"
    changed = not _mark(settings).exists() or _mark(settings).read_text() != mark
    if not full and not changed and status.all_up(settings):
        print(f"Nothing to do: {settings.installation} runs this version ({progress.total():.1f} s).")
        return settings
    _ports_are_free(settings)
    _network_is_free(settings)
    with _beside_what_runs(settings, progress):
        release, tags = _prepare(settings, version, progress)
    docker = APIClient(timeout=60)
    with progress.step("Changing over" if changed else "Starting what does not run") as say:
        if changed:
            changeover.change_over(settings, release, tags, docker, say)
        else:
            images.record(settings, tags)
            walls.apply(settings, docker)
            if not status.all_up(settings):
                processes.write_configuration(settings)
                processes.start(settings)
            status.wait_until_up(settings, say=say)
        _remove_old_releases(settings)
        for tag in images.remove_old(settings, docker):
            say(f"image of an earlier version removed: {tag}")
    with progress.step("Demo people, projects and data" if settings.demo else "No demo asked for") as say:
        if settings.demo:
            demo.install(settings, Database(settings.database), lambda: datetime.now(UTC), TOOLS, SOURCE, say)
    _mark(settings).write_text(mark)
    print(f"Ready after {progress.total():.0f} s.")
    return settings


def _prepare(settings: Settings, version: str, progress: Progress) -> tuple[Path, dict[str, str]]:
    """Everything that can be made beside what runs: the host, the release, the engine, the images (by name)."""
    with progress.step("Preparing the host: packages, accounts (Ansible)") as say:
        _ansible(settings, say)
    with progress.step("Installing this version") as say:
        folders.make(settings)
        certificates.keep(settings, datetime.now(UTC), at_once=True)  # what runs goes on when there is none to be had
        release = _deploy(settings, version, say)
    with progress.step("Docker engine"):
        processes.ensure_engine(release)
        docker = APIClient(timeout=60)
    with progress.step("Images") as say:
        tags = images.build(settings, SOURCE, TOOLS, docker, say)
        for tag in settings.own_images.values():
            say(f"image {tag}: check")
            wrong = [
                f"{one.what}: {one.wrong}" for one in own_images.check(settings, docker, tag, tags["base"]) if one.wrong
            ]
            if wrong:
                raise Invalid("the image {tag} cannot be a room: {wrong}", tag=tag, wrong="; ".join(wrong))
    return release, tags


@contextmanager
def _beside_what_runs(settings: Settings, progress: Progress) -> Iterator[None]:
    """Say of whatever fails inside the block which step it was, and that what ran goes on; nothing was stopped."""
    try:
        yield
    except Exception as e:
        reason = str(e) if isinstance(e, Refused) else f"{type(e).__name__}: {e}"
        if not isinstance(e, Refused) and settings.log.exists():
            with suppress(OSError), (settings.log / "up.log").open("a") as up_log:
                up_log.write(f"{datetime.now(UTC):%F %T} UTC\n{traceback.format_exc()}\n")
        goes_on = " What ran before goes on." if processes.states(settings) else ""
        raise Unavailable("{step}: {reason}.{goes_on}", step=progress.at, reason=reason, goes_on=goes_on) from e


@_one_at_a_time()
def destroy(settings: Settings) -> None:
    """Stop everything and remove the installation with its data, keys and audit chain; one half made, too.

    Raises:
        Unavailable: its PostgreSQL does not answer; nothing was removed.
    """
    _must_be_root()
    load(settings.installation)  # somebody else may have removed it while this waited
    database = Database(settings.database) if settings.database_url else None
    if database:
        _must_answer(database, settings)
    processes.stop(settings)
    if database:
        database.remove(Base.metadata.tables)
        database.engine.dispose()
    docker = APIClient(timeout=60)
    ours = {"label": f"datasluse.installation={settings.installation}"}
    for found in docker.containers(all=True, filters=ours):
        docker.remove_container(found["Id"], force=True, v=True)
    for network in docker.networks(filters=ours):
        docker.remove_network(network["Id"])
    walls.remove(settings)
    storage.close_all(settings)
    if processes.SYSTEMD.is_dir():
        subprocess.run(["systemctl", "disable", "-q", f"datasluse@{settings.installation}.service"], check=False)
    for folder in (settings.state, processes.current(settings).parent):
        if folder.exists():
            _remove(folder)
    for user in processes.users(settings):
        subprocess.run(["userdel", user], check=False, capture_output=True)
    subprocess.run(["groupdel", settings.group], check=False, capture_output=True)
    file_of(settings.installation).unlink()


def _must_answer(database: Database, settings: Settings) -> None:
    try:
        with database.read() as tx:
            tx.execute(text("SELECT 1"))
    except SQLAlchemyError as e:
        raise Unavailable(
            "the database does not answer, so nothing was removed: {reason}. Start it, or take `database_url` out of "
            "{file} to leave it as it is",
            reason=str(e).splitlines()[0],
            file=file_of(settings.installation),
        ) from None


def _remove(folder: Path) -> None:
    """Remove a folder with all that is in it. A mount point is emptied and stays, with the folders above it."""

    def stays(_: object, path: str, failed: tuple[type[BaseException], BaseException, object]) -> None:
        error = failed[1]
        if not isinstance(error, OSError) or error.errno not in (errno.EBUSY, errno.ENOTEMPTY):
            raise error
        if error.errno == errno.EBUSY:
            print(f"{path} is a mount point: it was emptied and stays.", flush=True)

    shutil.rmtree(folder, onerror=stays)


def fingerprint() -> str:
    """A hash of everything in this checkout that an installation is made from."""
    whole = hashlib.sha256()
    for name in INPUTS:
        top = SOURCE / name
        for path in sorted(top.rglob("*")) if top.is_dir() else [top]:
            if path.is_file() and not images.MADE & set(path.relative_to(SOURCE).parts):
                whole.update(f"{path.relative_to(SOURCE)}\0{path.stat().st_mode & 0o111}\0".encode())
                whole.update(hashlib.sha256(path.read_bytes()).digest())
    return whole.hexdigest()


def _settings() -> Settings:
    """The chosen installation's settings; a new one is a demo."""
    if not file_of(chosen()).exists():
        STATE.mkdir(mode=0o755, exist_ok=True)
        write(proposed(chosen(), installed(), demo=True, free=shutil.disk_usage(STATE).free))
    settings = load()
    folders.keep_password(settings)
    return settings


def _mark(settings: Settings) -> Path:
    return settings.state / "installed"


def _must_be_root() -> None:
    if os.geteuid() != 0:
        raise Invalid("this changes the machine: run ./up, which asks for sudo, or be root")


def _ports_are_free(settings: Settings) -> None:
    """Fail before anything is changed when somebody else listens on a port we need."""
    if processes.states(settings):
        return
    edge = (str(settings.address), settings.edge_port, "the portal")
    for address, port, what in (edge, ("127.0.0.1", settings.hub_port, "the hub")):
        with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                s.bind((address, port))
            except OSError:
                raise Unavailable(
                    "port {port} on {address}, which {what} needs, is taken by {holder}: "
                    "end that, or choose another in {file}",
                    port=port,
                    address=address,
                    what=what,
                    holder=_holder(port),
                    file=file_of(settings.installation),
                ) from None


def _holder(port: int) -> str:
    listing = subprocess.run(
        ["ss", "-Hltnp", f"sport = :{port}"], capture_output=True, text=True, check=False
    ).stdout.strip()
    return listing.split("users:", 1)[-1] if "users:" in listing else "another program"


def _network_is_free(settings: Settings) -> None:
    """Fail before anything is changed when addresses of this installation's network are in use already."""
    other = _network_of_docker(settings) or _route(settings)
    if other:
        raise Unavailable(
            "the network {network} of this installation overlaps {other}: remove that, or choose another `network` "
            "in {file}",
            network=settings.network,
            other=other,
            file=file_of(settings.installation),
        )


def _network_of_docker(settings: Settings) -> str | None:
    """A network of Docker's that is not ours and has some of our addresses; None while there is no engine."""
    try:
        with APIClient(timeout=20) as docker:
            for network, addresses in container.overlapping(docker, settings.network):
                if (network["Labels"] or {}).get("datasluse.installation") != settings.installation:
                    return f"Docker's network {network['Name']} ({addresses})"
    except DockerException:
        pass
    return None


def _route(settings: Settings) -> str | None:
    """A route of this host, in any of its tables, that leads some of our addresses elsewhere.

    Not asked once our front network is there: what was routed elsewhere before that is not reached from this host.
    """
    if not shutil.which("ip"):
        return None
    listing = subprocess.run(["ip", "-j", "-4", "route", "show", "table", "all"], capture_output=True, check=False)
    routes = json.loads(listing.stdout or "[]")
    if any(route.get("dev") == settings.front_bridge for route in routes):
        return None
    for route in routes:
        device = route.get("dev", "no device")
        addresses = IPv4Network("0.0.0.0/0" if route["dst"] == "default" else route["dst"])
        is_default = addresses.prefixlen < SHORTEST_ROUTE
        if not is_default and not device.startswith(settings.room_bridges) and addresses.overlaps(settings.network):
            return f"this host's route to {addresses} by {device}"
    return None


def _ansible(settings: Settings, say: Callable[[str], None]) -> None:
    variables = {
        "datasluse_installation": settings.installation,
        "datasluse_group": settings.group,
        "datasluse_users": ",".join(processes.users(settings)),
    }
    extra = [part for name, value in variables.items() for part in ("-e", f"{name}={value}")]
    environment = os.environ | {
        "ANSIBLE_LOCALHOST_WARNING": "False",
        "ANSIBLE_INVENTORY_UNPARSED_WARNING": "False",
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_PYTHON_INTERPRETER": "/usr/bin/python3",
        "LANG": "C.UTF-8",
        "LC_ALL": "C.UTF-8",
    }
    playbook = str(SOURCE / "ansible" / "site.yml")
    command = [str(TOOLS / "ansible-playbook"), "-i", "localhost,", "-c", "local", *extra, playbook]
    lines: list[str] = []
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment
    ) as playing:
        for line in playing.stdout or ():
            lines.append(line)
            if line.startswith("TASK ["):
                say(line.removeprefix("TASK [").rstrip(" *\n]"))
    if playing.returncode:
        raise Unavailable("the host could not be prepared:\n{tail}", tail="".join(lines[-25:]))


def _deploy(settings: Settings, fingerprint: str, say: Callable[[str], None]) -> Path:
    """Install this checkout's wheel with the locked libraries, root-owned, beside what runs now; returns the folder."""
    home = processes.current(settings).parent
    release = home / f"{version('datasluse')}+{fingerprint[:12]}"
    if not (release / "complete").exists():
        shutil.rmtree(release, ignore_errors=True)
        home.mkdir(parents=True, exist_ok=True)
        _install_into(release, say)
        (release / "complete").touch()
    return release


def _remove_old_releases(settings: Settings) -> None:
    """What nothing runs from any more: not before the new one is up."""
    link = processes.current(settings)
    for old in link.parent.iterdir():
        if old.is_dir() and not old.is_symlink() and old != link.resolve():
            shutil.rmtree(old)


def _install_into(release: Path, say: Callable[[str], None]) -> None:
    environment = os.environ | {
        "UV_CACHE_DIR": "/var/cache/datasluse/uv",
        "UV_LINK_MODE": "copy",
        "UV_NO_PROGRESS": "1",
    }
    environment.pop("VIRTUAL_ENV", None)
    uv = str(TOOLS / "uv")

    def run(*arguments: str) -> None:
        done = subprocess.run(
            [uv, *arguments], env=environment, capture_output=True, text=True, cwd=SOURCE, check=False
        )
        if done.returncode:
            raise Unavailable("uv {what} failed:\n{tail}", what=arguments[0], tail=done.stderr[-2000:])

    with tempfile.TemporaryDirectory(prefix="datasluse-wheel-") as work:
        say("wheel")
        run("build", "-q", "--wheel", "-o", work, str(SOURCE))
        wheel = next(Path(work).glob("*.whl"))
        locked = f"{work}/requirements.txt"
        run("export", "-q", "--frozen", "--no-dev", "--no-emit-project", "-o", locked)
        say("environment")
        python = str(release / "bin" / "python")
        run("venv", "-q", "--python", "/usr/bin/python3", str(release))
        run("pip", "install", "-q", "--python", python, "--require-hashes", "-r", locked)
        run("pip", "install", "-q", "--python", python, "--no-deps", str(wheel))
    subprocess.run([python, "-m", "compileall", "-q", str(release / "lib")], check=False, capture_output=True)
