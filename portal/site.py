"""A visit to the portal: who it is, in which language, and the page they get."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib.metadata import version
from math import ceil
from pathlib import Path
from typing import Any, cast

from babel.dates import format_date, format_datetime
from babel.units import format_unit
from fastapi import Request
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse, RedirectResponse, Response

from governance import logins, people
from governance.database import Database
from governance.projects import LOCAL
from governance.settings import Settings
from governance.tables import Login, Person, PlatformRole
from inspection import places, view
from inspection.report import DROPPED, EVIDENCE, said
from portal.content import Views
from portal.reconciler import Reconciler
from portal.translation import LANGUAGES, Translator, chosen, translator

Clock = Callable[[], datetime]
HERE = Path(__file__).parent

SESSION = "__Host-session"
LANGUAGE = "__Host-language"
LOCALES = {"da": "da_DK", "en": "en_GB"}


@dataclass(frozen=True, slots=True)
class Site:
    """What every page needs; one for the app."""

    settings: Settings
    database: Database
    clock: Clock
    reconciler: Reconciler
    views: Views


@dataclass(frozen=True, slots=True)
class Visit:
    """One request."""

    request: Request
    site: Site
    login: Login | None
    person: Person | None
    language: str
    roles: frozenset[PlatformRole]

    @property
    def translate(self) -> Translator:
        return translator(self.language)

    def page(self, template: str, status: int = 200, **context: Any) -> Response:
        """A page in the visitor's language."""
        page = _environment(self.language).get_template(template)
        shown = {"visit": self, "settings": self.site.settings, "languages": LANGUAGES, "version": _version()}
        return HTMLResponse(page.render(**shown, **context), status)


class NotLoggedIn(Exception):
    """The page is for people who are logged in."""


def visit(request: Request) -> Visit:
    """Who is visiting; a dependency of every page."""
    site = cast(Site, request.app.state.site)
    with site.database.read() as tx:
        found = logins.current(tx, request.cookies.get(SESSION), site.clock())
        roles = frozenset(people.roles(tx, found[1]) if found else [])
    login, person = found or (None, None)
    return Visit(request, site, login, person, _language(request, person), roles)


def stranger(request: Request) -> Visit:
    """A visit of which nobody can say who it is: the rows cannot be asked."""
    return Visit(request, cast(Site, request.app.state.site), None, None, _language(request, None), frozenset())


def _language(request: Request, person: Person | None) -> str:
    wish = person.language if person else None
    return chosen(wish, request.cookies.get(LANGUAGE), request.headers.get("accept-language"))


@dataclass(frozen=True, slots=True)
class Member(Visit):
    """A request by somebody who is logged in."""

    login: Login
    person: Person


def member(request: Request) -> Member:
    """Who is visiting, for pages that need a login; raises NotLoggedIn."""
    here = visit(request)
    if here.login is None or here.person is None:
        raise NotLoggedIn
    return Member(here.request, here.site, here.login, here.person, here.language, here.roles)


def go(path: str) -> Response:
    """Send the browser to another of our pages after a form."""
    return RedirectResponse(path, 303)


@cache
def _environment(language: str) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n"],
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.policies["ext.i18n.trimmed"] = True
    say = translator(language)
    environment.install_gettext_callables(say.gettext, say.ngettext, newstyle=True)  # type: ignore[attr-defined]
    locale = LOCALES[language]
    environment.filters["day"] = lambda day: format_date(day, "long", locale=locale)
    environment.filters["moment"] = lambda at: format_datetime(at.astimezone(LOCAL), "short", locale=locale)
    environment.filters["bytes"] = lambda size: _bytes(size, locale)
    environment.filters["refusal"] = say.refusal
    environment.filters["anchor"] = view.anchor
    environment.filters["place"] = lambda place: places.words(place, say.gettext)
    environment.filters["evidence"] = lambda finding: said(EVIDENCE, finding["said"], finding["values"], say.gettext)
    environment.filters["dropped"] = lambda part: said(DROPPED, part["what"], part["values"], say.gettext)
    return environment


def _bytes(size: int, locale: str) -> str:
    """A number of bytes as people read it: kilobytes below a megabyte, never 0 of what is there."""
    if size < 1_000_000:
        return format_unit(ceil(size / 1000), "kilobyte", length="short", locale=locale)
    return format_unit(round(size / 1e6, 1), "megabyte", length="short", locale=locale)


@cache
def _version() -> str:
    return f"{version('datasluse')} {os.environ.get('SLUSE_COMMIT', '')}".strip()
