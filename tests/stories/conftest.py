"""A real browser, and the demo's people in it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright

from output_review import store
from tests.conftest import ROOT, Person, Room, Stack, until

OPTIONS = [
    "--no-sandbox",  # tests run as root, where Chromium's own sandbox does not start
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SCREENSHOTS = ROOT / "test-results" / "screenshots"


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=OPTIONS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def demo_passwords(stack: Stack) -> dict[str, str]:
    return {login["name"]: login["password"] for login in json.loads(stack.sluse("demo", "logins", "--json"))}


@pytest.fixture
def visitor(chromium: Browser) -> Iterator[Callable[..., Visitor]]:
    """Makes browsers for people; each has cookies of its own."""
    contexts: list[BrowserContext] = []

    def make(language: str = "en-GB") -> Visitor:
        contexts.append(chromium.new_context(locale=language, viewport={"width": 1280, "height": 900}))
        return Visitor(contexts[-1].new_page())

    yield make
    for context in contexts:
        context.close()


def _is_complaint(message: ConsoleMessage) -> bool:
    """An error, but Chromium's that an interface came or went: a room's network, on this same machine."""
    return message.type == "error" and "ERR_NETWORK_CHANGED" not in message.text


class Visitor:
    """A person at a browser. What the browser complains about is kept."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.complaints: list[str] = []
        page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))
        page.on("console", lambda m: self.complaints.append(m.text) if _is_complaint(m) else None)
        page.on("response", lambda r: self.complaints.append(f"{r.status} {r.url}") if r.status >= 500 else None)

    def log_in(self, stack: Stack, name: str, password: str) -> None:
        self.page.goto(stack.settings.portal_origin)
        self.page.fill("#name", name)
        self.page.fill("#password", password)
        self.page.keyboard.press("Enter")
        self.page.wait_for_url(f"{stack.settings.portal_origin}/")

    def photograph(self, name: str) -> Path:
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=SCREENSHOTS / f"{name}.png")
        return SCREENSHOTS / f"{name}.png"


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
    buttons = visiting.page.get_by_role("button", name="Approve this file")
    for index in range(buttons.count()):
        visiting.page.get_by_role("button", name="Approve this file").nth(index).click()
        visiting.page.wait_for_load_state()


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
