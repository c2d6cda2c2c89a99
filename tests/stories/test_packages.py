"""`pip install` as people type it: a package on the list is there, in the home; another is refused with a reason."""

from __future__ import annotations

import re

import pytest

from tests.clusters import Place, allow, leave_none
from tests.conftest import Person, Room, Stack
from tests.stories.test_terminal import Terminal

SMALL = "humanize"
"""On the list, pure Python, in no image."""


@pytest.fixture(scope="module")
def opened(stack: Stack) -> tuple[str, Person, Room]:
    ada = stack.person("ada")
    key = stack.project(ada)
    allow(stack, key)
    return key, ada, stack.open_room(key, ada)


@pytest.fixture
def place(stack: Stack, opened: tuple[str, Person, Room]) -> Place:
    return Place(stack, *opened, opened[2].kernel())


@pytest.fixture
def terminal(opened: tuple[str, Person, Room]) -> Terminal:
    return Terminal(opened[2])


def test_an_allowed_package_is_installed_and_stays(place: Place, terminal: Terminal) -> None:
    shown = terminal.run(f"pip install {SMALL}")
    assert f"Successfully installed {SMALL}-" in shown
    assert shown.endswith("[0]")
    assert terminal.run(f"python -c 'import {SMALL}; print({SMALL}.__file__)'").startswith(
        "/home/researcher/.local/lib/"
    )
    assert place.kernel.run(f"import {SMALL}; print({SMALL}.intcomma(12345))") == "12,345\n"
    assert "No module named" in terminal.run(f"python -s -c 'import {SMALL}'")  # as JupyterLab itself is started


def test_a_notebook_installs_too(place: Place) -> None:
    shown = place.kernel.run(
        "%pip install tabulate uncertainties\nimport uncertainties; print(uncertainties.ufloat(1, 0.1))"
    )
    assert "Successfully installed uncertainties-" in shown
    assert "1.00+/-0.10" in shown


def test_clusters_have_what_was_installed(place: Place, terminal: Terminal) -> None:
    terminal.run(f"pip install {SMALL}")
    try:
        found = place.kernel.run(
            f"""
from datasluse import Cluster
client = Cluster(workers=1).get_client()
def where():
    import {SMALL}
    return {SMALL}.__file__
print(client.submit(where).result())
client.shutdown()
""",
        )
        assert "/home/researcher/.local/lib/" in found
    finally:
        leave_none(place)


def test_an_environment_of_ones_own_installs_too(terminal: Terminal) -> None:
    assert (
        terminal.run(
            "python -m venv ~/own && ~/own/bin/pip install -q humanize && ~/own/bin/python -c 'import humanize'"
        )
        == "[0]"
    )


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("requests-of-mine", "This package is not on the list of this platform: ask its operators to add it"),
        ("requests-of-mine==1.0", r"from versions: 0\+not.on.the.list.of.this.platform"),
    ],
)
def test_another_package_is_refused_with_a_reason(terminal: Terminal, asked: str, said: str) -> None:
    shown = terminal.run(f"pip install {asked}")
    assert re.search(said, shown)
    assert shown.endswith("[1]")
    assert re.search(r"Successfully installed|Requirement already satisfied", terminal.run(f"pip install {SMALL}"))


def test_nothing_can_be_uploaded_or_searched(terminal: Terminal) -> None:
    assert not terminal.run("pip search --retries 0 rows").endswith("[0]")
    assert not terminal.run(
        "pip download --index-url https://pypi.org/simple/ humanize --retries 0 --timeout 5"
    ).endswith("[0]")
