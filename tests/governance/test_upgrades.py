"""A database with rows in it goes from every revision there ever was to this version's, and loses nothing."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Date,
    DateTime,
    Engine,
    Integer,
    MetaData,
    Table,
    insert,
    select,
    text,
    update,
)
from sqlalchemy.orm import Session

from governance.database import Database, _alembic
from governance.errors import Invalid
from governance.tables import Base
from inspection.places import words
from inspection.report import DROPPED, EVIDENCE, said
from output_review.tables import ReleaseRequest, RequestFile
from portal.translation import translator

REVISIONS = [revision.revision for revision in ScriptDirectory.from_config(_alembic()).walk_revisions()][::-1]
MOMENT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
WORDS = {
    ("cluster_containers", "part"): "worker",
    ("earlier_rounds", "data_versions"): [],
    ("members", "role"): "analyst",
    ("person_roles", "role"): "checker",
    ("projects", "tier"): "sensitive",
    ("release_requests", "data_versions"): [],
    ("release_requests", "status"): "in_review",
    ("request_files", "data_sets"): [],
    ("request_files", "dropped"): [],
    ("request_files", "findings"): [],
    ("request_files", "state"): "ready",
    ("rooms", "actual"): "open",
    ("rooms", "wanted"): "open",
    ("stops", "kind"): "pause",
}
"""What a column holds where not any value will do: a word of an enumeration, a list."""
ROWS = 2
"""In each table."""


def test_there_are_revisions_to_come_from() -> None:
    assert ReleaseRequest.__table__.metadata is Base.metadata  # every package's tables are in one history
    assert REVISIONS[:2] == ["0001", "0002"]


@pytest.mark.parametrize("revision", REVISIONS)
def test_rows_of_every_revision_come_through(empty_database: Database, revision: str) -> None:
    engine = empty_database.engine
    empty_database.migrate(revision)
    before = filled(engine)
    assert all(before.values())
    empty_database.migrate()
    empty_database.check_revision()
    tables = reflected(engine)
    for name, rows in before.items():
        kept = [column for column in tables[name].columns if column.name in rows[0]]
        lost = set(rows[0]) - {column.name for column in kept} - MOVED.get(name, set())
        assert not lost, name
        with engine.connect() as connection:
            after = [row._asdict() for row in connection.execute(select(*kept))]
        assert in_order(after) == in_order([{c.name: row[c.name] for c in kept} for row in rows]), name
    with Session(engine) as tx:  # every word of an enumeration, every moment, as the program reads it
        for mapper in Base.registry.mappers:
            assert len(tx.scalars(select(mapper.class_)).all()) == len(before.get(mapper.local_table.name, []))


def test_a_row_that_points_nowhere_is_refused_and_nothing_is_changed(tmp_path: Path) -> None:
    """On SQLite, which does not look while tables are rebuilt. PostgreSQL takes no such row in."""
    database = Database(f"sqlite:///{tmp_path / 'test.db'}")
    database.migrate("0004")
    filled(database.engine)
    driver = database.engine.raw_connection()
    driver.cursor().execute("PRAGMA foreign_keys=OFF")
    driver.cursor().execute("UPDATE members SET person_id = 77 WHERE person_id = 1")
    driver.close()
    with pytest.raises(Invalid, match=r"members \(to persons\)"):
        database.migrate()
    assert "clusters" not in reflected(database.engine)
    with database.engine.begin() as connection:
        connection.execute(text("UPDATE members SET person_id = 1 WHERE person_id = 77"))
    database.migrate()
    assert "clusters" in reflected(database.engine)
    database.engine.dispose()


MOVED = {"release_requests": {"purpose"}}
"""What a later revision moved elsewhere, by table."""


def filled(engine: Engine) -> dict[str, list[dict[str, Any]]]:
    """Put rows into every table as it is now; returns them as they were read again, by table."""
    tables = reflected(engine)
    with engine.begin() as connection:
        for table in tables.values():
            if not connection.execute(select(table)).all():
                connection.execute(insert(table), [row(table, number) for number in range(1, ROWS + 1)])
    with engine.connect() as connection:
        return {
            name: [found._asdict() for found in connection.execute(select(table))] for name, table in tables.items()
        }


def row(table: Table, number: int) -> dict[str, Any]:
    """A row in which every column holds something; what points to another table points to its row of this number."""
    return {column.name: value(table, column, number) for column in table.columns}


def value(table: Table, column: Column[Any], number: int) -> Any:
    for key in column.foreign_keys:
        return value(key.column.table, key.column, number)
    if (table.name, column.name) in WORDS:
        return WORDS[table.name, column.name]
    match column.type:
        case Boolean():
            return True
        case Integer():
            return number
        case DateTime():
            return MOMENT
        case Date():
            return date(2026, 3, number)
        case JSON():
            return {}
        case _:
            return str(number)


def reflected(engine: Engine) -> dict[str, Table]:
    """The tables there are but Alembic's own, parents first."""
    metadata = MetaData()
    metadata.reflect(engine)
    return {table.name: table for table in metadata.sorted_tables if table.name != "alembic_version"}


def in_order(rows: list[dict[str, Any]]) -> list[str]:
    return sorted(str(row) for row in rows)


def test_findings_in_words_are_still_said(empty_database: Database) -> None:
    empty_database.migrate("0010")
    filled(empty_database.engine)
    file = reflected(empty_database.engine)["request_files"]
    finding = {"rule": "cpr", "place": "row 2, column n", "evidence": "01••••-••••"}
    left_out = {"what": "byte order mark", "place": "start"}
    with empty_database.engine.begin() as connection:
        connection.execute(update(file).where(file.c.id == 1).values(findings=[finding], dropped=[left_out]))
    empty_database.migrate()
    with Session(empty_database.engine) as tx:
        [found], [dropped] = tx.get_one(RequestFile, 1).findings, tx.get_one(RequestFile, 1).dropped
        assert tx.get_one(RequestFile, 2).findings == []
    assert (found["check"], found["severity"]) == ("cpr", "block")
    assert words(found["place"]) == "row 2, column n"
    assert said(EVIDENCE, found["said"], found["values"]) == "01••••-••••"
    assert said(DROPPED, dropped["what"], dropped["values"], translator("da").gettext) == "byterækkefølgemærke (BOM)"
