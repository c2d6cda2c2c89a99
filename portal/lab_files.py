"""JupyterLab's own files: the same for everybody, public, and from a copy outside the rooms.

Rooms' pages load 5 MB of them. Served from the room they would count as shown, and could carry anything.
"""

from __future__ import annotations

import json
from typing import cast

from servestatic import ServeStaticASGI
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp

from governance.settings import ASSETS, Settings

HOST = "assets"
"""The edge asks under this name, whatever room it is for: one copy in its memory serves all."""
YEAR = 365 * 24 * 3600


def folder(settings: Settings, image: str) -> str:
    """The folder of an image's files, for a page that loads them before its room is there; empty if it is not known."""
    try:
        tags: dict[str, str] = json.loads(settings.images_record.read_text())
    except (OSError, ValueError):
        return ""
    tag = tags.get(image, "").rsplit(":", 1)[-1]
    return tag if tag and (settings.assets / tag).is_dir() else ""


def create_app(settings: Settings) -> ASGIApp:
    """The app behind `/assets/<image>/`; a file's address names its image, so it never changes."""
    served = ServeStaticASGI(
        PlainTextResponse("There is no such file.", 404),
        root=settings.assets,
        prefix=f"{ASSETS}/",
        max_age=YEAR,
        allow_all_origins=False,
    )
    return cast(ASGIApp, served)
