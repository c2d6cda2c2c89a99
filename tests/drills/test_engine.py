"""The Docker engine stops, for real, with a result just handed in: who is told what, and what comes back by itself."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from governance.tables import PlatformRole
from sluse import processes
from tests.conftest import SLUSE, Person, Stack, until
from tests.stories.asking import ask, call

OWN = Path("/var/lib/datasluse/engine/supervisor.sock")
"""The supervisor of the engine where no systemd runs."""
TABLE = b"group,n\nyoung,120\nold,80\n"


def engine(verb: str) -> None:
    """`stop` or `start` it; whatever else runs in containers on this host stops, too."""
    if processes.SYSTEMD.is_dir():
        units = ["docker.socket", "docker.service"]
        subprocess.run(["systemctl", verb, *units], check=True)
    else:
        supervisorctl = Path(SLUSE).with_name("supervisorctl")
        subprocess.run([supervisorctl, "-s", f"unix://{OWN}", verb, "dockerd"], check=True)


def status() -> tuple[int, dict[str, dict[str, str]]]:
    """The command's exit status, and the parts it shows, by name."""
    done = subprocess.run([SLUSE, "status", "--json"], capture_output=True, text=True, check=False)
    return done.returncode, {part["name"]: part for part in json.loads(done.stdout)["parts"]}


def page(stack: Stack, person: Person, path: str) -> str:
    with stack.portal(person) as http:
        return " ".join(http.get(path).text.split())


def test_a_result_that_was_handed_in_is_inspected_when_the_engine_is_back(stack: Stack) -> None:
    ada, bob = stack.person("ada"), stack.person("bob")
    grace, ole = stack.checker("grace"), stack.checker("ole", PlatformRole.OPERATOR)
    key = stack.project(ada, bob)
    room = stack.open_room(key, ada)
    room.run("open('kept.txt', 'w').write('kept')")
    assert status()[0] == 0
    with stack.held("jobs"):
        number = ask(room, {"table.csv": TABLE})
        engine("stop")
    try:
        until(lambda: "could not be made yet" in page(stack, ada, "/requests"), 60)
        assert "Simplify" not in page(stack, ada, "/requests")
        assert f"/review/{number}" not in page(stack, grace, "/review")
        code, parts = status()
        assert code == 1
        assert parts["engine"]["state"] == "down"
        assert "tried again" in parts["inspections"]["detail"]
        assert [parts[name]["state"] for name in ("web", "intake", "release")] == ["up"] * 3
        assert "tried again" in page(stack, ole, "/operation")
        with stack.portal(bob) as http:
            asked = http.post(f"/projects/{key}/room").headers["location"]
            until(lambda: "could not be started" in http.get(asked).text)
    finally:
        engine("start")
    until(lambda: f"/review/{number}" in page(stack, grace, "/review"), 120)
    until(lambda: status()[0] == 0, 60)
    again = stack.open_room(key, ada)
    assert again.run("print(open('kept.txt').read())").strip() == "kept"
    assert call(again, "GET", f"/{number}")[1]["status"] == "in_review"
