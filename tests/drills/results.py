"""Where a drill leaves what it measured."""

from __future__ import annotations

import json
import os
import platform
from datetime import UTC, datetime

from tests.conftest import ROOT


def keep(drill: str, measured: dict[str, object]) -> None:
    """Write `docs/results/<drill>.json`: when, on what, and what was measured."""
    about = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "cores": os.cpu_count(),
        "kernel": platform.release(),
    }
    (ROOT / "docs" / "results" / f"{drill}.json").write_text(json.dumps(about | measured, indent=1) + "\n")
