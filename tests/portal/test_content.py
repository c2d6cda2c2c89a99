"""The host of untrusted pages: it knows no session and no route of the portal, and its pages may do nothing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from governance import settings as settings_module
from governance.database import Database
from governance.settings import Settings
from output_review import frozen
from portal.app import create_site
from portal.content import SEEN_WITHIN, Views, create_app


@pytest.fixture
def views(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Views:
    monkeypatch.setattr(settings_module, "STATE", tmp_path)
    (settings.state / "frozen" / "canonical").mkdir(parents=True)
    return Views(settings)


@pytest.fixture
def client(settings: Settings, views: Views) -> Iterator[TestClient]:
    with TestClient(create_app(settings, views), base_url=settings.content_origin) as client:
        yield client


def test_a_view_is_shown_for_a_while_and_may_do_nothing(settings: Settings, views: Views, client: TestClient) -> None:
    sha256 = frozen.canonical(settings.state).put(b"<p>table</p>")
    now = datetime.now(UTC)
    answer = client.get(views.address(sha256, now))
    assert answer.text == "<p>table</p>"
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; img-src data:; style-src 'unsafe-inline'")
    assert "sandbox; " in policy
    assert f"frame-ancestors {settings.portal_origin}" in policy
    assert "set-cookie" not in answer.headers
    assert client.get(views.address(sha256, now - SEEN_WITHIN - timedelta(minutes=1))).status_code == 404


def test_no_other_address_shows_anything(settings: Settings, views: Views, client: TestClient) -> None:
    sha256 = frozen.canonical(settings.state).put(b"<p>table</p>")
    other = Views(settings).address(sha256, datetime.now(UTC))
    for address in (other, f"{settings.content_origin}/view/{sha256}", f"{settings.content_origin}/login"):
        assert client.get(address).status_code == 404


def test_each_host_has_its_own_routes(
    settings: Settings, database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings_module, "STATE", tmp_path)
    (settings.assets / "0123").mkdir(parents=True)
    (settings.assets / "0123" / "lab.js").write_text("1")
    with TestClient(create_site(settings, database, lambda: datetime.now(UTC))) as client:
        assert client.get(f"{settings.portal_origin}/login").status_code == 200
        assert client.get(f"{settings.content_origin}/login").status_code == 404
        assert client.get(f"{settings.portal_origin}/view/x").status_code == 404
        assert client.get("http://evil.example/login").status_code == 404
        assert client.get("http://assets/assets/0123/lab.js").text == "1"
        assert client.get("http://assets/assets/0123/../../keys/ticket.key").status_code == 404
        assert client.get(f"{settings.portal_origin}/assets/0123/lab.js").status_code == 404
