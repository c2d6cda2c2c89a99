"""A room's gate on the host: the folder its HAProxy reads, and the tickets it lets in."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from governance.settings import Settings
from hub import haproxy
from hub.plan import DOOR_PORT, GATE_UID, INTAKE_PORT, JUPYTER_PORT, OUT_PORT, PROBE_PORT, RoomPlan

TEMPLATES = Path(__file__).parent / "templates"
SIDS = "/etc/gate/sids.map"

environment = Environment(loader=FileSystemLoader(TEMPLATES), undefined=StrictUndefined, keep_trailing_newline=True)  # noqa: S701
"""For HAProxy's files, which are not HTML; every value filled in is ours: an id, an address, a path, a token."""


@dataclass(frozen=True, slots=True)
class Gate:
    """The host's side of one gate."""

    folder: Path

    @property
    def admin(self) -> Path:
        return self.folder / "run" / "admin.sock"

    def prepare(self, plan: RoomPlan, settings: Settings, token: str, sids: Iterable[str]) -> None:
        """Write what the gate reads at its start. The room's token is in it, so only root and the gate may read it."""
        etc, run = self.folder / "etc", self.folder / "run"
        for folder in (self.folder, etc, run):
            folder.mkdir(parents=True, exist_ok=True)
            os.chown(folder, 0, GATE_UID)
            folder.chmod(0o770 if folder == run else 0o750)
        self._write("haproxy.cfg", configuration(plan, settings, token))
        self._write(
            "closed.html", (TEMPLATES / "gate-closed.html").read_text().replace("@PORTAL@", settings.portal_origin)
        )
        self._write("ticket.pem", (settings.keys / "ticket.pem").read_text())
        haproxy.write_map(etc / "sids.map", dict.fromkeys(sids, "yes"))

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
                haproxy.command(self.admin, "shutdown sessions server room/room")
                must_cut.unlink()
        except OSError:
            return False
        return True

    def remove(self) -> None:
        """Forget the gate: its folder, with the room's token, goes."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _write(self, name: str, text: str) -> None:
        path = self.folder / "etc" / name
        path.touch(mode=0o640)
        path.chmod(0o640)
        os.chown(path, 0, GATE_UID)
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
        room_authority=f"{plan.host}:{settings.edge_port}",
        room_origin=settings.room_origin(plan.room),
        portal_origin=settings.portal_origin,
        door=DOOR_PORT,
        probe=PROBE_PORT,
        jupyter=JUPYTER_PORT,
        sids=SIDS,
        out=OUT_PORT,
        intake=INTAKE_PORT,
    )
