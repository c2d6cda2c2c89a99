"""A room's gate on the host: the folder its HAProxy reads, and the tickets it lets in."""

from __future__ import annotations

import json
import os
import secrets
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from governance.egress import Reading
from governance.settings import Settings
from hub import haproxy, policy
from hub.plan import (
    CLUSTERS_PORT,
    COMMANDS_PORT,
    DOOR_PORT,
    INTAKE_PORT,
    JUPYTER_PORT,
    MIRROR_PORT,
    OUT_PORT,
    PROBE_PORT,
    SCHEDULER_COMMANDS_PORT,
    RoomPlan,
)
from output_review.service import LARGEST_CALL, LARGEST_FILE

TEMPLATES = Path(__file__).parent / "templates"
SIDS = "/etc/gate/sids.map"
BUDGET = "/etc/gate/budget.map"
VERIFIED = "/etc/gate/verified.map"
CUT = "shutdown sessions server room/room"
TOO_LARGE = (
    "This is more than {mib} MiB, which is not shown whole: read it in a program. / "
    "Dette er mere end {mib} MiB, som ikke vises på én gang: læs det i et program."
)

environment = Environment(loader=FileSystemLoader(TEMPLATES), undefined=StrictUndefined, keep_trailing_newline=True)  # noqa: S701
"""For HAProxy's files, which are not HTML; every value filled in is ours: an id, an address, a path, a token."""


@dataclass(frozen=True, slots=True)
class Gate:
    """The host's side of one gate."""

    folder: Path

    @property
    def admin(self) -> Path:
        return self.folder / "run" / "admin.sock"

    def prepare(
        self, plan: RoomPlan, settings: Settings, token: str, sids: Iterable[str], left: int, reader: int
    ) -> None:
        """Write what the gate reads at its start. The room's token is in it, so only root and the gate may read it.

        Args:
            left: bytes that the room's person may still be shown today.
            reader: the group, on the host, that the gate runs as.
        """
        etc, run = self.folder / "etc", self.folder / "run"
        for folder in (self.folder, etc, run):
            folder.mkdir(parents=True, exist_ok=True)
            os.chown(folder, 0, reader)
            folder.chmod(0o770 if folder == run else 0o750)
        self._write("haproxy.cfg", configuration(plan, settings, token), reader)
        for page in ("closed", "used-up"):
            text = (TEMPLATES / f"gate-{page}.html").read_text()
            self._write(f"{page}.html", text.replace("@PORTAL@", settings.portal_origin), reader)
        self._write("ticket.pem", (settings.keys / "ticket.pem").read_text(), reader)
        haproxy.write_map(etc / "sids.map", dict.fromkeys(sids, "yes"))
        haproxy.write_map(etc / "budget.map", {"left": str(left >> 10)})
        haproxy.write_map(etc / "verified.map", {})

    def admit_only(self, sids: Iterable[str]) -> bool:
        """Let exactly these tickets in from now on; returns whether a running gate was told.

        Rules run when a request starts, so what was open under a lost ticket is cut: everybody's connections to this
        room are, and those still admitted come back by themselves.
        """
        if not self.folder.exists():
            return False
        entries = dict.fromkeys(sids, "yes")
        haproxy.write_map(self.folder / "etc" / "sids.map", entries)
        must_cut = self.folder / "must-cut"  # outlives us: who is killed in between cuts at the next look
        try:
            if set(haproxy.live_map(self.admin, SIDS)) - set(entries):
                must_cut.touch()
            haproxy.set_live_map(self.admin, SIDS, entries)
            if must_cut.exists():
                self.cut()
                must_cut.unlink()
        except OSError:
            return False
        return True

    def admitted(self) -> frozenset[str] | None:
        """The tickets that a running gate lets in; None when it does not run."""
        try:
            return frozenset(haproxy.live_map(self.admin, SIDS))
        except OSError:
            return None

    def counted(self) -> Reading | None:
        """What it has sent so far; None when it does not run."""
        try:
            rows = haproxy.table(self.admin, "door")
        except OSError:
            return None
        for key, row in rows.items():
            return Reading(key, row["bytes_out_cnt"], row["gpc0"])
        return None

    def allow(self, kib: int) -> None:
        """Let a running gate have sent this much in all since its start.

        Its file keeps what was left at its start: a gate that starts anew gets a new one.
        """
        haproxy.set_live_map(self.admin, BUDGET, {"left": str(kib)})

    def cut(self) -> None:
        """Cut what is open to its room."""
        haproxy.command(self.admin, CUT)

    def remove(self) -> None:
        """Forget the gate: its folder, with the room's token, goes."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _write(self, name: str, text: str, reader: int) -> None:
        path = self.folder / "etc" / name
        path.touch(mode=0o640)
        path.chmod(0o640)
        os.chown(path, 0, reader)
        path.write_text(text)


def of_room(settings: Settings, room: str) -> Gate:
    """The gate of a room."""
    return Gate(settings.run / "gates" / room)


def configuration(plan: RoomPlan, settings: Settings, token: str) -> str:
    """The gate's HAProxy configuration."""
    return environment.get_template("gate.cfg").render(
        plan=plan,
        token=token,
        host_front=settings.front_host,
        room_authority=settings.authority(plan.host),
        room_origin=settings.room_origin(plan.room),
        portal_origin=settings.portal_origin,
        door=DOOR_PORT,
        probe=PROBE_PORT,
        jupyter=JUPYTER_PORT,
        sids=SIDS,
        budget=BUDGET,
        verified=VERIFIED,
        generation=secrets.token_hex(8),
        policy=policy,
        too_large=json.dumps({"message": TOO_LARGE.format(mib=policy.LARGEST_ANSWER >> 20)}, ensure_ascii=False),
        out=OUT_PORT,
        largest_file=LARGEST_FILE,
        largest_call=LARGEST_CALL,
        intake=INTAKE_PORT,
        clusters=CLUSTERS_PORT,
        mirror=MIRROR_PORT,
        commands=COMMANDS_PORT,
        scheduler_commands=SCHEDULER_COMMANDS_PORT,
    )
