"""Every page in Danish has no English sentence on it, and in English no Danish one."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from governance.tables import PlatformRole
from portal.translation import DANISH, translator
from tests.browser import Visitor
from tests.conftest import Stack

PAGES = ["/", "/terms", "/requests", "/review", "/review/1", "/nothing-here", "/rooms/aaaaaaaaaa", "/operation"]


def sentences() -> list[tuple[str, str]]:
    """(English, Danish) of everything a page can say that differs, without what is filled in."""
    from babel.messages.pofile import read_po

    with DANISH.open("rb") as file:
        found = [(str(m.id), str(m.string)) for m in read_po(file, locale="da") if isinstance(m.id, str) and m.id]
    plain = [(e, d) for e, d in found if e != d and "%(" not in e and "{" not in e and len(e) > 6]
    return sorted(plain, key=lambda pair: -len(pair[0]))


@pytest.mark.parametrize(("language", "index"), [("da-DK", 0), ("en-GB", 1)])
def test_every_page_is_in_one_language(
    stack: Stack, visitor: Callable[..., Visitor], language: str, index: int
) -> None:
    person = stack.checker("ada", PlatformRole.OPERATOR)
    key = stack.project(person)
    room = stack.open_room(key, person)
    reader = visitor(language)
    page = reader.page
    texts = {}
    page.goto(f"{stack.settings.portal_origin}/login")
    texts["login"] = page.inner_text("body")
    page.fill("#name", person.name)
    page.fill("#password", "not the password")
    page.keyboard.press("Enter")
    page.wait_for_selector(".alert-error")
    texts["wrong password"] = page.inner_text("body")
    reader.log_in(stack, person.name, person.password)
    for path in [*PAGES, f"/rooms/{room.id}"]:
        page.goto(stack.settings.portal_origin + path)
        texts[path] = page.inner_text("body")
    page.locator("main form[action$=close] button").click()
    page.wait_for_selector(".alert-info", timeout=30_000)
    texts["closed room"] = page.inner_text("body")
    foreign = [pair[index] for pair in sentences()]
    for name, text in texts.items():
        found = [s for s in foreign if re.search(rf"(?<!\w){re.escape(s)}(?!\w)", text)]
        assert found == [], f"{name}: {found}"
    assert translator(language[:2]).gettext("My projects") in texts["/"]


def test_the_language_can_be_changed(stack: Stack, visitor: Callable[..., Visitor]) -> None:
    reader = visitor("da-DK")
    reader.page.goto(f"{stack.settings.portal_origin}/login")
    assert reader.page.inner_text("h1") == "Log ind"
    reader.page.get_by_role("button", name="English").click()
    reader.page.wait_for_url("**/login")
    assert reader.page.inner_text("h1") == "Log in"
    assert reader.page.locator("html").get_attribute("lang") == "en"
