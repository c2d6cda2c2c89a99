"""What `./up` does: prepare the host, install this checkout's version, build images, start everything.

A fingerprint of all that goes in comes first: when nothing changed and everything runs there is nothing to do.
"""

from __future__ import annotations

import fcntl
import grp
import hashlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from docker import APIClient

from governance.database import Database
from governance.errors import Invalid, Unavailable
from governance.settings import Settings, chosen, file_of, installed, load, proposed, write
from hub import certificates, images, own_images, storage, walls
from sluse import demo, folders, processes, status

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
STEPS = 7


class Progress:
    """Numbered steps with their times."""

    def __init__(self) -> None:
        self.begun = time.monotonic()
        self.number = 0

    @contextmanager
    def step(self, what: str) -> Iterator[Callable[[str], None]]:
        """Announce a step; the block may say what it is at."""
        self.number += 1
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
    """Bring the installation to this checkout's version and start it; changes nothing when it is there already."""
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
    with progress.step("Preparing the host: packages, accounts (Ansible)") as say:
        _ansible(settings, say)
    with progress.step("Installing this version") as say:
        folders.make(settings)
        certificates.keep(settings, datetime.now(UTC), at_once=True)  # what runs goes on when there is none to be had
        _deploy(settings, version, say)
    with progress.step("Docker engine, firewall rules and front network"):
        processes.ensure_engine(settings)
        docker = APIClient(timeout=60)
        walls.apply(settings, docker)
    with progress.step("Images") as say:
        images.build(settings, SOURCE, TOOLS, docker, say)
        for tag in settings.own_images.values():
            say(f"image {tag}: check")
            wrong = [f"{one.what}: {one.wrong}" for one in own_images.check(settings, docker, tag) if one.wrong]
            if wrong:
                raise Invalid("the image {tag} cannot be a room: {wrong}", tag=tag, wrong="; ".join(wrong))
    with progress.step("Database"):
        if changed:
            processes.stop(settings)
        _migrate(settings)
    with progress.step("Starting") as say:
        processes.write_configuration(settings)
        if changed or not status.all_up(settings):
            processes.start(settings)
        status.wait_until_up(settings)
        _remove_old_releases(settings)
        for tag in images.remove_old(docker):
            say(f"image of an earlier version removed: {tag}")
    with progress.step("Demo people, projects and data" if settings.demo else "No demo asked for") as say:
        if settings.demo:
            demo.install(settings, Database(settings.database), datetime.now(UTC), TOOLS, SOURCE, say)
    _mark(settings).write_text(mark)
    print(f"Ready after {progress.total():.0f} s.")
    return settings


@_one_at_a_time()
def destroy(settings: Settings) -> None:
    """Stop everything and remove the installation with its data, keys and audit chain; one half made, too."""
    _must_be_root()
    load(settings.installation)  # somebody else may have removed it while this waited
    processes.stop(settings)
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
            shutil.rmtree(folder)
    for user in processes.users(settings):
        subprocess.run(["userdel", user], check=False, capture_output=True)
    subprocess.run(["groupdel", settings.group], check=False, capture_output=True)
    file_of(settings.installation).unlink()


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
        write(proposed(chosen(), installed(), demo=True))
    return load()


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


def _deploy(settings: Settings, fingerprint: str, say: Callable[[str], None]) -> None:
    """Install this checkout's wheel with the locked libraries, root-owned, beside what runs now."""
    home = processes.current(settings).parent
    release = home / f"{version('datasluse')}+{fingerprint[:12]}"
    link = processes.current(settings)
    if not (release / "complete").exists():
        shutil.rmtree(release, ignore_errors=True)
        home.mkdir(parents=True, exist_ok=True)
        _install_into(release, say)
        (release / "complete").touch()
    fresh = link.with_name("current.new")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(release.name)
    fresh.rename(link)


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


def _migrate(settings: Settings) -> None:
    """Bring our database and the hub's to this version, with a copy of ours kept beside it."""
    file = settings.state / "db" / "datasluse.db"
    if settings.database_url is None and file.exists():
        subprocess.run(
            [
                sys.executable,
                "-c",
                "import sqlite3,sys; sqlite3.connect(sys.argv[1]).backup(sqlite3.connect(sys.argv[2]))",
                str(file),
                str(file.with_suffix(".before-upgrade.db")),
            ],
            check=True,
        )
    Database(settings.database).migrate()
    for name in (file.name, f"{file.name}-wal", f"{file.name}-shm"):
        _for_the_group(file.parent / name, settings.group)
    hub_database = settings.state / "hub" / "hub.db"
    if hub_database.exists():
        jupyterhub = processes.current(settings).resolve() / "bin" / "jupyterhub"
        subprocess.run(
            [jupyterhub, "upgrade-db", "--db", f"sqlite:///{hub_database}"], check=True, capture_output=True, cwd="/"
        )


def _for_the_group(path: Path, group: str) -> None:
    """Let the group use one of the database's files. Its folder is the group's, so no link is followed here."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW)
    except FileNotFoundError:
        return
    try:
        os.fchown(descriptor, 0, grp.getgrnam(group).gr_gid)
        os.fchmod(descriptor, 0o660)
    finally:
        os.close(descriptor)
