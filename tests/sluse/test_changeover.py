"""What is copied before an upgrade comes back after one that failed: databases, configuration, nothing half."""

from __future__ import annotations

import os
import signal
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import select

from governance import audit
from governance.audit import Event
from governance.database import Database
from governance.errors import Unavailable
from governance.settings import Settings
from governance.tables import AuditEvent
from sluse import changeover, processes, status
from tests.conftest import NOW
from tests.governance.test_upgrades import filled, in_order


@pytest.fixture(autouse=True)
def heard() -> Iterator[None]:
    """No signal is ignored, whatever these tests were started by."""
    as_before = {number: signal.signal(number, signal.default_int_handler) for number in changeover.BY_HAND}
    yield
    for number, handler in as_before.items():
        signal.signal(number, handler)


EARLIER = "0007"
"""A revision whose audit chain is written as today's."""
CONFIGURATION = "[supervisord]\n; of the earlier version\n"


@pytest.fixture
def installed(
    empty_database: Database, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[Settings, Database]:
    """The state of an installation that runs an earlier version, on either database."""
    monkeypatch.setattr("governance.settings.STATE", tmp_path / "state")
    monkeypatch.setattr("governance.settings.RELEASES", tmp_path / "releases")
    monkeypatch.setattr(processes, "RELEASES", tmp_path / "releases")
    for folder in ("db", "hub", "clusters", "run/edge", "releases/heads", "log"):
        (settings.state / folder).mkdir(parents=True)
    (settings.state / "supervisord.conf").write_text(CONFIGURATION)
    home = processes.current(settings).parent
    for release in ("earlier", "new"):
        (home / release).mkdir(parents=True)
    processes.point_to(settings, home / "earlier")
    database = empty_database
    if database.engine.dialect.name == "postgresql":
        url = database.engine.url.render_as_string(hide_password=False)
        settings = settings.model_copy(update={"database_url": url})
    else:
        database = Database(settings.database)
    database.migrate(EARLIER)
    return settings, database


def happens(database: Database) -> None:
    with database.write() as tx:
        audit.append(tx, Event("login.ended"), NOW)


def events(database: Database) -> int:
    with database.read() as tx:
        return len(tx.scalars(select(AuditEvent)).all())


def test_a_database_that_was_changed_comes_back_with_all_its_rows(installed: tuple[Settings, Database]) -> None:
    settings, database = installed
    happens(database)
    before = filled(database.engine)
    database.engine.dispose()
    head = before["audit_head"][0]["number"]
    copies = changeover.take(settings)
    database.migrate()
    happens(database)
    database.engine.dispose()
    (settings.state / "supervisord.conf").write_text("of the new one")
    heads = settings.state / "releases" / "heads"
    for number in (head, head + 1):
        (heads / f"{number:012d}.json").write_text("{}")
    changeover.give_back(settings, copies)
    assert database.revision() == EARLIER
    assert {name: in_order(rows) for name, rows in filled(database.engine).items()} == {
        name: in_order(rows) for name, rows in before.items()
    }
    assert [file.name for file in heads.iterdir()] == [f"{head:012d}.json"]  # the other signs what is no more
    assert (settings.state / "supervisord.conf").read_text() == CONFIGURATION
    assert any(file.name.startswith("failed") for file in copies.folder.iterdir())
    database.migrate()  # and the next upgrade finds it as the first one did


def test_what_happened_meanwhile_is_kept_when_no_table_was_changed(installed: tuple[Settings, Database]) -> None:
    settings, database = installed
    copies = changeover.take(settings)
    happens(database)
    database.engine.dispose()
    changeover.give_back(settings, copies)
    assert events(database) == 1


def test_a_copy_that_fails_leaves_nothing(
    installed: tuple[Settings, Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, _ = installed
    upgrades = settings.state / "upgrades"
    (upgrades / "20260101T000000Z.partial").mkdir(parents=True)  # of one that was killed

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(changeover.shutil, "copy2", full)
        with pytest.raises(OSError, match="No space left"):
            changeover.take(settings)
    assert list(upgrades.iterdir()) == []
    copies = changeover.take(settings)  # control
    assert list(upgrades.iterdir()) == [copies.folder]


def test_a_database_of_the_hub_that_only_the_failed_release_made_stays(
    installed: tuple[Settings, Database],
) -> None:
    settings, _ = installed
    copies = changeover.take(settings)
    made = settings.state / "hub" / "hub.db"
    with closing(sqlite3.connect(made)) as hub:
        hub.executescript("CREATE TABLE alembic_version (version_num); INSERT INTO alembic_version VALUES ('a')")
    changeover.give_back(settings, copies)
    assert changeover._sqlite_revision(made) == "a"


@pytest.mark.parametrize(
    "fails",
    ["stop", "take", "migrate", "write_configuration", "start", "wait_until_up"],
)
@pytest.mark.parametrize("how", [*changeover.BY_HAND, None])
def test_whatever_fails_the_earlier_release_runs_again(
    installed: tuple[Settings, Database], fails: str, how: signal.Signals | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, database = installed
    done: list[str] = []
    home = processes.current(settings).parent

    def step(name: str, *, only_once: bool = False) -> Callable[..., None]:
        def work(*_: object, **__: object) -> None:
            done.append(name)
            if name == fails and not (only_once and done.count(name) > 1):
                if how is None:
                    raise OSError(28, "No space left on device")
                os.kill(os.getpid(), how)

        return work

    happens(database)
    database.engine.dispose()
    take, migrate = changeover.take, changeover.migrate
    monkeypatch.setattr(changeover.folders, "make", lambda _: None)
    monkeypatch.setattr(processes, "stop", step("stop", only_once=True))
    monkeypatch.setattr(changeover, "take", lambda s: step("take")() or take(s))
    monkeypatch.setattr(changeover, "migrate", lambda *given: migrate(*given) or step("migrate")())
    monkeypatch.setattr(changeover.images, "record", step("record"))
    monkeypatch.setattr(changeover.walls, "apply", step("walls"))
    monkeypatch.setattr(processes, "write_configuration", step("write_configuration"))
    monkeypatch.setattr(processes, "start", step("start", only_once=True))
    monkeypatch.setattr(status, "wait_until_up", step("wait_until_up"))
    monkeypatch.setattr(status, "wait_until_answered", step("answered"))
    with pytest.raises(Unavailable) as refused:
        changeover.change_over(settings, home / "new", {}, None, lambda _: None)  # type: ignore[arg-type]
    said = str(refused.value)
    why = f"it was ended by {how.name}" if how else "OSError: [Errno 28] No space left"
    assert said.startswith(f"the upgrade failed, and the earlier version runs again: {why}")
    assert "\n" not in said
    assert done[-2:] == ["start", "answered"]
    assert processes.running_release(settings) == home / "earlier"
    assert database.revision() == EARLIER
    assert events(database) == 1
    assert "Traceback" in (settings.log / "up.log").read_text()


def test_copies_are_dated_and_a_few_are_kept(
    installed: tuple[Settings, Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, _ = installed
    home = processes.current(settings).parent
    for module, name in ((processes, "stop"), (processes, "write_configuration"), (processes, "start")):
        monkeypatch.setattr(module, name, lambda *_: None)
    monkeypatch.setattr(changeover.walls, "apply", lambda *_: None)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does, and a lost terminal ends nothing
    monkeypatch.setattr(changeover, "migrate", lambda *_: os.kill(os.getpid(), signal.SIGHUP))
    monkeypatch.setattr(status, "wait_until_up", lambda *_, **__: None)
    upgrades = settings.state / "upgrades"
    for day in range(1, 9):
        (upgrades / f"2026010{day}T000000Z").mkdir(parents=True)
    changeover.change_over(settings, home / "new", {}, None, lambda _: None)  # type: ignore[arg-type]
    kept = sorted(folder.name for folder in upgrades.iterdir())
    assert len(kept) == changeover.KEPT
    assert kept[:-1] == [f"2026010{day}T000000Z" for day in range(5, 9)]
    assert processes.running_release(settings) == home / "new"
