"""The release worker on real bytes and rows: what was changed is held back, and what lost a vote is looked at again."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import select
from sqlalchemy.orm import Session

from governance import accounts, audit, people, projects
from governance import settings as settings_module
from governance.errors import NotAllowed, NotFound
from governance.settings import Settings
from governance.tables import AuditEvent, PlatformRole, ProjectRole
from governance.tiers import Tier
from output_review import frozen, release, service, store
from output_review.domain import Status
from tests.conftest import NOW
from tests.output_review.test_service import Cast, cast

__all__ = ["cast"]

KEY = Ed25519PrivateKey.generate()
WAYS = ["closed", "role taken", "joined"]


@pytest.fixture
def here(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings of an installation whose store holds the file that the cast asks for."""
    monkeypatch.setattr(settings_module, "STATE", tmp_path)
    (settings.state / "releases" / "heads").mkdir(parents=True)
    (settings.state / "frozen" / "canonical").mkdir(parents=True)
    frozen.canonical(settings.state).put(b"canonical")
    return settings


def approved(cast: Cast) -> int:
    """A request that Grace has approved."""
    with cast.database.write() as tx:
        row = cast.in_review(tx)
        cast.vote(tx, row, cast.grace)
        assert row.status == Status.APPROVED
        return row.id


def lose(cast: Cast, tx: Session, way: str) -> None:
    """Grace loses the right to decide."""
    grace = people.named(tx, "grace")
    if way == "closed":
        accounts.close(tx, grace, NOW)
    elif way == "role taken":
        people.take_role(tx, grace, PlatformRole.CHECKER, "C", NOW)
    else:
        projects.add_member(tx, projects.keyed(tx, "p1"), grace, ProjectRole.ANALYST, NOW)
    tx.flush()


def work(cast: Cast, here: Settings, number: int) -> Status:
    """Let the release worker look at a request once."""
    release.release(here, cast.database, number, KEY, lambda: NOW)
    with cast.database.read() as tx:
        assert audit.verify(tx).broken_at is None
        return store.request(tx, number).status


def kinds(cast: Cast, number: int) -> list[str]:
    with cast.database.read() as tx:
        rows = list(tx.scalars(select(AuditEvent).order_by(AuditEvent.number)))
    return [row.kind for row in rows if row.detail.get("request") == number]


def test_what_is_approved_is_released(cast: Cast, here: Settings) -> None:
    number = approved(cast)
    assert work(cast, here, number) == Status.RELEASED
    assert release.path(here, number).exists()


@pytest.mark.parametrize("way", WAYS)
def test_a_vote_that_is_lost_before_the_release_sends_it_back_to_review(cast: Cast, here: Settings, way: str) -> None:
    number = approved(cast)
    with cast.database.write() as tx:
        lose(cast, tx, way)
    assert work(cast, here, number) == Status.IN_REVIEW
    assert not release.path(here, number).exists()
    assert kinds(cast, number)[-2:] == ["request.approved", "request.in_review"]
    with cast.database.write() as tx:
        row = store.request(tx, number)
        assert "lost the right to approve" in (row.words or "")
        assert number in [waiting.id for waiting, _ in store.queue(tx, cast.alan)]
        cast.vote(tx, row, cast.alan)
        assert (row.status, row.words) == (Status.APPROVED, None)
    assert work(cast, here, number) == Status.RELEASED
    with zipfile.ZipFile(io.BytesIO(release.path(here, number).read_bytes())) as archive:
        manifest = json.loads(archive.read("manifest.json"))
    assert [approval["checker"] for approval in manifest["approvals"]] == [cast.alan.id]  # and not who lost it


def test_a_role_that_is_given_back_in_time_releases_it(cast: Cast, here: Settings) -> None:
    number = approved(cast)
    with cast.database.write() as tx:
        lose(cast, tx, "closed")
        accounts.reopen(tx, people.named(tx, "grace"), NOW)
    assert work(cast, here, number) == Status.RELEASED


def test_a_lead_who_is_no_lead_any_more_is_not_the_lead_that_sensitive_data_need(cast: Cast, here: Settings) -> None:
    with cast.database.write() as tx:
        projects.keyed(tx, "p1").tier = Tier.SENSITIVE
        people.give_role(tx, people.named(tx, "grace"), PlatformRole.LEAD_CHECKER, "C", NOW)
        row = cast.in_review(tx)
        cast.vote(tx, row, cast.grace)
        cast.vote(tx, row, cast.alan)
        assert row.status == Status.APPROVED
        people.take_role(tx, people.named(tx, "grace"), PlatformRole.LEAD_CHECKER, "C", NOW)
    assert work(cast, here, row.id) == Status.IN_REVIEW


@pytest.mark.parametrize("what", ["the stored bytes", "the file's row", "the status alone"])
def test_what_was_changed_is_quarantined(cast: Cast, here: Settings, what: str) -> None:
    if what == "the status alone":
        with cast.database.write() as tx:
            row = cast.in_review(tx)
            row.status = Status.APPROVED
            number = row.id
    else:
        number = approved(cast)
    with cast.database.write() as tx:
        file = store.files(tx, number)[0]
        if what == "the file's row":
            file.canonical_sha256 = frozen.canonical(here.state).put(b"other")
        elif what == "the stored bytes":
            stored = frozen.canonical(here.state).folder / (file.canonical_sha256 or "")
            stored.chmod(0o600)
            stored.write_bytes(b"other")
    assert work(cast, here, number) == Status.QUARANTINED
    assert not release.path(here, number).exists()


@pytest.mark.parametrize("way", WAYS)
def test_who_lost_the_right_decides_nothing_and_their_vote_counts_no_longer(cast: Cast, way: str) -> None:
    with cast.database.write() as tx:
        projects.keyed(tx, "p1").tier = Tier.PSEUDONYMISED
        row = cast.in_review(tx)
        cast.vote(tx, row, cast.grace)
        assert service.for_checker(tx, row.id, cast.grace)
        assert row.id in [waiting.id for waiting, _ in store.queue(tx, cast.grace)]
        lose(cast, tx, way)
        with pytest.raises(NotAllowed, match="Only an output checker"):
            cast.vote(tx, row, cast.grace)
        with pytest.raises(NotAllowed, match="Only an output checker"):
            service.decide(tx, row, Status.REJECTED, cast.grace, "no", NOW)
        with pytest.raises(NotFound):
            service.for_checker(tx, row.id, cast.grace)
        cast.vote(tx, row, cast.alan)
        assert row.status == Status.IN_REVIEW  # one of two
        edith = people.add(tx, "edith", "Edith", NOW)
        people.give_role(tx, edith, PlatformRole.CHECKER, "C", NOW)
        tx.flush()
        cast.vote(tx, row, edith)
        assert row.status == Status.APPROVED


@pytest.mark.parametrize("way", WAYS)
def test_an_objection_of_who_lost_the_right_holds_nothing_up(cast: Cast, way: str) -> None:
    with cast.database.write() as tx:
        row = cast.in_review(tx)
        cast.vote(tx, row, cast.grace, approve=False)
        cast.vote(tx, row, cast.alan)
        assert row.status == Status.IN_REVIEW
        lose(cast, tx, way)
        cast.vote(tx, row, cast.alan)
        assert row.status == Status.APPROVED
