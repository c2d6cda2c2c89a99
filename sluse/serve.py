"""What supervisor starts: `python -m sluse.serve <process>`."""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import uvicorn
from docker import APIClient
from fastapi import FastAPI
from sqlalchemy.exc import OperationalError
from starlette.applications import Starlette

from governance import heartbeat
from governance.database import Database
from governance.settings import Settings, load
from hub.client import Hub
from hub.cluster_calls import Given
from hub.clusters import ClusterGateway
from hub.plan import INTAKE_PORT, MIRROR_PORT
from hub.reconciler import Reconciler
from hub.reconciler import create_app as create_reconciler
from hub.sandboxd import create_app as create_sandboxd
from mirror.app import create_app as create_mirror
from output_review import release, worker
from output_review.intake import create_app as create_intake
from portal.app import create_site
from portal.translation import chosen, translator


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


def _portal(settings: Settings, database: Database) -> tuple[Starlette, str]:
    return create_site(settings, database, now), f"{settings.run}/web/people.sock"


def _reconciler(settings: Settings, database: Database) -> tuple[FastAPI, str]:
    reconciler = Reconciler(settings, database, Hub(settings), APIClient(timeout=60), now)
    return create_reconciler(reconciler), f"{settings.run}/reconciler/reconciler.sock"


def _sandboxd(settings: Settings, database: Database) -> tuple[FastAPI, str]:
    return create_sandboxd(settings), f"{settings.run}/sandboxd/sandboxd.sock"


APPS: dict[str, Callable[[Settings, Database], tuple[Starlette, str]]] = {
    "web": _portal,
    "reconciler": _reconciler,
    "sandboxd": _sandboxd,
}
LOOPS = {"jobs": worker.run, "release": release.run}
SERVING: dict[str, Any] = {"proxy_headers": False, "server_header": False, "access_log": False, "log_config": None}


def _wait_for(database: Database) -> None:
    """Wait until the database answers: supervisor gives a process up that ends again and again.

    Raises:
        Invalid: its tables are another version's.
    """
    while True:
        try:
            database.check_revision()
        except OperationalError as e:
            logging.getLogger("database").error("it does not answer, and is asked again: %s", e.orig)
            time.sleep(5)
        else:
            return


def main() -> None:
    """Serve one of the apps, or run one of the loops."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    logging.getLogger("httpx").setLevel(logging.WARNING)
    settings = load()
    database = Database(settings.database)
    _wait_for(database)
    name = sys.argv[1]
    if name in LOOPS:
        LOOPS[name](settings, database, now, heartbeat.into(settings.run / name, now))
    elif name == "intake":
        intake = create_intake(settings, database, now, lambda preferred: translator(chosen(preferred)))
        uvicorn.run(intake, host=str(settings.front_host), port=INTAKE_PORT, **SERVING)
    elif name == "mirror":
        index = httpx.AsyncClient(
            transport=httpx.AsyncHTTPTransport(uds=f"{settings.run}/index/index.sock"),
            base_url="http://index",
            timeout=900,
        )
        mirror = create_mirror(settings, database, now, index)
        uvicorn.run(mirror, host=str(settings.front_host), port=MIRROR_PORT, **SERVING)
    elif name == "clusters":
        given = Given(settings, database, APIClient(timeout=60), now, lambda wish: translator(chosen(wish)))
        gateway = ClusterGateway(given)
        gateway.initialize()
        gateway.start()
    else:
        app, socket = APPS[name](settings, database)
        uvicorn.run(app, uds=socket, **SERVING)


if __name__ == "__main__":
    main()
