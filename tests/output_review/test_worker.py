"""The inspection of a request: what is finished is kept, rooms take turns, and only the sandbox refuses a file."""

from __future__ import annotations

import io
import json
import logging
import os
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from governance import heartbeat, jobs, people, projects, rooms
from governance.database import Database
from governance.errors import Unavailable
from governance.settings import Settings
from governance.tables import Job, ProjectRole
from governance.tiers import Tier
from inspection import __main__ as sandbox
from inspection.policies import Policy
from output_review import frozen, service, store, worker
from output_review.domain import Status
from output_review.service import Output
from output_review.tables import FileState
from tests.conftest import NOW, until
from tests.output_review.hostile.answers import member, tarred

CSV = b"group,n\na,12\nb,40\n"


class Sandboxd:
    """Stands where sandboxd does, with the sandbox's own program behind it; it can be out of order."""

    def __init__(self) -> None:
        self.says: httpx.Response | None = None
        self.turns: list[list[str]] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        given = request.read()
        if self.says is not None:
            return self.says
        said = io.BytesIO()
        stdin, stdout = sys.stdin, sys.stdout
        sys.stdin, sys.stdout = SimpleNamespace(buffer=io.BytesIO(given)), SimpleNamespace(buffer=said)  # type: ignore[assignment]
        try:
            sandbox.main()
        finally:
            sys.stdin, sys.stdout = stdin, stdout
        self.turns.append(sorted(name for name in worker.unpacked(given)))
        return httpx.Response(200, content=said.getvalue())


class Door:
    """A database, a store and the sandbox, and rooms that hand requests in."""

    def __init__(self, database: Database, settings: Settings, sandboxd: Sandboxd) -> None:
        self.database, self.settings, self.sandboxd = database, settings, sandboxd
        self.now = NOW

    def hand_in(self, room: str, files: dict[str, bytes]) -> int:
        with self.database.write() as tx:
            row = service.create(tx, rooms.standing(tx, room), "A request", self.now)
            for name, content in files.items():
                file = service.announce(tx, row, Output(name, "d", "p", "p"))
                sha256 = frozen.originals(self.settings.state).put(content)
                service.froze(tx, row, file.id, sha256, len(content), self.now)
            service.submit(tx, row, rooms.standing(tx, room).person, self.now)
            return row.id

    def take(self) -> Job | None:
        with self.database.write() as tx:
            return jobs.claim(tx, [service.INSPECT], self.now)

    def turn(self) -> int | None:
        """One turn of one worker; returns whose request it was."""
        job = self.take()
        if job is None:
            return None
        try:
            worker.inspect(self.settings, self.database, job, lambda: self.now)
        except Exception as e:
            worker._try_again(self.database, job, lambda: self.now, e)
        return int(job.payload["request"])

    def status(self, number: int) -> Status:
        with self.database.read() as tx:
            return store.request(tx, number).status

    def states(self, number: int) -> list[FileState]:
        with self.database.read() as tx:
            return [file.state for file in store.files(tx, number)]


@pytest.fixture
def door(database: Database, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Door:
    monkeypatch.setattr("governance.settings.STATE", tmp_path)
    for folder in ("originals", "canonical"):
        (settings.state / "frozen" / folder).mkdir(parents=True)
    sandboxd = Sandboxd()
    transport = httpx.MockTransport(sandboxd)
    monkeypatch.setattr(worker.httpx, "HTTPTransport", lambda **_: transport)
    return Door(database, settings, sandboxd)


@pytest.fixture
def two_rooms(door: Door, settings: Settings) -> tuple[str, str]:
    made = []
    with door.database.write() as tx:
        project = projects.add(tx, "p1", "P", Tier.SYNTHETIC, "C", "P-1", date(2026, 12, 31), NOW)
        for name in ("ada", "bob"):
            person = people.add(tx, name, name, NOW, training_until=date(2027, 1, 1))
            people.accept_terms(tx, person, NOW)
            projects.add_member(tx, project, person, ProjectRole.ANALYST, NOW)
            made.append(rooms.want_open(tx, person, project, "small", settings, NOW).id)
    return made[0], made[1]


OUT_OF_ORDER: dict[str, Callable[[], Any]] = {
    "the engine is stopped": lambda: httpx.Response(503, json={"error": "Cannot connect to the Docker daemon"}),
    "the image is missing": lambda: httpx.Response(503, json={"error": "No such image: datasluse/sandbox"}),
    "sandboxd broke": lambda: httpx.Response(500, text="Internal Server Error"),
    "sandboxd takes no more": lambda: httpx.Response(413),
}


@pytest.mark.parametrize("what", OUT_OF_ORDER)
def test_what_is_the_platforms_fault_is_told_of_no_file(
    door: Door, two_rooms: tuple[str, str], what: str, caplog: pytest.LogCaptureFixture
) -> None:
    number = door.hand_in(two_rooms[0], {"table.csv": CSV})
    door.sandboxd.says = OUT_OF_ORDER[what]()
    with caplog.at_level(logging.ERROR):
        door.turn()
    assert (door.status(number), door.states(number)) == (Status.SUBMITTED, [FileState.FROZEN])
    assert f"request {number} is inspected again later" in caplog.text
    with door.database.read() as tx:
        waiting = service.waiting(tx)
    assert (waiting.number, waiting.since, waiting.failing.number) == (1, NOW, 1)
    assert "no sandbox" in (waiting.failing.why or "")
    assert door.turn() is None  # not at once again
    door.now += timedelta(minutes=1)
    door.sandboxd.says = None
    assert door.turn() == number
    assert (door.status(number), door.states(number)) == (Status.IN_REVIEW, [FileState.READY])
    with door.database.read() as tx:
        assert service.waiting(tx) == service.Waiting(0, None, jobs.Failing(0, None))


def test_a_store_that_is_full_is_no_files_fault(
    door: Door, two_rooms: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    number = door.hand_in(two_rooms[0], {"table.csv": CSV})
    full = OSError(28, "No space left on device")
    monkeypatch.setattr(frozen.FrozenStore, "put", lambda *_: (_ for _ in ()).throw(full))
    door.turn()
    assert (door.status(number), door.states(number)) == (Status.SUBMITTED, [FileState.FROZEN])
    monkeypatch.undo()


def test_only_the_sandboxs_own_answer_refuses_a_file(door: Door, two_rooms: tuple[str, str]) -> None:
    number = door.hand_in(two_rooms[0], {"table.csv": b"\0", "good.csv": CSV})
    door.turn()
    assert door.status(number) == Status.RETURNED
    assert door.states(number) == [FileState.REFUSED, FileState.READY]


# -- one file after the other ------------------------------------------------------------------------------------------
def test_a_file_that_takes_too_long_is_refused_and_the_others_are_not(
    door: Door, two_rooms: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sandbox, "FILE", 1)
    inspect = sandbox.inspect
    monkeypatch.setattr(sandbox, "inspect", lambda name, *file: _for_ever() if "slow" in name else inspect(name, *file))
    number = door.hand_in(two_rooms[0], {"slow.csv": CSV, "good.csv": CSV})
    door.turn()
    assert door.states(number) == [FileState.REFUSED, FileState.READY]


def _for_ever() -> Any:
    while True:
        pass


@pytest.mark.parametrize("ends", [lambda: os._exit(0), lambda: os.kill(os.getpid(), 9), lambda: _says_too_much()])
def test_a_file_that_ends_the_process_that_opens_it_spoils_no_other(
    door: Door, two_rooms: tuple[str, str], monkeypatch: pytest.MonkeyPatch, ends: Callable[[], Any]
) -> None:
    inspect = sandbox.inspect
    monkeypatch.setattr(sandbox, "inspect", lambda name, *file: ends() if "bad" in name else inspect(name, *file))
    number = door.hand_in(two_rooms[0], {"bad.csv": CSV, "good.csv": CSV})
    door.turn()
    assert door.states(number) == [FileState.REFUSED, FileState.READY]


def _says_too_much() -> Any:
    done = sandbox.inspect("x.txt", b"text\n")
    done.canonical = b"x" * (sandbox.MOST_SAID + 1)
    return done


def test_what_is_finished_in_a_turn_is_kept_and_the_rest_has_the_next(
    door: Door, two_rooms: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sandbox, "TURN", -1.0)  # so short that only the first file is begun in it

    def first_only(name: str, raw: bytes, policy: Policy) -> dict[str, bytes]:
        monkeypatch.setattr(sandbox, "TURN", -1.0)
        return inspected_apart(name, raw, policy)

    inspected_apart = sandbox.inspected_apart
    monkeypatch.setattr(sandbox, "inspected_apart", first_only)
    number = door.hand_in(two_rooms[0], {f"{at}.csv": CSV for at in range(3)})
    for ready in (1, 2):
        monkeypatch.setattr(sandbox, "TURN", 1000.0)
        assert door.turn() == number
        assert door.states(number).count(FileState.READY) == ready
        assert door.status(number) == Status.SUBMITTED
    monkeypatch.setattr(sandbox, "TURN", 1000.0)
    door.turn()
    assert door.status(number) == Status.IN_REVIEW


def test_large_files_are_sent_a_few_at_a_time(
    door: Door, two_rooms: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "TURN", 2 * len(CSV))
    number = door.hand_in(two_rooms[0], {f"{at}.csv": CSV for at in range(5)})
    while door.turn():
        pass
    assert [len(turn) for turn in door.sandboxd.turns] == [2, 2, 1]
    assert door.status(number) == Status.IN_REVIEW


def test_a_sandbox_that_puts_everything_off_is_not_asked_for_ever(door: Door, two_rooms: tuple[str, str]) -> None:
    number = door.hand_in(two_rooms[0], {"a.csv": CSV, "b.csv": CSV})
    with door.database.read() as tx:
        ids = [file.id for file in store.files(tx, number)]

    later = tarred(*(member(f"{file}/report.json", json.dumps({"later": True}).encode()) for file in ids))
    door.sandboxd.says = httpx.Response(200, content=later)
    door.turn()
    assert door.states(number) == [FileState.REFUSED, FileState.FROZEN]


# -- turns -------------------------------------------------------------------------------------------------------------
def test_rooms_take_turns(door: Door, two_rooms: tuple[str, str]) -> None:
    ada, bob = two_rooms
    adas = [door.hand_in(ada, {"a.csv": CSV}) for _ in range(4)]
    bobs = [door.hand_in(bob, {"b.csv": CSV}) for _ in range(2)]
    order = []
    for _ in range(6):
        door.now += timedelta(seconds=1)
        order.append(door.turn())
    assert order == [adas[0], bobs[0], adas[1], bobs[1], adas[2], adas[3]]


def test_a_request_of_many_turns_lets_others_in_between(
    door: Door, two_rooms: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "TURN", 1)
    large = door.hand_in(two_rooms[0], {f"{at}.csv": CSV for at in range(4)})
    door.now += timedelta(seconds=1)
    assert door.turn() == large
    small = door.hand_in(two_rooms[1], {"b.csv": CSV})
    door.now += timedelta(seconds=1)
    assert door.turn() == small
    assert door.status(small) == Status.IN_REVIEW
    assert door.status(large) == Status.SUBMITTED


def test_one_that_hangs_holds_up_no_other(
    door: Door, two_rooms: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The real loop, with as many workers as there are; `jobs` says of the one that hangs that it does."""
    hung, go_on, over = threading.Event(), threading.Event(), threading.Event()
    sandboxed = worker.sandboxed

    def clock() -> datetime:
        if over.is_set():
            raise SystemExit
        return NOW

    def hangs(settings: Settings, given: dict[int, tuple[str, bytes]]) -> dict[str, bytes]:
        if any("hang" in name for name, _ in given.values()):
            hung.set()
            go_on.wait(60)
            raise Unavailable("it hung")
        return sandboxed(settings, given)

    monkeypatch.setattr(worker, "sandboxed", hangs)
    first = door.hand_in(two_rooms[0], {"hang.csv": CSV})
    beat = heartbeat.into(tmp_path, lambda: NOW)

    def work(name: str) -> None:
        with suppress(SystemExit):
            worker._work(door.settings, door.database, clock, beat, name)

    workers = [threading.Thread(target=work, args=(f"worker {number}",), daemon=True) for number in range(2)]
    for each in workers:
        each.start()
    assert hung.wait(60)
    second = door.hand_in(two_rooms[1], {"good.csv": CSV})
    until(lambda: door.status(second) == Status.IN_REVIEW)
    assert door.status(first) == Status.SUBMITTED
    assert heartbeat.wrong(tmp_path, NOW) is None
    late = NOW + jobs.LEASE + timedelta(seconds=1)
    assert "hangs" in (heartbeat.wrong(tmp_path, late) or "")
    go_on.set()
    until(lambda: _failing(door) == 1)
    over.set()
    for each in workers:  # nobody asks a database that is gone
        each.join(30)
        assert not each.is_alive()


def _failing(door: Door) -> int:
    with door.database.read() as tx:
        return service.waiting(tx).failing.number


def test_a_loop_is_asked_whether_it_lives(tmp_path: Path) -> None:
    assert heartbeat.wrong(tmp_path, NOW) == "it has not been heard of yet"
    beat = heartbeat.into(tmp_path, lambda: NOW)
    beat("a", timedelta(seconds=10))
    beat("b", timedelta(seconds=60), wrong="the database does not answer")
    assert heartbeat.wrong(tmp_path, NOW) == "b: the database does not answer"
    beat("b", timedelta(seconds=60))
    assert heartbeat.wrong(tmp_path, NOW) is None
    assert "a hangs" in (heartbeat.wrong(tmp_path, NOW + timedelta(seconds=11)) or "")
    (tmp_path / "a.alive").write_text("{")
    assert heartbeat.wrong(tmp_path, NOW) == "a cannot be asked"
    heartbeat.into(tmp_path, lambda: NOW)("c", timedelta(seconds=60))  # started anew, with other loops
    assert heartbeat.wrong(tmp_path, datetime.fromtimestamp(NOW.timestamp() + 11, NOW.tzinfo)) is None
