"""A researcher cannot become more than an ordinary user, nor change what is not theirs."""

from __future__ import annotations

from pathlib import Path

from tests.conftest import Room, Stack


def test_a_researcher_has_no_capability_and_cannot_gain_any(rooms: tuple[Room, Room]) -> None:
    status = rooms[0].run("print(open('/proc/self/status').read())")
    values = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert values["Uid"].split() == ["64000"] * 4
    for capabilities in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert int(values[capabilities], 16) == 0, capabilities
    assert values["NoNewPrivs"] == "1"
    assert values["Seccomp"] == "2"


def test_a_researcher_cannot_write_outside_home_and_project(stack: Stack, tmp_path: Path) -> None:
    (tmp_path / "register.csv").write_text("id,age\n1,40\n")
    ada = stack.person("ada")
    project = stack.project(ada)
    stack.sluse("data", "add", str(tmp_path / "register.csv"), "--project", project)
    room = stack.open_room(project, ada)
    write = "p = {!r}\ntry:\n  open(p, 'a').write('x'); print('written')\nexcept OSError as e:\n  print(e.strerror)"
    for allowed in ("/home/researcher/x", "/project/x", "/tmp/x"):
        assert room.run(write.format(allowed)) == "written\n", allowed
    assert room.run("print(open('/data/register/register.csv').read())") == "id,age\n1,40\n\n"
    for refused in ("/data/register/register.csv", "/data/register/new", "/opt/jupyter/config/x", "/etc/passwd"):
        assert room.run(write.format(refused)) in ("Read-only file system\n", "Permission denied\n"), refused


def test_the_running_containers_have_every_wall(stack: Stack, rooms: tuple[Room, Room]) -> None:
    """What Docker runs, not what we asked for."""
    for part in ("room", "gate"):
        found = stack.docker.inspect_container(rooms[0].name(part))
        host = found["HostConfig"]
        assert host["ReadonlyRootfs"] is True
        assert host["CapDrop"] == ["ALL"]
        assert not host["CapAdd"]
        assert host["Privileged"] is False
        assert "no-new-privileges" in host["SecurityOpt"]
        assert not any("unconfined" in option for option in host["SecurityOpt"])
        assert host["PidsLimit"] > 0
        assert host["Memory"] == host["MemorySwap"] > 0
        assert host["Dns"] == ["127.0.0.1"]
        assert not host["Devices"]
        assert host["PidMode"] == ""
        assert not any("docker.sock" in bind for bind in host["Binds"])


def test_limits_hold(stack: Stack, rooms: tuple[Room, Room]) -> None:
    bomb = """
import os, sys
children = 0
try:
    while children < 5000:
        if os.fork() == 0:
            import time; time.sleep(20); os._exit(0)
        children += 1
except OSError as e:
    print('stopped', children < 600)
"""
    assert rooms[1].run(bomb) == "stopped True\n"
    assert rooms[1].request("GET", "/api/status").status_code == 200
