"""What a researcher does in JupyterLab to take a result out, in a real browser."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from tests.browser import Visitor
from tests.conftest import Stack, until
from tests.stories.conftest import Scene, approve, checker, enter, violations

TABLE = "region;persons\nNord;120\nSyd;30\n"


def write(scene: Scene, path: str, text: str = TABLE) -> None:
    scene.room.run(f"import pathlib; p = pathlib.Path({path!r}); p.parent.mkdir(exist_ok=True); p.write_text({text!r})")


def look_at_files(page: Page) -> None:
    """Show the file browser, freshly read. A click on the tab of what is shown already hides it, so: until it stays."""
    listing = page.locator(".jp-DirListing")
    tab = page.locator(".lm-TabBar-tab[data-id=filebrowser]")
    tab.wait_for()
    for _ in range(5):
        try:
            listing.wait_for(timeout=2_000)
            break
        except PlaywrightTimeout:
            tab.click()
    page.get_by_role("button", name=re.compile("Refresh")).first.click()


def choose(page: Page, *names: str, label: str = "Request release…") -> Locator:
    """Right-click files in the file browser and ask for their release; returns the dialog."""
    look_at_files(page)
    items = [page.locator(".jp-DirListing-item", has_text=name) for name in names]
    items[0].click()
    for item in items[1:]:
        item.click(modifiers=["Control"])
    items[-1].click(button="right")
    page.get_by_role("menuitem", name=label).click()
    return page.get_by_role("dialog")


def test_a_result_is_requested_returned_and_requested_again(
    scene: Scene, visitor: Callable[..., Visitor], axe: str
) -> None:
    write(scene, "extension_table.csv", TABLE.replace("30", "3"))
    write(scene, "extension_rows.xlsx")
    ada = visitor()
    page = enter(scene, ada)
    form = choose(page, "extension_table.csv", "extension_rows.xlsx")
    expect(form.get_by_role("alert")).to_contain_text("extension_rows.xlsx: Spreadsheets can hold what nobody sees")
    form.get_by_label("Title of the request").fill("Regions")
    form.get_by_label("What is it?").fill("Persons by region")
    form.get_by_label("What is it for?").fill("Table 1")
    form.get_by_label("Which population does it describe?").fill("All adults")
    form.get_by_label("How many persons?").fill("150")
    ada.photograph("extension-form")
    assert violations(page, axe, ".datasluse-dialog") == []
    form.get_by_role("button", name="Request release").click()
    panel = page.locator(".datasluse-panel")
    card = panel.get_by_role("article", name=re.compile("Regions"))
    expect(card).to_contain_text("with the output checkers", timeout=60_000)
    expect(card).to_contain_text("A count below the threshold (row 3, column persons). Merge groups")
    ada.photograph("extension-panel")
    assert violations(page, axe, ".datasluse-panel") == []
    number = int(card.get_by_role("heading").inner_text().split(":")[0])

    grace = checker(scene, visitor, scene.grace)
    grace.page.goto(f"{scene.stack.settings.portal_origin}/review/{number}")
    expect(grace.page.get_by_text("Purpose: Table 1")).to_be_visible()
    grace.page.get_by_label("What the author should know").fill("Name the year, please.")
    grace.page.get_by_role("button", name="Return with this advice").click()
    expect(page.get_by_text(f"Request {number}, Regions: returned")).to_be_visible(timeout=30_000)
    expect(card).to_contain_text("Name the year, please.")

    write(scene, "extension_table.csv", TABLE.replace("persons", "persons 2024"))
    form = choose(page, "extension_table.csv")
    form.get_by_label("Part of").select_option(str(number))
    expect(form.get_by_label("What is it?")).to_have_value("Persons by region")
    form.get_by_role("button", name="Request release").click()
    expect(card).to_contain_text("with the output checkers (round 2)", timeout=60_000)
    expect(card).not_to_contain_text("below the threshold")
    grace.page.goto(f"{scene.stack.settings.portal_origin}/review/{number}")
    expect(grace.page.get_by_text("Round 1 was returned")).to_be_visible()
    approve(scene, visitor, scene.grace, number)
    expect(card).to_contain_text("released", timeout=30_000)
    expect(card).to_contain_text("It waits for you in the portal")
    assert [c for c in ada.complaints if "datasluse" in c] == []


def test_a_folder_in_danish_and_withdrawn(scene: Scene, visitor: Callable[..., Visitor]) -> None:
    write(scene, "udtræk/ekstra.csv")
    write(scene, "udtræk/nord.csv")
    ada = visitor("da-DK")
    page = enter(scene, ada)
    form = choose(page, "udtræk", label="Anmod om hjemtagelse…")
    form.get_by_label("Anmodningens titel").fill("To tabeller")
    form.get_by_label("Hvad er det?").first.fill("Personer pr. region")
    form.get_by_label("Hvad skal det bruges til?").first.fill("Artikel")
    form.get_by_label("Hvilken population beskriver det?").first.fill("Alle")
    form.get_by_role("button", name="Brug disse svar for alle").click()
    ada.photograph("extension-form-da")
    form.get_by_role("button", name="Anmod om hjemtagelse").click()
    card = page.locator(".datasluse-panel").get_by_role("article", name=re.compile("To tabeller"))
    expect(card).to_contain_text("hos outputkontrollanterne", timeout=60_000)
    expect(card).to_contain_text("nord.csv")
    card.get_by_role("button", name="Træk tilbage").click()
    page.get_by_role("dialog").get_by_role("button", name="Træk tilbage").click()
    expect(card).to_contain_text("trukket tilbage")


def test_a_notebook_says_why_the_door_is_closed_and_goes_on(
    stack: Stack, scene: Scene, visitor: Callable[..., Visitor]
) -> None:
    """The login ends while a notebook is open: nothing dies, and after a new login in another tab it all goes on."""
    cell = {"cell_type": "code", "id": "a", "source": "x = 41", "metadata": {}, "outputs": [], "execution_count": None}
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python"}}
    notebook = {"cells": [cell], "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}
    write(scene, "patience.ipynb", json.dumps(notebook))
    ada = visitor()
    page = enter(scene, ada)
    look_at_files(page)
    page.get_by_text("patience.ipynb").dblclick()
    idle = page.get_by_role("button", name=re.compile("Idle"))
    expect(idle).to_be_visible(timeout=60_000)
    page.locator(".jp-Notebook .cm-content").first.click()
    page.keyboard.press("Shift+Enter")
    expect(page.get_by_text("[1]:")).to_be_visible(timeout=30_000)

    other = page.context.new_page()
    other.goto(f"{stack.settings.portal_origin}/")
    other.get_by_role("button", name="Log out").click()
    other.wait_for_url("**/login")
    told = page.get_by_role("dialog", name="Your login has ended")
    expect(told).to_contain_text(f"{stack.settings.portal_origin}/rooms/{scene.room.id}", timeout=30_000)
    ada.photograph("extension-login-ended")
    told.get_by_role("button", name="Wait here").click()

    other.fill("#name", scene.ada.name)
    other.fill("#password", scene.ada.password)
    other.keyboard.press("Enter")
    other.get_by_role("link", name="Go to my room").click()
    other.get_by_role("button", name="Go in").click()
    expect(page.get_by_text("You are back in the room.")).to_be_visible(timeout=30_000)
    expect(page.get_by_text("died")).to_have_count(0)
    page.locator(".jp-Notebook .cm-content").last.click()
    page.keyboard.type("print(x + 1)")
    page.keyboard.press("Shift+Enter")
    expect(page.locator(".jp-OutputArea-output", has_text="42")).to_be_visible(timeout=30_000)


@pytest.mark.parametrize("menu", ["File", "Edit", "View", "Run", "Kernel", "Tabs", "Settings", "Help"])
def test_no_menu_offers_a_download(scene: Scene, lab: Page, menu: str) -> None:
    lab.get_by_role("menuitem", name=menu, exact=True).click()
    words = lab.get_by_role("menu").first.inner_text()
    lab.keyboard.press("Escape")
    assert words.strip()
    assert not re.search(r"download|export|print|share|browser tab", words, re.IGNORECASE)


@pytest.fixture(scope="module")
def lab(scene: Scene, chromium: Browser) -> Iterator[Page]:
    context = chromium.new_context(locale="en-GB", viewport={"width": 1280, "height": 900})
    yield enter(scene, Visitor(context.new_page()))
    context.close()


def test_no_context_menu_offers_a_download(scene: Scene, lab: Page) -> None:
    write(scene, "menu.csv")
    look_at_files(lab)
    lab.locator(".jp-DirListing-item", has_text="menu.csv").click(button="right")
    words = lab.get_by_role("menu").first.inner_text()
    lab.keyboard.press("Escape")
    assert "Request release…" in words
    assert not re.search(r"download|export|print|shareable|browser tab", words, re.IGNORECASE)


def test_no_command_downloads_exports_prints_or_shares(scene: Scene, lab: Page) -> None:
    """The command palette lists what JupyterLab can do."""
    lab.keyboard.press("Control+Shift+c")
    labels = lab.locator(".lm-CommandPalette-itemLabel")
    expect(labels.get_by_text("Request release…").first).to_be_attached(timeout=30_000)
    seen: list[list[str]] = []
    until(lambda: bool(seen.append(labels.all_text_contents()) or len(seen[-1]) > 50))  # it is drawn again as it fills
    listed = seen[-1]
    found = [w for w in listed if re.search(r"download|export|print|share|browser tab|from url", w, re.IGNORECASE)]
    assert found == []


def test_a_request_that_fails_half_way_leaves_nothing(scene: Scene, visitor: Callable[..., Visitor]) -> None:
    """Two files are chosen, and one is gone before it is sent."""
    write(scene, "half/one.csv")
    write(scene, "half/two.csv")
    ada = visitor()
    page = enter(scene, ada)
    form = choose(page, "half")
    form.get_by_label("Title of the request").fill("Half a request")
    form.get_by_label("What is it?").first.fill("d")
    form.get_by_label("What is it for?").first.fill("f")
    form.get_by_label("Which population does it describe?").first.fill("p")
    form.get_by_role("button", name="Use these answers for all").click()
    scene.room.run("import os; os.remove('half/two.csv')")
    form.get_by_role("button", name="Request release").click()
    expect(form.get_by_role("alert")).to_contain_text("Nothing was requested. There is no file half/two.csv of yours.")
    expect(form.get_by_label("Title of the request")).to_have_value("Half a request")
    form.get_by_role("button", name="Cancel").click()
    page.locator(".lm-TabBar-tab[data-id=datasluse-release-requests]").click()
    card = page.locator(".datasluse-panel").get_by_role("article", name=re.compile("Half a request"))
    expect(card).to_contain_text("withdrawn", timeout=30_000)
