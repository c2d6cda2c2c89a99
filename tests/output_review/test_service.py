"""The life cycle on a real database: each move with its audit event, and of two deciders one is told no."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from governance import audit, data, jobs, people, projects, rooms
from governance.database import Database
from governance.errors import Invalid, NotAllowed, NotFound
from governance.jobs import LEASE
from governance.settings import Settings
from governance.tables import AuditEvent, Job, Person, PlatformRole, Project, ProjectRole
from governance.tiers import Tier
from output_review import release, service, store
from output_review.domain import Actor, Status
from output_review.service import Inspection, Output
from output_review.tables import ReleaseRequest
from tests.conftest import NOW

SHA = hashlib.sha256(b"canonical").hexdigest()


@dataclass
class Cast:
    database: Database
    ada: Person
    grace: Person
    alan: Person
    project: Project
    room: str

    def submitted(self, tx: Session, files: int = 1) -> ReleaseRequest:
        row = service.create(tx, rooms.standing(tx, self.room), "Title", NOW)
        for number in range(files):
            file = service.announce(tx, row, Output(f"{number}.csv", "Counts", "For a paper", "All", 10))
            service.froze(tx, row, file.id, "f" * 64, 10, NOW)
        service.submit(tx, row, self.ada, NOW)
        return row

    def in_review(self, tx: Session, files: int = 1) -> ReleaseRequest:
        row = self.submitted(tx, files)
        report = {"kind": "csv", "policy": "x/1", "dropped": [], "findings": []}
        found = {file.id: Inspection(report, SHA, 9, SHA) for file in store.files(tx, row.id)}
        service.inspected(tx, row, found, NOW)
        return row

    def vote(self, tx: Session, row: ReleaseRequest, by: Person, *, approve: bool = True, sha: str = SHA) -> None:
        for file in store.files(tx, row.id):
            if row.status == Status.IN_REVIEW:
                service.vote(tx, row, file.id, sha, by, approve=approve, reason="because", now=NOW)


@pytest.fixture
def cast(database: Database, settings: Settings) -> Cast:
    with database.write() as tx:
        ada, grace, alan = (
            people.add(tx, name, name.title(), NOW, training_until=date(2027, 1, 1))
            for name in ("ada", "grace", "alan")
        )
        people.accept_terms(tx, ada, NOW)
        project = projects.add(tx, "p1", "P", Tier.SYNTHETIC, "C", "P-1", date(2026, 12, 31), NOW)
        projects.add_member(tx, project, ada, ProjectRole.LEAD, NOW)
        for checker in (grace, alan):
            people.give_role(tx, checker, PlatformRole.CHECKER, "C", NOW)
        room = rooms.want_open(tx, ada, project, "small", settings, NOW)
    return Cast(database, ada, grace, alan, project, room.id)


def test_the_whole_way_leaves_an_event_for_each_step(cast: Cast) -> None:
    with cast.database.write() as tx:
        row = cast.in_review(tx)
        cast.vote(tx, row, cast.grace)
        assert row.status == Status.APPROVED
        service.released(tx, row, "b" * 64, 5, NOW)
        service.downloaded(tx, row, cast.ada, NOW)
    with cast.database.read() as tx:
        kinds = list(tx.scalars(select(AuditEvent.kind).order_by(AuditEvent.number)))
        assert audit.verify(tx).broken_at is None
    assert [k for k in kinds if k.startswith(("request", "release"))] == [
        "request.created", "request.file", "request.submitted", "request.in_review", "request.approval",
        "request.approved", "request.released", "release.downloaded",
    ]  # fmt: skip


def test_the_inspection_sends_back_what_has_no_canonical_form(cast: Cast) -> None:
    with cast.database.write() as tx:
        row = cast.submitted(tx, files=2)
        first, second = store.files(tx, row.id)
        report = {"kind": "csv", "policy": "x/1", "dropped": [], "findings": []}
        assert not service.inspected(tx, row, {first.id: Inspection(report, SHA, 9, SHA)}, NOW)
        assert row.status == Status.SUBMITTED  # not before the last file
        assert service.inspected(tx, row, {second.id: Inspection({"refused": "failed"})}, NOW)
        assert row.status == Status.RETURNED
        assert second.refusal is not None


def test_a_request_names_what_its_room_ran_when_it_was_handed_in(cast: Cast) -> None:
    before, after = (f"sha256:{digit * 64}" for digit in "12")
    with cast.database.write() as tx:
        rooms.ran(tx, cast.room, "datasluse/base:1", before, NOW)
        row = cast.in_review(tx)
        rooms.ran(tx, cast.room, "datasluse/base:2", after, NOW)
        assert release.manifest(tx, row, cast.project)["image"] == before
        service.decide(tx, row, Status.RETURNED, cast.grace, "Merge the regions", NOW)
        service.revise(tx, row, cast.ada, NOW)
        file = service.announce(tx, row, Output("b.csv", "Counts", "For a paper", "All", 10))
        service.froze(tx, row, file.id, "f" * 64, 10, NOW)
        service.submit(tx, row, cast.ada, NOW)
        assert (row.image, store.earlier_rounds(tx, row.id)[0][0].image) == (after, before)


def test_votes_are_bound_to_the_bytes_that_were_seen(cast: Cast) -> None:
    with cast.database.write() as tx:
        row = cast.in_review(tx)
        with pytest.raises(Invalid, match="not the one you saw"):
            cast.vote(tx, row, cast.grace, sha="0" * 64)
        cast.vote(tx, row, cast.grace)
        assert row.status == Status.APPROVED


def found(check: str, severity: str) -> dict[str, object]:
    return {
        "check": check, "version": 1, "kind": "x", "severity": severity, "confidence": "high",
        "place": {}, "said": "value", "values": {"value": "1"},
    }  # fmt: skip


def test_an_approval_that_leaves_a_finding_unanswered_is_none(cast: Cast) -> None:
    with cast.database.write() as tx:
        row = cast.in_review(tx)
        [file] = store.files(tx, row.id)
        file.findings = [found("small_count", "decide"), found("formula", "decide"), found("long", "note")]
        tx.flush()
        vote = partial(service.vote, tx, row, file.id, SHA, cast.grace, approve=True, reason="", now=NOW)
        for answered in ([], ["small_count"], ["small_count", "long"]):
            with pytest.raises(Invalid, match="each kind of finding"):
                vote(answered=answered)
        vote(answered=["formula", "small_count"])
        assert row.status == Status.APPROVED
        [kept] = store.latest_votes(tx, [file.id])
        assert kept.answered == ["formula", "small_count"]
        event = tx.scalars(select(AuditEvent).where(AuditEvent.kind == "request.approval")).one()
        assert event.detail["answered"] == "formula small_count"


def test_an_approval_of_before_answers_were_asked_releases_nothing(cast: Cast) -> None:
    with cast.database.write() as tx:
        row = cast.in_review(tx)
        cast.vote(tx, row, cast.grace)
        assert service.approved(tx, row, cast.project)
        store.files(tx, row.id)[0].findings = [found("small_count", "decide")]
        tx.flush()
        assert not service.approved(tx, row, cast.project)
        assert service.was_approved(tx, row, cast.project)  # it is looked at again, and not held back as forged


def test_what_must_not_leave_needs_a_reason_and_a_lead_checker(cast: Cast) -> None:
    with cast.database.write() as tx:
        row = cast.in_review(tx)
        [file] = store.files(tx, row.id)
        file.findings = [found("rows", "block")]
        people.give_role(tx, cast.alan, PlatformRole.LEAD_CHECKER, "C", NOW)
        tx.flush()
        vote = partial(service.vote, tx, row, file.id, SHA, approve=True, now=NOW, answered=["rows"])
        with pytest.raises(Invalid, match="missing"):
            vote(cast.grace, reason="  ")
        vote(cast.grace, reason="These are districts")
        assert row.status == Status.IN_REVIEW
        vote(cast.alan, reason="These are districts")
        assert row.status == Status.APPROVED
        assert service.approved(tx, row, cast.project)
        people.take_role(tx, cast.alan, PlatformRole.LEAD_CHECKER, "C", NOW)
        people.give_role(tx, cast.alan, PlatformRole.CHECKER, "C", NOW)
        tx.flush()
        assert not service.approved(tx, row, cast.project)  # the release worker asks again


def test_an_approval_of_other_bytes_releases_nothing(cast: Cast) -> None:
    """Somebody changes the file's row after the votes: the release worker's question is answered no."""
    with cast.database.write() as tx:
        row = cast.in_review(tx)
        cast.vote(tx, row, cast.grace)
        assert service.approved(tx, row, cast.project)
        store.files(tx, row.id)[0].canonical_sha256 = "0" * 64
        tx.flush()
        assert not service.approved(tx, row, cast.project)


def test_a_checker_who_joins_the_project_counts_no_more(cast: Cast) -> None:
    with cast.database.write() as tx:
        row = cast.in_review(tx)
        cast.vote(tx, row, cast.grace)
        assert service.approved(tx, row, cast.project)
        projects.add_member(tx, cast.project, cast.grace, ProjectRole.ANALYST, NOW)
        tx.flush()
        assert not service.approved(tx, row, cast.project)


@pytest.mark.parametrize("when", ["before the vote", "after the vote"])
def test_a_member_who_leaves_decides_on_nothing_that_was_under_way(cast: Cast, when: str) -> None:
    """Of two who were never in it or had left before, the votes count: so this can fail."""
    later = NOW + timedelta(minutes=1)
    with cast.database.write() as tx:
        projects.add_member(tx, cast.project, cast.alan, ProjectRole.ANALYST, NOW - timedelta(days=2))
        projects.remove_member(tx, cast.project, cast.alan, NOW - timedelta(days=1))
        row = cast.in_review(tx)
        if when == "after the vote":
            cast.vote(tx, row, cast.grace)
            assert service.approved(tx, row, cast.project)
        projects.add_member(tx, cast.project, cast.grace, ProjectRole.ANALYST, later)
        projects.remove_member(tx, cast.project, cast.grace, later)
        tx.flush()
        if when == "before the vote":
            with pytest.raises(NotAllowed):
                cast.vote(tx, row, cast.grace)
            assert [r.id for r, _ in store.queue(tx, cast.grace)] == []
            assert [r.id for r, _ in store.queue(tx, cast.alan)] == [row.id]
            cast.vote(tx, row, cast.alan)
            assert row.status == Status.APPROVED
        with pytest.raises(NotFound):
            service.for_checker(tx, row.id, cast.grace)
        assert service.approved(tx, row, cast.project) == (when == "before the vote")


def test_who_left_and_came_and_left_again_was_there_until_the_end(cast: Cast) -> None:
    with cast.database.write() as tx:
        for day in (-3, 1):
            moment = NOW + timedelta(days=day)
            projects.add_member(tx, cast.project, cast.alan, ProjectRole.ANALYST, moment)
            projects.remove_member(tx, cast.project, cast.alan, moment)
        assert cast.alan.id in store.barred(tx, cast.in_review(tx))
        tx.flush()
        row = cast.in_review(tx)
        row.created_at = NOW + timedelta(days=2)
        tx.flush()
        assert store.barred(tx, row) == {cast.ada.id}
        assert [r.id for r, _ in store.queue(tx, cast.alan)] == [row.id]


def test_an_objection_is_taken_back_by_a_later_vote_of_the_same_person(cast: Cast) -> None:
    with cast.database.write() as tx:
        row = cast.in_review(tx)
        cast.vote(tx, row, cast.alan, approve=False)
        cast.vote(tx, row, cast.grace)
        assert row.status == Status.IN_REVIEW
        cast.vote(tx, row, cast.alan)
        assert row.status == Status.APPROVED


def test_nobody_else_decides(cast: Cast) -> None:
    with cast.database.write() as tx:
        row = cast.in_review(tx)
        with pytest.raises(NotAllowed):
            cast.vote(tx, row, cast.ada)
        with pytest.raises(NotFound):
            service.for_checker(tx, row.id, cast.ada)
        with pytest.raises(NotAllowed):
            service.decide(tx, row, Status.REJECTED, cast.ada, "no", NOW)
        with pytest.raises(NotAllowed, match="approved by votes"):
            service.decide(tx, row, Status.APPROVED, cast.grace, "yes", NOW)
        with pytest.raises(NotAllowed):
            service.withdraw(tx, row, cast.grace, NOW)
        assert service.for_checker(tx, row.id, cast.grace)[0] is row


def test_of_two_who_decide_at_once_one_is_told_no(cast: Cast) -> None:
    with cast.database.write() as tx:
        number = cast.in_review(tx).id
    with cast.database.read() as first:
        stale = store.request(first, number)
        assert stale.status == Status.IN_REVIEW
        first.expunge(stale)
    with cast.database.write() as tx:
        service.decide(tx, store.request(tx, number), Status.REJECTED, cast.grace, "rows", NOW)
    with pytest.raises(NotAllowed, match="Somebody else"), cast.database.write() as tx:
        store.set_status(tx, stale, Status.RETURNED, NOW, "late")


def test_nothing_is_added_to_what_was_handed_in(cast: Cast) -> None:
    with cast.database.write() as tx:
        row = cast.submitted(tx)
        with pytest.raises(NotAllowed):
            service.announce(tx, row, Output("more.csv", "d", "f", "p"))
        with pytest.raises(NotAllowed):
            service.froze(tx, row, store.files(tx, row.id)[0].id, "0" * 64, 5, NOW)


def test_an_author_who_left_the_project_does_not_decide(cast: Cast) -> None:
    with cast.database.write() as tx:
        people.give_role(tx, cast.ada, PlatformRole.CHECKER, "C", NOW)
        row = cast.in_review(tx)
        projects.remove_member(tx, cast.project, cast.ada, NOW)
        tx.flush()
        with pytest.raises(NotAllowed):
            cast.vote(tx, row, cast.ada)
        assert row.id not in [r.id for r, _ in store.queue(tx, cast.ada)]
        assert row.id in [r.id for r, _ in store.queue(tx, cast.grace)]


def test_a_closed_accounts_votes_do_not_count(cast: Cast) -> None:
    with cast.database.write() as tx:
        row = cast.in_review(tx)
        cast.vote(tx, row, cast.grace)
        assert service.approved(tx, row, cast.project)
        tx.get_one(Person, cast.grace.id).disabled_at = NOW
        tx.flush()
        assert not service.approved(tx, row, cast.project)


def test_a_files_bytes_come_once(cast: Cast) -> None:
    with cast.database.write() as tx:
        row = service.create(tx, rooms.standing(tx, cast.room), "T", NOW)
        file = service.announce(tx, row, Output("a.csv", "d", "f", "p"))
        service.froze(tx, row, file.id, "f" * 64, 10, NOW)
        with pytest.raises(NotAllowed, match="here already"):
            service.expects(tx, row, file.id, 10)


def test_a_room_has_few_requests_under_way(cast: Cast) -> None:
    with cast.database.write() as tx:
        here = rooms.standing(tx, cast.room)
        for _ in range(service.MOST_UNFINISHED):
            service.create(tx, here, "T", NOW)
        with pytest.raises(NotAllowed, match="under way"):
            service.create(tx, here, "T", NOW)


def test_withdrawing_does_not_let_a_room_fill_the_disk(cast: Cast) -> None:
    with cast.database.write() as tx:
        here = rooms.standing(tx, cast.room)
        for _ in range(service.MOST_A_DAY):
            service.withdraw(tx, service.create(tx, here, "T", NOW), cast.ada, NOW)
        with pytest.raises(NotAllowed, match="in a day"):
            service.create(tx, here, "T", NOW)
        assert service.create(tx, here, "T", NOW + timedelta(days=1, seconds=1))


@pytest.mark.parametrize("text", ["a\u202eb", "a\ufe01b", "a\U000e0041b"])
def test_words_that_cannot_be_seen_are_refused(cast: Cast, text: str) -> None:
    with cast.database.write() as tx:
        here = rooms.standing(tx, cast.room)
        with pytest.raises(Invalid, match="cannot be seen"):
            service.create(tx, here, text, NOW)
        row = service.create(tx, here, "T", NOW)
        with pytest.raises(Invalid, match="visible"):
            service.announce(tx, row, Output(f"{text}.csv", "d", "f", "p"))


@pytest.mark.parametrize(
    "name", ["../x.csv", "a/b.csv", "", ".hidden", "..", "a\nb.csv", "a\\b.csv", "x" * 201, "a\0b"]
)
def test_a_name_that_could_be_a_path_is_refused(cast: Cast, name: str) -> None:
    with cast.database.write() as tx:
        row = service.create(tx, rooms.standing(tx, cast.room), "T", NOW)
        assert service.announce(tx, row, Output("tabel æøå (1).csv", "d", "f", "p"))
        with pytest.raises(Invalid, match="without slashes"):
            service.announce(tx, row, Output(name, "d", "f", "p"))


def test_limits_hold_before_a_byte_is_read(cast: Cast) -> None:
    with cast.database.write() as tx:
        row = service.create(tx, rooms.standing(tx, cast.room), "T", NOW)
        file = service.announce(tx, row, Output("a.csv", "d", "f", "p"))
        assert service.expects(tx, row, file.id, service.LARGEST_FILE)
        for length in (0, service.LARGEST_FILE + 1, 10_000_000_000):
            with pytest.raises(Invalid, match="MB"):
                service.expects(tx, row, file.id, length)
        for number in range(7):
            other = service.announce(tx, row, Output(f"{number}.csv", "d", "f", "p"))
            other.size = 15 << 20
        tx.flush()
        with pytest.raises(Invalid, match="100 MB in all"):
            service.expects(tx, row, file.id, 1)


def test_a_request_without_all_its_bytes_is_not_handed_in(cast: Cast) -> None:
    with cast.database.write() as tx:
        row = service.create(tx, rooms.standing(tx, cast.room), "T", NOW)
        with pytest.raises(Invalid, match="at least one file"):
            service.submit(tx, row, cast.ada, NOW)
        service.announce(tx, row, Output("a.csv", "d", "f", "p"))
        with pytest.raises(Invalid, match="every file"):
            service.submit(tx, row, cast.ada, NOW)


def test_a_quarantined_request_goes_nowhere(cast: Cast) -> None:
    with cast.database.write() as tx:
        row = cast.in_review(tx)
        cast.vote(tx, row, cast.grace)
        service.quarantine(tx, row, Actor.RELEASE_WORKER, NOW, "changed")
        with pytest.raises(NotAllowed):
            service.released(tx, row, "b" * 64, 5, NOW)


def test_a_job_is_taken_once_and_again_when_its_holder_died(cast: Cast) -> None:
    with cast.database.write() as tx:
        cast.submitted(tx)
        assert tx.scalar(select(func.count()).select_from(Job)) == 1
        taken = jobs.claim(tx, ["inspect"], NOW)
        assert taken
        assert jobs.claim(tx, ["inspect"], NOW) is None
        again = jobs.claim(tx, ["inspect"], NOW + LEASE)
        assert again
        assert again.id == taken.id
        jobs.failed(tx, again, NOW, "away")
        tx.flush()
        assert jobs.claim(tx, ["inspect"], NOW) is None
        assert jobs.claim(tx, ["inspect"], NOW + timedelta(minutes=1))
        jobs.done(tx, again, NOW)
        tx.flush()
        assert jobs.claim(tx, ["inspect"], NOW + timedelta(days=1)) is None


def test_a_returned_request_is_taken_up_again_and_its_earlier_round_is_kept(cast: Cast) -> None:
    with cast.database.write() as tx:
        row = cast.in_review(tx, files=2)
        service.vote(tx, row, store.files(tx, row.id)[0].id, SHA, cast.grace, approve=True, reason="", now=NOW)
        service.decide(tx, row, Status.RETURNED, cast.grace, "Merge the regions", NOW)
        with pytest.raises(NotAllowed, match="Only the author"):
            service.revise(tx, row, cast.grace, NOW)
        before = {file.id for file in store.files(tx, row.id)}
        service.revise(tx, row, cast.ada, NOW)
        assert (row.status, row.round, store.files(tx, row.id)) == (Status.DRAFT, 2, [])
        [(ended, given)] = store.earlier_rounds(tx, row.id)
        assert (ended.round, ended.words, {file.id for file in given}) == (1, "Merge the regions", before)
        file = service.announce(tx, row, Output("0.csv", "Counts", "For a paper", "All"))
        service.froze(tx, row, file.id, "e" * 64, 10, NOW)
        service.submit(tx, row, cast.ada, NOW)
        report = {"kind": "csv", "policy": "x/1", "dropped": [], "findings": []}
        service.inspected(tx, row, {file.id: Inspection(report, SHA, 9, SHA)}, NOW)
        assert row.status == Status.IN_REVIEW  # and not approved: a vote of the last round counts for nothing
        cast.vote(tx, row, cast.grace)
        assert row.status == Status.APPROVED


def test_only_a_returned_request_is_taken_up_again_and_not_for_ever(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "MOST_ROUNDS", 2)
    with cast.database.write() as tx:
        row = cast.in_review(tx)
        with pytest.raises(NotAllowed):
            service.revise(tx, row, cast.ada, NOW)
        service.decide(tx, row, Status.RETURNED, cast.grace, "no", NOW)
        service.revise(tx, row, cast.ada, NOW)
        file = service.announce(tx, row, Output("a.csv", "d", "f", "p"))
        service.froze(tx, row, file.id, "e" * 64, 10, NOW)
        service.submit(tx, row, cast.ada, NOW)
        service.inspected(tx, row, {file.id: Inspection({"refused": "failed"})}, NOW)
        assert row.status == Status.RETURNED
        with pytest.raises(NotAllowed, match="at most 2 rounds"):
            service.revise(tx, row, cast.ada, NOW)
        service.withdraw(tx, row, cast.ada, NOW)


@pytest.mark.parametrize(
    ("name", "says"),
    [("a.xlsx", "Save each sheet as CSV"), ("model.pkl", "saved objects"), ("a", "can be released"), ("a.PDF", "PNG")],
)
def test_a_kind_that_is_not_accepted_is_refused_at_once_with_advice(cast: Cast, name: str, says: str) -> None:
    with cast.database.write() as tx:
        row = service.create(tx, rooms.standing(tx, cast.room), "T", NOW)
        with pytest.raises(Invalid, match=says):
            service.announce(tx, row, Output(name, "d", "f", "p"))
        assert service.announce(tx, row, Output("A.CSV", "d", "f", "p"))


def test_a_file_describes_data_sets_that_the_project_has(cast: Cast) -> None:
    with cast.database.write() as tx:
        data.add(tx, cast.project, "registers", ("a" * 64, 1, 1), NOW)
        row = service.create(tx, rooms.standing(tx, cast.room), "T", NOW)
        file = service.announce(tx, row, Output("a.csv", "d", "f", "p", 3, ("registers", "registers")))
        assert file.data_sets == ["registers"]
        with pytest.raises(Invalid, match="no data set called other"):
            service.announce(tx, row, Output("b.csv", "d", "f", "p", 3, ("other",)))


def test_a_draft_that_is_given_up_is_withdrawn_or_stays_returned(cast: Cast) -> None:
    with cast.database.write() as tx:
        row = cast.in_review(tx)
        with pytest.raises(NotAllowed, match="draft"):
            service.give_up(tx, row, cast.ada, NOW)
        service.decide(tx, row, Status.RETURNED, cast.grace, "Merge the regions", NOW)
        service.revise(tx, row, cast.ada, NOW)
        service.give_up(tx, row, cast.ada, NOW)
        assert (row.status, row.words) == (Status.RETURNED, "Merge the regions")
        service.revise(tx, row, cast.ada, NOW)
        first = service.create(tx, rooms.standing(tx, cast.room), "T", NOW)
        with pytest.raises(NotAllowed, match="Only the author"):
            service.give_up(tx, first, cast.grace, NOW)
        service.give_up(tx, first, cast.ada, NOW)
        assert first.status == Status.WITHDRAWN


def test_rounds_that_are_given_up_count_for_the_day(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "MOST_A_DAY", 3)
    with cast.database.write() as tx:
        row = cast.in_review(tx)
        service.decide(tx, row, Status.RETURNED, cast.grace, "no", NOW)
        for _ in range(2):
            service.revise(tx, row, cast.ada, NOW)
            service.give_up(tx, row, cast.ada, NOW)
        with pytest.raises(NotAllowed, match="in a day"):
            service.revise(tx, row, cast.ada, NOW)
        service.revise(tx, row, cast.ada, NOW + timedelta(days=1, seconds=1))
