"""What `./up` says when the machine is not as it should be."""

from __future__ import annotations

import socket
import subprocess
from ipaddress import IPv4Network
from pathlib import Path

import pytest
from docker import APIClient
from docker.types import IPAMConfig, IPAMPool

from governance import settings as settings_module
from governance.errors import Unavailable
from governance.settings import GATES, Settings, file_of, write
from hub.container import ensure_network, network
from hub.plan import plan_room
from sluse import install, processes
from tests.conftest import Stack


def test_a_port_in_use_is_named_with_its_holder(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "states", lambda _: {})
    with socket.socket() as taken, socket.socket() as free:
        taken.bind(("127.0.0.1", 0))
        free.bind(("127.0.0.1", 0))
        taken.listen()
        busy = settings.model_copy(update={"edge_port": taken.getsockname()[1], "hub_port": free.getsockname()[1]})
        free.close()
        with pytest.raises(Unavailable, match=r"which the portal needs, is taken by .*pid=\d+"):
            install._ports_are_free(busy)
    install._ports_are_free(busy)


def test_a_missing_engine_is_told_with_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(Unavailable, match="no Docker engine answers: see `systemctl status docker`, or install"):
        processes.ensure_engine(tmp_path)


@pytest.fixture
def on_loopback(settings: Settings) -> Settings:
    """An installation whose own network is where this host has a route to; its front network is not there."""
    return settings.model_copy(update={"number": 9, "network": IPv4Network("127.5.0.0/16")})


@pytest.mark.parametrize("engine", ["as it is", "away"])
def test_a_network_that_a_route_leads_to_is_refused(
    on_loopback: Settings, monkeypatch: pytest.MonkeyPatch, engine: str
) -> None:
    if engine == "away":
        monkeypatch.setattr(install, "APIClient", lambda **_: APIClient(base_url="unix:///nonexistent.sock"))
    with pytest.raises(
        Unavailable, match=r"127\.5\.0\.0/16 .* overlaps this host's route to 127\.0\.0\.0/8 by lo: .*unit\.toml"
    ):
        install._network_is_free(on_loopback)
    install._network_is_free(on_loopback.model_copy(update={"network": IPv4Network("198.18.0.0/16")}))  # for benchmarks


def test_a_network_in_use_is_refused_before_anything_is_made(
    on_loopback: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def prepare(*_: object) -> None:
        raise Unavailable("it went on to making packages and images")

    monkeypatch.setattr(settings_module, "STATE", tmp_path / "state")
    monkeypatch.setattr(install, "_ports_are_free", lambda _: None)
    monkeypatch.setattr(install, "_prepare", prepare)
    up = install.up.__wrapped__  # type: ignore[attr-defined]  # without waiting for an `up` of another installation
    for chosen, says in (("127.5.0.0/16", "overlaps"), ("198.18.0.0/16", "it went on to")):
        asked = on_loopback.model_copy(update={"network": IPv4Network(chosen)})
        monkeypatch.setattr(install, "_settings", lambda asked=asked: asked)
        with pytest.raises(Unavailable, match=says):
            up(full=False)
        assert not asked.state.exists()


def test_a_network_that_another_of_dockers_overlaps_is_named(stack: Stack) -> None:
    """Rooms' networks are from the range of the front network: one in the middle of it is in their way."""
    slot = GATES - 1
    plan = plan_room("overlapped", 0, 0, slot, "small", [], stack.settings)
    pools = IPAMConfig(pool_configs=[IPAMPool(subnet=str(stack.settings.room_network(slot).supernet()))])
    stack.docker.create_network("somebody-elses", driver="bridge", internal=True, ipam=pools)
    try:
        with pytest.raises(Unavailable, match=r"overlaps Docker's network somebody-elses \([0-9./]+\): remove"):
            ensure_network(stack.docker, network(plan))
        with pytest.raises(Unavailable, match=r"overlaps Docker's network somebody-elses \([0-9./]+\): .*\.toml"):
            install._network_is_free(stack.settings)
    finally:
        stack.docker.remove_network("somebody-elses")
    install._network_is_free(stack.settings)
    ensure_network(stack.docker, network(plan))
    stack.docker.remove_network(plan.name("net"))


@pytest.mark.parametrize("mounted", ["", "data/deep"])
def test_a_mount_point_is_emptied_and_stays(tmp_path: Path, capsys: pytest.CaptureFixture[str], mounted: str) -> None:
    """LUKS under the disks means a mount there."""
    state = tmp_path / "state"
    (state / mounted).mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "none", state / mounted], check=True)
    try:
        for folder in (state, state / mounted):
            (folder / "keys").mkdir(parents=True, exist_ok=True)
            (folder / "keys" / "a.key").write_text("secret")
        for _ in range(2):
            install._remove(state)
            assert f"{state / mounted} is a mount point: it was emptied and stays." in capsys.readouterr().out
        assert [path for path in state.rglob("*") if not (state / mounted).is_relative_to(path)] == []
    finally:
        subprocess.run(["umount", state / mounted], check=True)
    install._remove(state)  # control: without the mount it goes
    assert not state.exists()
    assert capsys.readouterr().out == ""


def test_what_cannot_be_removed_for_another_reason_is_not_passed_over(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError):
        install._remove(tmp_path / "file")


@pytest.fixture
def elsewhere(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """An installation of which there is a settings file and one file of its state, in folders of this test's own."""
    monkeypatch.setattr(settings_module, "CONFIGURATION", tmp_path / "etc")
    monkeypatch.setattr(settings_module, "STATE", tmp_path / "state")
    write(settings)
    settings.state.mkdir(parents=True)
    (settings.state / "kept").touch()
    return settings


def test_a_database_that_does_not_answer_is_told_before_anything_is_removed(
    elsewhere: Settings, tmp_path: Path
) -> None:
    away = elsewhere.model_copy(update={"database_url": f"postgresql+psycopg://nobody@/nothing?host={tmp_path}"})
    with pytest.raises(Unavailable, match=r"does not answer, so nothing was removed: .*take `database_url` out of"):
        install.destroy(away)
    assert (elsewhere.state / "kept").exists()
    assert file_of(elsewhere.installation).exists()
