"""What the doctor says, as far as it can be seen without the stack."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from docker import APIClient

from governance import settings as settings_module
from governance.database import Database
from governance.settings import Settings
from hub import doctor


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where installations of this test have their state; connections to their databases are closed after it."""
    monkeypatch.setattr(settings_module, "STATE", tmp_path)
    monkeypatch.setattr(settings_module, "CONFIGURATION", tmp_path / "etc")
    opened: list[Database] = []

    class Opened(Database):
        def __init__(self, url: str) -> None:
            super().__init__(url)
            opened.append(self)

    monkeypatch.setattr(doctor, "Database", Opened)
    doctor._connected.cache_clear()
    yield tmp_path
    doctor._connected.cache_clear()
    for database in opened:
        database.engine.dispose()


def told(settings: Settings, name: str) -> str | None:
    """What the check of this name finds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(doctor, "CHECKS", [check for check in doctor.CHECKS if check.name == name])
        [found] = doctor.examined(settings, cast(APIClient, None))  # none of these asks the engine
    return found.wrong


def test_before_the_first_up_there_is_no_database_and_none_is_made(settings: Settings, state: Path) -> None:
    for name in ("the database's version", "the clock goes on"):
        assert told(settings, name) == "it cannot be asked: there is no database yet: run ./up"
    assert not settings.state.exists()
    (settings.state / "db").mkdir(parents=True)
    migrated = Database(settings.database)
    migrated.migrate()
    migrated.engine.dispose()
    for name in ("the database's version", "the clock goes on"):
        assert told(settings, name) is None  # control


def test_of_a_database_without_tables_no_sql_is_printed(
    settings: Settings, empty_database: Database, state: Path
) -> None:
    url = empty_database.engine.url.render_as_string(hide_password=False)
    elsewhere = settings.model_copy(update={"database_url": url})
    wrong = told(elsewhere, "the clock goes on") or ""
    assert wrong.startswith("it cannot be asked: ")
    assert "audit_head" in wrong
    assert "SELECT" not in wrong
    assert "\n" not in wrong
    assert "run ./up" in (told(elsewhere, "the database's version") or "")


REMAPS, LIVES = {"SecurityOptions": ["name=seccomp", "name=userns"]}, {"LiveRestoreEnabled": True}


@pytest.mark.parametrize(
    ("written", "said", "wrong"),
    [
        ({"live-restore": False}, {}, "says live-restore: false, so rooms end with Docker's next restarts"),
        ({"live-restore": True}, {}, None),
        ({}, {}, None),
        ({"live-restore": False}, {"LiveRestoreEnabled": False}, None),  # another check tells of this
        ({"userns-remap": ""}, {}, 'says userns-remap: "", and Docker does not run with that'),
        ({"userns-remap": "default"}, {}, None),
        (
            {"userns-remap": "default"},
            {"SecurityOptions": ["name=seccomp"]},
            'says userns-remap: "default", and',
        ),
    ],
)
def test_settings_of_the_engine_that_were_changed_by_hand_are_seen_before_it_restarts(
    written: dict[str, Any], said: dict[str, Any], wrong: str | None
) -> None:
    found = doctor.engine_will_differ(written, LIVES | REMAPS | said)
    if wrong is None:
        assert found is None
    else:
        assert wrong in (found or "")


@pytest.mark.parametrize(
    ("state", "status", "kept"),
    [(0, 0x2001, True), (5, 0x40, False), (0, 0x40, False), (5, 0x2001, False), (1, 0x11, True)],
    ids=["chrony", "as booted", "not synchronised", "an error", "a leap second today"],
)
def test_a_clock_that_nothing_keeps_is_seen(state: int, status: int, kept: bool) -> None:
    assert doctor.synchronised(state, status) is kept


def test_the_kernel_is_asked_of_its_clock(settings: Settings) -> None:
    clock = doctor._Timex(modes=0)
    state = ctypes.CDLL(None).adjtimex(ctypes.byref(clock))
    assert 0 <= state <= doctor.TIME_ERROR
    assert (told(settings, "a time service keeps the clock") is None) is doctor.synchronised(state, clock.status)
