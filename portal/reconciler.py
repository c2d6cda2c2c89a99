"""Words to the reconciler: "look at this room", "let in whom the rows admit". It believes the rows, not us."""

from __future__ import annotations

import logging

import httpx

from governance.errors import Unavailable
from governance.settings import Settings

log = logging.getLogger("web")


class Reconciler:
    """A client of the reconciler's unix socket."""

    def __init__(self, settings: Settings) -> None:
        self._socket = str(settings.run / "reconciler" / "reconciler.sock")

    def look(self, room: str) -> None:
        """Ask it to look at a room soon. If it is away it looks by itself when it is back, so nothing is raised."""
        try:
            self._post(f"/rooms/{room}/look")
        except httpx.TransportError:
            return

    def look_at_all(self) -> None:
        """Ask it to look at every room soon; nothing is raised, as with one."""
        try:
            self._post("/look")
        except httpx.TransportError:
            return

    def admit(self, room: str) -> None:
        """Have a room's gate let in whom the rows admit now.

        Raises:
            Unavailable: it could not be told; the person would be refused at the door.
        """
        try:
            answer = self._post(f"/rooms/{room}/admit")
            told = answer.is_success and answer.json()["told"]
        except httpx.TransportError:
            told = False
        if not told:
            raise Unavailable("Rooms cannot be entered just now; open ones go on. Try again in a minute.")

    def dismiss(self, room: str) -> None:
        """Have a room's gate cut off, before this returns, whom the rows no longer admit.

        If it cannot be told now, it looks by itself when it is back, so nothing is raised; the log says so.
        """
        try:
            self._post(f"/rooms/{room}/admit")
        except httpx.TransportError as e:
            log.error("room %s is cut off at the next look only: the reconciler does not answer: %r", room, e)

    def _post(self, path: str) -> httpx.Response:
        with httpx.Client(
            transport=httpx.HTTPTransport(uds=self._socket), base_url="http://reconciler", timeout=10
        ) as http:
            return http.post(path)
