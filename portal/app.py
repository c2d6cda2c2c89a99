"""The portal's app."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from fastapi import FastAPI

from governance.database import Database
from governance.settings import Settings

Clock = Callable[[], datetime]


def create_app(settings: Settings, database: Database, clock: Clock) -> FastAPI:
    """The app for people, reached through the edge."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)

    @app.get("/health")
    def health() -> dict[str, str]:
        with database.read():
            return {"part": "web", "state": "up"}

    return app
