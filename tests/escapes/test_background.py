"""A run in the background ends with its room: no stop, and no permit's end, is outlived by it."""

from __future__ import annotations

import time
from datetime import date

import pytest

from governance import projects, rooms
from governance.tables import RoomState
from tests.conftest import Person, Room, Stack, until
from tests.escapes.attempts import attempt

BEAT = "/home/researcher/beat"
PROGRAM = f"""
import subprocess, sys
open('/home/researcher/beats.py', 'w').write('''
import signal, time
for one in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
    signal.signal(one, signal.SIG_IGN)
while True:
    open({BEAT!r}, 'w').write(str(time.time()))
    time.sleep(0.2)
''')
print(subprocess.run(['sluse-run', '/home/researcher/beats.py'], capture_output=True, text=True).stdout)
"""


def beating(stack: Stack) -> tuple[Person, str, Room]:
    """A room in which a run says every fifth of a second that it goes on."""
    ada = stack.person("ada")
    key = stack.project(ada)
    room = stack.open_room(key, ada)
    assert "runs. See it with" in room.run(PROGRAM)
    until(lambda: age(room) < 1, 30)
    time.sleep(2)
    assert age(room) < 1  # the control: it goes on, though whoever began it is gone
    return ada, key, room


def age(room: Room) -> float:
    """Seconds since the run was heard of; for ever, when it was not yet."""
    said = room.run(
        f"import os, time; print(time.time() - float(open({BEAT!r}).read() or 0) if os.path.exists({BEAT!r}) else 9e9)"
    )
    return float(said or 9e9)


def is_gone(stack: Stack, room: Room) -> bool:
    """Whether the room is closed, and no container of it is left."""
    with stack.database.read() as tx:
        closed = rooms.standing(tx, room.id).room.actual == RoomState.CLOSED
    return closed and not stack.docker.containers(all=True, filters={"name": room.name("room")})


@attempt(
    "J1",
    "go on computing in the background after the project was paused",
    wall="`hub/reconciler.py`: the room's container ends",
    answer="the run is gone",
)
def test_a_pause_ends_what_runs_in_the_background(stack: Stack) -> None:
    _, key, room = beating(stack)
    stack.sluse("project", "pause", key)
    until(lambda: is_gone(stack, room), 60)
    stack.sluse("project", "resume", key)


@attempt(
    "J2",
    "go on computing in the background after the permit has ended",
    wall="`hub/reconciler.py`: the room's container ends",
    answer="the run is gone, and is listed as lost",
)
def test_a_permits_end_ends_what_runs_in_the_background(stack: Stack) -> None:
    ada, key, room = beating(stack)
    with stack.database.write() as tx:
        projects.keyed(tx, key).permit_until = date(2020, 1, 1)
    until(lambda: is_gone(stack, room), 60)
    with stack.database.write() as tx:
        projects.keyed(tx, key).permit_until = date(2099, 12, 31)
    again = stack.open_room(key, ada)
    listed = again.run("from datasluse import batch; print([run.state for run in batch.every()])")
    assert listed == "['lost']\n"
    assert age(again) > 1


@attempt(
    "J3",
    "close, or end a run in, any room but their own",
    wall="`output_review/intake.py` `close_room` names no room; `datasluse/batch.py` looks for its own process",
    answer="the other's goes on",
)
@pytest.mark.parametrize("body", ["", "room", "header"])
def test_nobody_elses_room_is_closed(rooms: tuple[Room, Room], stack: Stack, body: str) -> None:
    ada, bob = rooms
    program = f"""
import http.client, json
gate = http.client.HTTPConnection("gate", 8082)
body = json.dumps({{"room": {ada.id!r}}}) if {body!r} == "room" else ""
headers = {{"X-Room": {ada.id!r}, "X-Forwarded-For": "10.0.0.1"}} if {body!r} == "header" else {{}}
gate.request("GET", "/api/room/close?room={ada.id}", headers=headers)
answer = gate.getresponse(); answer.read()
gate.request("POST", "/api/rooms/{ada.id}/close", body=body, headers=headers)
print(answer.status, gate.getresponse().status)
"""
    assert bob.run(program) == "404 404\n"
    assert ada.request("GET", "/api/status").status_code == 200
    assert stack.docker.containers(filters={"name": ada.name("room")})


@attempt(
    "J4",
    "do or learn anything in a colleague's room by what they plant in the project folder's runs",
    wall="`datasluse/batch.py`: what lies there is written once, and never read, followed or written over",
    answer="the colleague's runs and page go on",
)
def test_what_a_colleague_plants_is_not_believed(stack: Stack) -> None:
    ada = stack.person("ada")
    room = stack.open_room(stack.project(ada), ada)
    planted = """
import json, os, pathlib
runs = pathlib.Path('/project/runs')
runs.mkdir(exist_ok=True)
for name in ('zfifo', 'zdeep', 'zbig', 'zfalse'):
    (runs / name).mkdir()
os.mkfifo(runs / 'zfifo' / 'run.json')
(runs / 'zdeep' / 'run.json').write_text('[' * 200_000)
with (runs / 'zbig' / 'run.json').open('w') as file:
    file.truncate(100 << 30)
(runs / 'zfalse' / 'run.json').write_text(json.dumps({'id': 'zfalse', 'file': '/project/evil.py', 'state': 'done'}))
pathlib.Path('/home/researcher/beats.py').write_text('print(6 * 7)')
"""
    room.run(planted)
    listed = (
        "import subprocess; print(subprocess.run(['sluse-run', '--list'], capture_output=True, text=True, timeout=20))"
    )
    assert "You have no runs" in room.run(listed)
    assert room.request("GET", "/datasluse/runs").json() == []
    run = "import subprocess; subprocess.run(['sluse-run', '/home/researcher/beats.py'], timeout=20)"
    room.run(run)
    until(lambda: [one["state"] for one in room.request("GET", "/datasluse/runs").json()] == ["done"], 30)
    published = "import glob; print(*(open(log).read() for log in glob.glob('/project/runs/2*/log.txt')))"
    until(lambda: room.run(published) == "42\n\n", 20)
