"""A real browser, and the demo's people in it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page

from output_review import store
from tests.browser import Visitor
from tests.conftest import ROOT, Person, Room, Stack, until


@pytest.fixture(scope="session")
def demo_passwords(stack: Stack) -> dict[str, str]:
    return {login["name"]: login["password"] for login in json.loads(stack.sluse("demo", "logins", "--json"))}


@dataclass(frozen=True)
class Scene:
    """Ada with an open room, and two checkers."""

    stack: Stack
    ada: Person
    room: Room
    grace: Person
    alan: Person

    def status(self, number: int) -> str:
        with self.stack.database.read() as tx:
            return str(store.request(tx, number).status)

    def reviewed(self, number: int) -> None:
        until(lambda: self.status(number) != "submitted", 60)
        assert self.status(number) == "in_review"


@pytest.fixture(scope="module")
def scene(stack: Stack) -> Scene:
    ada = stack.person("ada")
    room = stack.open_room(stack.project(ada), ada)
    return Scene(stack, ada, room, stack.checker("grace"), stack.checker("alan"))


def checker(scene: Scene, visitor: Callable[..., Visitor], person: Person) -> Visitor:
    visiting = visitor()
    visiting.log_in(scene.stack, person.name, person.password)
    return visiting


def approve(scene: Scene, visitor: Callable[..., Visitor], person: Person, number: int) -> None:
    visiting = checker(scene, visitor, person)
    visiting.page.goto(f"{scene.stack.settings.portal_origin}/review/{number}")
    files = visiting.page.locator("section.reviewed")
    for index in range(files.count()):
        approve_file(files.nth(index))
        visiting.page.wait_for_load_state()


def approve_file(file: Locator) -> None:
    """Say of every kind of finding that one looked at it, why it may leave all the same, and approve."""
    button = file.page.get_by_role("button", name="Approve this file")
    form = file.locator("form").filter(has=button)
    for answer in form.get_by_role("checkbox").all():
        answer.check()
    for reason in form.get_by_role("textbox").all():
        reason.fill("These are made up, and nobody's.")
    form.get_by_role("button").click()


def enter(scene: Scene, visitor: Visitor) -> Page:
    """Ada logs in and goes to her room; returns JupyterLab's page."""
    visitor.log_in(scene.stack, scene.ada.name, scene.ada.password)
    page = visitor.page
    page.goto(f"{scene.stack.settings.portal_origin}/rooms/{scene.room.id}?enter=1")
    page.wait_for_url("**/lab**", timeout=60_000)
    page.locator(".jp-DirListing-content").first.wait_for(state="attached", timeout=60_000)
    return page


# -- accessibility ---------------------------------------------------------------------------------------------------
AXE = Path(__file__).parent / "axe"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]


@pytest.fixture(scope="session")
def axe() -> str:
    script = AXE / "node_modules" / "axe-core" / "axe.min.js"
    if not script.exists():
        npm = ROOT / ".venv" / "bin" / "npm"
        subprocess.run([npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"], cwd=AXE, check=True)
    return script.read_text()


def violations(page: Page, axe: str, within: str = "html") -> list[str]:
    """What axe-core finds wrong in a part of a page."""
    page.evaluate(axe)  # the page's policy forbids foreign scripts; the debugger's evaluation is outside it
    found = page.evaluate("([within, rules]) => axe.run(within, {runOnly: rules, iframes: false})", [within, RULES])
    return [f"{v['id']}: {v['nodes'][0]['html'][:200]}" for v in found["violations"]]
