"""What supervisor starts: `python -m sluse.serve web` or `reconciler`."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime

import uvicorn
from docker import APIClient
from fastapi import FastAPI

from governance.database import Database
from governance.settings import Settings, load
from hub.client import Hub
from hub.reconciler import Reconciler
from hub.reconciler import create_app as create_reconciler
from portal.app import create_app as create_portal


def now() -> datetime:
    """The clock that every process is given."""
    return datetime.now(UTC)


class JsonLines(logging.Formatter):
    """One JSON line an event."""

    def format(self, record: logging.LogRecord) -> str:
        """A line with time, part, level and event; a traceback stays in the log and reaches no person."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "part": record.name,
            "level": record.levelname,
            "event": record.getMessage(),
        }
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def _portal(settings: Settings, database: Database) -> tuple[FastAPI, str]:
    return create_portal(settings, database, now), f"{settings.run}/web/people.sock"


def _reconciler(settings: Settings, database: Database) -> tuple[FastAPI, str]:
    reconciler = Reconciler(settings, database, Hub(settings), APIClient(timeout=60), now)
    return create_reconciler(reconciler), f"{settings.run}/reconciler/reconciler.sock"


APPS = {"web": _portal, "reconciler": _reconciler}


def main() -> None:
    """Serve one of the apps on its unix socket."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    logging.getLogger("httpx").setLevel(logging.WARNING)
    settings = load()
    database = Database(settings.database)
    database.check_revision()
    app, socket = APPS[sys.argv[1]](settings, database)
    uvicorn.run(app, uds=socket, proxy_headers=False, server_header=False, access_log=False, log_config=None)


if __name__ == "__main__":
    main()
