"""Where a drill leaves what it measured."""

from __future__ import annotations

import json
import os
import platform
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.conftest import ROOT


def kept(drill: str) -> dict[str, Any]:
    """What a drill measured last; nothing before the first time."""
    file = _file(drill)
    return dict(json.loads(file.read_text())) if file.exists() else {}


def keep(drill: str, measured: dict[str, object]) -> None:
    """Write `docs/results/<drill>.json`: when, on what, and what was measured."""
    about = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "cores": os.cpu_count(),
        "kernel": platform.release(),
    }
    _file(drill).write_text(json.dumps(about | measured, indent=1) + "\n")


def _file(drill: str) -> Path:
    return ROOT / "docs" / "results" / f"{drill}.json"
