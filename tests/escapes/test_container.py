"""A researcher cannot become more than an ordinary user, nor change what is not theirs."""

from __future__ import annotations

import json
import pwd
import secrets
import shutil
import subprocess
from pathlib import Path

from governance.rooms import SIZES
from hub import masks
from hub.container import id_on_host
from hub.images import tags
from hub.plan import ROOM_UID
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
    "C12",
    "be root of the host, or any account of it, were they root in the container",
    wall="the engine's remapping of users, `hub/container.py` `id_on_host`",
    answer="a number that is nobody (on an engine that was there before Datasluse: the reserved account `sluse-room`)",
)
def test_a_researcher_is_nobody_on_the_host(stack: Stack, rooms: tuple[Room, Room]) -> None:
    inspected = stack.docker.inspect_container(rooms[0].name("room"))
    process = Path("/proc") / str(inspected["State"]["Pid"])
    outside = process.stat().st_uid
    assert outside == id_on_host(stack.docker, ROOM_UID)
    first_inside, first_outside, _ = (int(word) for word in (process / "uid_map").read_text().split()[:3])
    assert (first_inside, first_outside) == (0, id_on_host(stack.docker, 0))
    remapped = any("name=userns" in option for option in stack.docker.info()["SecurityOptions"])
    assert remapped == (first_outside != 0)
    accounts = {account.pw_uid: account.pw_name for account in pwd.getpwall()}
    assert accounts.get(outside) == (None if remapped else "sluse-room")


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
    # The files belong to root, which alone would refuse: the mounts themselves must be read-only.
    mounts = room.run("print(*[' '.join(line.split()[1:4:2]) for line in open('/proc/mounts')], sep='\\n')")
    modes = {line.split()[0]: line.split()[1].split(",")[0] for line in mounts.splitlines() if line}
    assert modes["/data/register"] == "ro"
    assert modes["/home/researcher"] == modes["/project"] == "rw"
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
        assert "/proc/locks" in host["MaskedPaths"]
        assert "/proc/sys" in host["ReadonlyPaths"]
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


HOSTS_THINGS = (
    "/var/run/docker.sock", "/run/docker.sock", "/run/containerd/containerd.sock", "/dev/kvm", "/dev/mem", "/dev/vda",
    "/dev/fuse", "/dev/net/tun", "/proc/kcore", "/proc/sysrq-trigger", "/proc/sys/kernel/core_pattern",
    "/proc/sys/net/ipv4/ip_forward", "/sys/kernel/uevent_helper", "/sys/fs/cgroup/memory/notify_on_release",
    "/sys/fs/cgroup/cgroup.procs",   "/proc/timer_list", "/sys/firmware/dmi/tables/DMI",
)  # fmt: skip


@attempt(
    "C7",
    "touch the engine's socket, a device, or the kernel's switches in /proc and /sys",
    wall="no mounts or devices but the plan's; Docker masks the rest",
    answer="absent, or refused",
)
def test_a_researcher_cannot_touch_the_hosts_things(stack: Stack, rooms: tuple[Room, Room]) -> None:
    program = f"""
import json, os
def open_for(path, mode):
    try:
        with open(path, mode, buffering=0) as f:
            masked = os.fstat(f.fileno()).st_rdev == os.makedev(1, 3)  # /dev/null laid over it
            return not masked and (mode != "rb" or bool(f.read(1)))
    except OSError:
        return False
print(json.dumps([p for p in {HOSTS_THINGS!r} if open_for(p, "rb") or open_for(p, "r+b")]))
"""
    readable = json.loads(rooms[0].run(program))
    assert set(readable) <= {
        "/proc/sys/kernel/core_pattern",
        "/proc/sys/net/ipv4/ip_forward",
        "/sys/fs/cgroup/memory/notify_on_release",
    }
    writing = program.replace('open_for(p, "rb") or ', "")
    assert json.loads(rooms[0].run(writing)) == []
    here = subprocess.run(["python3", "-c", writing], capture_output=True, text=True, check=True)
    assert "/proc/sys/kernel/core_pattern" in json.loads(here.stdout)  # the control: root of the host may


@attempt(
    "C8", "become somebody else by a set-uid program", wall="`images/base`, no new privileges", answer="there is none"
)
def test_a_researcher_finds_no_program_that_makes_them_root(rooms: tuple[Room, Room]) -> None:
    find = ["find", "/", "-xdev", "-type", "f", "-perm", "/6000"]
    program = f"import subprocess; print(subprocess.run({find!r}, stdout=-1, stderr=-3, text=True).stdout)"
    assert rooms[0].run(program).strip() == ""
    assert subprocess.run([*find[:1], "/usr/bin", *find[3:]], capture_output=True, text=True, check=False).stdout


@attempt(
    "C9", "use more memory than the room has", wall="`mem_limit`", answer="the process is killed, the room goes on"
)
def test_a_memory_bomb_ends_itself_alone(rooms: tuple[Room, Room]) -> None:
    program = """
import os
def take(mib):
    child = os.fork()
    if child == 0:
        held = [bytearray(os.urandom(1) * (1 << 20)) for _ in range(mib)]
        os._exit(0)
    return os.waitpid(child, 0)[1]
print(take(100), take(3000))
"""
    assert rooms[0].run(program).split() == ["0", "9"]
    assert rooms[0].request("GET", "/api/status").status_code == 200


@attempt(
    "C10",
    "see where others' homes and data are, or who anybody is",
    wall="`hub/plan.py`, ids only",
    answer="nothing of others",
)
def test_a_room_knows_nothing_of_others(rooms: tuple[Room, Room]) -> None:
    ada, bob = rooms
    said = ada.run("import os; print(open('/proc/self/mountinfo').read(), dict(os.environ), os.uname())")
    assert "/home/researcher" in said
    assert bob.id not in said
    assert "ada-" not in said
    assert "secret" not in said.lower()


@attempt(
    "C11",
    "fill the host's disk, or another's home",
    wall="`hub/storage.py`: a home is a file system of its own",
    answer="no space left; the room goes on and opens again",
)
def test_a_home_has_a_quota_that_holds(stack: Stack) -> None:
    ada = stack.person("ada")
    key = stack.project(ada)
    room = stack.open_room(key, ada)
    quota = stack.settings.home_mib << 20
    program = """
import os, shutil
block, written = os.urandom(1 << 20), 0
try:
    with open('filling', 'wb', buffering=0) as f:
        for _ in range(5000):
            written += f.write(block)
except OSError as e:
    print(e.strerror, written)
"""
    before = shutil.disk_usage(stack.settings.state).used
    reason, written = room.run(program).rsplit(" ", 1)
    assert reason == "No space left on device"
    assert quota // 2 < int(written) < quota
    assert shutil.disk_usage(stack.settings.state).used - before < quota * 1.2
    assert room.request("GET", "/api/status").status_code == 200
    stack.sluse("room", "close", room.id)
    again = stack.open_room(key, ada)  # a full home starts
    assert again.kernel().run("import os; os.remove('filling'); print(1)") == "1\n"


def in_an_ordinary_container(stack: Stack, program: str) -> str:
    """What a program prints behind Docker's own walls, in the image of rooms."""
    command = ["docker", "run", "--rm", "--network=none", "--entrypoint=python", tags(stack.settings)["base"], "-c"]
    return subprocess.run([*command, program], capture_output=True, text=True, check=True).stdout


LOCK = """
import fcntl, struct
def lock(path, start):
    file = open(path, "w")
    exclusive_for_one_byte = struct.pack("hhqqi4x", fcntl.F_WRLCK, 0, start, 1, 0)
    fcntl.fcntl(file, 37, exclusive_for_one_byte)  # F_OFD_SETLK: it belongs to the open file, to no process
    return file
"""

COUNTS = f"""
{LOCK}
import json, os
locked = lock("/tmp/own", 1)  # so that /proc/locks has a line to show
def says(path):
    try:
        return bool(os.listdir(path) if os.path.isdir(path) else open(path).read(1))
    except OSError:
        return False
disks = [at for at, _, names in os.walk("/sys") if "/block/" in at and "stat" in names]
print(json.dumps([[path for path in {masks.masked(replaced=False)!r} if says(path)], disks]))
"""


@attempt(
    "C13",
    "read what the kernel counts for all: locks, terminals, disks, memory, load, what others write",
    wall="`hub/masks.py`, `MaskedPaths` in `hub/container.py` `walls`",
    answer="empty; of memory and processors the room's own",
)
def test_a_room_is_told_nothing_of_the_whole_host(stack: Stack, rooms: tuple[Room, Room]) -> None:
    told, disks = json.loads(rooms[0].run(COUNTS))
    assert set(told) == set(masks.REPLACED)
    assert disks == []
    read = f"import json; print(json.dumps({{path: open(path).read() for path in {masks.REPLACED!r}}}))"
    assert json.loads(rooms[0].run(read)) == masks.files(SIZES["small"])

    told, disks = json.loads(in_an_ordinary_container(stack, COUNTS))  # the control
    expected = {"/proc/locks", "/proc/diskstats", "/proc/vmstat", "/proc/key-users", "/proc/sys/fs", "/sys/block"}
    assert expected | {"/proc/sys/kernel/pty", "/sys/fs/ext4", "/sys/devices/virtual"} < set(told)
    assert len(told) > 25
    assert disks
    assert json.loads(in_an_ordinary_container(stack, read)) != masks.files(SIZES["small"])


@attempt(
    "C14",
    "say something to a room of another project by what they lock",
    wall="`/proc/locks` in `hub/masks.py`",
    answer="the other room reads no lock",
)
def test_a_lock_in_one_project_is_not_seen_in_another(stack: Stack, rooms: tuple[Room, Room]) -> None:
    """Byte ranges of open-file-description locks are shown in every container: 60 bits a lock."""
    words = [secrets.randbits(60) for _ in range(5)]
    sender = rooms[0].kernel()
    assert sender.run(f"{LOCK}\nsent = [lock('word', word) for word in {words}]\nprint(len(sent))") == "5\n"

    bob = stack.person("bob")
    receiver = stack.open_room(stack.project(bob), bob)
    read = "print(open('/proc/locks').read())"
    assert receiver.run(read).strip() == ""
    heard = in_an_ordinary_container(stack, read)  # the control
    assert [word for word in words if str(word) not in heard] == []
