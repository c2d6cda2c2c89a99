"""Hostile release requests, family by family, through the code that meets them: each has its own answer."""

from __future__ import annotations

import hashlib
import io
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import delete, event, select, update
from sqlalchemy.orm import Session

from governance import data, people, projects, rooms
from governance.database import Database
from governance.settings import Settings, proposed
from governance.tables import Person, PlatformRole, ProjectRole, Room
from governance.tiers import Tier
from inspection import __main__ as sandbox
from inspection.checks import CHECKS
from inspection.engine import Inspected, inspect
from inspection.report import DROPPED, REFUSALS, NoCanonicalForm, said
from output_review import service, worker
from output_review.domain import Actor, Status
from output_review.frozen import FrozenStore
from output_review.intake import create_app
from output_review.service import Inspection, Output
from output_review.tables import EarlierRound, FileVote, ReleaseRequest, RequestFile
from portal.translation import translator
from tests.conftest import NOW
from tests.output_review.hostile import answers, asks, kinds, notebooks, pictures, tables, words
from tests.output_review.hostile.asks import Ask
from tests.output_review.hostile.case import Case, Clean, Found, Gone, Refused, Shown, holds

SHA = hashlib.sha256(b"canonical").hexdigest()
CASES: list[Case] = [*kinds.CASES, *tables.CASES, *notebooks.CASES, *words.CASES, *pictures.CASES]
FAMILIES = sorted({case.family for case in CASES})
NOT_OURS = re.compile(r"<(?!/?(body|html|table|tr|th|td|pre|div|thead|tbody|img)\b)")


@pytest.mark.filterwarnings("ignore")  # Pillow warns of what is then refused
@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.family}: {case.id}")
def test_a_hostile_file_gets_its_answer(case: Case) -> None:
    if isinstance(case.expect, Refused):
        with pytest.raises(NoCanonicalForm) as refused:
            inspect(case.name, case.raw)
        assert refused.value.reason == case.expect.reason
        assert refused.value.reason in REFUSALS
        return
    done = inspect(case.name, case.raw)
    _nothing_runs(done)
    _leaves_the_same_again(case, done)
    found, dropped = (
        {finding.check for finding in done.findings},
        [said(DROPPED, one.what, one.values) for one in done.dropped],
    )
    assert found <= set(CHECKS)
    match case.expect:
        case Found(rule):
            assert rule in found
        case Gone(what):
            assert holds(case.raw, case.secret), "the case hides nothing"
            assert not holds(done.canonical, case.secret)
            assert any(what in one for one in dropped), dropped
        case Shown():
            assert case.secret in done.canonical
            assert case.secret.decode() in done.view
        case Clean():
            assert (found, dropped) == (set(), [])


def _nothing_runs(done: Inspected) -> None:
    body = done.view.split("</style>", 1)[1]
    assert not NOT_OURS.search(body)
    assert all(shown.startswith("data:image/") for shown in re.findall(r"<img [^>]*src=\"([^\"]*)\"", body))


def _leaves_the_same_again(case: Case, done: Inspected) -> None:
    again = inspect(case.name, done.canonical)
    assert again.dropped == []
    assert again.canonical == done.canonical or done.kind == "jpeg"


def test_every_family_is_large_and_has_a_harmless_twin() -> None:
    everything = [*CASES, *answers.CASES]
    count = Counter(case.family for case in everything)
    assert all(number >= 15 for number in count.values()), count
    assert len({(case.family, case.id) for case in everything}) == len(everything)
    assert {case.family for case in everything if isinstance(case.expect, Clean)} == set(count)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("family", FAMILIES)
def test_the_sandbox_says_the_same_in_a_form_the_worker_takes(
    family: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = {n: case for n, case in enumerate(CASES) if case.family == family}
    asked, answered = io.BytesIO(worker.packed({n: (case.name, case.raw) for n, case in given.items()})), io.BytesIO()
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=asked))
    monkeypatch.setattr(sys, "stdout", SimpleNamespace(buffer=answered))
    sandbox.main()
    monkeypatch.undo()
    kept = FrozenStore(tmp_path)
    for n, done in worker.keep(worker.unpacked(answered.getvalue()), kept, given).items():
        if isinstance(expect := given[n].expect, Refused):
            assert done.report["refused"] == expect.reason, given[n].id
        else:
            assert "refused" not in done.report, (given[n].id, done.report)
            assert kept.read(done.canonical_sha256 or "")


@pytest.mark.parametrize("case", answers.CASES, ids=lambda case: case.id)
def test_a_sandbox_that_was_taken_over_says_nothing_but_what_fits(
    case: Case, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(200, content=case.raw))
    monkeypatch.setattr("output_review.worker.httpx.HTTPTransport", lambda **_: transport)
    done = worker.keep(worker.sandboxed(settings, {1: (case.name, b"")}), FrozenStore(tmp_path), {1: None})[1]
    assert done.report.get("refused") == (case.expect.reason if isinstance(case.expect, Refused) else None)
    assert (done.canonical_sha256 is None) == isinstance(case.expect, Refused)


# -- calls of rooms to the intake --------------------------------------------------------------------------------------
LONG_AGO = NOW - timedelta(days=30)
PEOPLE = ("ada", "bob", "closed", "left", "gone", "untrained", "ended")
READY = {"kind": "csv", "policy": "x/1", "dropped": [], "findings": []}


@dataclass
class Scene:
    """An intake with rooms before it, as the people in them meet it."""

    database: Database
    app: FastAPI
    originals: Path
    addresses: dict[str, str]
    rooms: dict[str, str]
    grace: Person

    def prepared(self, state: str, who: str = "ada") -> tuple[int, int]:
        """A request of one file in this state."""
        with self.database.write() as tx:
            here = rooms.standing(tx, self.rooms[who])
            row = service.create(tx, here, "Table 1", NOW)
            if state == "draft":
                return row.id, 0
            file = service.announce(tx, row, Output("first.csv", "Counts", "A paper", "All"))
            if state == "full":
                for n in range(7):
                    service.announce(tx, row, Output(f"{n}.csv", "d", "f", "p")).size = 15 << 20
            if state == "crowded":
                tx.add_all(_another(file, f"{n}.csv") for n in range(service.MOST_FILES - 1))
            if state == "busy":
                for _ in range(service.MOST_UNFINISHED - 1):
                    service.create(tx, here, "T", NOW)
            if state not in {"announced", "full", "crowded", "busy"}:
                service.froze(tx, row, file.id, SHA, 9, NOW)
                self._moved(tx, row, here.person, file.id, state)
            return row.id, file.id

    def _moved(self, tx: Session, row: ReleaseRequest, author: Person, file: int, state: str) -> None:
        if state == "withdrawn":
            service.withdraw(tx, row, author, NOW)
        if state in {"frozen", "withdrawn"}:
            return
        service.submit(tx, row, author, NOW)
        if state == "submitted":
            return
        if state == "quarantined":
            service.quarantine(tx, row, Actor.INSPECTION, NOW, "changed")
            return
        service.inspected(tx, row, {file: Inspection(READY, SHA, 9, SHA)}, NOW)
        if state in {"returned", "revised", "rejected"}:
            to = Status.REJECTED if state == "rejected" else Status.RETURNED
            service.decide(tx, row, to, self.grace, "no", NOW)
        if state == "revised":
            service.revise(tx, row, author, NOW)
        if state in {"approved", "released", "recalled"}:
            service.vote(tx, row, file, SHA, self.grace, approve=True, reason="", now=NOW)
        if state in {"released", "recalled"}:
            service.released(tx, row, SHA, 9, NOW)
        if state == "recalled":
            service.decide(tx, row, Status.RECALLED, self.grace, "wrong", NOW)

    def seen(self) -> list[tuple[object, ...]]:
        """Everything there is of this case's requests, and of what is stored."""
        now = ReleaseRequest.created_at > LONG_AGO
        with self.database.read() as tx:
            requests = tx.execute(select(*ReleaseRequest.__table__.columns).where(now).order_by(ReleaseRequest.id))
            files = tx.execute(
                select(*RequestFile.__table__.columns).join(ReleaseRequest).where(now).order_by(RequestFile.id)
            )
            return [*map(tuple, requests), *map(tuple, files), *((path.name,) for path in self.originals.iterdir())]

    def forget(self) -> None:
        """Make room for the next case."""
        with self.database.write() as tx:
            tx.execute(delete(RequestFile).where(RequestFile.id.not_in(select(FileVote.file_id))))
            ended = update(ReleaseRequest).where(ReleaseRequest.created_at > LONG_AGO)
            tx.execute(ended.values(status=Status.WITHDRAWN, created_at=LONG_AGO))
            tx.execute(update(EarlierRound).values(returned_at=LONG_AGO))


def _another(file: RequestFile, name: str) -> RequestFile:
    columns = {key: getattr(file, key) for key in file.__table__.columns.keys() if key != "id"}  # noqa: SIM118
    return RequestFile(**columns | {"name": name})


@pytest.fixture(scope="module")
def scenes(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str], Scene]]:
    """The scene on a kind of database; there is one each."""
    with ExitStack() as made:

        @cache
        def scene(kind: str) -> Scene:
            home = tmp_path_factory.mktemp(kind)
            url = f"sqlite:///{home / 'test.db'}"
            if kind == "postgresql":
                url = request.getfixturevalue("postgresql").format(name="postgres")
            return made.enter_context(_scene(url, home))

        yield scene


@contextmanager
def _scene(url: str, home: Path) -> Iterator[Scene]:
    database, settings = Database(url), proposed("unit", [], demo=False)
    if url.startswith("sqlite"):
        event.listen(database.engine, "connect", lambda raw, _: raw.execute("PRAGMA synchronous=OFF"))
    database.migrate()
    opened: dict[str, Room] = {}
    with database.write() as tx:
        persons = {
            name: people.add(tx, name, name, NOW, training_until=date(2027, 1, 1)) for name in (*PEOPLE, "grace")
        }
        people.give_role(tx, persons["grace"], PlatformRole.CHECKER, "C", NOW)
        project, other, ending = (
            projects.add(tx, key, key, Tier.SYNTHETIC, "C", key, date(2026, 12, 31), NOW) for key in ("p1", "p2", "p3")
        )
        data.add(tx, project, "registers", ("a" * 64, 1, 1), NOW)
        data.add(tx, other, "elsewhere", ("b" * 64, 1, 1), NOW)
        inside = {name: ending if name == "ended" else project for name in PEOPLE}
        for name, where in [*inside.items(), ("ada elsewhere", other)]:
            person = persons[name.removesuffix(" elsewhere")]
            people.accept_terms(tx, person, NOW)
            projects.add_member(tx, where, person, ProjectRole.ANALYST, NOW)
            opened[name] = rooms.want_open(tx, person, where, "small", settings, NOW)
        rooms.want_closed(tx, opened["closed"], NOW, reason=rooms.CLOSED_BY_PERSON)
        projects.remove_member(tx, project, persons["left"], NOW)
        persons["gone"].disabled_at = NOW
        persons["untrained"].training_until = date(2026, 1, 1)
        ending.permit_until = date(2026, 1, 1)
    addresses = {name: str(settings.front_address(room.slot or 0)) for name, room in opened.items()}
    addresses |= {"nobody": str(settings.front_address(99)), "elsewhere": "192.0.2.1", "six": "::1"}
    originals = home / "frozen" / "originals"
    originals.mkdir(parents=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("output_review.frozen.originals", lambda _state: FrozenStore(originals))
        app = create_app(settings, database, lambda: NOW, lambda _: translator("en"))
        yield Scene(database, app, originals, addresses, {n: r.id for n, r in opened.items()}, persons["grace"])
    database.engine.dispose()


BOTH = {"numbers and paths", "lengths and bodies", "wrong states"}
"""Families whose answers depend on the database; the others are asked before one of the two."""


@pytest.mark.parametrize(
    ("kind", "ask"),
    [
        pytest.param(kind, ask, id=f"{ask.family}: {ask.id}, {kind}")
        for kind in ("sqlite", "postgresql")
        for ask in asks.ASKS
        if kind == "sqlite" or ask.family in BOTH
    ],
)
def test_a_hostile_call_gets_its_answer_and_changes_nothing(
    kind: str, ask: Ask, scenes: Callable[[str], Scene]
) -> None:
    scene = scenes(kind)
    number, file = scene.prepared(ask.state)
    others_file = scene.prepared("announced", "bob")[1] if "others_file" in ask.path else 0
    named = {"request": str(number), "file": str(file), "others_file": str(others_file)}
    path = re.sub(r"\{(\w+)\}", lambda match: named[match[1]], ask.path)
    filled = {name: value.replace("{address}", scene.addresses["ada"]) for name, value in ask.headers.items()}
    headers = [(name.encode(), value.encode("latin-1")) for name, value in filled.items()]
    before = scene.seen()
    client = TestClient(
        scene.app, client=(scene.addresses.get(ask.who, ask.who), 40_000), raise_server_exceptions=False
    )
    body = iter([ask.body]) if ask.stream else ask.body
    answer = client.request(
        ask.method,
        f"/api/requests{path}",
        content=body,
        headers=[(b"Content-Type", b"application/json"), *headers],
    )
    after = scene.seen()
    scene.forget()
    assert answer.status_code == ask.status, answer.text
    assert ask.words in answer.text
    assert (before == after) == (ask.status >= 400 or ask.method == "GET")


def test_every_family_of_calls_is_large_and_has_a_harmless_twin() -> None:
    count = Counter(ask.family for ask in asks.ASKS)
    assert all(number >= 15 for number in count.values()), count
    assert len({(ask.family, ask.id) for ask in asks.ASKS}) == len(asks.ASKS)
    assert {ask.family for ask in asks.ASKS if ask.status < 300} == set(count)
