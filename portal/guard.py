"""What holds for every page: where a change may come from, and what a browser may do with an answer."""

from __future__ import annotations

from starlette.datastructures import MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from governance.settings import Settings

SAFE = {"GET", "HEAD"}
POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action {forms}; frame-ancestors 'none'; base-uri 'none'"
)
LONGEST_BODY = 64 * 1024
"""Bytes of a form; files come by another way."""


class Guard:
    """Refuses changes from any other origin than the portal's own, and sets the headers of every answer.

    Rooms are pages that researchers write. They are cross-site to the portal, and could still send it forms: a form
    names its origin, and only the portal's own is let through.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app, self.settings = app, settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        refused = self._refused(scope)
        app = PlainTextResponse(*refused) if refused else self.app
        await app(scope, receive, self._with_headers(send))

    def _refused(self, scope: Scope) -> tuple[str, int] | None:
        headers = {name.decode().lower(): value.decode("latin-1") for name, value in scope["headers"]}
        if headers.get("host") != self.settings.authority(self.settings.portal_host):
            return "This is not that host.", 421
        if scope["method"] in SAFE:
            return None
        if headers.get("origin") != self.settings.portal_origin:
            return "Changes are taken from the portal's own pages only.", 403
        if headers.get("sec-fetch-site", "same-origin") != "same-origin":
            return "Changes are taken from the portal's own pages only.", 403
        length = headers.get("content-length", "")
        if not length.isdigit():
            return "A form says its length.", 411
        return ("This form is too long.", 413) if int(length) > LONGEST_BODY else None

    @staticmethod
    def _with_headers(send: Send) -> Send:
        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.setdefault("Content-Security-Policy", POLICY.format(forms="'self'"))
                headers.setdefault("Cache-Control", "no-store")
                headers["X-Content-Type-Options"] = "nosniff"
                headers["X-Frame-Options"] = "DENY"
                headers["Referrer-Policy"] = "strict-origin"  # with less, Chromium sends `Origin: null` with forms
                headers["Cross-Origin-Opener-Policy"] = "same-origin"
                headers["Cross-Origin-Resource-Policy"] = "same-origin"
            await send(message)

        return sending
