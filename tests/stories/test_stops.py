"""An operator stops a project, or everything: rooms are gone in seconds, nothing leaves, and people are told why."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator

import httpx
import pytest
from docker.errors import NotFound
from playwright.sync_api import expect

from governance import stops
from governance.tables import AuditEvent, PlatformRole
from hub import storage
from tests.browser import Visitor
from tests.conftest import Room, Stack, until
from tests.stories.asking import ask
from tests.stories.conftest import Scene, approve, enter


@pytest.fixture(autouse=True)
def site_goes_on(stack: Stack) -> Iterator[None]:
    """Whatever a test did, the site is not left stopped."""
    yield
    with stack.database.read() as tx:
        stopped = stops.own(tx, None)
    if stopped:
        stack.sluse("site", "resume")


def gone(room: Room) -> bool:
    """No container and no network is left, and nobody is let in."""
    docker = room.stack.docker
    for part in ("room", "gate"):
        try:
            docker.inspect_container(room.name(part))
            return False
        except NotFound:
            pass
    try:
        docker.inspect_network(room.name("net"))
        return False
    except NotFound:
        return room.request("GET", "/api/status").status_code == 404


def test_a_project_is_paused_by_command_and_goes_on(stack: Stack) -> None:
    ada, bob = stack.person("ada"), stack.person("bob")
    key, other = stack.project(ada, bob), stack.project(ada)
    inside = [stack.open_room(key, ada), stack.open_room(key, bob)]
    elsewhere = stack.open_room(other, ada)
    begun = time.monotonic()
    stack.sluse("project", "pause", key)
    until(lambda: all(gone(room) for room in inside), 10)
    assert time.monotonic() - begun < 12
    assert elsewhere.request("GET", "/api/status").status_code == 200
    kept = (stack.settings.log / "gates" / f"{inside[0].id}.log").read_text().splitlines()
    assert any(json.loads(line)["status"] == 303 for line in kept if line.startswith("{"))  # entered
    for room in inside:  # a ticket is dead, wherever it is shown: the edge keeps it, and it opens nothing
        assert room.knock(room.ticket).status_code == 200
        assert room.request("GET", "/lab").status_code == 404
    with pytest.raises(AssertionError, match="This project is paused"):
        stack.sluse("room", "open", key, ada.name)
    stack.sluse("project", "resume", key)
    again = stack.open_room(key, ada)
    assert again.knock(inside[0].ticket).status_code == 401  # of before the pause
    assert again.request("GET", "/api/status").status_code == 200


def test_an_operator_stops_the_site_in_the_portal(scene: Scene, visitor: Callable[..., Visitor]) -> None:
    stack = scene.stack
    ole = stack.checker("ole", PlatformRole.OPERATOR)
    ada = visitor()
    page = enter(scene, ada)
    operator = visitor("da-DK")
    operator.log_in(stack, ole.name, ole.password)
    operator.page.get_by_role("link", name="Drift").click()
    operator.photograph("operation")
    stop = operator.page.get_by_role("button", name="Stop alt")
    stop.click()  # without the tick the browser does not send it
    expect(operator.page.locator("#sure-site:invalid")).to_be_attached()
    operator.page.get_by_label("Alle rum skal lukke med det samme, og intet skal ud").check()
    stop.click()
    expect(operator.page.get_by_text("Stoppet siden")).to_be_visible()
    until(lambda: gone(scene.room), 10)
    expect(page.get_by_role("dialog", name="The room is not open")).to_be_visible(timeout=30_000)
    page.goto(f"{stack.settings.portal_origin}/rooms/{scene.room.id}")
    expect(page.get_by_text("The whole site is stopped for now.")).to_be_visible()
    ada.photograph("stopped")
    with stack.database.read() as tx:
        stopped = tx.query(AuditEvent).filter_by(kind="site.paused").order_by(AuditEvent.number.desc()).first()
        assert stopped is not None
        assert stopped.person_id is not None
    operator.page.get_by_role("button", name="Genoptag driften").click()
    expect(operator.page.get_by_role("button", name="Stop alt")).to_be_visible()


def test_others_do_not_stop_anything(scene: Scene, visitor: Callable[..., Visitor]) -> None:
    stack = scene.stack
    ole = stack.checker("ole", PlatformRole.OPERATOR)
    key = stack.project(stack.person("bob"))
    for person, status in ((scene.ada, 403), (scene.grace, 403), (ole, 303)):
        visiting = visitor()
        visiting.log_in(stack, person.name, person.password)
        cookies = {c["name"]: c["value"] for c in visiting.page.context.cookies()}
        for path in (f"projects/{key}/pause", "site/pause"):
            answer = httpx.post(
                f"http://127.0.0.1:{stack.settings.edge_port}/operation/{path}",
                headers={
                    "Host": stack.settings.portal_origin.removeprefix("http://"),
                    "Origin": stack.settings.portal_origin,
                    "Cookie": f"__Host-session={cookies['__Host-session']}",
                },
                data={"sure": "true"},
            )
            assert answer.status_code == status, (person.name, path)
    with stack.database.read() as tx:
        assert stops.own(tx, None) is not None  # the control: the operator's did


def test_what_is_approved_waits_while_the_project_is_stopped(stack: Stack, visitor: Callable[..., Visitor]) -> None:
    ada = stack.person("ada")
    key = stack.project(ada)
    scene = Scene(stack, ada, stack.open_room(key, ada), stack.checker("grace"), stack.checker("alan"))
    released = ask(scene.room, {"one.csv": b"region;persons\nNord;120\n"})
    scene.reviewed(released)
    approve(scene, visitor, scene.grace, released)
    until(lambda: scene.status(released) == "released", 60)
    waiting = ask(scene.room, {"two.csv": b"region;persons\nNord;130\n"})
    scene.reviewed(waiting)
    stack.sluse("project", "pause", key)
    approve(scene, visitor, scene.grace, waiting)
    time.sleep(3)  # ten times as long as the release worker takes to look again
    assert scene.status(waiting) == "approved"
    author = visitor()
    author.log_in(stack, ada.name, ada.password)
    download = f"{stack.settings.portal_origin}/requests/{released}/download"
    refused = author.page.goto(download)
    assert refused is not None
    assert refused.status == 403
    expect(author.page.get_by_text("This project is paused")).to_be_visible()
    stack.sluse("project", "resume", key)
    until(lambda: scene.status(waiting) == "released", 30)
    cookies = {c["name"]: c["value"] for c in author.page.context.cookies() if c["name"] == "__Host-session"}
    host = stack.settings.portal_origin.removeprefix("http://")
    answer = httpx.get(
        f"http://127.0.0.1:{stack.settings.edge_port}/requests/{released}/download",
        headers={"Host": host, "Cookie": f"__Host-session={cookies['__Host-session']}"},
    )
    assert (answer.status_code, answer.content[:2]) == (200, b"PK")


def test_an_ended_project_stays_ended(stack: Stack) -> None:
    ada = stack.person("ada")
    key = stack.project(ada)
    room = stack.open_room(key, ada)
    stack.sluse("project", "end", key, "--yes")
    until(lambda: gone(room), 10)
    with pytest.raises(AssertionError, match="cannot be resumed"):
        stack.sluse("project", "resume", key)
    with pytest.raises(AssertionError, match="was ended"):
        stack.sluse("room", "open", key, ada.name)
    keys = stack.settings.keys / "volumes"
    until(lambda: not storage.home(stack.settings, room.id).is_open, 20)
    assert (keys / f"home-{room.id}.key").exists()
    assert "2 volumes" in stack.sluse("project", "wipe", key, "--yes")
    assert not (keys / f"home-{room.id}.key").exists()
    assert not storage.home(stack.settings, room.id).image.exists()


def test_a_project_that_goes_on_is_not_wiped(stack: Stack) -> None:
    ada = stack.person("ada")
    key = stack.project(ada)
    room = stack.open_room(key, ada)
    with pytest.raises(AssertionError, match="is not ended"):
        stack.sluse("project", "wipe", key, "--yes")
    assert storage.home(stack.settings, room.id).is_open
