"""A researcher cannot become more than an ordinary user, nor change what is not theirs."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from hub.images import tags
from tests.conftest import Room, Stack
from tests.escapes.attempts import attempt


@attempt(
    "C1",
    "have a capability, or gain one",
    wall="`hub/container.py` `walls`",
    answer="all sets empty, no new privileges",
)
def test_a_researcher_has_no_capability_and_cannot_gain_any(rooms: tuple[Room, Room]) -> None:
    status = rooms[0].run("print(open('/proc/self/status').read())")
    values = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert values["Uid"].split() == ["64000"] * 4
    for capabilities in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert int(values[capabilities], 16) == 0, capabilities
    assert values["NoNewPrivs"] == "1"
    assert values["Seccomp"] == "2"


@attempt(
    "C2",
    "write to data, or outside home and project folder",
    wall="read-only root and mounts",
    answer="read-only file system",
)
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


@attempt(
    "C3",
    "be in a container that lacks a wall",
    wall="`hub/container.py` `walls`",
    answer="what the engine runs is inspected",
)
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


@attempt("C4", "exhaust the host's processes (a fork bomb)", wall="`pids_limit`", answer="resource unavailable")
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


CALLS = """
import ctypes, errno, json, os, socket, sys
libc, said = ctypes.CDLL(None, use_errno=True), {}
def call(name, number, *arguments):
    ctypes.set_errno(0)
    done = libc.syscall(number, *arguments)
    said[name] = "done" if done >= 0 else errno.errorcode[ctypes.get_errno()]
def family(name, number, kind, protocol=0):
    try:
        socket.socket(number, kind, protocol).close(); said[name] = "done"
    except OSError as e:
        said[name] = errno.errorcode[e.errno]
call("getpid", 39)
family("AF_INET", 2, socket.SOCK_STREAM)
family("AF_VSOCK", 40, socket.SOCK_STREAM)
family("AF_ALG", 38, socket.SOCK_SEQPACKET)
family("AF_PACKET", 17, socket.SOCK_RAW)
family("raw", 2, socket.SOCK_RAW, socket.IPPROTO_ICMP)
params = ctypes.create_string_buffer(120)
call("io_uring_setup", 425, 1, params)
call("ptrace", 101, 16, os.getppid(), 0, 0)
buffer = ctypes.create_string_buffer(8)
call("process_vm_readv", 310, os.getppid(), buffer, 0, buffer, 0, 0)
call("unshare user", 272, 0x10000000)
call("clone user", 56, 0x10000000 | 17, 0, 0, 0, 0)
call("clone3", 435, buffer, 0)
call("bpf", 321, 0, buffer, 8)
call("perf_event_open", 298, params, 0, -1, -1, 0)
call("userfaultfd", 323, 0)
call("keyctl", 250, 0, -3, 0)
call("mount", 165, b"none", b"/mnt", b"tmpfs", 0, 0)
call("setns", 308, 0, 0)
call("kcmp", 312, os.getpid(), os.getpid(), 0, 0, 0)
call("pidfd_getfd", 438, 0, 0, 0)
call("open_by_handle_at", 304, 0, buffer, 0)
call("init_module", 175, buffer, 8, b"")
call("reboot", 169, 0, 0, 0)
call("sethostname", 170, b"x", 1)
call("settimeofday", 164, buffer, 0)
call("quotactl", 179, 0, 0, 0, 0)
print(json.dumps(said))
"""


@attempt(
    "C5",
    "use ptrace, process_vm, io_uring, vsock, raw sockets, namespaces, mounts, keyrings, bpf, perf, modules or clocks",
    wall="`hub/seccomp.py`",
    answer="operation not permitted",
)
def test_a_researcher_cannot_make_dangerous_system_calls(stack: Stack, rooms: tuple[Room, Room]) -> None:
    """Docker's own profile lets some of them through, so the answer differs: that is the control."""
    said = json.loads(rooms[0].run(CALLS))
    allowed = {"getpid", "AF_INET"}
    assert {name for name, answer in said.items() if answer == "done"} == allowed
    assert said.pop("clone3") == "ENOSYS"
    assert {answer for name, answer in said.items() if name not in allowed} == {"EPERM"}
    plain = subprocess.run(
        ["docker", "run", "--rm", "--network=none", "--entrypoint=python", tags(stack.settings)["base"], "-c", CALLS],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    elsewhere = json.loads(plain.stdout)
    assert [name for name in ("AF_ALG", "process_vm_readv", "AF_VSOCK") if elsewhere[name] != "EPERM"]


@attempt(
    "C6",
    "go round the filter by 32-bit system calls",
    wall="`architectures` in `hub/seccomp.py`",
    answer="the process ends",
)
def test_a_researcher_cannot_use_calls_of_another_kind_of_machine(rooms: tuple[Room, Room]) -> None:
    """32-bit system calls (int 0x80) have other numbers: a filter that knows one kind only would not see them."""
    program = """
import ctypes, mmap, os
code = bytes.fromhex("b814000000cd80c3")  # mov eax, 20 (getpid of i386); int 0x80; ret
page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC); page.write(code)
run = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))
child = os.fork()
if child == 0:
    os._exit(0 if run() == os.getpid() else 1)
status = os.waitpid(child, 0)[1]
print("done" if status == 0 else "refused")
"""
    assert rooms[0].run(program).strip() == "refused"
