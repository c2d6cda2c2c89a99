"""JupyterHub's REST API, as far as the reconciler needs it: one principal per room, named by the room's id."""

from __future__ import annotations

import json
from enum import StrEnum

import httpx

from governance.errors import Unavailable
from governance.settings import Settings


class Server(StrEnum):
    """What the hub says of a room's server."""

    NONE = "none"
    PENDING = "pending"
    READY = "ready"


class Hub:
    """A client of the hub on loopback; every method raises Unavailable when it does not answer as it should."""

    def __init__(self, settings: Settings) -> None:
        token = (settings.keys / "hub.token").read_text().strip()
        self._http = httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{settings.hub_port}/hub/api",
            headers={"Authorization": f"token {token}"},
            timeout=10,
            trust_env=False,
        )

    async def servers(self) -> dict[str, Server]:
        """Every room that the hub has a principal for."""
        users = json.loads((await self._call("GET", "/users?limit=2000", 200)).text)
        return {user["name"]: _server(user) for user in users}

    async def server(self, room: str) -> Server | None:
        """One room's server; None when the hub has no principal for the room."""
        answer = await self._call("GET", f"/users/{room}", 200, 404)
        return _server(json.loads(answer.text)) if answer.status_code == httpx.codes.OK else None

    async def start(self, room: str) -> None:
        """Begin to start a room; one that runs already or is about to is left as it is."""
        await self._call("POST", f"/users/{room}", 201, 409)
        await self._call("POST", f"/users/{room}/server", 201, 202, 400)

    async def failure(self, room: str) -> str | None:
        """Why the last start of a room failed, if the hub still knows."""
        answer = await self._call("GET", f"/users/{room}/server/progress", 200, 400, 404)
        events = [json.loads(line[5:]) for line in answer.text.splitlines() if line.startswith("data:")]
        failed = [event for event in events if event.get("failed")]
        return str(failed[-1].get("message")).removeprefix("Spawn failed: ") if failed else None

    async def stop(self, room: str) -> None:
        """Stop a room's server and forget its principal."""
        await self._call("DELETE", f"/users/{room}/server", 202, 204, 400, 404)
        await self._call("DELETE", f"/users/{room}", 204, 400, 404)

    async def alive(self) -> bool:
        """Whether the hub answers at all."""
        try:
            await self._call("GET", "/", 200)
        except Unavailable:
            return False
        return True

    async def _call(self, method: str, path: str, *good: int) -> httpx.Response:
        try:
            answer = await self._http.request(method, path)
        except httpx.TransportError as e:
            raise Unavailable("the hub does not answer: {reason}", reason=e) from e
        if answer.status_code not in good:
            raise Unavailable(
                "the hub answered {status} to {method} {path}", status=answer.status_code, method=method, path=path
            )
        return answer


def _server(user: dict[str, object]) -> Server:
    servers = user.get("servers")
    server = servers.get("") if isinstance(servers, dict) else None
    if user.get("pending") or (server and server.get("pending")):
        return Server.PENDING
    return Server.READY if server and server.get("ready") else Server.NONE
