"""Work without a browser: typed in a terminal, begun by clicks, and there when its person comes back."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser import Visitor
from tests.conftest import Room, Stack, until
from tests.stories.conftest import Scene, enter, violations
from tests.stories.test_terminal import Terminal

RUNS = "/home/researcher/runs"
PUBLISHED = "/project/runs"


@pytest.fixture(scope="module")
def scene(stack: Stack) -> Scene:
    ada = stack.person("ada")
    return Scene(stack, ada, stack.open_room(stack.project(ada), ada), ada, ada)


@pytest.fixture
def terminal(scene: Scene) -> Terminal:
    return Terminal(scene.room)


def write(room: Room, name: str, *cells: str, tags: tuple[str, ...] = ()) -> None:
    """A notebook in the home; its first cell may have tags."""
    made = [
        {
            "cell_type": "code",
            "id": f"c{number}",
            "execution_count": None,
            "metadata": {"tags": list(tags)} if number == 0 else {},
            "outputs": [],
            "source": textwrap.dedent(source).strip(),
        }
        for number, source in enumerate(cells)
    ]
    kernel = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}
    notebook = {"nbformat": 4, "nbformat_minor": 5, "metadata": {"kernelspec": kernel}, "cells": made}
    room.run(f"open('/home/researcher/{name}', 'w').write({json.dumps(notebook)!r})")


def newest(room: Room, name: str) -> dict[str, Any]:
    """How the newest run of a file stands."""
    program = f"""
import json
from dataclasses import asdict
from datasluse import batch
print(json.dumps([asdict(run) for run in batch.every() if run.file.endswith({name!r})]))
"""
    found: list[dict[str, Any]] = json.loads(room.run(program))
    return found[0] if found else {"state": "none"}


def ended(room: Room, name: str) -> dict[str, Any]:
    until(lambda: newest(room, name)["state"] not in ("none", "running"), 60, every=1)
    return newest(room, name)


def test_a_notebook_with_parameters_from_a_terminal(scene: Scene, terminal: Terminal) -> None:
    write(scene.room, "study.ipynb", "year = 1999", "print('the year is', year + 1)", tags=("parameters",))
    assert "runs. See it with: sluse-run --log" in terminal.run("sluse-run study.ipynb -p year=2020")
    run = ended(scene.room, "study.ipynb")
    assert (run["state"], run["person"], run["parameters"]) == ("done", scene.ada.name, {"year": "2020"})
    result = f"print(open('{RUNS}/{run['id']}/study.ipynb').read())"
    assert "the year is 2021" in scene.room.run(result)
    until(lambda: "the year is 2021" in scene.room.run(result.replace(RUNS, PUBLISHED)), 20)
    assert "the year is 2021" in terminal.run(f"sluse-run --log {run['id']}")
    assert re.search(rf"{run['id']} +done +study.ipynb", terminal.run("sluse-run --list"))


def test_a_script_is_cancelled_and_a_wrong_one_refused(scene: Scene, terminal: Terminal) -> None:
    terminal.run("echo 'import sys, time; print(sys.argv[1]); time.sleep(600)' > long.py")
    terminal.run("sluse-run long.py -- word")
    until(lambda: "word" in terminal.run(f"sluse-run --log {newest(scene.room, 'long.py')['id']}"), 30, every=1)
    assert terminal.run(f"sluse-run --cancel {newest(scene.room, 'long.py')['id']}").endswith("ends. [0]")
    assert ended(scene.room, "long.py")["state"] == "cancelled"
    assert re.search(r"sluse-run: There is no file .*nothing.py\. \[1\]", terminal.run("sluse-run nothing.py"))
    assert "neither a notebook" in terminal.run("touch a.csv; sluse-run a.csv")


@pytest.mark.parametrize(
    ("language", "button", "run", "panel", "words"),
    [
        ("en-GB", "Run in the background…", "Run", "Background runs", "night.ipynb, in the background: done"),
        ("da-DK", "Kør i baggrunden…", "Kør", "Kørsler i baggrunden", "night.ipynb, i baggrunden: færdig"),
    ],
)
def test_a_run_outlives_the_login_and_is_told(
    scene: Scene,
    visitor: Callable[..., Visitor],
    axe: str,
    language: str,
    button: str,
    run: str,
    panel: str,
    words: str,
) -> None:
    write(scene.room, "night.ipynb", "import time; time.sleep(8)", "print('the night is over', 6 * 7)")
    ada = visitor(language)
    page = enter(scene, ada)
    page.goto(f"{scene.room.origin}/lab/tree/night.ipynb")
    page.locator(".jp-NotebookPanel").get_by_role("button", name=button).click()
    dialog = page.locator("dialog.datasluse-dialog")
    expect(dialog).to_contain_text("night.ipynb")
    ada.photograph(f"background-form-{language[:2]}")
    assert violations(page, axe, ".datasluse-dialog") == []
    dialog.get_by_role("button", name=run, exact=True).click()
    until(lambda: newest(scene.room, "night.ipynb")["state"] == "running", 30)
    log_out(scene, page)
    page.goto(f"{scene.room.origin}/lab")
    page.wait_for_url("**/login**")  # nobody is in the room now
    assert ended(scene.room, "night.ipynb")["state"] == "done"

    again = visitor(language)
    page = enter(scene, again)
    expect(page.get_by_role("alert").filter(has_text=words).first).to_be_visible(timeout=60_000)
    page.locator(".lm-TabBar-tab[data-id=datasluse-runs]").click()
    shown = page.locator("#datasluse-runs")
    expect(shown.get_by_role("heading", name=panel)).to_be_visible()
    expect(shown.get_by_role("article", name="night.ipynb").first).to_have_attribute("data-state", "done")
    again.photograph(f"background-{language[:2]}")
    assert violations(page, axe, "#datasluse-runs") == []
    shown.get_by_role("article", name="night.ipynb").first.get_by_role("button").first.click()
    expect(page.locator(".jp-DirListing-item", has_text="log.txt")).to_be_visible(timeout=30_000)


def log_out(scene: Scene, page: Page) -> None:
    page.goto(scene.stack.settings.portal_origin)
    page.locator("form[action$=logout] button").click()
    page.wait_for_url("**/login**")


def test_a_run_closes_its_room_when_it_is_told_to(stack: Stack) -> None:
    ada = stack.person("ada")
    room = stack.open_room(stack.project(ada), ada)
    terminal = Terminal(room)
    terminal.run("echo 'print(1)' > last.py")
    terminal.run("sluse-run last.py --close")
    until(lambda: not stack.docker.containers(filters={"name": room.name("room")}), 60, every=1)
