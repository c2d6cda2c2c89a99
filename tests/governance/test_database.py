from __future__ import annotations

import threading

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import text

from governance import people
from governance.database import Database
from governance.errors import Invalid
from governance.tables import Base, Person
from output_review.tables import ReleaseRequest
from tests.conftest import NOW


def test_the_migrations_make_the_tables(database: Database) -> None:
    assert ReleaseRequest.__table__.metadata is Base.metadata  # every package's tables are in one history
    with database.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []


def test_another_revision_is_refused(database: Database) -> None:
    database.check_revision()
    with database.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = 'later'"))
    with pytest.raises(Invalid, match=r"run \./up"):
        database.check_revision()


def test_writers_wait_for_each_other(database: Database) -> None:
    """Of many who change what they read at once, none is lost."""
    with database.write() as tx:
        people.add(tx, "ada", "0", NOW)

    def add_one() -> None:
        for _ in range(5):
            with database.write() as tx:
                ada = tx.query(Person).with_for_update().filter_by(name="ada").one()
                ada.full_name = str(int(ada.full_name) + 1)

    threads = [threading.Thread(target=add_one) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with database.read() as tx:
        assert people.named(tx, "ada").full_name == "20"
