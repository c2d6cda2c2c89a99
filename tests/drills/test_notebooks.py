"""Notebooks that were written for other hubs: with the one line changed, and as they are, in the room alone."""

from __future__ import annotations

import json
import time

import pytest

from tests.clusters import Place, leave_none
from tests.drills.results import keep, kept
from tests.notebooks import CLIENT, NOTEBOOKS, OURS, cells

Ran = dict[str, dict[str, float]]
SECONDS = "seconds each, with one processor in the room"


@pytest.fixture(scope="module")
def ran() -> Ran:
    """How long each took; a drill of some of them (`-k`) keeps the others'."""
    earlier: Ran = kept("notebooks").get(SECONDS, {})
    return {name: took for name, took in earlier.items() if name in NOTEBOOKS}


@pytest.mark.parametrize("client", [OURS, CLIENT], ids=["on a cluster", "in the room"])
@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_from_elsewhere_runs(notebook_place: Place, ran: Ran, name: str, client: str) -> None:
    here, where = notebook_place, "on a cluster" if client == OURS else "in the room"
    began = time.monotonic()
    try:
        said = run(here, name, client)
    finally:
        leave_none(here)
    took = round(time.monotonic() - began, 1)
    assert said == "0", said
    ran.setdefault(name, {})[where] = took
    keep("notebooks", {SECONDS: dict(sorted(ran.items()))})


def run(here: Place, name: str, client: str) -> str:
    """Write a notebook and run it from top to bottom; returns 0, or what went wrong."""
    made = [
        {"cell_type": "code", "id": f"c{n}", "execution_count": None, "metadata": {}, "outputs": [], "source": source}
        for n, source in enumerate(cells(name, client))
    ]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = {"nbformat": 4, "nbformat_minor": 5, "metadata": {"kernelspec": kernel}, "cells": made}
    program = f"""
import json, os, subprocess
folder = '/project/elsewhere/{name}'
os.makedirs(folder, exist_ok=True)
open(f'{{folder}}/{name}.ipynb', 'w').write({json.dumps(notebook)!r})
command = ['papermill', '--no-progress-bar', '--execution-timeout', '180', '{name}.ipynb', 'out.ipynb']
done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
print(done.stderr[-1500:] if done.returncode else 0)
"""
    return here.room.run(program).strip()
