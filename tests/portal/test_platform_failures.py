"""What people are told when a part of the platform is away: in their language, and never as a fault of theirs."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from sqlalchemy.exc import OperationalError

from governance import jobs, people, projects, rooms
from governance.database import Database
from governance.settings import Settings
from governance.tables import PlatformRole, ProjectRole
from governance.tiers import Tier
from output_review import intake, service
from output_review.service import Output
from portal.app import create_app
from portal.translation import chosen, translator
from tests.conftest import NOW

PASSWORD = "a long enough password"


@pytest.fixture
def waiting(database: Database, settings: Settings) -> str:
    """A request that could not be inspected, made from this room."""
    with database.write() as tx:
        ada = people.add(tx, "ada", "Ada", NOW, password=PASSWORD, training_until=date(2027, 1, 1))
        people.accept_terms(tx, ada, NOW)
        ole = people.add(tx, "ole", "Ole", NOW, password=PASSWORD)
        people.give_role(tx, ole, PlatformRole.OPERATOR, "C", NOW)
        project = projects.add(tx, "p1", "P", Tier.SYNTHETIC, "C", "P-1", date(2026, 12, 31), NOW)
        projects.add_member(tx, project, ada, ProjectRole.ANALYST, NOW)
        room = rooms.want_open(tx, ada, project, "small", settings, NOW).id
        row = service.create(tx, rooms.standing(tx, room), "T", NOW)
        file = service.announce(tx, row, Output("a.csv", "d", "p", "p"))
        service.froze(tx, row, file.id, "f" * 64, 10, NOW)
        service.submit(tx, row, ada, NOW)
    return room


def try_in_vain(database: Database) -> None:
    with database.write() as tx:
        job = jobs.claim(tx, [service.INSPECT], NOW)
        assert job
        jobs.failed(tx, job, NOW, "no sandbox: 503 Cannot connect to the Docker daemon")


@pytest.fixture
def portal(database: Database, settings: Settings) -> Iterator[TestClient]:
    app = create_app(settings, database, lambda: NOW)
    base = settings.portal_origin.replace("http:", "https:")
    headers = {"Origin": settings.portal_origin, "Accept-Language": "en"}
    with TestClient(
        app, base_url=base, follow_redirects=False, headers=headers, raise_server_exceptions=False
    ) as client:
        yield client


def asked_from(database: Database, settings: Settings, room: str, language: str) -> dict[str, object]:
    """What JupyterLab in the room is told of its first request."""
    app = intake.create_app(settings, database, lambda: NOW, lambda wish: translator(chosen(wish)))
    with database.read() as tx:
        slot = rooms.standing(tx, room).room.slot
    assert slot is not None
    client = TestClient(app, client=(str(settings.front_address(slot)), 1), headers={"Accept-Language": language})
    [request] = client.get("/api/requests").json()["requests"]
    return dict(request)


def test_an_author_is_told_that_the_platform_is_at_fault(
    database: Database, settings: Settings, waiting: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("governance.settings.STATE", tmp_path)
    (settings.state / "frozen" / "originals").mkdir(parents=True)
    assert asked_from(database, settings, waiting, "en")["words"] is None
    try_in_vain(database)
    english, danish = (asked_from(database, settings, waiting, language) for language in ("en", "da"))
    assert english["status"] == danish["status"] == "submitted"
    assert "for a reason of the platform's own" in str(english["words"])
    assert "hos platformen selv" in str(danish["words"])
    assert "Docker" not in str(english)


@pytest.mark.parametrize(
    ("language", "says"), [("en", "for a reason of the platform&#39;s own"), ("da", "hos platformen selv")]
)
def test_an_author_without_a_room_is_told_in_the_portal(
    portal: TestClient, database: Database, waiting: str, language: str, says: str
) -> None:
    """An engine that stopped took the room with it."""
    assert portal.post("/login", data={"name": "ada", "password": PASSWORD}).status_code == 303
    portal.headers["Accept-Language"] = language
    assert says not in portal.get("/requests").text
    try_in_vain(database)
    page = portal.get("/requests").text
    assert says in page
    assert "Docker" not in page


@pytest.mark.parametrize(("language", "says"), [("en", "could not be inspected"), ("da", "kunne ikke inspiceres")])
def test_an_operator_reads_why(portal: TestClient, database: Database, waiting: str, language: str, says: str) -> None:
    assert portal.post("/login", data={"name": "ole", "password": PASSWORD}).status_code == 303
    portal.headers["Accept-Language"] = language
    assert says not in portal.get("/operation").text
    try_in_vain(database)
    page = portal.get("/operation").text
    assert says in page
    assert "Cannot connect to the Docker daemon" in page


def test_a_database_that_is_away_is_told_on_a_page(
    portal: TestClient, database: Database, waiting: str, tmp_path: Path
) -> None:
    if database.engine.dialect.name == "sqlite":
        file = Path(str(database.engine.url.database))
        shutil.move(file, tmp_path / "away.db")
        database.engine.dispose()
        file.mkdir()  # what cannot be opened
    else:
        url = database.engine.url.set(host="127.0.0.1", port=1, query={})
        database.engine.dispose()
        database.engine = Database(url.render_as_string(hide_password=False)).engine
    with pytest.raises(OperationalError), database.read() as tx:
        tx.connection()
    for path, language, says in (
        ("/", "en", "database does not answer"),
        ("/login", "da", "database svarer ikke"),
        ("/review", "en", "database does not answer"),
    ):
        answer = portal.get(path, headers={"Accept-Language": language})
        assert answer.status_code == 503, path
        assert says in answer.text
        assert "Traceback" not in answer.text
    assert portal.get("/health").status_code == 503
