"""Many who log in at once: how often a password is checked, and who else waits for it."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from sqlalchemy import func, select

from governance import logins, people
from governance.database import Database
from governance.errors import NotAllowed, Unavailable
from governance.logins import AT_ONCE, FAILURES, WAITING
from governance.tables import LoginFailure, Person
from tests.conftest import NOW, until

PASSWORD = "a long enough password"


class Checks:
    """Counts the checks of passwords, which are the real ones; they can be held up on their way."""

    def __init__(self) -> None:
        self.lock, self.go_on = threading.Lock(), threading.Event()
        self.go_on.set()
        self.names: Counter[str | None] = Counter()
        self.running = self.most_at_once = 0

    def __call__(self, person: Person | None, password: str) -> bool:
        with self.lock:
            self.names[person.name if person else None] += 1
            self.running += 1
            self.most_at_once = max(self.most_at_once, self.running)
        try:
            self.go_on.wait(60)
            return people.password_fits(person, password)
        finally:
            with self.lock:
                self.running -= 1


@pytest.fixture
def checks(monkeypatch: pytest.MonkeyPatch) -> Checks:
    counting = Checks()
    monkeypatch.setattr(logins, "password_fits", counting)
    return counting


@pytest.fixture(autouse=True)
def _people(database: Database) -> None:
    with database.write() as tx:
        for name in ("ada", "bob"):
            people.add(tx, name, name.title(), NOW, password=PASSWORD)


def told(database: Database, name: str, password: str) -> str:
    """What becomes of a login, by somebody who comes back as long as too many others are there."""
    while True:
        try:
            return "in" if logins.begin(database, name, password, lambda: NOW) else "wrong"
        except NotAllowed:
            return "stopped"
        except Unavailable:
            time.sleep(0.01)


@pytest.mark.parametrize("name", ["ada", "nobody"])
def test_no_more_passwords_are_checked_than_may_be_wrong(database: Database, checks: Checks, name: str) -> None:
    with ThreadPoolExecutor(51) as pool:
        wrong = [pool.submit(told, database, name, "wrong") for _ in range(50)]
        right = pool.submit(told, database, "bob", PASSWORD)
    assert Counter(login.result() for login in wrong) == {"wrong": FAILURES, "stopped": 50 - FAILURES}
    assert checks.names[None if name == "nobody" else name] == FAILURES
    assert checks.most_at_once <= AT_ONCE
    assert right.result() == "in"
    assert told(database, "ada", PASSWORD) == ("stopped" if name == "ada" else "in")


def test_of_many_who_are_counted_at_the_same_moment_one_gets_the_last_place(database: Database) -> None:
    for _ in range(FAILURES - 1):
        logins._counted(database, "ada", lambda: NOW)
    together = threading.Barrier(15)  # as many connections as there are to PostgreSQL

    def counted(_: int) -> bool:
        with database.read():
            pass  # the connection is there
        together.wait(30)
        try:
            logins._counted(database, "ada", lambda: NOW)
        except NotAllowed:
            return False
        return True

    with ThreadPoolExecutor(15) as pool:
        assert sum(pool.map(counted, range(15))) == 1


def test_a_right_password_is_no_failure(database: Database, checks: Checks) -> None:
    for _ in range(FAILURES + 2):
        assert told(database, "ada", PASSWORD) == "in"
    with database.read() as tx:
        assert tx.scalars(select(func.count()).select_from(LoginFailure)).one() == 0


@contextmanager
def held_up(database: Database, checks: Checks) -> Iterator[None]:
    """As many log in as may, and none of their checks ends before the block does."""
    checks.go_on.clear()
    with ThreadPoolExecutor(AT_ONCE + WAITING) as pool:
        for number in range(AT_ONCE + WAITING):
            pool.submit(logins.begin, database, f"name{number}", "wrong", lambda: NOW)
        try:
            until(lambda: failures(database) == AT_ONCE + WAITING)
            yield
        finally:
            checks.go_on.set()


def failures(database: Database) -> int:
    with database.read() as tx:
        return tx.scalars(select(func.count()).select_from(LoginFailure)).one()


def test_who_would_wait_long_is_told_at_once_and_not_counted(database: Database, checks: Checks) -> None:
    with held_up(database, checks):
        assert checks.running == AT_ONCE
        began = time.monotonic()
        for _ in range(FAILURES + 1):
            with pytest.raises(Unavailable, match="Many people are logging in"):
                logins.begin(database, "ada", PASSWORD, lambda: NOW)
        assert time.monotonic() - began < 1
        with database.write() as tx:  # nor does a check hold up what others write
            people.named(tx, "bob").full_name = "Robert"
    assert logins.begin(database, "ada", PASSWORD, lambda: NOW)


def test_a_check_that_breaks_leaves_its_place(
    database: Database, checks: Checks, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> bool:
        raise MemoryError

    with monkeypatch.context() as breaking:
        breaking.setattr(logins, "password_fits", broken)
        for number in range(AT_ONCE + WAITING + 1):
            with pytest.raises(MemoryError):
                logins.begin(database, f"name{number}", "wrong", lambda: NOW)
    assert logins.begin(database, "ada", PASSWORD, lambda: NOW)
