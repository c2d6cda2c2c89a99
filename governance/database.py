"""The one database: embedded SQLite, or PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.orm import Session

from governance.errors import Invalid

MIGRATIONS = Path(__file__).parent / "migrations"


class Database:
    """Transactions on the one database. `write` holds the write lock from its start, so what it read stays true."""

    def __init__(self, url: str) -> None:
        self.engine = _engine(url)

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A transaction that may change things: committed at the end of the block, undone by any exception."""
        with Session(self.engine, expire_on_commit=False) as tx, tx.begin():
            yield tx

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A transaction that only looks: it waits for nobody, and nothing it changed would be kept."""
        with (
            self.engine.connect().execution_options(looks_only=True) as connection,
            Session(connection, expire_on_commit=False) as tx,
        ):
            yield tx

    def migrate(self) -> None:
        """Bring the tables to this version's form."""
        with self.engine.begin() as connection:
            command.upgrade(_alembic(connection), "head")

    def check_revision(self) -> None:
        """Raise Invalid unless the tables have exactly the form this version was written for."""
        wanted = ScriptDirectory.from_config(_alembic()).get_current_head()
        with self.engine.connect() as connection:
            found = MigrationContext.configure(connection).get_current_revision()
        if found != wanted:
            raise Invalid(
                "the database is at revision {found}, this version needs {wanted}: run ./up", found=found, wanted=wanted
            )


def _alembic(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    return config


def _engine(url: str) -> Engine:
    if make_url(url).get_backend_name() != "sqlite":
        return create_engine(url, pool_pre_ping=True)
    engine = create_engine(url, connect_args={"timeout": 15, "check_same_thread": False})

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves, below
        for pragma in ("journal_mode=WAL", "foreign_keys=ON", "synchronous=FULL"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        looks_only = connection.get_execution_options().get("looks_only")
        connection.exec_driver_sql("BEGIN" if looks_only else "BEGIN IMMEDIATE")

    return engine
