"""The page that a room begins with: what it is for, with whom, on which data, and how results leave."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from governance import data, projects, rooms
from tests.browser import Visitor
from tests.conftest import ROOT, Room, Stack, until
from tests.stories.conftest import Scene, enter, violations

PURPOSE = "To count what nobody has counted."
VARIABLES = "name,title_da,title_en,codes\nkoen,Køn,Sex,codes/koen.csv\n"
FORMAT = "-1 --format=%an,%ae"
CODES = "code,label_da,label_en\nK,Kvinde,Woman\nM,Mand,Man\n"


@pytest.fixture(scope="module")
def scene(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """Ada's room in a project of hers and Bob's, with a table and words about it."""
    ada, bob = stack.person("ada"), stack.person("bob")
    key = stack.project(ada, bob)
    add(stack, key, "registers", tmp_path_factory.mktemp("registers"))
    with stack.database.write() as tx:
        projects.set_purpose(tx, projects.keyed(tx, key), PURPOSE, datetime.now(UTC))
    return Scene(stack, ada, stack.open_room(key, ada), bob, bob)


def add(stack: Stack, key: str, name: str, folder: Path) -> None:
    (folder / "codes").mkdir()
    (folder / "persons.csv").write_text("pid;koen\n1;K\n2;M\n")
    (folder / "variables.csv").write_text(VARIABLES)
    (folder / "codes" / "koen.csv").write_text(CODES)
    with stack.database.write() as tx:
        taken = data.snapshot(folder, stack.settings.state / "data")
        data.add(tx, projects.keyed(tx, key), name, taken, datetime.now(UTC))


def begun(scene: Scene, visiting: Visitor) -> Page:
    """The start page of a visit in which nothing was open before."""
    scene.room.run("import shutil; shutil.rmtree('/home/researcher/.jupyterlab/workspaces', ignore_errors=True)")
    page = enter(scene, visiting)
    expect(page.locator(".datasluse-start summary").first).to_be_visible(timeout=60_000)
    return page


@pytest.mark.parametrize(
    ("language", "says", "what", "button"),
    [
        ("en-GB", ["2 columns", "Permit", "T-1 of Test Controller, until 31 December 2099", "(analyst)"],
         "Sex – K Woman; M Man", "New notebook"),
        ("da-DK", ["2 kolonner", "Datatilladelse", "T-1 fra Test Controller", "31. december 2099", "(analytiker)"],
         "Køn – K Kvinde; M Mand", "Ny notesbog"),
    ],
)  # fmt: skip
def test_a_room_says_what_it_is_for(
    scene: Scene, visitor: Callable[..., Visitor], axe: str, language: str, says: list[str], what: str, button: str
) -> None:
    ada = visitor(language)
    page = begun(scene, ada)
    start = page.locator(".datasluse-start")
    for words in (PURPOSE, scene.ada.name.split("-")[0], *says):
        expect(start).to_contain_text(words)
    start.locator("summary").first.click()
    expect(start.get_by_role("row", name=re.compile("koen"))).to_contain_text(what)
    ada.photograph(f"start-{language[:2]}")
    assert violations(page, axe, ".datasluse-start") == []
    with scene.stack.database.read() as tx:
        title = projects.keyed(tx, key_of(scene)).title
    assert page.title().startswith(title)
    assert start.get_by_role("link").get_attribute("href") == scene.stack.settings.portal_origin
    start.get_by_role("button", name=button).click()
    expect(page.get_by_role("button", name=re.compile(r"Python 3 \(ipykernel\) \| "))).to_be_visible(timeout=60_000)
    assert ada.complaints == []


def key_of(scene: Scene) -> str:
    with scene.stack.database.read() as tx:
        return rooms.standing(tx, scene.room.id).project.key


def test_git_knows_who_commits(scene: Scene, visitor: Callable[..., Visitor]) -> None:
    def commit(room: Room, where: str) -> str:
        steps = f"git init -q {where}", f"cd {where}", "touch a", "git add a", "git commit -qm one", f"git log {FORMAT}"
        return room.run(f"import subprocess; subprocess.run('cd; {' && '.join(steps)}', shell=True)").strip()

    begun(scene, visitor())
    assert commit(scene.room, "one") == f"ada,{scene.ada.name}@{scene.stack.settings.portal_host}"
    scene.room.run("import subprocess; subprocess.run(['git', 'config', '--global', 'user.name', 'Ada Lund'])")
    begun(scene, visitor())
    assert commit(scene.room, "two").startswith("Ada Lund,")  # what they say themselves stays


def test_data_that_came_later_is_named(scene: Scene, visitor: Callable[..., Visitor], tmp_path: Path) -> None:
    add(scene.stack, key_of(scene), "later", tmp_path)
    page = begun(scene, visitor())
    expect(page.locator(".datasluse-start")).to_contain_text("there when it is opened again: later")


def test_settings_are_edited_and_not_downloaded(scene: Scene, visitor: Callable[..., Visitor]) -> None:
    page = begun(scene, visitor())
    page.keyboard.press("Control+Comma")
    expect(page.locator(".jp-SettingsForm").first).to_be_visible(timeout=30_000)
    expect(page.locator("[data-jp-item-name=export-settings]")).to_be_attached()
    expect(page.locator("[data-jp-item-name=export-settings]")).to_be_hidden()
    expect(page.get_by_text("JSON Settings Editor")).to_be_visible()  # control: the others are shown


def test_a_widget_is_drawn(scene: Scene, visitor: Callable[..., Visitor]) -> None:
    """As dask's and tqdm's progress bars are."""
    ada = visitor()
    page = begun(scene, ada)
    page.locator(".datasluse-start").get_by_role("button", name="New notebook").click()
    expect(page.get_by_role("button", name="Python 3 (ipykernel) | Idle")).to_be_visible(timeout=60_000)
    page.locator(".jp-Cell .cm-content").first.click()
    page.keyboard.insert_text("from tqdm.notebook import tqdm\nfor n in tqdm(range(3), desc='counting'): pass")
    page.keyboard.press("Shift+Enter")
    bar = page.locator(".jp-OutputArea-output .widget-hprogress, .jp-OutputArea-output .jupyter-widgets").first
    expect(bar).to_be_visible(timeout=60_000)
    expect(page.locator(".jp-OutputArea-output").first).to_contain_text("counting")
    assert ada.complaints == []


@pytest.mark.parametrize(("language", "words"), [("en-GB", "The room is starting"), ("da-DK", "Projektrummet starter")])
def test_a_rooms_address_waits_for_it_and_loads_jupyterlab(
    stack: Stack, visitor: Callable[..., Visitor], axe: str, language: str, words: str
) -> None:
    ada = stack.person("ada")
    stack.project(ada)
    visiting = visitor(language)
    visiting.log_in(stack, ada.name, ada.password)
    page = visiting.page
    with stack.held("hub"):
        page.locator("form[action$=room] button").click()
        expect(page.get_by_role("heading", name=words)).to_be_visible()
        assert f".{stack.settings.rooms_domain}" in page.url
        until(lambda: loaded(page) == listed(), 30)
        visiting.photograph(f"waiting-{language[:2]}")
        assert violations(page, axe) == []
    visiting.arrives(stack.settings.portal_origin)
    page.wait_for_selector(".datasluse-start", timeout=60_000)
    until(
        lambda: set(listed()) <= set(loaded(page)), 30
    )  # another JupyterLab, another list: write into it what it loads
    assert len(loaded(page)) <= len(listed()) + FEW
    assert page.evaluate(FETCHED_AGAIN) <= FEW
    assert visiting.complaints == []


def test_a_start_that_takes_long_is_waited_for_where_it_is_told_why(
    stack: Stack, visitor: Callable[..., Visitor]
) -> None:
    ada = stack.person("ada")
    stack.project(ada)
    visiting = visitor()
    visiting.log_in(stack, ada.name, ada.password)
    with stack.held("hub"):
        visiting.page.locator("form[action$=room] button").click()
        visiting.page.wait_for_url(f"{stack.settings.portal_origin}/rooms/*waited=1", timeout=30_000)
        expect(visiting.page.locator("#waiting")).to_contain_text("The room is starting")
    visiting.arrives(stack.settings.portal_origin)


FETCHED_AGAIN = """performance.getEntriesByType('resource')
    .filter(entry => /assets.*[.]js[?]/.test(entry.name) && entry.transferSize > 0).length"""
FEW = 5


def loaded(page: Page) -> list[str]:
    """JupyterLab's programs that a page has loaded, without what their contents add to their names."""
    names: list[str] = page.evaluate("performance.getEntriesByType('resource').map(entry => entry.name)")
    return sorted({name.split("/")[-1].split(".")[0] for name in names if "/assets/" in name and ".js?" in name})


def listed() -> list[str]:
    return sorted(
        line for line in (ROOT / "hub" / "jupyterlab-first.txt").read_text().split("\n") if line[:1] not in "#"
    )
