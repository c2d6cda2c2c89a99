"""A real browser, and people in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Error, Page, Playwright, sync_playwright

if TYPE_CHECKING:
    from tests.conftest import Stack

OPTIONS = [
    "--no-sandbox",  # tests run as root, where Chromium's own sandbox does not start
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SCREENSHOTS = Path(__file__).parent.parent / "test-results" / "screenshots"


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="session")
def chromium(playwright: Playwright) -> Iterator[Browser]:
    browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=OPTIONS)
    yield browser
    browser.close()


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

    def arrives(self, portal: str, lab: str = "**/lab**") -> None:
        """Wait until the room that is being entered shows JupyterLab.

        Chromium drops what it is loading when an interface of this machine comes, as a room's own network does; then
        the person goes in once more.
        """
        try:
            self.page.wait_for_url(lab, timeout=60_000)
        except Error as e:
            if "ERR_NETWORK_CHANGED" not in str(e):
                raise
            self.page.goto(portal)
            self.page.get_by_role("link", name="Go to my room").first.click()
            self.page.get_by_role("button", name="Go in").click()
            self.page.wait_for_url(lab, timeout=60_000)

    def photograph(self, name: str) -> Path:
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=SCREENSHOTS / f"{name}.png")
        return SCREENSHOTS / f"{name}.png"
