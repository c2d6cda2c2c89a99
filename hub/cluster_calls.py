"""What a room may ask of dask-gateway, and in which form: seen before dask-gateway reads it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any, Protocol

from aiohttp import web
from dask_gateway_server import models
from dask_gateway_server.auth import Authenticator
from docker import APIClient
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from sqlalchemy import select

from governance import rooms
from governance.database import Database
from governance.errors import STATUS, Refused
from governance.settings import Settings

HEALTH = "/api/health"
LONGEST_LOOK = timedelta(minutes=2)

log = logging.getLogger("clusters")
Clock = Callable[[], datetime]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Speech(Protocol):
    """Sentences in a person's language."""

    def refusal(self, refused: Refused) -> str:
        """Why something is refused."""


Speak = Callable[[str | None], Speech]
"""From a person's setting to sentences."""


@dataclass(frozen=True, slots=True)
class Given:
    """What the gateway works with."""

    settings: Settings
    database: Database
    docker: APIClient
    clock: Clock
    speak: Speak


Name = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
Count = Annotated[int, Field(ge=0, le=10_000, strict=True)]


class Body(BaseModel):
    """What a call may say. Anything else is refused before dask-gateway reads it."""

    model_config = ConfigDict(extra="forbid")


class Create(Body):
    """A new cluster."""

    cluster_options: dict[Annotated[str, StringConstraints(max_length=100)], str | int | None] | None = None


class Scale(Body):
    """So many workers."""

    count: Count


class Adapt(Body):
    """As many workers as the work wants, between these."""

    minimum: Count | None = None
    maximum: Count | None = None
    active: bool = True


class Heartbeat(Body):
    """Addresses are taken from our rows, so what is said of them is only read."""

    scheduler_address: Annotated[str, StringConstraints(max_length=200)]
    dashboard_address: Annotated[str, StringConstraints(max_length=200)]
    api_address: Annotated[str, StringConstraints(max_length=200)]
    count: Count
    active_workers: Annotated[list[Name], Field(max_length=1000)]
    closing_workers: Annotated[list[Name], Field(max_length=1000)]
    closed_workers: Annotated[list[Name], Field(max_length=10_000)]


BODIES: dict[str, type[Body]] = {"clusters/": Create, "scale": Scale, "adapt": Adapt, "heartbeat": Heartbeat}


@web.middleware
async def from_a_room(request: web.Request, handler: Handler) -> web.StreamResponse:
    """See which room calls, whether what it names is its own, and whether what it says has the form it should."""
    gateway: Any = request.app["gateway"]
    try:
        if request.path == HEALTH and request.remote == str(gateway.given.settings.front_host):
            return await _health(gateway)
        request["room"] = await asyncio.to_thread(_caller, gateway.given, request.remote)
        name = request.match_info.get("cluster_name")
        known = gateway.backend.db.get_cluster(name) if name else None
        if name and (known is None or known.username != request["room"]):
            return _error(404, f"Cluster {name} not found")
        if request.method == "POST":
            form = BODIES.get(request.path.removeprefix("/api/v1/").split("/", 2)[-1] or "clusters/")
            if form is None:
                return _error(404, "There is no such call")
            form.model_validate_json(await request.read(), strict=False)
        return await handler(request)
    except ValidationError as e:
        first = e.errors()[0]
        return _error(422, f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}".lstrip(": "))
    except Refused as e:
        return _error(STATUS.get(type(e), 403), str(e))
    except web.HTTPException as e:
        return _error(e.status, e.reason)
    except Exception:
        log.exception("a call failed")
        return _error(500, "Something went wrong here. It is logged. Try again in a minute.")


async def _health(gateway: Any) -> web.Response:
    """For whoever asks on this host: whether the rows answer, and whether the looks at containers go on."""
    silent = gateway.given.clock() - gateway.backend.looked_at
    if silent > LONGEST_LOOK:
        return _error(503, f"nothing was looked at for {silent.total_seconds():.0f} s")
    await asyncio.to_thread(_ask_the_rows, gateway.given)
    return web.json_response({"part": "clusters", "state": "up"})


def _ask_the_rows(given: Given) -> None:
    with given.database.read() as tx:
        tx.execute(select(1))


def _caller(given: Given, address: str | None) -> str:
    slot = given.settings.slot_of_front(address or "")
    with given.database.read() as tx:
        return rooms.behind(tx, slot, given.settings, given.clock()).room.id


def _error(status: int, words: str) -> web.Response:
    return web.json_response({"error": words.encode(errors="replace").decode()}, status=status)


class RoomAuthenticator(Authenticator):
    """The user is the room behind the gate that calls. No login is remembered: a closed room is nobody at once."""

    async def authenticate_and_handle(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        request["user"] = models.User(request["room"])
        return await handler(request)
