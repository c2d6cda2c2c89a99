"""A result's way out: asked for in the room, seen and approved by a checker, released, downloaded, verified."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from governance import people, projects
from governance.tables import PlatformRole
from governance.tiers import Tier
from output_review import frozen, store
from sluse import processes
from tests.browser import Visitor
from tests.conftest import SLUSE, Stack, until
from tests.stories.asking import ask, call, inside
from tests.stories.conftest import Scene, approve, approve_file, checker

TABLE = b"region;persons\r\nNord;120\r\nSyd;3\r\n"
CANONICAL = b"region;persons\nNord;120\nSyd;3\n"
FIGURE = """
import io, matplotlib; matplotlib.use("Agg")
import matplotlib.pyplot as plt
plt.bar(["Nord", "Syd"], [120, 30]); out = io.BytesIO(); plt.savefig(out, format="png", metadata={"Comment": "hidden"})
"""


def test_a_table_and_a_figure_leave_after_a_checkers_approval(
    scene: Scene, visitor: Callable[..., Visitor], tmp_path: Path
) -> None:
    number = ask(scene.room, {"table.csv": TABLE}, submit=False)
    status, file = call(
        scene.room,
        "POST",
        f"/{number}/files",
        {"name": "figure.png", "description": "Bars", "purpose": "A paper", "population": "All"},
    )
    assert status == 201
    sent = inside(
        scene.room,
        f"{FIGURE}\nprint(json.dumps(call('PUT', '/{number}/files/{file['file']}', raw=out.getvalue())))",
    )
    assert sent[0] == 200
    assert call(scene.room, "POST", f"/{number}/submit")[0] == 200
    scene.reviewed(number)
    [told] = call(scene.room, "GET", f"/{number}")[1]["files"][0]["findings"]
    assert (told["severity"], told["count"], told["places"]) == ("decide", 1, ["row 3, column persons"])

    grace = checker(scene, visitor, scene.grace)
    page = grace.page
    page.get_by_role("link", name="Requests to check").click()
    grace.photograph("queue")
    page.get_by_role("link", name=f"{number}: Table one").click()
    finding = page.locator(".finding").first
    expect(finding).to_contain_text("A count below the threshold")
    expect(finding).to_contain_text("row 3, column persons (3)")
    table = page.frame_locator("iframe").first
    few = table.get_by_role("cell", name="3", exact=True).last
    expect(few).to_have_css("outline-style", "none")
    finding.get_by_role("link", name="row 3, column persons").click()
    expect(few).to_have_css("outline-style", "solid")  # lit up
    expect(table.locator("td", has_text="120")).to_be_visible()
    image = page.frame_locator("iframe").nth(1).locator("img")
    assert image.evaluate("picture => picture.naturalWidth") > 100
    expect(page.get_by_text("'tEXt' chunk")).to_have_count(2)  # the comment, and matplotlib's own
    grace.photograph("review")
    files = page.locator("section.reviewed")
    files.nth(0).get_by_role("button", name="Approve this file").click()  # not sent without an answer
    expect(files.nth(0).locator("form :invalid")).to_have_count(2)  # what is to be ticked, and an objection's reason
    approve_file(files.nth(0))
    expect(page.get_by_text("approved (you)")).to_have_count(1)
    assert scene.status(number) == "in_review"  # one file is not all files
    approve_file(files.nth(1))
    page.wait_for_url("**/review")
    assert grace.complaints == []
    until(lambda: scene.status(number) == "released", 30)
    assert call(scene.room, "GET", f"/{number}")[1]["status"] == "released"

    ada = visitor()
    ada.log_in(scene.stack, scene.ada.name, scene.ada.password)
    ada.page.get_by_role("link", name="Requests for release").click()
    ada.photograph("requests")
    with ada.page.expect_download() as downloading:
        ada.page.get_by_role("link", name="Download").first.click()
    bundle = tmp_path / "bundle.zip"
    downloading.value.save_as(bundle)
    with zipfile.ZipFile(bundle) as archive:
        assert archive.read("files/table.csv") == CANONICAL
        assert b"hidden" not in archive.read("files/figure.png")
        assert json.loads(archive.read("manifest.json"))["image"].startswith("sha256:")
    trust = scene.stack.settings.keys / "release.pem"
    assert "table.csv" in scene.stack.sluse("verify", str(bundle), "--trust", str(trust))
    changed = tmp_path / "changed.zip"
    changed.write_bytes(bundle.read_bytes().replace(b"Nord", b"Sued"))
    for broken, keys in ((changed, trust), (bundle, scene.stack.settings.keys / "ticket.pem")):
        done = subprocess.run([SLUSE, "verify", broken, "--trust", keys], capture_output=True, text=True, check=False)
        assert done.returncode == 1, done.stdout
    assert "signed heads agree" in scene.stack.sluse("audit", "verify")


def test_changing_the_file_afterwards_changes_nothing(scene: Scene, visitor: Callable[..., Visitor]) -> None:
    number = ask(scene.room, {"table.csv": TABLE})
    with scene.stack.database.read() as tx:
        file = store.files(tx, number)[0].id
    sent = inside(scene.room, f"print(json.dumps(call('PUT', '/{number}/files/{file}', raw=b'other;table')))")
    assert sent[0] == 403
    scene.reviewed(number)
    with scene.stack.database.read() as tx:
        kept = store.files(tx, number)[0]
    assert kept.original_sha256 == hashlib.sha256(TABLE).hexdigest()
    assert kept.canonical_sha256 == hashlib.sha256(CANONICAL).hexdigest()


@pytest.mark.parametrize("when", ["before the vote", "after the approval"])
def test_a_changed_byte_in_the_store_is_held_back(scene: Scene, visitor: Callable[..., Visitor], when: str) -> None:
    content = f"region;persons\n{when};120\n".encode()
    number = ask(scene.room, {"table.csv": content})
    scene.reviewed(number)
    stored = frozen.canonical(scene.stack.settings.state).folder / hashlib.sha256(content).hexdigest()
    with scene.stack.held("release"):
        if when == "after the approval":
            approve(scene, visitor, scene.grace, number)
            assert scene.status(number) == "approved"
        stored.chmod(0o600)
        stored.write_bytes(content.replace(b"120", b"999"))
        if when == "before the vote":
            approve(scene, visitor, scene.grace, number)
            assert scene.status(number) == "quarantined"
    until(lambda: scene.status(number) != "approved", 30)
    assert scene.status(number) == "quarantined"
    assert not (scene.stack.settings.state / "releases" / f"{number}.zip").exists()


def test_person_level_data_needs_two_checkers(stack: Stack, visitor: Callable[..., Visitor], scene: Scene) -> None:
    room = stack.open_room(stack.project(scene.ada, tier=Tier.PSEUDONYMISED), scene.ada)
    number = ask(room, {"table.csv": TABLE})
    scene.reviewed(number)
    approve(scene, visitor, scene.grace, number)
    approve(scene, visitor, scene.grace, number)  # twice the same person is one
    assert scene.status(number) == "in_review"
    approve(scene, visitor, scene.alan, number)
    until(lambda: scene.status(number) == "released", 30)


def test_what_must_not_leave_is_one_line_and_needs_a_lead_checkers_reason(
    stack: Stack, scene: Scene, visitor: Callable[..., Visitor]
) -> None:
    numbers = "".join(f"{day:02}0170{1000 + day};120\n" for day in range(1, 29))
    request = ask(scene.room, {"table.csv": f"key;persons\n{numbers}".encode()})
    scene.reviewed(request)
    for person, status in ((scene.grace, "in_review"), (stack.checker("leda", PlatformRole.LEAD_CHECKER), "released")):
        visiting = checker(scene, visitor, person)
        visiting.page.goto(f"{stack.settings.portal_origin}/review/{request}")
        finding = visiting.page.locator(".finding.severity-block").first
        expect(finding).to_contain_text("Looks like a CPR number: in 28 places")
        expect(finding.get_by_role("listitem").filter(visible=True)).to_have_count(3)
        visiting.photograph("blocked")
        approve_file(visiting.page.locator("section.reviewed"))
        until(lambda status=status: scene.status(request) == status, 30)


def test_an_objection_blocks_and_a_request_can_be_returned(scene: Scene, visitor: Callable[..., Visitor]) -> None:
    number = ask(scene.room, {"table.csv": TABLE})
    scene.reviewed(number)
    alan = checker(scene, visitor, scene.alan)
    alan.page.goto(f"{scene.stack.settings.portal_origin}/review/{number}")
    alan.page.get_by_label("Reason for an objection").fill("Syd has 3 persons")
    alan.page.get_by_role("button", name="Object").click()
    expect(alan.page.get_by_text("Syd has 3 persons")).to_be_visible()
    approve(scene, visitor, scene.grace, number)
    assert scene.status(number) == "in_review"
    alan.page.reload()
    alan.page.get_by_label("What the author should know").fill("Leave Syd out, please.")
    alan.page.get_by_role("button", name="Return with this advice").click()
    alan.page.wait_for_url("**/review")
    shown = call(scene.room, "GET", f"/{number}")[1]
    assert (shown["title"], shown["status"], shown["words"]) == ("Table one", "returned", "Leave Syd out, please.")


def test_who_has_a_role_in_the_project_does_not_decide(stack: Stack, visitor: Callable[..., Visitor]) -> None:
    """Nor who had one when the request was made, and left."""
    ada = stack.person("ada")
    grace, alan, hugo = (stack.checker(name) for name in ("grace", "alan", "hugo"))
    project = stack.project(ada, grace, hugo)
    room = stack.open_room(project, ada)
    number = ask(room, {"table.csv": TABLE})
    with stack.database.write() as tx:
        projects.remove_member(tx, projects.keyed(tx, project), people.named(tx, hugo.name), datetime.now(UTC))
    for person, status in ((grace, 404), (hugo, 404), (ada, 404), (alan, 200)):
        visiting = visitor()
        visiting.log_in(stack, person.name, person.password)
        answer = visiting.page.goto(f"{stack.settings.portal_origin}/review/{number}")
        assert answer is not None
        assert answer.status == status, person


def test_what_has_no_canonical_form_comes_back_with_advice(scene: Scene) -> None:
    number = ask(scene.room, {"rows.csv": b"\0\1\2", "table.csv": TABLE})
    until(lambda: scene.status(number) == "returned", 60)
    files = call(scene.room, "GET", f"/{number}")[1]["files"]
    assert [f["state"] for f in files] == ["refused", "ready"]
    assert "Save it as plain text" in files[0]["advice"]


@pytest.mark.parametrize("victim", ["release", "jobs", "web", "hub"])
def test_killing_a_process_between_approval_and_release_loses_nothing(
    scene: Scene, visitor: Callable[..., Visitor], victim: str
) -> None:
    """The release worker is held while the approval is given, then everything of it happens after the kill."""
    number = ask(scene.room, {"table.csv": f"region;persons\n{victim};120\n".encode()})
    scene.reviewed(number)
    with scene.stack.held("release"):
        approve(scene, visitor, scene.grace, number)
        assert scene.status(number) == "approved"
        os.kill(processes.pids(scene.stack.settings)[victim], signal.SIGKILL)
    until(lambda: scene.status(number) == "released", 60)
    until(lambda: set(processes.states(scene.stack.settings).values()) == {"RUNNING"}, 60)
    with scene.stack.database.read() as tx:
        kept = store.release(tx, number)
    bundle = (scene.stack.settings.state / "releases" / f"{number}.zip").read_bytes()
    assert kept is not None
    assert kept.bundle_sha256 == hashlib.sha256(bundle).hexdigest()
    assert "signed heads agree" in scene.stack.sluse("audit", "verify")


HALF_AN_UPLOAD = """
import socket, time
content = {content!r}
with socket.create_connection(("gate", 8082), timeout=60) as s:
    s.sendall(f"PUT /api/requests/{number}/files/{file} HTTP/1.1\\r\\nHost: gate\\r\\n"
              f"Content-Length: {{len(content)}}\\r\\n\\r\\n".encode() + content[:len(content) // 2])
    print("half", flush=True)
    time.sleep(3)
    try:
        s.sendall(content[len(content) // 2:])
        print(s.recv(100).split()[1].decode())
    except (OSError, IndexError):
        print("broken")
"""


@pytest.mark.parametrize("victim", ["intake", "web", "jobs", "release", "hub"])
def test_killing_a_process_during_an_upload_leaves_nothing_half_done(scene: Scene, victim: str) -> None:
    content = b"region;persons\n" + "".join(f"{victim}{i};120\n" for i in range(4000)).encode()
    number = ask(scene.room, {}, submit=False)
    said = {"name": "t.csv", "description": "d", "purpose": "f", "population": "p"}
    file = call(scene.room, "POST", f"/{number}/files", said)[1]["file"]
    program = HALF_AN_UPLOAD.format(content=content, number=number, file=file)
    command = ["docker", "exec", "-u", "64000:64000", scene.room.name("room"), "python", "-c", program]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as upload:
        assert upload.stdout is not None
        assert upload.stdout.readline() == "half\n"
        killed = processes.pids(scene.stack.settings)[victim]
        os.kill(killed, signal.SIGKILL)
        ended = upload.stdout.readline().strip()
    assert ended == "200" if victim != "intake" else ended in {"502", "503", "broken"}
    until(lambda: processes.pids(scene.stack.settings).get(victim, killed) != killed, 60)
    until(lambda: set(processes.states(scene.stack.settings).values()) == {"RUNNING"}, 60)
    until(lambda: call(scene.room, "GET", f"/{number}")[0] == 200, 60)  # it runs before it answers
    folder = frozen.originals(scene.stack.settings.state).folder
    assert not list(folder.glob(".partial-*"))
    assert (folder / hashlib.sha256(content).hexdigest()).exists() is (victim != "intake")
    if victim == "intake":
        assert call(scene.room, "GET", f"/{number}")[1]["files"][0]["state"] == "announced"
        assert call(scene.room, "POST", f"/{number}/submit")[0] == 400  # a request without its bytes is none
        program = f"print(json.dumps(call('PUT', '/{number}/files/{file}', raw={content!r})))"
        until(lambda: inside(scene.room, program)[0] == 200, 60)
    assert call(scene.room, "POST", f"/{number}/submit")[0] == 200
    scene.reviewed(number)


def test_a_released_request_can_be_recalled(scene: Scene, visitor: Callable[..., Visitor]) -> None:
    number = ask(scene.room, {"table.csv": b"region;persons\nrecalled;120\n"})
    scene.reviewed(number)
    approve(scene, visitor, scene.grace, number)
    until(lambda: scene.status(number) == "released", 30)
    ada = visitor()
    ada.log_in(scene.stack, scene.ada.name, scene.ada.password)
    address = f"{scene.stack.settings.portal_origin}/requests/{number}/download"
    ada.page.goto(f"{scene.stack.settings.portal_origin}/requests")
    link = ada.page.locator(f"a[href='/requests/{number}/download']")
    with ada.page.expect_download():
        link.click()

    alan = checker(scene, visitor, scene.alan)
    alan.page.goto(f"{scene.stack.settings.portal_origin}/review/{number}")
    alan.page.get_by_label("What the author should know").fill("A region has too few persons.")
    alan.page.get_by_role("button", name="Recall").click()
    alan.page.wait_for_url("**/review")
    assert scene.status(number) == "recalled"
    ada.page.reload()
    expect(link).to_have_count(0)
    expect(ada.page.get_by_text("A region has too few persons.")).to_be_visible()
    answer = ada.page.goto(address)
    assert answer is not None
    assert answer.status == 403
    assert call(scene.room, "GET", f"/{number}")[1]["status"] == "recalled"


EVIL = "http://127.0.0.1:9/evil"
HOSTILE = (
    f"<script>window.hit = 1; fetch('{EVIL}')</script><img src=x onerror=\"fetch('{EVIL}')\"><img src='{EVIL}.png'>"
    f"<a href='javascript:alert(1)'>link</a><iframe src='{EVIL}'></iframe><svg onload=\"fetch('{EVIL}')\"></svg>"
    f"<link rel=stylesheet href='{EVIL}.css'><meta http-equiv=refresh content='0;url={EVIL}'>"
)


def test_a_hostile_notebook_runs_and_fetches_nothing(scene: Scene, visitor: Callable[..., Visitor]) -> None:
    """The same words in a page of its own do both: so this can fail."""
    html = {"output_type": "display_data", "metadata": {}, "data": {"text/html": HOSTILE, "text/plain": HOSTILE}}
    script = {"output_type": "display_data", "metadata": {}, "data": {"application/javascript": "alert(1)"}}
    cells: list[dict[str, object]] = [
        {"cell_type": "markdown", "id": "a", "metadata": {}, "source": f"{HOSTILE} ![x]({EVIL}.png) [x](javascript:x)"},
        {"cell_type": "code", "id": "b", "metadata": {}, "source": HOSTILE, "outputs": [html, script]},
    ]
    notebook = json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}).encode()
    number = ask(
        scene.room, {"hostile.ipynb": notebook, "hostile.md": HOSTILE.encode(), "hostile.txt": b"\x1b]0;x\x07 a"}
    )
    scene.reviewed(number)

    def asked_for(page: Page) -> list[str]:
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.on("dialog", lambda dialog: asked.append(f"dialog {dialog.message}"))
        return asked

    control = visitor().page
    tried = asked_for(control)
    control.set_content(HOSTILE.split("<meta")[0])
    until(lambda: sum(EVIL in url for url in tried) >= 4, 20)
    assert control.evaluate("window.hit") == 1

    grace = checker(scene, visitor, scene.grace)
    asked = asked_for(grace.page)
    grace.page.goto(f"{scene.stack.settings.portal_origin}/review/{number}")
    shown = grace.page.frame_locator("iframe").first
    expect(shown.get_by_text("<script>window.hit = 1").first).to_be_visible()
    expect(grace.page.get_by_text("'text/html'")).to_be_visible()
    grace.page.wait_for_timeout(2000)
    grace.photograph("hostile-notebook")
    ours = (scene.stack.settings.portal_origin, scene.stack.settings.content_origin)
    assert [url for url in asked if not url.startswith(ours)] == []
    assert len(asked) > 3  # the page and its frames were asked for
    assert grace.page.url.endswith(f"/review/{number}")
