"""The server half of the JupyterLab extension: it reads files in the room and sends them to the room's gate.

It runs as the researcher, inside the room: it is a convenience, and nothing outside believes it.
"""

from __future__ import annotations

import os
from typing import Any


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "datasluse_release_requests"}]


def _load_jupyter_server_extension(app: Any) -> None:
    from datasluse_release_requests.handlers import routes

    base = app.web_app.settings["base_url"]
    app.web_app.add_handlers(".*$", routes(base))
    if os.environ.get("CLUSTERS"):
        from datasluse_release_requests import clusters

        app.web_app.add_handlers(".*$", clusters.routes(base))
