"""People, permits and data have an end: each is taken back by one function, with its event, and refuses nonsense."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import event, select
from sqlalchemy.orm import Session

from governance import accounts, audit, data, logins, people, projects, rooms, stops
from governance.database import Database
from governance.errors import Invalid, NotAllowed, NotFound
from governance.settings import Settings
from governance.tables import AuditEvent, Person, PlatformRole, Project, ProjectRole, StopKind
from governance.tiers import Tier
from tests.conftest import NOW

PASSWORD, OTHER = "a long enough password", "another long password"


@pytest.fixture
def ada(database: Database) -> Person:
    """A trained member of one project."""
    with database.write() as tx:
        ada = people.add(tx, "ada", "Ada", NOW, password=PASSWORD, training_until=date(2026, 12, 31))
        people.accept_terms(tx, ada, NOW)
        project = projects.add(tx, "p1", "P", Tier.SYNTHETIC, "C", "P-1", date(2026, 12, 31), NOW)
        projects.add_member(tx, project, ada, ProjectRole.LEAD, NOW)
    return ada


@contextmanager
def as_rows(database: Database) -> Iterator[tuple[Session, Person, Project]]:
    """A transaction with Ada and her project in it."""
    with database.write() as tx:
        yield tx, people.named(tx, "ada"), projects.keyed(tx, "p1")


def why_not(database: Database, at: date | None = None) -> str | None:
    """Why Ada may not enter her project's rooms."""
    now = NOW if at is None else NOW.replace(year=at.year, month=at.month, day=at.day)
    with database.read() as tx:
        ada, project = people.named(tx, "ada"), projects.keyed(tx, "p1")
        refused = projects.refusal(tx, ada, project, now, direct_person_level=False)
    return str(refused) if refused else None


def events(database: Database, *kinds: str) -> list[tuple[int | None, int | None, dict[str, object]]]:
    """Person, project and detail of each event of these kinds; the whole chain must hold."""
    with database.read() as tx:
        assert audit.verify(tx).broken_at is None
        chosen = select(AuditEvent).where(AuditEvent.kind.in_(kinds)).order_by(AuditEvent.number)
        return [(row.person_id, row.project_id, row.detail) for row in tx.scalars(chosen)]


def enters(database: Database, settings: Settings, cookie: str) -> str:
    """Go into Ada's room from a login; returns the room."""
    with as_rows(database) as (tx, ada, project):
        room = rooms.want_open(tx, ada, project, "small", settings, NOW)
        current = logins.current(tx, cookie, NOW)
        assert current
        rooms.admit(tx, room, current[0], NOW)
        return room.id


def admitted(database: Database, room: str) -> int:
    with database.read() as tx:
        return len(rooms.admissions(tx, room, NOW))


def logged_in(database: Database, cookie: str) -> bool:
    with database.read() as tx:
        return logins.current(tx, cookie, NOW) is not None


def cookie_of(database: Database, password: str = PASSWORD) -> str:
    begun = logins.begin(database, "ada", password, lambda: NOW)
    assert begun
    return begun[0]


# -- passwords ---------------------------------------------------------------------------------------------------------
def test_a_new_password_is_the_only_one_and_ends_every_session(
    database: Database, settings: Settings, ada: Person
) -> None:
    cookies = [cookie_of(database), cookie_of(database)]
    room = enters(database, settings, cookies[0])
    assert admitted(database, room) == 1
    with as_rows(database) as (tx, row, _):
        accounts.new_password(tx, row, OTHER, NOW)
    assert [logged_in(database, cookie) for cookie in cookies] == [False, False]
    assert admitted(database, room) == 0
    assert logins.begin(database, "ada", PASSWORD, lambda: NOW) is None
    assert logged_in(database, cookie_of(database, OTHER))
    assert events(database, "person.password") == [(ada.id, None, {})]
    assert len(events(database, "login.ended")) == 2


def test_another_persons_sessions_go_on(database: Database, ada: Person) -> None:
    with database.write() as tx:
        people.add(tx, "bob", "Bob", NOW, password=PASSWORD)
    begun = logins.begin(database, "bob", PASSWORD, lambda: NOW)
    assert begun
    with as_rows(database) as (tx, row, _):
        accounts.new_password(tx, row, OTHER, NOW)
        accounts.close(tx, row, NOW)
    assert logged_in(database, begun[0])


def test_a_new_password_works_at_once_after_ten_wrong_ones(database: Database, ada: Person) -> None:
    for _ in range(logins.FAILURES):
        logins.begin(database, "ada", "wrong", lambda: NOW)
    with pytest.raises(NotAllowed, match="Too many"):
        logins.begin(database, "ada", PASSWORD, lambda: NOW)
    with as_rows(database) as (tx, row, _):
        accounts.new_password(tx, row, OTHER, NOW)
    assert logins.begin(database, "ada", OTHER, lambda: NOW)


def test_a_short_password_and_a_closed_account_are_refused(database: Database, ada: Person) -> None:
    with pytest.raises(Invalid, match="at least 12"), as_rows(database) as (tx, row, _):
        accounts.new_password(tx, row, "short", NOW)
    with as_rows(database) as (tx, row, _):
        accounts.close(tx, row, NOW)
    with pytest.raises(NotAllowed, match="sluse person reopen"), as_rows(database) as (tx, row, _):
        accounts.new_password(tx, row, OTHER, NOW)
    assert events(database, "person.password") == []


# -- accounts ----------------------------------------------------------------------------------------------------------
def test_a_closed_account_logs_in_nowhere_and_its_sessions_and_rooms_end(
    database: Database, settings: Settings, ada: Person
) -> None:
    cookie = cookie_of(database)
    room = enters(database, settings, cookie)
    assert why_not(database) is None
    with as_rows(database) as (tx, row, _):
        accounts.close(tx, row, NOW)
        accounts.close(tx, row, NOW + timedelta(days=1))
    assert not logged_in(database, cookie)
    assert admitted(database, room) == 0
    assert logins.begin(database, "ada", PASSWORD, lambda: NOW) is None
    assert "account is closed" in (why_not(database) or "")
    with database.read() as tx:
        assert rooms.access_refused(tx, rooms.standing(tx, room), settings, NOW)
        row = people.named(tx, "ada")
        assert row.disabled_at == NOW
        assert row.password_hash
    assert events(database, "person.closed") == [(ada.id, None, {})]


def test_a_session_does_not_outlive_the_account_even_if_its_row_does(database: Database, ada: Person) -> None:
    cookie = cookie_of(database)
    assert logged_in(database, cookie)
    with as_rows(database) as (_, row, _project):
        row.disabled_at = NOW
    assert not logged_in(database, cookie)


def test_a_reopened_account_has_what_it_had_and_only_a_closed_one_is_reopened(database: Database, ada: Person) -> None:
    cookie = cookie_of(database)
    with pytest.raises(NotAllowed, match="not closed"), as_rows(database) as (tx, row, _):
        accounts.reopen(tx, row, NOW)
    with as_rows(database) as (tx, row, _):
        accounts.close(tx, row, NOW)
        accounts.reopen(tx, row, NOW)
    assert not logged_in(database, cookie)  # ended, and stays so
    assert logged_in(database, cookie_of(database))
    assert why_not(database) is None
    assert events(database, "person.reopened") == [(ada.id, None, {})]


# -- training ----------------------------------------------------------------------------------------------------------
def test_training_is_renewed_and_its_last_day_counts(database: Database, ada: Person) -> None:
    with as_rows(database) as (tx, _, project):
        projects.set_permit(tx, project, date(2030, 1, 1), NOW)
    assert "training" in (why_not(database, date(2027, 6, 1)) or "")
    for _ in range(2):
        with as_rows(database) as (tx, row, _project):
            people.train(tx, row, date(2027, 6, 1), NOW)
    assert why_not(database, date(2027, 6, 1)) is None
    assert "training" in (why_not(database, date(2027, 6, 2)) or "")
    assert events(database, "person.training") == [(ada.id, None, {"until": "2027-06-01"})]


# -- roles -------------------------------------------------------------------------------------------------------------
def test_a_role_is_taken_back_for_one_data_controller_and_only_from_who_has_it(database: Database, ada: Person) -> None:
    with as_rows(database) as (tx, row, _):
        for controller in ("C", "D"):
            people.give_role(tx, row, PlatformRole.CHECKER, controller, NOW)
        people.take_role(tx, row, PlatformRole.CHECKER, "C", NOW)
        tx.flush()
        assert people.controllers(tx, row, PlatformRole.CHECKER) == ["D"]
    for role, controller in ((PlatformRole.CHECKER, "C"), (PlatformRole.LEAD_CHECKER, "D")):
        says = f"ada is no {role.replace('_', ' ')} for {controller}"
        with pytest.raises(NotFound, match=says), as_rows(database) as (tx, row, _):
            people.take_role(tx, row, role, controller, NOW)
    assert events(database, "role.taken") == [(ada.id, None, {"role": "checker", "controller": "C"})]


# -- permits -----------------------------------------------------------------------------------------------------------
def test_a_permit_is_extended_and_shortened(database: Database, ada: Person) -> None:
    assert "permit P-1 ended" in (why_not(database, date(2027, 1, 1)) or "")
    with as_rows(database) as (tx, row, project):
        people.train(tx, row, date(2030, 1, 1), NOW)
        projects.set_permit(tx, project, date(2027, 3, 1), NOW)
        projects.set_permit(tx, project, date(2027, 3, 1), NOW)
    assert why_not(database, date(2027, 3, 1)) is None
    with as_rows(database) as (tx, _, project):
        projects.set_permit(tx, project, date(2026, 2, 1), NOW, permit="P-2")
    assert "permit P-2 ended" in (why_not(database) or "")
    assert events(database, "project.permit") == [
        (None, 1, {"until": "2027-03-01", "reference": "same"}),
        (None, 1, {"until": "2026-02-01", "reference": "changed"}),
    ]


@pytest.mark.parametrize("reference", ["", "  ", "x" * 101])
def test_a_permit_has_a_reference(database: Database, ada: Person, reference: str) -> None:
    with pytest.raises(Invalid, match="1 to 100"), as_rows(database) as (tx, _, project):
        projects.set_permit(tx, project, date(2027, 1, 1), NOW, permit=reference)
    with pytest.raises(Invalid, match="1 to 100"), database.write() as tx:
        projects.add(tx, "p2", "P", Tier.SYNTHETIC, "C", reference, date(2026, 12, 31), NOW)
    with as_rows(database) as (tx, _, project):
        projects.set_permit(tx, project, date(2027, 1, 1), NOW, permit="x" * 100)


def test_an_ended_projects_permit_stays_and_a_paused_ones_does_not(database: Database, ada: Person) -> None:
    with as_rows(database) as (tx, _, project):
        stops.stop(tx, project, StopKind.PAUSE, None, NOW)
        projects.set_permit(tx, project, date(2027, 1, 1), NOW)
        stops.stop(tx, project, StopKind.END, None, NOW)
    with pytest.raises(NotAllowed, match="p1 was ended"), as_rows(database) as (tx, _, project):
        projects.set_permit(tx, project, date(2028, 1, 1), NOW)
    with database.read() as tx:
        assert projects.keyed(tx, "p1").permit_until == date(2027, 1, 1)


# -- data --------------------------------------------------------------------------------------------------------------
def test_a_data_set_is_withdrawn_from_one_project_and_its_snapshot_stays(
    database: Database, ada: Person, tmp_path: Path
) -> None:
    (tmp_path / "a.csv").write_text("x")
    snapshot = data.snapshot(tmp_path / "a.csv", tmp_path / "store")
    with as_rows(database) as (tx, _, project):
        other = projects.add(tx, "p2", "P", Tier.SYNTHETIC, "C", "P-1", date(2026, 12, 31), NOW)
        for each in (project, other):
            data.add(tx, each, "registers", snapshot, NOW)
        data.remove(tx, project, "registers", NOW)
        tx.flush()
        assert data.of_project(tx, project.id) == []
        assert [version.name for version in data.of_project(tx, other.id)] == ["registers"]
    assert (tmp_path / "store" / snapshot[0] / "a.csv").read_text() == "x"
    with pytest.raises(NotFound, match="p1 has no data set called registers"), as_rows(database) as (tx, _, project):
        data.remove(tx, project, "registers", NOW)
    assert events(database, "data.removed") == [(None, 1, {"name": "registers", "sha256": snapshot[0]})]


# -- lists -------------------------------------------------------------------------------------------------------------
def many(database: Database, first: int, beyond: int) -> None:
    with database.write() as tx:
        for number in range(first, beyond):
            person = people.add(tx, f"person-{number}", "P", NOW)
            project = projects.add(tx, f"project-{number}", "P", Tier.OPEN, "C", "P-1", date(2026, 12, 31), NOW)
            projects.add_member(tx, project, person, ProjectRole.ANALYST, NOW)
            people.give_role(tx, person, PlatformRole.CHECKER, "C", NOW)
            data.add(tx, project, "registers", ("a" * 64, 1, 2), NOW)
            stops.stop(tx, project, StopKind.PAUSE, None, NOW)


def queries(database: Database, listed: Callable[[Session], list[object]]) -> tuple[int, int]:
    """How many statements a list takes, and how long it is."""
    statements: list[str] = []

    def count(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if statement.startswith("SELECT"):
            statements.append(statement)

    event.listen(database.engine, "before_cursor_execute", count)
    try:
        with database.read() as tx:
            length = len(listed(tx))
    finally:
        event.remove(database.engine, "before_cursor_execute", count)
    return len(statements), length


@pytest.mark.parametrize(
    ("listed", "most"),
    [(people.accounts, 3), (projects.summaries, 4), (data.listed, 1)],
    ids=["people", "projects", "data"],
)
def test_a_list_takes_as_many_queries_for_thirty_as_for_three(
    database: Database, listed: Callable[[Session], list[object]], most: int
) -> None:
    many(database, 0, 3)
    assert queries(database, listed) == (most, 3)
    many(database, 3, 30)
    assert queries(database, listed) == (most, 30)


def test_lists_hold_what_an_operator_asks_for(database: Database, ada: Person) -> None:
    with as_rows(database) as (tx, row, project):
        people.give_role(tx, row, PlatformRole.CHECKER, "D", NOW)
        data.add(tx, project, "registers", ("a" * 64, 1, 2), NOW)
        stops.stop(tx, project, StopKind.PAUSE, None, NOW)
        bob = people.add(tx, "bob", "Bob", NOW)
        accounts.close(tx, bob, NOW)
        other = projects.add(tx, "p2", "Q", Tier.OPEN, "D", "P-2", date(2027, 1, 1), NOW)
        data.add(tx, other, "more", ("b" * 64, 3, 4), NOW)
    with database.read() as tx:
        everybody, every = people.accounts(tx), projects.summaries(tx)
        sets, own = data.listed(tx), data.listed(tx, projects.keyed(tx, "p2"))
    assert everybody == [
        people.Account(
            "ada",
            "Ada",
            [{"role": "checker", "controller": "D"}],
            [{"project": "p1", "role": "lead"}],
            date(2026, 12, 31),
            terms_accepted=True,
            closed_at=None,
        ),
        people.Account("bob", "Bob", [], [], None, terms_accepted=False, closed_at=NOW),
    ]
    first, second = (
        data.Listed("p1", "registers", "a" * 64, 1, 2, NOW),
        data.Listed("p2", "more", "b" * 64, 3, 4, NOW),
    )
    assert (sets, own) == ([first, second], [second])
    assert every[0] == projects.Summary(
        key="p1",
        title="P",
        purpose="",
        tier=Tier.SYNTHETIC,
        controller="C",
        permit="P-1",
        permit_until=date(2026, 12, 31),
        clusters=False,
        stop=StopKind.PAUSE,
        members=[{"person": "ada", "role": "lead"}],
        data=["registers"],
    )
    assert (every[1].stop, every[1].members, every[1].data) == (None, [], ["more"])
