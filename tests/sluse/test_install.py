"""What `./up` says when the machine is not as it should be."""

from __future__ import annotations

import socket

import pytest

from governance.errors import Unavailable
from governance.settings import Settings
from sluse import install, processes


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


def test_a_missing_engine_is_told_with_what_to_do(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(Unavailable, match="no Docker engine answers: see `systemctl status docker`, or install"):
        processes.ensure_engine(settings)
