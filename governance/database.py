"""The one database: embedded SQLite, or PostgreSQL."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, MetaData, create_engine, event, make_url, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from governance.errors import Invalid, Unavailable

ONE_WRITER = text("SELECT pg_advisory_xact_lock(4471001)")
"""PostgreSQL lets many write at once, and each may then decide by what another is just changing. The number is ours."""
WAIT = 15
"""Seconds for the write lock, until a call fails."""
MIGRATIONS = Path(__file__).parent / "migrations"


class Database:
    """Transactions on the one database. One writes at a time, on either kind, so what it read stays true."""

    def __init__(self, url: str) -> None:
        self.engine = _engine(url)

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A transaction that may change things: committed at the end of the block, undone by any exception.

        It holds the write lock from the block's first line on: ask the clock there, and events stand in the order of
        their times.
        """
        with Session(self.engine, expire_on_commit=False) as tx, tx.begin():
            connection = tx.connection()  # on SQLite this says BEGIN IMMEDIATE
            if connection.dialect.name == "postgresql":
                connection.execute(ONE_WRITER)
            yield tx

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A transaction that only looks: it waits for nobody, and nothing it changed would be kept."""
        with (
            self.engine.connect().execution_options(looks_only=True) as connection,
            Session(connection, expire_on_commit=False) as tx,
        ):
            yield tx

    def migrate(self, to: str = "head") -> None:
        """Bring the tables to this version's form, all of it or nothing.

        Raises:
            Invalid: rows point to rows that are not there; everything is as it was before.
        """
        with self.engine.connect() as connection, _rebuilding_parents(connection), connection.begin():
            command.upgrade(_alembic(connection), to)
            _check_foreign_keys(connection)

    def check_revision(self) -> None:
        """Raise Invalid unless the tables have exactly the form this version was written for."""
        wanted = ScriptDirectory.from_config(_alembic()).get_current_head()
        found = self.revision()
        if found != wanted:
            raise Invalid(
                "the database is at revision {found}, this version needs {wanted}: run ./up", found=found, wanted=wanted
            )

    def revision(self) -> str | None:
        """The form that the tables have; None when there are none."""
        with self.engine.connect() as connection:
            return MigrationContext.configure(connection).get_current_revision()

    def remove(self, tables: Collection[str]) -> None:
        """Drop these tables, and what migrations made beside them; tables of others in the database stay.

        Raises:
            Unavailable: the database refuses, such as when another's table points to one of these; nothing is dropped.
        """
        ours = {*tables, "alembic_version"}
        try:
            with self.engine.connect() as connection, _rebuilding_parents(connection), connection.begin():
                there = MetaData()
                there.reflect(connection, only=lambda name, _: name in ours)
                there.drop_all(connection)
                if connection.dialect.name == "postgresql":
                    connection.execute(text("DROP FUNCTION IF EXISTS audit_refuse()"))
        except DBAPIError as e:
            reason = " ".join(str(e.orig).splitlines()[:2])  # PostgreSQL's second line names what is in the way
            raise Unavailable("the database's tables could not be removed: {reason}", reason=reason) from None


@contextmanager
def _rebuilding_parents(connection: Connection) -> Iterator[None]:
    """Let a migration drop a table that others point to, and make it anew.

    SQLite changes a column by rebuilding its table. With foreign keys on, dropping the old one deletes its rows first,
    and theirs refuse that. The pragma is ignored inside a transaction, so it is said to the driver before one begins.
    """
    if connection.dialect.name != "sqlite":
        yield
        return
    driver = connection.connection.cursor()
    driver.execute("PRAGMA foreign_keys=OFF")
    try:
        yield
    finally:
        driver.execute("PRAGMA foreign_keys=ON")


def _check_foreign_keys(connection: Connection) -> None:
    """See that no row points to one that is missing. PostgreSQL never stops looking."""
    if connection.dialect.name != "sqlite":
        return
    dangling = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
    if dangling:
        tables = ", ".join(sorted({f"{table} (to {parent})" for table, _, parent, _ in dangling}))
        raise Invalid("rows of the database point to rows that are not there: {tables}", tables=tables)


def _alembic(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    return config


def _engine(url: str) -> Engine:
    if make_url(url).get_backend_name() != "sqlite":
        return create_engine(url, pool_pre_ping=True, connect_args={"options": f"-c lock_timeout={WAIT}s"})
    engine = create_engine(url, connect_args={"timeout": WAIT, "check_same_thread": False})

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
