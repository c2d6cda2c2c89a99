"""Walls taken down on purpose: each must be missed by the suite, or the suite proves nothing.

A mutation changes the installed code of installation `test`, as a careless commit would, and starts anew what runs it.
Then the cases that should miss the wall are run, and must fail: by an assertion, not by an error on the way.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from governance.settings import Settings
from hub import walls
from sluse import processes, status
from tests.conftest import ROOT, until

GATE, EDGE = "hub/templates/gate.cfg", "hub/templates/edge.cfg"
CONTAINER, WALLS = "hub/container.py", "hub/walls.py"


@dataclass(frozen=True, slots=True)
class Edit:
    """Text in an installed file, and what stands in its place; the text is there just once."""

    file: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Mutation:
    """One wall, taken down."""

    name: str
    edits: tuple[Edit, ...]
    missed_by: tuple[str, ...]
    """Attempts whose cases must fail."""
    programs: tuple[str, ...] = ("hub",)
    """What runs the code."""

    @property
    def fingerprint(self) -> str:
        """A hash of the wall's text, what is put in its place, and who should miss it."""
        named = [(edit.file, edit.old, edit.new) for edit in self.edits]
        return hashlib.sha256(json.dumps([named, self.missed_by]).encode()).hexdigest()[:16]


def gate(name: str, old: str, new: str, *missed_by: str) -> Mutation:
    """A change of the gate's configuration: every room that opens afterwards has it."""
    return Mutation(name, (Edit(GATE, old, new),), missed_by, programs=())


def shape(name: str, old: str, new: str, *missed_by: str) -> Mutation:
    """A change of what containers run behind."""
    return Mutation(name, (Edit(CONTAINER, old, new),), missed_by)


def firewall(name: str, rule: str, *missed_by: str) -> Mutation:
    """A rule left out."""
    return Mutation(name, (Edit(WALLS, rule, ""),), missed_by, programs=("reconciler",))


MUTATIONS = (
    firewall("rooms reach the host", "\t\tiifname {rooms} drop\n", "N12"),
    Mutation(
        "rooms are forwarded",
        (
            Edit(WALLS, "\t\tiifname {rooms} oifname != {rooms} drop\n", ""),
            Edit(WALLS, "\t\tiifname != {rooms} oifname {rooms} drop\n", ""),
            Edit(
                CONTAINER,
                '"internal": True,\n        "check_duplicate"',
                '"internal": False,\n        "check_duplicate"',
            ),
            Edit(CONTAINER, 'found["Internal"] is True', 'found["Internal"] in (True, False)'),
        ),
        ("N12",),
        programs=("reconciler", "hub"),
    ),
    Mutation(
        "gates reach the host",
        (Edit(WALLS, "\t\tiifname {front} drop\n\t\tip daddr", "\t\tip daddr"),),
        ("N13",),
        programs=("reconciler",),
    ),
    firewall("the front address answers everywhere", '\t\tip daddr {settings.front_host} iifname != "lo" drop\n', "N6"),
    shape("a container keeps its capabilities", '"cap_drop": ["ALL"]', '"cap_drop": []', "C1", "C3"),
    shape(
        "a container gets one capability", '"cap_drop": ["ALL"]', '"cap_drop": ["ALL"], "cap_add": ["NET_RAW"]', "C3"
    ),
    shape("new privileges", '"no-new-privileges", ', "", "C1", "C3"),
    shape("Docker's own system-call filter", ', f"seccomp={seccomp.as_json()}"', "", "C5"),
    shape("no system-call filter", 'f"seccomp={seccomp.as_json()}"', '"seccomp=unconfined"', "C1", "C5"),
    Mutation(
        "vsock is allowed", (Edit("hub/seccomp.py", '"AF_INET6": 10}', '"AF_INET6": 10, "AF_VSOCK": 40}'),), ("C5",)
    ),
    Mutation("ptrace is allowed", (Edit("hub/seccomp.py", "prctl prlimit64", "prctl prlimit64 ptrace"),), ("C5",)),
    shape("a root that can be written", '"read_only": True,', '"read_only": False,', "C3"),
    shape("as many processes as one likes", '"pids_limit": size.processes,', '"pids_limit": 100_000,', "C4"),
    shape("as much memory as one likes", '"memswap_limit": size.memory,', '"memswap_limit": -1,', "C3"),
    shape("names are found", '"dns": ["127.0.0.1"],', '"dns": ["9.9.9.9"],', "C3"),
    shape("data that can be written", "'ro' if m.read_only else 'rw'", "'rw'", "C2"),
    shape(
        "what the kernel counts for all",
        '"MaskedPaths": masks.masked(replaced=replaced),',
        '"MaskedPaths": [],',
        "C3",
        "C13",
        "C14",
    ),
    shape("the host's memory and load", ", *masks.binds(plan.masks, size)]", "]", "C13"),
    shape("a device in the room", '"init": True,', '"init": True, "devices": ["/dev/fuse"],', "C3"),
    gate(
        "any signature",
        'acl ticket_signed var(txn.ticket),jwt_verify(txn.alg,"/etc/gate/ticket.pem") 1',
        "acl ticket_signed always_true",
        "D2",
    ),
    gate("any algorithm", "acl ticket_alg var(txn.alg) -m str ES256", "acl ticket_alg var(txn.alg) -m found", "D2"),
    gate(
        "a ticket for any room",
        "acl ticket_room var(txn.aud) -m str {{ plan.host }}",
        "acl ticket_room var(txn.aud) -m found",
        "D1",
    ),
    gate(
        "a ticket from anybody",
        "acl ticket_issuer var(txn.iss) -m str {{ portal_origin }}",
        "acl ticket_issuer var(txn.iss) -m found",
        "D1",
    ),
    gate("a ticket for ever", "acl ticket_time var(txn.left) -m int 1:43260", "acl ticket_time always_true", "D1"),
    gate(
        "a ticket of a login that ended",
        "acl ticket_live var(txn.sid),map_str({{ sids }},no) -m str yes",
        "acl ticket_live var(txn.sid) -m found",
        "D1",
        "D12",
    ),
    gate(
        "a ticket from any page",
        '{{- refuse(403, "origin", "enter !{ req.hdr(origin) -m str " ~ portal_origin ~ " }") }}',
        "",
        "D5",
    ),
    Mutation(
        "a ticket kept from any page",
        (
            Edit(
                EDGE,
                "acl from_portal req.hdr(origin) -m str {{ settings.portal_origin }}",
                "acl from_portal always_true",
            ),
        ),
        ("D16",),
        programs=("edge",),
    ),
    gate(
        "changes from any page",
        '{{- refuse(403, "origin", "!safe !own") }}\n{{- refuse(403, "origin", "websocket !own") }}\n{{- refuse(403, "origin", "has_origin !own") }}',
        "",
        "D7",
        "D8",
    ),
    gate("reads by siblings", '{{- refuse(403, "origin", "foreign !visit") }}', "", "D7"),
    gate(
        "any path",
        '{{- refuse(403, "path", "!{ var(txn.passage) -m found }") }}\n{{- refuse(403, "download"',
        '{{- refuse(403, "download"',
        "G1",
        "D9",
        "D10",
    ),
    gate(
        "any download by its parameter", '{{- refuse(403, "download", "{ url_param(download) -m found }") }}', "", "D9"
    ),
    gate(
        "no policy for pages",
        "  http-response set-header Content-Security-Policy",
        "  # http-response set-header",
        "D11",
    ),
    gate("cookies from rooms", "  http-response del-header set-cookie\n", "", "D11"),
    gate(
        "anything as a page",
        "  http-response deny deny_status 403 if { var(txn.dest) -m str document }",
        "  http-response del-header x-none if { var(txn.dest) -m str document }",
        "D15",
    ),
    gate("no budget", "  acl over var(txn.over) -m int ge 0", "  acl over always_false", "G7"),
    Mutation(
        "open websockets go on over the budget",
        (Edit("hub/reconciler.py", "if left <= 0:", "if False:"),),
        ("G8",),
        ("reconciler",),
    ),
    Mutation(
        "open websockets go on after logout",
        (
            Edit(
                "hub/gate.py",
                "                self.cut()\n                must_cut",
                "                must_cut",
            ),
        ),
        ("D12", "D13"),
        ("reconciler",),
    ),
    gate("a log line that can be broken", "%[capture.req.uri,json(utf8s)]", "%[capture.req.uri]", "G6"),
    gate("anything on the way out", '{{- refuse(404, "path", "!{ var(txn.passage) -m found }") }}', "", "W3"),
    gate(
        "bodies of any size",
        '{{- refuse(413, "length", "{ req.hdr(content-length) -m int gt " ~ largest_file ~ " }") }}',
        "",
        "W4",
    ),
    gate("HTTP/2", "  option disable-h2-upgrade\n", "", "G9", "W7"),
    Mutation(
        "the intake believes a header",
        (
            Edit(
                "output_review/intake.py",
                'slot = here.settings.slot_of_front(http.client.host if http.client else "")',
                'slot = here.settings.slot_of_front(http.headers.get("x-forwarded-for") or (http.client.host if http.client else ""))',
            ),
            Edit(
                GATE,
                "  http-request del-header ^x[-_] -m reg\n  http-request del-header ^forwarded -m reg\n  http-request del-header cookie\n",
                "",
            ),
        ),
        ("W2",),
        ("intake",),
    ),
    Mutation(
        "any package may be asked for outside",
        (Edit("mirror/allowed.py", "return package if package in self.versions else None", "return package"),),
        ("P1",),
        ("mirror",),
    ),
    Mutation(
        "the mirror can be written to",
        (
            Edit(
                "hub/policy.py",
                'Passage("packages", READ, f"/packages/simple/({PACKAGE}/)?"',
                'Passage("packages", ("GET", "HEAD", "PUT", "POST", "DELETE"), f"/packages/simple/({PACKAGE}/)?"',
            ),
        ),
        ("P2",),
    ),
    Mutation(
        "any path leads to the mirror",
        (Edit("hub/policy.py", 'f"/packages/simple/({PACKAGE}/)?"', '"/(packages|index|cache)/.*"'),),
        ("P3",),
    ),
    Mutation(
        "another's request is anybody's",
        (Edit("output_review/intake.py", "if row.room_id != self.room:", "if False:"),),
        ("W1",),
        ("intake",),
    ),
    Mutation(
        "titles and names are read outside at once",
        (
            Edit(
                "portal/templates/requests.html",
                "{% if manifest %}: {{ manifest.title }}{% endif %}",
                ": {{ row.title }}",
            ),
        ),
        ("W8",),
        ("web",),
    ),
    Mutation(
        "another's cluster is anybody's",
        (
            Edit(
                "hub/cluster_calls.py", 'if name and (known is None or known.username != request["room"]):', "if False:"
            ),
            Edit("hub/cluster_calls.py", 'models.User(request["room"])', "models.User(known_as(request))"),
            Edit(
                "hub/cluster_calls.py",
                "class RoomAuthenticator(Authenticator):",
                "def known_as(request):\n    known = request.app['backend'].db.get_cluster(request.match_info.get('cluster_name'))\n"
                '    return known.username if known else request["room"]\n\n\nclass RoomAuthenticator(Authenticator):',
            ),
        ),
        ("K5",),
        ("clusters",),
    ),
    Mutation(
        "calls for clusters are not counted",
        (Edit(GATE, "if { sc1_http_req_rate gt 100 }\n  timeout", "if { sc1_http_req_rate gt 100000 }\n  timeout"),),
        ("K4",),
    ),
    Mutation(
        "a sandbox with a network",
        (Edit("hub/sandboxd.py", '"network_mode": "none"', '"network_mode": "bridge"'),),
        ("W6",),
        ("sandboxd",),
    ),
    Mutation(
        "rooms start whatever is wrong",
        (Edit("hub/spawner.py", "self.in_thread(doctor.demand, self.settings, self.client)", "asyncio.sleep(0)"),),
        ("H3",),
    ),
    Mutation(
        "a firewall stays down",
        (
            Edit(
                "hub/reconciler.py",
                '        if wrong:\n            log.error("walls',
                '        if False:\n            log.error("walls',
            ),
        ),
        ("H1",),
        ("reconciler",),
    ),
)
"""One for every wall; `tests/drills/test_mutations.py` takes all of them down, `./test` two a day."""


@contextmanager
def taken_down(settings: Settings, mutation: Mutation) -> Iterator[None]:
    """The wall is down inside the block, and stands again after it."""
    site = next((processes.current(settings).resolve() / "lib").glob("python3*/site-packages"))
    kept: dict[Path, bytes] = {}
    try:
        for edit in mutation.edits:
            path = site / edit.file
            kept.setdefault(path, path.read_bytes())
            text = path.read_text()
            if text.count(edit.old) != 1:
                raise ValueError(f"{mutation.name}: {edit.old!r} is {text.count(edit.old)} times in {edit.file}")
            _write(path, text.replace(edit.old, edit.new).encode())
        _take_effect(settings, mutation)
        yield
    finally:
        for path, content in kept.items():
            _write(path, content)
        _take_effect(settings, mutation)


def _write(path: Path, content: bytes) -> None:
    """In a new file with a new time: Python must not take the compiled one of before for it."""
    path.unlink()
    path.write_bytes(content)
    for compiled in (path.parent / "__pycache__").glob(f"{path.stem}.*.pyc"):
        compiled.unlink()


def _take_effect(settings: Settings, mutation: Mutation) -> None:
    """Start anew what runs the code; the firewall is put up anew by it, when it is missed."""
    if any(edit.file == EDGE for edit in mutation.edits):
        python = processes.current(settings).resolve() / "bin" / "python"
        program = (
            f"from governance.settings import load; from hub import edge; edge.write(load({settings.installation!r}))"
        )
        subprocess.run([python, "-c", program], check=True, cwd="/")
    if mutation.programs:
        _restart(settings, mutation.programs)
    if any(edit.file == WALLS for edit in mutation.edits):
        subprocess.run([walls.NFT, "delete", "table", "inet", walls.table(settings)], check=True)
        until(lambda: walls.broken(settings) is None, 40)


def _restart(settings: Settings, programs: Sequence[str]) -> None:
    control = processes.current(settings).resolve() / "bin" / "supervisorctl"
    socket = f"unix://{settings.run / 'supervisor.sock'}"
    subprocess.run([control, "-s", socket, "restart", *programs], check=True, capture_output=True, cwd="/")
    status.wait_until_up(settings, 60)


def verdict(missed_by: Sequence[str]) -> dict[str, str]:
    """Run the cases of these attempts in a process of their own: what became of each (passed, failed, or error)."""
    from tests.escapes import attempts

    cases = {number: f"tests/escapes/{attempts.registered()[number][1]}" for number in missed_by}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--tb=line", "-rA", *cases.values()],
        cwd=ROOT, env=os.environ | {"KEEP": "1", "MUTATED": "1"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    said = {}
    for number, case in cases.items():
        words = re.findall(rf"^(PASSED|FAILED|ERROR) {re.escape(case)}(?=\W|$)", done.stdout, re.MULTILINE)
        worst = next((word for word in ("ERROR", "FAILED", "PASSED") if word in words), "not run")
        said[number] = worst.lower()
    if "not run" in said.values() or "error" in said.values():
        print(done.stdout[-4000:], done.stderr[-2000:])
    return said
