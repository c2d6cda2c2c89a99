"""What the roles do to files that an operator has changed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PLAYBOOK = Path(sys.executable).with_name("ansible-playbook")
OWN = {"data-root": "/srv/docker", "log-opts": {"max-size": "1m"}, "userns-remap": "somebody"}
"""An operator's own settings of the engine."""
CASES: dict[str, tuple[str | None, str, bool]] = {
    "unset by hand while the engine runs with it": (json.dumps(OWN | {"live-restore": False}), "true", True),
    "unset": (json.dumps(OWN | {"live-restore": False}), "false", True),
    "never set": (json.dumps(OWN), "false", True),
    "never set, no engine yet": (json.dumps(OWN), "", True),
    "empty": ("\n", "false", True),
    "set by a flag of dockerd's, which must not be said twice": (json.dumps(OWN), "true", False),
    "set, not read yet": (json.dumps(OWN | {"live-restore": True}), "false", False),
    "not there": (None, "false", False),
}
"""The settings file, what the engine says that it runs with, and whether the file is changed."""


@pytest.fixture(scope="module")
def mended(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The engine role's tasks, run once on a settings file of each case."""
    folder = tmp_path_factory.mktemp("engine")
    tasks = ROOT / "ansible" / "roles" / "engine" / "tasks" / "live_restore.yml"
    files, plays = {}, []
    for number, (name, (text, runs_with, _)) in enumerate(CASES.items()):
        files[name] = folder / f"{number}.json"
        if text is not None:
            files[name].write_text(text)
        variables = {
            "engine_settings_file": str(files[name]),
            "engine_live_restore": {"stdout": runs_with},
            "ansible_python_interpreter": "/usr/bin/python3",
        }
        include = {"ansible.builtin.include_tasks": str(tasks)}
        plays.append({"hosts": "all", "gather_facts": False, "vars": variables, "tasks": [include]})
    playbook = folder / "plays.yml"
    playbook.write_text(json.dumps(plays))  # JSON is YAML
    command = [PLAYBOOK, "-i", "localhost,", "-c", "local", playbook]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return files


@pytest.mark.parametrize("name", CASES)
def test_live_restore_is_mended_and_other_keys_stay(mended: dict[str, Path], name: str) -> None:
    before, _, changes = CASES[name]
    if changes:
        assert json.loads(mended[name].read_text()) == json.loads((before or "").strip() or "{}") | {
            "live-restore": True
        }
    else:
        assert (mended[name].read_text() if mended[name].exists() else None) == before
