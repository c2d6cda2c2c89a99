"""What people type in JupyterLab's terminal, and in a notebook's cell that calls a program."""

from __future__ import annotations

import json
import re
import secrets

import pytest

from tests.conftest import Room, Stack

CONTROLS = re.compile(r"\x1b(?:\[[0-9;?]*[A-Za-z]|\][^\x07]*\x07)")
"""What colours a terminal and names its window."""


class Terminal:
    """JupyterLab's terminal, as the browser has it: keys go in, a screen comes out."""

    def __init__(self, room: Room) -> None:
        name = room.request("POST", "/api/terminals").json()["name"]
        self.socket = room.dial(f"/terminals/websocket/{name}")
        self.socket.send(json.dumps(["set_size", 50, 250, 800, 1600]))

    def type(self, keys: str) -> None:
        self.socket.send(json.dumps(["stdin", keys]))

    def shows(self, expected: str, timeout: float = 180) -> str:
        """Wait for a pattern on the screen; returns what was shown until then. Seconds: pip is silent for long."""
        shown = ""
        while not re.search(expected, shown):
            kind, *rest = json.loads(self.socket.recv(timeout=timeout))
            if kind == "stdout":
                shown = CONTROLS.sub("", shown + rest[0])
        return shown

    def run(self, command: str) -> str:
        """Type a command; returns what it printed and its exit status, as `... [0]`."""
        end = secrets.token_hex(8)
        self.type(f"{command}; echo [$?] {end[:8]}''{end[8:]}\r")
        shown = self.shows(f"{end}\r?\n")
        return " ".join(shown.split(f"{end[:8]}''{end[8:]}", 1)[1].split(end)[0].split())


@pytest.fixture(scope="module")
def room(stack: Stack) -> Room:
    ada = stack.person("ada")
    room = stack.open_room(stack.project(ada), ada)
    room.kernel().run("1 + 1")  # what a kernel's start leaves may be in a command's way
    return room


@pytest.fixture
def terminal(room: Room) -> Terminal:
    return Terminal(room)


TYPED = {
    "conda install x": r"pip install NAME\. \[127\]",
    "R --version": r"open it as Statistics in R\. \[127\]",
    "wget http://example.com": r"no way to the internet.* \[127\]",
    "sudo apt install htop": r"Nobody is root.* \[127\]",
    "apt install htop": r"ask the platform's operators.* \[100\]",
    "nothing-of-the-kind": r"nothing-of-the-kind: command not found \[127\]",
    "git init -q scratch && git -C scratch branch --show-current": r"^main \[0\]",
    "echo $0 $SHELL": r"bash /bin/bash \[0\]",
    "python -c 'import pandas; print(pandas.__name__)'": r"pandas \[0\]",
    "python3 -c 'import pandas; print(pandas.__name__)'": r"pandas \[0\]",
    "bash -lc 'command -v python'": r"/opt/room/bin/python \[0\]",
    "jupyter --version": r"Selected Jupyter core packages.*\[0\]",
    "jupyter kernelspec list": r"python3 .*\[0\]",
    "jupyter lab list": r"Currently running servers.*\[0\]",
    "git --version": r"git version .*\[0\]",
    "nano --version | head -1": r"GNU nano.*\[0\]",
    "vim --version | head -1": r"VIM - Vi IMproved.*\[0\]",
    "type time": r"time is a shell keyword \[0\]",
    "ls -d ~/data/. ~/project/shared.git": r"data/\. .*shared\.git \[0\]",
    "zip -v | head -1; unzip -v | head -1; file --version | head -1; tree --version": r"ZIP.*UnZip.*file-.*tree.*\[0\]",
}


@pytest.mark.parametrize("command", TYPED)
def test_what_people_type_is_there(terminal: Terminal, command: str) -> None:
    assert re.search(TYPED[command], terminal.run(command), re.DOTALL)


def test_a_notebook_runs_from_the_command_line(terminal: Terminal) -> None:
    cell = {"cell_type": "code", "id": "a", "execution_count": None, "metadata": {}, "outputs": [], "source": "6 * 7"}
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = {"nbformat": 4, "nbformat_minor": 5, "metadata": {"kernelspec": kernel}, "cells": [cell]}
    terminal.run(f"echo '{json.dumps(notebook)}' > run.ipynb")
    assert terminal.run("jupyter nbconvert --log-level ERROR --execute --to notebook run.ipynb").endswith("[0]")
    answer = "json.load(open('run.nbconvert.ipynb'))['cells'][0]['outputs'][0]['data']['text/plain']"
    assert terminal.run(f'python -c "import json; print(*{answer})"').replace(" ", "") == "42[0]"


def test_keys_complete_and_what_was_typed_comes_back(terminal: Terminal, room: Room) -> None:
    terminal.type("jupyter-kernels\t--version; git chec\t--help | head -1; echo done-'here'\r")
    shown = terminal.shows("done-here")
    assert "jupyter-kernelspec --version" in shown
    assert "git checkout --help" in shown
    terminal.run("echo remember-this")
    terminal.run("history -a")
    assert "remember-this" in Terminal(room).run("history")


def test_the_files_beside_the_home_stand_in_the_file_browser(room: Room) -> None:
    listed = {row["name"]: row["type"] for row in room.request("GET", "/api/contents/").json()["content"]}
    assert {name: listed.get(name) for name in ("data", "project")} == {"data": "directory", "project": "directory"}
    below = room.request("GET", "/api/contents/project").json()["content"]
    assert [row["name"] for row in below] == ["shared.git"]


def test_a_persons_own_settings_are_kept(room: Room) -> None:
    path = "/lab/api/settings/@jupyterlab/shortcuts-extension:shortcuts"
    xsrf = room.request("GET", "/lab").cookies.get("_xsrf") or ""
    cookie = f"{room.cookie}; _xsrf={xsrf}"
    sent = room.request("PUT", path, json={"raw": "{}"}, headers={"X-XSRFToken": xsrf, "Cookie": cookie})
    assert sent.status_code == 204, sent.text
    assert room.request("GET", path).json()["raw"] == "{}"
