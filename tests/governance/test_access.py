from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from governance import logins, people, projects, rooms
from governance.database import Database
from governance.errors import Invalid, NotAllowed, NotFound
from governance.rooms import LONGEST_ADMISSION
from governance.settings import Settings
from governance.tables import Person, Project, ProjectRole, RoomState
from governance.tiers import Tier
from tests.conftest import NOW

PASSWORD = "a long enough password"


def person(**changed: object) -> Person:
    return Person(**{"id": 1, "name": "ada", "terms_version": 1, "training_until": date(2027, 1, 1)} | changed)


def project(**changed: object) -> Project:
    usual = {"id": 1, "tier": Tier.SYNTHETIC, "permit": "P-1", "permit_until": date(2026, 6, 30), "controller": "C"}
    return Project(**usual | changed)


def refused(
    who: Person, what: Project, role: ProjectRole | None = ProjectRole.ANALYST, now: datetime = NOW
) -> str | None:
    refusal = projects.refusal_by(who, what, role, {}, now, direct_person_level=False)
    return str(refusal) if refusal else None


def test_a_trained_member_may_enter() -> None:
    assert refused(person(), project()) is None


@pytest.mark.parametrize(
    ("who", "what", "role", "word"),
    [
        (person(), project(), None, "not a member"),
        (person(terms_version=None), project(), ProjectRole.LEAD, "terms of use"),
        (person(training_until=None), project(), ProjectRole.LEAD, "training"),
        (person(training_until=date(2026, 2, 28)), project(), ProjectRole.LEAD, "training"),
        (person(disabled_at=NOW), project(), ProjectRole.LEAD, "account is closed"),
        (person(), project(tier=Tier.PSEUDONYMISED), ProjectRole.LEAD, "picture of a screen"),
        (person(), project(tier=Tier.SENSITIVE), ProjectRole.LEAD, "picture of a screen"),
    ],
)
def test_others_may_not(who: Person, what: Project, role: ProjectRole | None, word: str) -> None:
    assert word in (refused(who, what, role) or "")


def test_a_permits_last_day_counts_until_midnight_in_copenhagen() -> None:
    assert refused(person(), project(), now=datetime(2026, 6, 30, 21, 59, 59, tzinfo=UTC)) is None
    assert "ended" in (refused(person(), project(), now=datetime(2026, 6, 30, 22, 0, tzinfo=UTC)) or "")


@pytest.mark.parametrize("tier", [Tier.PSEUDONYMISED, Tier.SENSITIVE])
def test_the_operators_setting_opens_pseudonymised_rooms_alone(tier: Tier) -> None:
    allowed = (
        projects.refusal_by(person(), project(tier=tier), ProjectRole.LEAD, {}, NOW, direct_person_level=True) is None
    )
    assert allowed == (tier is Tier.PSEUDONYMISED)


@pytest.fixture
def ada_in_project(database: Database) -> tuple[Person, Project]:
    with database.write() as tx:
        ada = people.add(tx, "ada", "Ada", NOW, password=PASSWORD, training_until=date(2027, 1, 1))
        people.accept_terms(tx, ada, NOW)
        synthetic = projects.add(tx, "synthetic", "S", Tier.SYNTHETIC, "C", "P-1", date(2026, 6, 30), NOW)
        projects.add_member(tx, synthetic, ada, ProjectRole.LEAD, NOW)
    return ada, synthetic


def test_rooms_get_addresses_of_their_own(
    database: Database, settings: Settings, ada_in_project: tuple[Person, Project]
) -> None:
    ada, synthetic = ada_in_project
    with database.write() as tx:
        other = projects.add(tx, "other", "O", Tier.OPEN, "C", "P-2", date(2026, 6, 30), NOW)
        projects.add_member(tx, other, ada, ProjectRole.LEAD, NOW)
        first = rooms.want_open(tx, ada, synthetic, "small", settings, NOW)
        second = rooms.want_open(tx, ada, other, "small", settings, NOW)
        again = rooms.want_open(tx, ada, synthetic, "small", settings, NOW)
    assert again.id == first.id
    assert (first.slot, second.slot) == (0, 1)


def test_an_address_rests_for_an_hour(
    database: Database, settings: Settings, ada_in_project: tuple[Person, Project]
) -> None:
    with database.write() as tx:
        room = rooms.want_open(tx, *ada_in_project, "small", settings, NOW)
        rooms.want_closed(tx, room, NOW, reason=rooms.CLOSED_BY_PERSON)
        rooms.became(tx, room, RoomState.CLOSED, NOW)
        rooms.free_slots(tx, NOW + timedelta(minutes=59))
        assert room.slot == 0
        rooms.free_slots(tx, NOW + timedelta(minutes=61))
        assert room.slot is None


def test_an_admission_ends_with_the_first_of_login_permit_and_12_hours(
    database: Database, settings: Settings, ada_in_project: tuple[Person, Project]
) -> None:
    ada, synthetic = ada_in_project
    eve = projects.permit_ends(synthetic) - timedelta(hours=1)
    with database.write() as tx:
        room = rooms.want_open(tx, ada, synthetic, "small", settings, NOW)
        assert rooms.admit(tx, room, None, NOW).ends_at == NOW + LONGEST_ADMISSION
    begun = logins.begin(database, "ada", PASSWORD, lambda: NOW - timedelta(hours=11))
    assert begun
    with database.write() as tx:
        current = logins.current(tx, begun[0], NOW)
        assert current
        assert rooms.admit(tx, room, current[0], NOW).ends_at == NOW + timedelta(hours=1)
        assert rooms.admit(tx, room, None, eve).ends_at == projects.permit_ends(synthetic)


def test_logging_out_ends_its_admissions(
    database: Database, settings: Settings, ada_in_project: tuple[Person, Project]
) -> None:
    begun = logins.begin(database, "ada", PASSWORD, lambda: NOW)
    assert begun
    with database.write() as tx:
        room = rooms.want_open(tx, *ada_in_project, "small", settings, NOW)
        current = logins.current(tx, begun[0], NOW)
        assert current
        sid = rooms.admit(tx, room, current[0], NOW).sid
        assert rooms.admissions(tx, room.id, NOW) == [sid]
        logins.end(tx, current[0], NOW)
        tx.expire_all()
        assert rooms.admissions(tx, room.id, NOW) == []
        assert logins.current(tx, begun[0], NOW) is None


def test_a_wrong_password_does_not_log_in(database: Database, ada_in_project: tuple[Person, Project]) -> None:
    assert logins.begin(database, "ada", PASSWORD, lambda: NOW)
    assert logins.begin(database, "ada", "wrong", lambda: NOW) is None
    assert logins.begin(database, "nobody", PASSWORD, lambda: NOW) is None


def test_ten_wrong_passwords_stop_a_name_for_a_while(
    database: Database, ada_in_project: tuple[Person, Project]
) -> None:
    for _ in range(logins.FAILURES):
        assert logins.begin(database, "ada", "wrong", lambda: NOW) is None
    with pytest.raises(NotAllowed, match="Wait 15 minutes"):
        logins.begin(database, "ada", PASSWORD, lambda: NOW)
    assert logins.begin(database, "ada", PASSWORD, lambda: NOW + timedelta(minutes=16))


def test_bad_names_are_told_what_to_change(database: Database, ada_in_project: tuple[Person, Project]) -> None:
    with pytest.raises(Invalid, match="lower-case letters"), database.write() as tx:
        people.add(tx, "Ada Lead", "Ada", NOW)
    with pytest.raises(Invalid, match="exists already"), database.write() as tx:
        people.add(tx, "ada", "Ada", NOW)
    with pytest.raises(Invalid, match="at least 12"), database.write() as tx:
        people.add(tx, "bob", "Bob", NOW, password="short")
    with pytest.raises(NotFound, match="no project"), database.read() as tx:
        projects.keyed(tx, "none")
