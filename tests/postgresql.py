"""A PostgreSQL server of our own on a socket, run by Debian's programs, and databases on it."""

from __future__ import annotations

import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import create_engine, text


@contextmanager
def server(*, everybody: bool = False) -> Iterator[str]:
    """Runs inside the block; yields a URL with a place for a database's name.

    Args:
        everybody: every account of this host may connect, as the processes of an installation do.

    Not below pytest's own folder: another run beside this one may remove that.
    """
    home = Path(tempfile.mkdtemp(prefix="sluse-pg-"))  # a socket's path is at most 107 bytes
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"))[-1]
    shutil.chown(home, "postgres", "postgres")
    home.chmod(0o711 if everybody else 0o700)

    def as_postgres(*command: str) -> None:
        subprocess.run(["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", *command], check=True)

    data = home / "data"
    as_postgres(str(programs / "initdb"), "-D", str(data), "-A", "trust", "--no-sync", "-N")
    options = f"-c listen_addresses='' -c unix_socket_directories={home} -c fsync=off"
    as_postgres(str(programs / "pg_ctl"), "-D", str(data), "-w", "-l", str(home / "log"), "-o", options, "start")
    try:
        yield f"postgresql+psycopg://postgres@/{{name}}?host={home}"
    finally:
        as_postgres(str(programs / "pg_ctl"), "-D", str(data), "-m", "immediate", "stop")
        shutil.rmtree(home)


def created(server: str, options: str = "") -> str:
    """Make a database on the server; returns its URL."""
    name = f"t{secrets.token_hex(6)}"
    admin = create_engine(server.format(name="postgres"), isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name} {options}"))
    admin.dispose()
    return server.format(name=name)
