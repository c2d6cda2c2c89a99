"""Ada's way from the login into her room, in a real browser."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, date, datetime

import pytest
from playwright.sync_api import Page, expect
from playwright.sync_api import TimeoutError as NotInTime

from governance import people
from tests.browser import Visitor
from tests.conftest import ROOT, Person, Room, Stack, until
from tests.stories.asking import ask, call, inside


def test_ada_logs_in_opens_her_room_and_logs_out(
    stack: Stack, visitor: Callable[..., Visitor], demo_passwords: dict[str, str]
) -> None:
    ada = visitor("en-GB")
    page = ada.page
    page.goto(stack.settings.portal_origin)
    ada.photograph("login")
    ada.log_in(stack, "ada", demo_passwords["ada"])

    expect(page.locator("article").first).to_contain_text("have not accepted the terms")
    page.get_by_role("link", name="Terms of use").first.click()
    ada.photograph("terms")
    page.get_by_role("button", name="I accept the terms").click()
    expect(page.locator("main")).to_contain_text("/data/registers")
    ada.photograph("projects")

    registers = page.get_by_role("article", name=re.compile("synthetic registers"))
    registers.get_by_role("button", name="Open room").click()
    ada.arrives(stack.settings.portal_origin)
    expect(page.locator(".datasluse-start")).to_contain_text("To learn how a room works", timeout=60_000)
    ada.photograph("start")
    page.get_by_text("start-here.ipynb").dblclick()
    page.wait_for_selector(".jp-Notebook", timeout=30_000)
    expect(page.get_by_role("button", name="Python 3 (ipykernel) | Idle")).to_be_visible(timeout=60_000)
    run_all_cells(page)
    expect(page.locator(".jp-OutputArea-output", has_text="rows written to")).to_be_attached(timeout=120_000)
    page.wait_for_selector(".jp-OutputArea img", timeout=60_000)
    ada.photograph("lab")
    assert ada.complaints == []

    room = page.url
    page.goto(f"{stack.settings.portal_origin}/")
    page.get_by_role("link", name="Go to my room").click()
    ada.photograph("room")
    page.get_by_role("button", name="Log out").click()
    page.wait_for_url("**/login")
    page.goto(room)
    page.wait_for_url("**/login")  # the room's door leads back to the portal's


def run_all_cells(page: Page) -> None:
    """JupyterLab drops the command without a word while its kernel's connection is being made: ask until it takes."""
    for _ in range(5):
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.get_by_text("Run All Cells", exact=True).click()
        try:
            page.get_by_text("[*]:").or_(page.get_by_text("[1]:")).first.wait_for(timeout=5_000)
        except NotInTime:
            continue
        return


@pytest.mark.parametrize(
    ("project", "makes"),
    [
        ("synthetic-registers", ("persons_by_region_and_diagnosis.csv", "contacts_by_year.png", "rows_must_stay.csv")),
        ("heart-attack-survival", ("deaths_by_age_and_sex.csv", "survival_by_heart_failure.png", "rows_must_stay.csv")),
    ],
)
def test_a_starter_notebook_runs_from_top_to_bottom(
    stack: Stack, demo_passwords: dict[str, str], project: str, makes: tuple[str, ...]
) -> None:
    with stack.database.write() as tx:
        people.accept_terms(tx, people.named(tx, "bob"), datetime.now(UTC))
    bob = stack.open_room(project, Person("bob", demo_passwords["bob"]))
    kernel = bob.kernel()
    notebook = json.loads((ROOT / f"sluse/starters/{project}.ipynb").read_text())
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            assert "Error" not in kernel.run("".join(cell["source"]))
    made = bob.run("import os; print(sorted(f for f in os.listdir() if not f.startswith('.')))")
    for name in makes:
        assert name in made
    number = ask(bob, {}, submit=False)
    for name in makes[:2]:
        said = {"name": name, "description": "d", "purpose": "f", "population": "p"}
        file = call(bob, "POST", f"/{number}/files", said)[1]["file"]
        sent = f"print(json.dumps(call('PUT', '/{number}/files/{file}', raw=open({name!r}, 'rb').read())))"
        assert inside(bob, sent)[0] == 200
    assert call(bob, "POST", f"/{number}/submit")[0] == 200
    until(lambda: call(bob, "GET", f"/{number}")[1]["status"] == "in_review")  # what is worth releasing can be


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"terms": False}, "have not accepted the terms"),
        ({"training": "2020-01-01"}, "training in handling health data"),
    ],
)
def test_who_may_not_enter_is_told_why(
    stack: Stack, visitor: Callable[..., Visitor], changed: dict[str, object], says: str
) -> None:
    person = stack.person("ada", **changed)
    stack.project(person)
    ada = visitor()
    ada.log_in(stack, person.name, person.password)
    expect(ada.page.locator("article")).to_contain_text(says)
    expect(ada.page.get_by_role("button", name="Open room")).to_have_count(0)


def test_an_expired_permit_closes_the_door(stack: Stack, visitor: Callable[..., Visitor]) -> None:
    person = stack.person("ada")
    stack.project(person, until=date(2024, 12, 31))
    ada = visitor("da-DK")
    ada.log_in(stack, person.name, person.password)
    expect(ada.page.locator("article")).to_contain_text("udløb 2024-12-31")


def test_nobody_sees_anothers_room(stack: Stack, visitor: Callable[..., Visitor]) -> None:
    owner, other = stack.person("ada"), stack.person("bob")
    room: Room = stack.open_room(stack.project(owner, other), owner)
    for person, status in ((owner, 200), (other, 404)):
        browser = visitor()
        browser.log_in(stack, person.name, person.password)
        answer = browser.page.goto(f"{stack.settings.portal_origin}/rooms/{room.id}")
        assert answer is not None
        assert answer.status == status
