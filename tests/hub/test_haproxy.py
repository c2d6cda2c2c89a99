"""HAProxy itself reads what we write."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from governance.settings import Settings
from hub import edge, gate, haproxy
from tests.hub.test_plan import plan


def test_haproxy_accepts_the_gates_configuration(settings: Settings, tmp_path: Path) -> None:
    for name in ("ticket.pem", "sids.map", "budget.map", "verified.map", "closed.html", "used-up.html"):
        (tmp_path / name).write_text("" if name.endswith("map") else "x")
    text = gate.configuration(plan(settings), settings, "token").replace("/etc/gate", str(tmp_path))
    checked(text, tmp_path)


def test_haproxy_accepts_the_edges_configuration(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "rooms.map").touch()
    for page in ("closed.html", "waiting.html"):
        (tmp_path / page).write_text("x")
    (tmp_path / "unavailable.http").write_bytes((gate.TEMPLATES / "edge-unavailable.http").read_bytes())
    text = edge.configuration(settings).replace(str(edge.folder(settings)), str(tmp_path))
    checked(text.replace(settings.user("edge"), "root"), tmp_path)


def checked(text: str, folder: Path) -> None:
    file = folder / "haproxy.cfg"
    file.write_text(text)
    done = subprocess.run(["/usr/sbin/haproxy", "-c", "-f", file], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "[WARNING]" not in done.stderr


def test_a_map_is_written_whole(tmp_path: Path) -> None:
    path = tmp_path / "rooms.map"
    haproxy.write_map(path, {"b": "2", "a": "1"})
    assert path.read_text() == "a 1\nb 2\n"
    assert haproxy.read_map(path) == {"a": "1", "b": "2"}
    assert haproxy.read_map(tmp_path / "none") == {}


def test_an_edge_that_is_down_finds_the_route_when_it_starts(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(edge, "folder", lambda _: tmp_path)
    edge.route(settings, "a.rooms", "10.0.0.1:9000")
    edge.route(settings, "b.rooms", "10.0.0.2:9000")
    edge.route(settings, "a.rooms", None)
    assert haproxy.read_map(tmp_path / "rooms.map") == {"b.rooms": "10.0.0.2:9000"}
    assert edge.routes(settings) == {}
