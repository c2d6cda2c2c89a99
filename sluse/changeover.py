"""Changing from the release that runs to another: all of it, or the earlier one runs again.

What takes long and fails most, packages and images, is done before, beside what runs. Here everything is stopped and
copied, the databases get this version's form, and the new release starts. When any of it fails, the earlier release
comes back with its configuration and, where they were changed, its databases. What the failed one wrote is kept aside.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import signal
import sqlite3
import subprocess
import traceback
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

from docker import APIClient
from sqlalchemy import make_url, select
from sqlalchemy.exc import SQLAlchemyError

from governance.database import Database
from governance.errors import Refused, Unavailable
from governance.settings import Settings
from governance.tables import AuditHead, Base
from hub import folders, images, walls
from sluse import processes, status

KEPT = 5
"""Copies of before an upgrade; one more than four, and each is as large as the database."""
BY_HAND = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""How a person ends an upgrade: Ctrl-C, a kill, a terminal that is lost. All is stopped then, so it is a failure."""
Say = Callable[[str], None]
log = logging.getLogger("up")


@dataclass(frozen=True, slots=True)
class Copies:
    """What an installation was made of just before an upgrade: a folder, named by the time."""

    folder: Path
    release: Path | None
    """What ran; None before the first one."""
    revision: str | None
    """The form of the database's tables; None when there was none."""
    number: int
    """The last event of the audit chain."""


def change_over(settings: Settings, release: Path, tags: dict[str, str], docker: APIClient, say: Say) -> None:
    """Stop what runs, and start a release on its images in its place.

    Raises:
        Unavailable: it does not start, or a step before that failed; the earlier release runs again, if there was one.
    """
    copies = None
    heard = [number for number in BY_HAND if signal.getsignal(number) not in (signal.SIG_IGN, None)]  # not with nohup
    as_before = {number: signal.signal(number, _ended_by_hand) for number in heard}
    try:
        processes.stop(settings)
        copies = take(settings)
        say("database")
        migrate(settings, release)
        images.record(settings, tags)
        walls.apply(settings, docker)
        processes.point_to(settings, release)
        processes.write_configuration(settings)
        say("start")
        processes.start(settings)
        status.wait_until_up(settings, say=say)
    except (Exception, KeyboardInterrupt) as e:
        for number in heard:
            signal.signal(number, signal.SIG_IGN)
        raise Unavailable("{why}", why=_gone_back(settings, copies, e)) from e
    finally:
        for number, handler in as_before.items():
            signal.signal(number, handler)
    for old in sorted(copies.folder.parent.iterdir())[:-KEPT]:
        shutil.rmtree(old)


def take(settings: Settings) -> Copies:
    """Copy databases and configuration; nothing may run that writes to them.

    Raises:
        OSError, sqlite3.Error: the disk is full.
        Unavailable: PostgreSQL's own program does not copy.
    """
    folder = settings.state / "upgrades" / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    for of_one_that_was_killed in folder.parent.glob("*.partial"):
        shutil.rmtree(of_one_that_was_killed)
    partial = folder.with_suffix(".partial")
    partial.mkdir(mode=0o700, parents=True)
    try:
        copies = _copied(settings, partial)
    except BaseException:
        shutil.rmtree(partial)
        raise
    partial.rename(folder)
    return replace(copies, folder=folder)


def _copied(settings: Settings, folder: Path) -> Copies:
    for name, file in _sqlite_files(settings).items():
        if file.exists():
            _copy_sqlite(file, folder / name)
    if settings.database_url:
        _dump(settings.database_url, folder / "database.dump")
    for file in _configuration(settings):
        if file.exists():
            shutil.copy2(file, folder / file.name)
    release = processes.running_release(settings)
    revision, number = _stands(settings)
    (folder / "was.json").write_text(json.dumps({"release": str(release), "revision": revision, "event": number}))
    return Copies(folder, release, revision, number)


def give_back(settings: Settings, copies: Copies) -> None:
    """Put back what was copied: the configuration, and each database whose tables were changed.

    What the failed release wrote into a database, and signed of its chain, is kept beside the copies.
    """
    for file in _configuration(settings):
        if (copies.folder / file.name).exists():
            shutil.copy2(copies.folder / file.name, file)
    if _stands(settings)[0] != copies.revision and copies.revision is not None:
        if settings.database_url:
            _dump(settings.database_url, copies.folder / "failed.dump")
            _restore(settings.database_url, copies.folder / "database.dump")
        else:
            _put_back(_sqlite_files(settings)["datasluse.db"], copies.folder)
        _set_heads_aside(settings, copies)
    hub = _sqlite_files(settings)["hub.db"]
    of_before = copies.folder / hub.name
    if of_before.exists() and _sqlite_revision(hub) != _sqlite_revision(of_before):
        _put_back(hub, copies.folder)


def migrate(settings: Settings, release: Path) -> None:
    """Bring our database and the hub's to this version's form.

    Raises:
        Invalid: rows of ours point nowhere.
        Unavailable: the hub's own program does not take its database up.
    """
    with _opened(settings.database) as database:
        database.migrate()
    folders.make(settings)  # its files are root's so far
    hub = _sqlite_files(settings)["hub.db"]
    if hub.exists():
        upgrade = [str(release / "bin" / "jupyterhub"), "upgrade-db", "--db", f"sqlite:///{hub}"]
        done = subprocess.run(upgrade, capture_output=True, text=True, cwd="/", check=False)
        if done.returncode:
            raise Unavailable("the hub's database cannot be upgraded: {why}", why=done.stderr[-500:])


def _ended_by_hand(number: int, _: FrameType | None) -> None:
    """Not an Exception: whoever asks again what failed at the first try must not pass over it."""
    raise KeyboardInterrupt(f"it was ended by {signal.Signals(number).name}")


def _gone_back(settings: Settings, copies: Copies | None, why: BaseException) -> str:
    """Start the earlier release again; returns what to say about it all."""
    reason = (
        str(why)
        if isinstance(why, (Refused, KeyboardInterrupt))
        else f"{type(why).__name__}: {str(why).splitlines()[0]}"
    )
    file = settings.log / "up.log"
    with suppress(OSError), file.open("a") as up_log:  # a full disk keeps nobody from going back
        up_log.write(f"{datetime.now(UTC):%F %T} UTC\n{''.join(traceback.format_exception(why))}\n")
    earlier = copies.release if copies else processes.running_release(settings)
    if earlier is None:
        return f"the installation did not start: {reason} (all of it is in {file}); mend that and run ./up again"
    try:
        processes.stop(settings)
        if copies is not None:
            give_back(settings, copies)
            processes.point_to(settings, earlier)
            walls.forget(settings)  # the reconciler puts up those of its own version
        processes.start(settings)
        status.wait_until_answered(settings)
    except Exception as e:
        log.exception("the earlier release does not start")
        return (
            f"the upgrade failed: {reason}; and the earlier version did not start again: {e}. "
            f"Its database is in {copies.folder if copies else settings.state / 'db'}, all of it in {file}"
        )
    return f"the upgrade failed, and the earlier version runs again: {reason} (all of it is in {file})"


def _sqlite_files(settings: Settings) -> dict[str, Path]:
    state = settings.state
    ours = {} if settings.database_url else {"datasluse.db": state / "db" / "datasluse.db"}
    return ours | {"hub.db": state / "hub" / "hub.db", "clusters.db": state / "clusters" / "clusters.db"}


def _configuration(settings: Settings) -> list[Path]:
    """What a release writes for itself to read at its start."""
    edge = settings.run / "edge"
    of_edge = [edge / name for name in ("haproxy.cfg", "closed.html", "unavailable.http")]
    return [settings.state / "supervisord.conf", settings.state / "images.json", *of_edge]


def _copy_sqlite(file: Path, to: Path) -> None:
    """With what is in its write-ahead log; a copy of the file alone would be empty."""
    with closing(sqlite3.connect(file)) as database, closing(sqlite3.connect(to)) as copy:
        database.backup(copy)
    to.chmod(0o600)


def _put_back(file: Path, folder: Path) -> None:
    """Put a copy in a database's place, with its owner and mode; what is there is kept beside the copy."""
    was = file.stat()
    _copy_sqlite(file, folder / f"failed-{file.name}")
    for of_it in (file, file.with_name(f"{file.name}-wal"), file.with_name(f"{file.name}-shm")):
        of_it.unlink(missing_ok=True)
    partial = file.with_suffix(".partial")
    shutil.copyfile(folder / file.name, partial)
    os.chown(partial, was.st_uid, was.st_gid)
    partial.chmod(was.st_mode & 0o7777)
    partial.rename(file)


def _sqlite_revision(file: Path) -> str | None:
    with closing(sqlite3.connect(file)) as database, suppress(sqlite3.Error):
        row = database.execute("SELECT version_num FROM alembic_version").fetchone()
        return str(row[0]) if row else None
    return None


@contextmanager
def _opened(url: str) -> Iterator[Database]:
    """The database, and no connection to it afterwards: a file may be put in another's place."""
    database = Database(url)
    try:
        yield database
    finally:
        database.engine.dispose()


def _stands(settings: Settings) -> tuple[str | None, int]:
    """The form of our tables, and the number of the last event; (None, 0) before there are any."""
    if settings.database_url is None and not _sqlite_files(settings)["datasluse.db"].exists():
        return None, 0
    try:
        with _opened(settings.database) as database, database.read() as tx:
            revision = database.revision()
            return revision, tx.scalar(select(AuditHead.number)) or 0 if revision else 0
    except SQLAlchemyError as e:
        raise Unavailable("the database does not answer: {why}", why=getattr(e, "orig", e)) from e


def _set_heads_aside(settings: Settings, copies: Copies) -> None:
    """Signed heads of events that only the failed release's chain has."""
    for head in (settings.state / "releases" / "heads").glob("*.json"):
        if int(head.stem) > copies.number:
            shutil.move(head, copies.folder / f"head-{head.name}")


def _dump(url: str, to: Path) -> None:
    _postgresql(url, "pg_dump", "--format=custom", f"--file={to}")


def _restore(url: str, dump: Path) -> None:
    with _opened(url) as database:
        database.remove(Base.metadata.tables)
    _postgresql(
        url, "pg_restore", "--no-owner", "--exit-on-error", "--single-transaction", f"--dbname={_name(url)}", str(dump)
    )


def _name(url: str) -> str:
    return str(make_url(url).database)


def _postgresql(url: str, program: str, *arguments: str) -> None:
    """Run one of PostgreSQL's own programs; the password is in its environment, where nobody else sees it."""
    parts = make_url(url)
    known = {
        "PGHOST": parts.host or parts.query.get("host"),
        "PGPORT": parts.port and str(parts.port),
        "PGUSER": parts.username,
        "PGPASSWORD": parts.password,
        "PGDATABASE": parts.database,
    }
    environment = os.environ | {name: str(value) for name, value in known.items() if value}
    try:
        done = subprocess.run([program, *arguments], capture_output=True, text=True, env=environment, check=False)
    except FileNotFoundError:
        raise Unavailable("{program} is missing: apt install postgresql-client", program=program) from None
    if done.returncode:
        raise Unavailable("{program} failed: {why}", program=program, why=done.stderr.strip()[-500:])
