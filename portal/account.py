"""Logging in and out, the terms of use, and the language."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Form
from starlette.responses import Response

from governance import logins, people, rooms
from governance.tables import Person
from portal.site import LANGUAGE, SESSION, Member, Visit, go, member, visit
from portal.translation import LANGUAGES

router = APIRouter()
Here = Annotated[Visit, Depends(visit)]
Me = Annotated[Member, Depends(member)]


@router.get("/login")
def login_page(here: Here) -> Response:
    """The login form."""
    return go("/") if here.person else here.page("login.html", failed=False, name="")


@router.post("/login")
def login(here: Here, name: Annotated[str, Form()] = "", password: Annotated[str, Form()] = "") -> Response:
    """Log in; the same answer for an unknown name and a wrong password."""
    name = name.strip().lower()
    begun = logins.begin(here.site.database, name, password, here.site.clock)
    if begun is None:
        return here.page("login.html", 401, failed=True, name=name)
    answer = go("/")
    answer.set_cookie(
        SESSION, begun[0], max_age=int(logins.LONGEST.total_seconds()), secure=True, httponly=True, samesite="lax"
    )
    return answer


@router.post("/logout")
def logout(here: Here) -> Response:
    """Log out: the ways into rooms that this login opened close at once; work in the rooms goes on."""
    if here.login and here.person:
        with here.site.database.write() as tx:
            entered = rooms.of_person(tx, here.person).values()
            logins.end(tx, here.login, here.site.clock())
        for room in entered:
            here.site.reconciler.dismiss(room.id)
    answer = go("/login")
    answer.delete_cookie(SESSION, secure=True, httponly=True, samesite="lax")
    return answer


@router.get("/terms")
def terms_page(here: Me) -> Response:
    """The terms of use, with the button that accepts them."""
    return here.page("terms.html", accepted=here.person.terms_version == people.TERMS_VERSION)


@router.post("/terms")
def accept_terms(here: Me) -> Response:
    """Record that the visitor accepts the terms."""
    with here.site.database.write() as tx:
        people.accept_terms(tx, tx.get_one(Person, here.person.id), here.site.clock())
    return go("/")


@router.post("/language")
def language(here: Here, language: Annotated[str, Form()], page: Annotated[str, Form()] = "/") -> Response:
    """Change the language, for this browser and, when logged in, for the person."""
    chosen = language if language in LANGUAGES else here.language
    if here.person:
        with here.site.database.write() as tx:
            tx.get_one(Person, here.person.id).language = chosen
    answer = go(page if page.startswith("/") and not page.startswith(("//", "/\\")) else "/")
    answer.set_cookie(LANGUAGE, chosen, max_age=365 * 24 * 3600, secure=True, httponly=True, samesite="lax")
    return answer
