"""WCAG 2.1 AA as far as a machine can tell (axe-core), and every page by keyboard alone."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import expect

from governance.tables import PlatformRole
from tests.browser import Visitor
from tests.conftest import Stack, until
from tests.stories.asking import ask
from tests.stories.conftest import violations


def test_axe_sees_what_is_wrong(visitor: Callable[..., Visitor], stack: Stack, axe: str) -> None:
    """The control: a field without a label is found."""
    page = visitor().page
    page.goto(f"{stack.settings.portal_origin}/login")
    page.evaluate("document.querySelector('label').remove()")
    assert any(found.startswith("label:") for found in violations(page, axe))


def test_every_page_is_accessible(stack: Stack, visitor: Callable[..., Visitor], axe: str) -> None:
    ada, grace = stack.person("ada"), stack.checker("grace")
    room = stack.open_room(stack.project(ada), ada)
    number = ask(room, {"table.csv": b"region;persons\nNord;3\n", "figure.png": b"x"}, submit=False)
    ask(room, {"table.csv": b"region;persons\nNord;3\n"})
    browser = visitor("da-DK")
    page = browser.page
    found: dict[str, list[str]] = {}

    def look(path: str) -> None:
        page.goto(stack.settings.portal_origin + path)
        found[path] = violations(page, axe)

    look("/login")
    browser.log_in(stack, ada.name, ada.password)
    for path in ("/", "/terms", "/requests", f"/rooms/{room.id}", "/nothing"):
        look(path)
    page.locator("form[action='/logout'] button").click()
    browser.log_in(stack, grace.name, grace.password)
    until(lambda: (page.goto(f"{stack.settings.portal_origin}/review"), page.locator("td a").count() > 0)[1], 60)
    look("/review")
    look(f"/review/{number + 1}")
    page.locator("form[action='/logout'] button").click()
    ole = stack.checker("ole", PlatformRole.OPERATOR)
    browser.log_in(stack, ole.name, ole.password)
    look("/operation")
    assert found == {path: [] for path in found}


def test_a_person_logs_in_and_accepts_the_terms_by_keyboard(stack: Stack, visitor: Callable[..., Visitor]) -> None:
    ada = stack.person("ada", terms=False)
    stack.project(ada)
    page = visitor().page
    page.goto(stack.settings.portal_origin)
    expect(page.locator("#name")).to_be_focused()
    page.keyboard.type(ada.name)
    page.keyboard.press("Tab")
    page.keyboard.type(ada.password)
    page.keyboard.press("Enter")
    expect(page.locator("article")).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.locator(".skipnav")).to_be_focused()
    page.keyboard.press("Enter")
    page.wait_for_function("location.hash && !document.activeElement.matches('.skipnav')")  # the browser has gone there
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Terms of use")).to_be_focused()
    page.keyboard.press("Enter")
    page.wait_for_url("**/terms")
    page.get_by_role("button", name="I accept the terms").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Open room")).to_be_visible()
