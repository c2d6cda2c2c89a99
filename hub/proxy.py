"""JupyterHub's proxy, as one map of the edge: host of a room -> address of its gate."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from jupyterhub.proxy import Proxy
from sqlalchemy.exc import SQLAlchemyError
from traitlets import Unicode

from governance.database import Database
from governance.errors import Refused
from governance.settings import load
from hub import edge
from hub.grants import granted


class GateProxy(Proxy):
    """Keeps routes of rooms in the edge's map; the hub's own route is kept in memory, since no browser may reach it.

    While the edge is down a route waits in the map's file, so a room's start never fails with the edge. The rows are
    asked before a host leads anywhere: the hub adds what it misses, also while the reconciler closes that very room.
    """

    should_start = False
    installation = Unicode(config=True, help="The installation's name, e.g. `main`.")

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.settings = load(self.installation)
        self.database = Database(self.settings.database)
        self.known: dict[str, dict[str, Any]] = {}

    async def add_route(self, routespec: str, target: str, data: dict[str, Any]) -> None:
        """Called by the hub when a room is ready, and for each missing route when it compares."""
        self.known[routespec] = {"routespec": routespec, "target": target, "data": data}
        if "user" in data and self._is_granted(data["user"]):
            edge.route(self.settings, _host(routespec), urlsplit(target).netloc)

    async def delete_route(self, routespec: str) -> None:
        """Called by the hub when a room stops, and for each route that it does not know."""
        self.known.pop(routespec, None)
        edge.route(self.settings, _host(routespec), None)

    async def get_all_routes(self) -> dict[str, dict[str, Any]]:
        """What the running edge really has: a room's route missing there is added again, an unknown one deleted."""
        live = edge.routes(self.settings)
        routes = {spec: route for spec, route in self.known.items() if "user" not in route["data"]}
        for host, gate in live.items():
            room = host.split(".", 1)[0]
            spec = f"{host}/user/{room}/"
            data = self.known.get(spec, {}).get("data", {"user": room})
            routes[spec] = {"routespec": spec, "target": f"http://{gate}", "data": data}
        return routes

    def _is_granted(self, room: str) -> bool:
        try:
            with self.database.read() as tx:
                granted(tx, room, self.settings, datetime.now(UTC))
        except Refused as e:
            self.log.info("no way leads to a room any more: %s", e)
            return False
        except SQLAlchemyError as e:  # the hub asks again when it compares
            self.log.warning("no way leads to a room while the rows cannot be asked: %s", e)
            return False
        return True


def _host(routespec: str) -> str:
    return routespec.split("/", 1)[0].split(":", 1)[0]
