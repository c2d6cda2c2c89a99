"""What a checker is shown of a request that lost an approval."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fastapi.testclient import TestClient

from governance import accounts, logins, people
from governance import settings as settings_module
from governance.settings import Settings
from governance.tables import PlatformRole
from governance.tiers import Tier
from output_review import frozen, release, store
from portal.app import create_app
from portal.site import LANGUAGE, SESSION
from tests.conftest import NOW
from tests.output_review.test_service import Cast, cast, found

__all__ = ["cast"]

PASSWORD = "a long enough password"
GONE = "tæller ikke længere"


@pytest.fixture
def alan(cast: Cast, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TestClient:
    """Alan's browser, in Danish."""
    monkeypatch.setattr(settings_module, "STATE", tmp_path)
    with cast.database.write() as tx:
        people.named(tx, "alan").password_hash = people.password_hash(PASSWORD)
    begun = logins.begin(cast.database, "alan", PASSWORD, lambda: NOW)
    assert begun
    cookies = f"{SESSION}={begun[0]}; {LANGUAGE}=da"
    app = create_app(settings, cast.database, lambda: NOW)
    return TestClient(
        app, base_url=settings.portal_origin, headers={"Cookie": cookies, "Origin": settings.portal_origin}
    )


def test_the_page_says_why_a_request_is_back_and_which_vote_counts_no_longer(
    cast: Cast, alan: TestClient, settings: Settings
) -> None:
    with cast.database.write() as tx:
        cast.project.tier = Tier.PSEUDONYMISED
        tx.merge(cast.project)
        edith = people.add(tx, "edith", "Edith", NOW)
        people.give_role(tx, edith, PlatformRole.CHECKER, "C", NOW)
        tx.flush()
        row = cast.in_review(tx)
        cast.vote(tx, row, cast.grace)
        cast.vote(tx, row, edith)
    page = alan.get(f"/review/{row.id}")
    assert page.status_code == 200
    assert GONE not in page.text
    with cast.database.write() as tx:
        accounts.close(tx, people.named(tx, "grace"), NOW)
    release.release(settings, cast.database, row.id, Ed25519PrivateKey.generate(), lambda: NOW)
    assert alan.get("/review").text.count(f'href="/review/{row.id}"') == 1
    page = alan.get(f"/review/{row.id}")
    assert "mistede en, der havde godkendt den, retten til at godkende" in page.text
    assert page.text.count(GONE) == 1


def test_what_the_machine_found_is_told_by_kind_and_answered_with_the_vote(
    cast: Cast, alan: TestClient, settings: Settings
) -> None:
    (settings.state / "frozen/canonical").mkdir(parents=True)
    sha256 = frozen.canonical(settings.state).put(b"region;n\nNord;3\n")
    with cast.database.write() as tx:
        row = cast.in_review(tx)
        [file] = store.files(tx, row.id)
        cells = [{"row": number, "column": 2, "heading": "n"} for number in range(2, 102)]
        file.findings = [found("small_count", "decide") | {"place": cell} for cell in cells]
        file.findings += [found("small_count", "decide") | {"said": "more", "values": {"count": 900}}]
        file.findings += [found("cpr", "block")]
        file.canonical_sha256 = sha256
        people.give_role(tx, people.named(tx, "alan"), PlatformRole.LEAD_CHECKER, "C", NOW)
    page = alan.get(f"/review/{row.id}").text
    assert page.count('<div class="finding ') == 2
    assert page.index("Ligner et CPR-nummer") < page.index("1000 steder")  # what must not leave is first
    assert page.count('name="answered"') == 2
    vote = {"sha256": sha256, "approve": "true", "reason": "Det er dage"}
    answers = [({}, 400), ({"answered": ["cpr"]}, 400), ({"answered": ["cpr", "small_count"]}, 303)]
    for answered, status in answers:
        answer = alan.post(f"/review/{row.id}/files/{file.id}/vote", data=vote | answered, follow_redirects=False)
        assert answer.status_code == status, answer.text
    with cast.database.read() as tx:
        [kept] = store.latest_votes(tx, [file.id])
    assert (kept.answered, kept.reason) == (["cpr", "small_count"], "Det er dage")


def test_a_checker_whose_role_was_taken_back_sees_nothing_more(cast: Cast, alan: TestClient) -> None:
    with cast.database.write() as tx:
        row = cast.in_review(tx)
    assert alan.get(f"/review/{row.id}").status_code == 200
    with cast.database.write() as tx:
        people.take_role(tx, people.named(tx, "alan"), PlatformRole.CHECKER, "C", NOW)
    assert alan.get(f"/review/{row.id}").status_code == 404
    assert alan.get("/").status_code == 200
    with cast.database.write() as tx:
        accounts.close(tx, people.named(tx, "alan"), NOW)
    answer = alan.get("/", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/login")


def test_what_a_checker_writes_is_text_and_no_page(cast: Cast, alan: TestClient) -> None:
    with cast.database.write() as tx:
        row = cast.in_review(tx)
        store.set_status(tx, row, row.status, NOW, "<b>100 %(count)s</b>")
    assert "&lt;b&gt;100 %(count)s&lt;/b&gt;" in alan.get(f"/review/{row.id}").text
