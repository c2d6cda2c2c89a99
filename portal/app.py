"""The portal's app: the site for people, reached through the edge."""

from __future__ import annotations

import logging
from typing import cast

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Host
from starlette.staticfiles import StaticFiles

from governance.database import Database
from governance.errors import STATUS, Invalid, NotFound, Refused, Unavailable
from governance.settings import Settings
from portal import account, content, lab_files, operation, review, rooms
from portal.content import Views
from portal.guard import Guard
from portal.reconciler import Reconciler
from portal.site import HERE, Clock, NotLoggedIn, Site, go, stranger, visit

log = logging.getLogger("web")


def create_app(settings: Settings, database: Database, clock: Clock, views: Views | None = None) -> FastAPI:
    """The app for people; every refusal becomes a page in the visitor's language, here and nowhere else."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.state.site = Site(settings, database, clock, Reconciler(settings), views or Views(settings))
    app.add_middleware(Guard, settings=settings)
    app.mount("/static", StaticFiles(directory=HERE / "static"))
    app.include_router(account.router)
    app.include_router(rooms.router)
    app.include_router(review.router)
    app.include_router(operation.router)

    @app.get("/health")
    def health() -> dict[str, str]:
        with database.read() as tx:
            tx.execute(select(1))
            return {"part": "web", "state": "up"}

    @app.exception_handler(NotLoggedIn)
    def not_logged_in(_request: Request, _e: Exception) -> Response:
        return go("/login")

    @app.exception_handler(Refused)
    def refused(request: Request, e: Exception) -> Response:
        return _refusal(request, cast(Refused, e))

    @app.exception_handler(RequestValidationError)
    def not_a_form(request: Request, _e: Exception) -> Response:
        return _refusal(request, Invalid("Something in this form is missing. Go back, fill it in and send it again."))

    @app.exception_handler(HTTPException)
    def http(request: Request, e: Exception) -> Response:
        status = e.status_code if isinstance(e, HTTPException) else 500
        return _refusal(request, NotFound("There is no such page. Start from your projects."), status)

    @app.exception_handler(DBAPIError)
    def no_database(request: Request, e: Exception) -> Response:
        log.error("the database does not answer: %s", cast(DBAPIError, e).orig)
        why = Unavailable("The platform's database does not answer just now. Open rooms go on. Try again in a minute.")
        return stranger(request).page("refused.html", STATUS[Unavailable], why=why)

    @app.exception_handler(Exception)
    def broken(request: Request, e: Exception) -> Response:
        log.error("a page failed", exc_info=e)
        return _refusal(request, Unavailable("Something went wrong here. It is logged. Try again in a minute."), 500)

    return app


def create_site(settings: Settings, database: Database, clock: Clock) -> Starlette:
    """What `web` serves: the portal and, under host names of their own, untrusted pages and JupyterLab's files."""
    views = Views(settings)
    return Starlette(
        routes=[
            Host(settings.portal_host, create_app(settings, database, clock, views)),
            Host(settings.content_host, content.create_app(settings, views)),
            Host(lab_files.HOST, lab_files.create_app(settings)),
        ]
    )


def _refusal(request: Request, e: Refused, status: int | None = None) -> Response:
    here = visit(request)
    return here.page("refused.html", status or STATUS.get(type(e), 403), why=e)
