from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect, select, text

from governance import audit, people, projects
from governance.audit import Event
from governance.database import Database
from governance.errors import Invalid, Unavailable
from governance.tables import Base, FormerMember, Person, Project, ProjectRole
from output_review.tables import ReleaseRequest
from tests.conftest import NOW


def test_the_migrations_make_the_tables(database: Database) -> None:
    assert ReleaseRequest.__table__.metadata is Base.metadata  # every package's tables are in one history
    with database.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []


PROJECT_OF_0007 = (
    "INSERT INTO projects (id, key, title, tier, controller, permit, permit_until, clusters)"
    " VALUES (1, 'p1', 'P', 'synthetic', 'C', 'P-1', '2026-12-31', false)"
)


def test_who_left_before_there_was_a_row_for_it_is_found_in_the_audit_chain(empty_database: Database) -> None:
    database = empty_database
    database.migrate("0007")
    with database.write() as tx:
        ada, grace = (people.add(tx, name, name, NOW) for name in ("ada", "grace"))
        tx.execute(text(PROJECT_OF_0007))  # today's has a column more
        project = Project(id=1)
        projects.add_member(tx, project, grace, ProjectRole.LEAD, NOW)
        for hours in (1, 2):
            audit.append(tx, Event("member.removed", ada.id, project.id), NOW + timedelta(hours=hours))
    database.migrate()
    with database.read() as tx:
        [left] = tx.scalars(select(FormerMember))
        assert (left.project_id, left.person_id, left.until) == (1, ada.id, NOW + timedelta(hours=2))


def test_all_that_is_ours_is_removed_and_nothing_else(database: Database) -> None:
    """The triggers and their function, too: the same database can take a new installation."""
    with database.engine.begin() as connection:
        connection.execute(text("CREATE TABLE somebody_elses (id INTEGER PRIMARY KEY)"))
    with database.write() as tx:
        people.add(tx, "ada", "Ada", NOW)
    database.remove(Base.metadata.tables)
    assert inspect(database.engine).get_table_names() == ["somebody_elses"]
    if database.engine.dialect.name == "postgresql":
        with database.engine.connect() as connection:
            left = text("SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace")
            assert connection.scalars(left).all() == []
            left = text("SELECT typname FROM pg_type WHERE typnamespace = 'public'::regnamespace AND typtype != 'b'")
            assert connection.scalars(left).all() == ["somebody_elses"]
    database.remove(Base.metadata.tables)
    database.migrate()
    with database.read() as tx:
        assert tx.query(Person).count() == 0


@pytest.mark.parametrize("kind_of_database", ["postgresql"])  # SQLite lets a table point to one that is not there
def test_tables_that_anothers_points_to_stay_all_of_them(database: Database) -> None:
    with database.engine.begin() as connection:
        connection.execute(text("CREATE TABLE somebody_elses (person INTEGER REFERENCES persons (id))"))
    with pytest.raises(Unavailable, match=r"could not be removed: .*somebody_elses"):
        database.remove(Base.metadata.tables)
    database.check_revision()


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
