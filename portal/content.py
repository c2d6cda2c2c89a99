"""The host of untrusted pages: views of what researchers made, without a cookie, in a frame that runs nothing."""

from __future__ import annotations

import logging
import secrets
from datetime import datetime, timedelta

import jwt
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from governance.settings import Settings
from output_review import frozen
from output_review.frozen import Tampered

POLICY = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; font-src data:; sandbox; "
    "base-uri 'none'; form-action 'none'; frame-ancestors {portal}"
)
log = logging.getLogger("web")
SEEN_WITHIN = timedelta(minutes=10)


class Views:
    """Addresses of views: each for one stored page, for ten minutes, made known only to whom the portal shows it."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._secret = secrets.token_bytes(32)  # a restart ends every address; a reload makes new ones

    def address(self, view_sha256: str, now: datetime) -> str:
        """The address of a stored view, for a frame."""
        token = jwt.encode({"sub": view_sha256, "exp": now + SEEN_WITHIN}, self._secret, algorithm="HS256")
        return f"{self.settings.content_origin}/view/{token}"

    def stored(self, token: str) -> bytes | None:
        """The page behind an address; None when it is not one of ours, or its time is over."""
        try:
            claims = jwt.decode(token, self._secret, algorithms=["HS256"], options={"require": ["exp", "sub"]})
            return frozen.canonical(self.settings.state).read(claims["sub"])
        except jwt.InvalidTokenError:
            return None
        except Tampered:
            log.error("a stored view was changed: what it shows is withheld")
            return None


def create_app(settings: Settings, views: Views) -> Starlette:
    """The app behind the content host: one route, no session."""

    def view(http: Request) -> Response:
        page = views.stored(http.path_params["token"])
        headers = {
            "Content-Security-Policy": POLICY.format(portal=settings.portal_origin),
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
            "Cache-Control": "no-store",
            "Cross-Origin-Resource-Policy": "cross-origin",
        }
        if page is None:
            return PlainTextResponse("Reload the request. / Genindlæs anmodningen.", 404, headers)
        return Response(page, media_type="text/html; charset=utf-8", headers=headers)

    return Starlette(routes=[Route("/view/{token}", view)])
