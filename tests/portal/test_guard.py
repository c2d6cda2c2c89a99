"""Where a change may come from, and what a browser may do with an answer."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from fastapi.testclient import TestClient

from governance import logins, people
from governance.database import Database
from governance.settings import Settings
from portal.app import create_app
from tests.conftest import NOW, until

PASSWORD = "a long enough password"


@pytest.fixture
def client(database: Database, settings: Settings) -> Iterator[TestClient]:
    with database.write() as tx:
        people.add(tx, "ada", "Ada", NOW, password=PASSWORD)
    app = create_app(settings, database, lambda: NOW)
    # Secure cookies are kept for https only; browsers make an exception for localhost, this client does not.
    base = settings.portal_origin.replace("http:", "https:")
    with TestClient(app, base_url=base, follow_redirects=False, headers={"Origin": settings.portal_origin}) as client:
        yield client


def log_in(client: TestClient, **changed: str) -> int:
    form = {"name": "ada", "password": PASSWORD}
    return client.post("/login", data=form, headers=changed).status_code


def test_ada_logs_in_and_out(client: TestClient) -> None:
    assert client.get("/").headers["location"] == "/login"
    assert log_in(client) == 303
    assert client.get("/").status_code == 200
    cookie = client.cookies["__Host-session"]
    assert client.post("/logout").status_code == 303
    client.cookies.set("__Host-session", cookie)
    assert client.get("/").headers["location"] == "/login"  # the cookie is worth nothing any more


def test_the_session_cookie_is_for_this_host_and_no_script(client: TestClient) -> None:
    answer = client.post("/login", data={"name": "ada", "password": PASSWORD})
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("__Host-session=")
    for attribute in ("Secure", "HttpOnly", "SameSite=lax", "Path=/"):
        assert attribute in cookie
    assert "Domain" not in cookie


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "", "http://aaaaaaaaaa.rooms-unit.localhost:8090"])
def test_a_form_from_elsewhere_changes_nothing(client: TestClient, origin: str) -> None:
    assert log_in(client) == 303
    assert log_in(client, Origin=origin) == 403


def test_a_browser_that_says_the_form_is_foreign_is_believed(client: TestClient) -> None:
    assert log_in(client, **{"Sec-Fetch-Site": "same-origin"}) == 303
    assert log_in(client, **{"Sec-Fetch-Site": "cross-site"}) == 403


def test_another_host_name_is_not_answered(client: TestClient) -> None:
    assert client.get("/login").status_code == 200
    assert client.get("/login", headers={"Host": "rooms.example"}).status_code == 421


def test_a_long_form_is_refused_unread(client: TestClient) -> None:
    assert client.post("/login", data={"name": "a" * 100_000}).status_code == 413
    assert client.post("/login", content=(b"x" for _ in range(3))).status_code == 411


@pytest.mark.parametrize("path", ["/login", "/nothing", "/static/portal.css", "/health", "/"])
def test_every_answer_says_what_a_browser_may_do(client: TestClient, path: str) -> None:
    headers = client.get(path).headers
    assert headers["content-security-policy"].startswith("default-src 'none'")
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "strict-origin"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert headers["cache-control"] == "no-store"


def test_a_flood_of_logins_leaves_threads_for_pages(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """More log in at once than there are threads, and none of their passwords is done being checked."""
    go_on = threading.Event()
    monkeypatch.setattr(logins, "password_fits", lambda *_: go_on.wait(60) and False)
    with ThreadPoolExecutor(61) as pool:
        flood = [pool.submit(client.post, "/login", data={"name": f"n{n}", "password": "x"}) for n in range(60)]
        try:
            until(lambda: sum(login.done() for login in flood) == 60 - logins.AT_ONCE - logins.WAITING)
            page = pool.submit(client.get, "/login", headers={"Accept-Language": "en"})
            assert page.result(timeout=5).status_code == 200
        finally:
            go_on.set()
    assert Counter(login.result().status_code for login in flood) == {
        503: 60 - logins.AT_ONCE - logins.WAITING,
        401: logins.AT_ONCE + logins.WAITING,
    }
    monkeypatch.undo()
    assert log_in(client) == 303


@pytest.mark.parametrize("page", ["//evil.example", "https://evil.example", "/\\evil.example"])
def test_changing_the_language_leads_nowhere_else(client: TestClient, page: str) -> None:
    form = {"language": "en", "page": "/terms"}
    assert client.post("/language", data=form).headers["location"] == "/terms"
    assert client.post("/language", data=form | {"page": page}).headers["location"] == "/"


def test_a_page_that_breaks_says_so_without_its_trace(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, settings: Settings, database: Database
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr("governance.projects.of_person", fail)
    assert log_in(client) == 303
    client._transport.raise_server_exceptions = False  # type: ignore[attr-defined]
    answer = client.get("/", headers={"Accept-Language": "en"})
    assert answer.status_code == 500
    assert "It is logged" in answer.text
    assert "secret detail" not in answer.text
