"""Nobody comes through a gate without a ticket for that room, from that room's own pages."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from datetime import UTC, datetime
from typing import Any

import httpx
import jwt
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from governance import rooms as room_rows
from tests.conftest import Room, Stack
from tests.escapes.attempts import attempt


@pytest.fixture(scope="module")
def room(rooms: tuple[Room, Room]) -> Room:
    return rooms[0]


def claims(room: Room) -> dict[str, Any]:
    return jwt.decode(room.ticket, options={"verify_signature": False})


def signed(stack: Stack, changed: dict[str, Any]) -> str:
    return jwt.encode(changed, (stack.settings.keys / "ticket.key").read_text(), algorithm="ES256")


def test_a_good_ticket_opens_the_door(stack: Stack, room: Room) -> None:
    """The control of everything below."""
    assert room.knock(signed(stack, claims(room))).status_code == 303


@attempt(
    "D1",
    "enter with a ticket that is expired, for ever, for another room, from another issuer or of another login",
    wall="`gate.cfg` `door`",
    answer="401, `ticket`",
)
@pytest.mark.parametrize(
    "change",
    [
        {"aud": "aaaaaaaaaa.rooms-test.localhost"},
        {"iss": "http://evil.example"},
        {"sid": "0" * 32},
        {"exp": 1},
        {"exp": -1},
        {"exp": 1 << 40},
        {"exp": "4102444800"},
        {"exp": None},
        {"sid": None},
        {"aud": ["x"]},
    ],
    ids=str,
)
def test_a_changed_ticket_does_not(stack: Stack, room: Room, change: dict[str, Any]) -> None:
    ticket = {k: v for k, v in (claims(room) | change).items() if v is not None}
    if isinstance(ticket.get("aud"), list):
        ticket["aud"] = [stack.settings.room_host(room.id)]
    assert room.knock(signed(stack, ticket)).status_code == 401


@attempt(
    "D2",
    "forge a ticket (none, HS256 with the public key, a cut or changed signature)",
    wall="`gate.cfg` `door`",
    answer="401, `ticket`",
)
def test_an_unsigned_or_foreign_ticket_does_not(stack: Stack, room: Room) -> None:
    public = (stack.settings.keys / "ticket.pem").read_bytes()
    none = jwt.encode(claims(room), None, algorithm="none")
    header, payload, signature = room.ticket.split(".")

    def part(value: bytes) -> str:
        return base64.urlsafe_b64encode(value).rstrip(b"=").decode()

    hs_head = part(json.dumps({"alg": "HS256", "typ": "JWT"}).encode())
    mac = hmac.new(public, f"{hs_head}.{payload}".encode(), hashlib.sha256).digest()
    for forged in (
        "",
        "x.y.z",
        none,
        f"{header}.{payload}.",
        f"{header}.{payload}.{signature[:-4]}AAAA",
        f"{hs_head}.{payload}.{part(mac)}",
    ):
        assert room.knock(forged).status_code == 401, forged


@attempt("D3", "have anything of a room without a ticket", wall="`gate.cfg` `door`", answer="401, `ticket`")
def test_without_a_cookie_nothing_is_answered(room: Room) -> None:
    assert room.request("GET", "/api/status").status_code == 200
    for path in ("/api/status", "/lab", "/static/lab/main.js", "/api/contents", "/"):
        assert room.request("GET", path, headers={"Cookie": ""}).status_code == 401, path


@attempt("D4", "visit a room without a ticket", wall="`gate.cfg` `door`", answer="303 to the portal, `ticket`")
def test_a_visit_without_a_ticket_is_led_to_the_portal(stack: Stack, room: Room) -> None:
    visit = {"Cookie": "", "Origin": "", "Sec-Fetch-Dest": "document", "Sec-Fetch-Mode": "navigate"}
    answer = room.request("GET", "/lab", headers=visit)
    assert answer.status_code == 303
    assert answer.headers["location"] == f"{stack.settings.portal_origin}/rooms/{room.id}"


@attempt(
    "D5",
    "hand a ticket in from another page, or in an address",
    wall="`gate.cfg` `enter`",
    answer="403, `origin` or `method`",
)
def test_the_ticket_is_taken_from_the_portals_form_alone(stack: Stack, rooms: tuple[Room, Room]) -> None:
    room, other = rooms
    assert room.knock(room.ticket).status_code == 303
    for origin in (other.origin, "null", "http://evil.example"):
        assert room.knock(room.ticket, origin).status_code == 403
    assert room.http.get("/_gate/enter", params={"ticket": room.ticket}).status_code == 403


@attempt(
    "D16",
    "have the edge keep a ticket of one's own choice, where a room has no gate yet",
    wall="`edge.cfg` `from_portal`, `ticket`",
    answer="404, and no cookie",
)
def test_the_edge_keeps_tickets_from_the_portals_form_alone(stack: Stack, room: Room) -> None:
    nobodys = stack.settings.authority(stack.settings.room_host(secrets.token_hex(5)))
    portal, good = {"Origin": stack.settings.portal_origin}, {"ticket": room.ticket}

    def asks(method: str, ticket: dict[str, str], **headers: str) -> httpx.Response:
        return room.http.request(method, "/_gate/enter", data=ticket, headers={"Host": nobodys} | headers)

    kept = asks("POST", good, **portal)
    assert (kept.status_code, kept.headers["set-cookie"].split(";")[0]) == (200, f"__Host-room={room.ticket}")
    assert room.http.get("/lab", headers={"Host": nobodys, "Cookie": f"__Host-room={room.ticket}"}).status_code == 404
    wrong = [
        asks("POST", good),
        asks("GET", good, **portal),
        *(asks("POST", good, Origin=origin) for origin in (room.origin, "null", "http://evil.example")),
        *(
            asks("POST", {"ticket": bad}, **portal)
            for bad in ("", "a", "a.b", "a.b.c; Domain=x", "a.b.c\r\nX: y", "%0a.b.c")
        ),
    ]
    assert [(answer.status_code, "set-cookie" in answer.headers) for answer in wrong] == [(404, False)] * len(wrong)


@attempt("D6", "use a stolen ticket at another room's host", wall="`aud` in `gate.cfg`", answer="401, `ticket`")
def test_another_rooms_cookie_does_not_open_this_one(rooms: tuple[Room, Room]) -> None:
    room, other = rooms
    assert room.request("GET", "/api/status").status_code == 200
    assert room.request("GET", "/api/status", headers={"Cookie": other.cookie}).status_code == 401


@attempt(
    "D7",
    "act in a room from a page that is not its own, or read from a sibling",
    wall="Origin and Sec-Fetch rules in `gate.cfg`",
    answer="403, `origin`",
)
def test_a_page_elsewhere_cannot_act_in_the_room(rooms: tuple[Room, Room]) -> None:
    room, other = rooms
    new = {"json": {"name": "python3"}}
    assert room.request("POST", "/api/kernels", **new).status_code == 201
    for origin in (other.origin, "null", "http://evil.example", ""):
        assert room.request("POST", "/api/kernels", headers={"Origin": origin}, **new).status_code == 403
    sibling = {"Origin": "", "Sec-Fetch-Site": "same-site"}
    assert room.request("GET", "/api/status", headers=sibling | {"Sec-Fetch-Site": "same-origin"}).status_code == 200
    assert room.request("GET", "/api/status", headers=sibling).status_code == 403


@attempt("D8", "open a room's websocket from a foreign page", wall="Origin rule in `gate.cfg`", answer="403, `origin`")
def test_a_page_elsewhere_cannot_open_the_rooms_websocket(rooms: tuple[Room, Room]) -> None:
    room, other = rooms
    kernel = room.kernel()
    assert kernel.run("print(1)") == "1\n"
    with pytest.raises(InvalidStatus, match="403"):
        room.websocket(kernel.id, origin=other.origin)
    with pytest.raises(InvalidStatus, match="401"):
        room.websocket(kernel.id, cookie="")


@attempt(
    "D9",
    "download a file by its path, however it is written",
    wall="`hub/policy.py`, `gate.cfg`",
    answer="403, `path` or `download`",
)
def test_downloads_are_refused(room: Room) -> None:
    made = {"type": "file", "format": "text", "content": "x"}
    assert room.request("PUT", "/api/contents/rows.csv", json=made).status_code == 201
    assert room.raw("/api/contents/rows.csv") == 200
    for path in (
        "/files/rows.csv",
        "//files/rows.csv",
        "/lab/../files/rows.csv",
        "/lab/%2e%2e/files/rows.csv",
        "/%66iles/rows.csv",
        "/nbconvert/html/x.ipynb",
        "/api/contents/rows.csv?download=1",
    ):
        assert room.raw(path) == 403, path


@attempt("D10", "have a file planted in the home served without login", wall="`hub/policy.py`", answer="403, `path`")
def test_what_is_planted_in_the_home_is_not_served(room: Room) -> None:
    room.run(
        "from pathlib import Path\n"
        "for p in ('.local/share/jupyter/labextensions/leak', '.jupyter/labconfig'):\n"
        "    Path.home().joinpath(p).mkdir(parents=True, exist_ok=True)\n"
        "Path.home().joinpath('.local/share/jupyter/labextensions/leak/data.csv').write_text('rows')"
    )
    assert room.request("GET", "/lab/extensions/leak/data.csv").status_code == 403


@attempt("D11", "set cookies or a policy of their own from a room", wall="`gate.cfg` `room`", answer="taken away")
def test_the_room_cannot_set_cookies_or_its_own_policy(room: Room) -> None:
    answer = room.request("GET", "/lab")
    assert "set-cookie" not in answer.headers
    policy = answer.headers.get_list("content-security-policy")
    assert len(policy) == 1
    assert "sandbox" in policy[0]
    assert "allow-downloads" not in policy[0]


@attempt(
    "D12",
    "go on after logging out, over what was open too",
    wall="`hub/gate.py` `admit_only`",
    answer="401, and what was open is cut",
)
def test_logging_out_cuts_an_open_websocket(stack: Stack) -> None:
    """A ticket whose admission is gone is refused, and what was open under it is cut."""
    from portal.reconciler import Reconciler

    ada = stack.person("ada")
    room = stack.open_room(stack.project(ada), ada)
    kernel = room.kernel()
    assert kernel.run("print(1)") == "1\n"
    with stack.database.write() as tx:
        tx.delete(tx.get_one(room_rows.Admission, claims(room)["sid"]))
    Reconciler(stack.settings).admit(room.id)
    assert room.request("GET", "/api/status").status_code == 401
    with pytest.raises(ConnectionClosed):
        kernel.run("print(2)")


@attempt(
    "D13", "go on after a ticket's end", wall="`hub/reconciler.py` `next_look`", answer="401, and what was open is cut"
)
def test_a_ticket_that_ends_cuts_an_open_websocket(stack: Stack) -> None:
    ada = stack.person("ada")
    room = stack.open_room(stack.project(ada), ada)
    kernel = room.kernel()
    with stack.database.write() as tx:
        tx.get_one(room_rows.Admission, claims(room)["sid"]).ends_at = datetime.now(UTC)
    with pytest.raises(ConnectionClosed):  # cut while a cell runs, not refused at its start
        kernel.run("import time; time.sleep(50)")
    assert room.request("GET", "/api/status").status_code == 401


@attempt("D14", "reach a room under another host name", wall="`hub/templates/edge.cfg`", answer="421")
def test_the_room_is_not_named_by_another_host(stack: Stack, room: Room) -> None:
    for host in ("evil.example", "127.0.0.1"):
        assert room.http.get("/lab", headers={"Host": f"{host}:{stack.settings.edge_port}"}).status_code == 421


@attempt("D15", "have the browser save what a room calls a page", wall="`gate.cfg` `room`", answer="403, `page`")
def test_what_is_opened_as_a_page_is_a_page(room: Room) -> None:
    """A browser saves what it cannot show, whatever the room calls it."""
    visit = {"Origin": "", "Sec-Fetch-Dest": "document", "Sec-Fetch-Mode": "navigate"}
    assert room.request("GET", "/lab", headers=visit).status_code == 200
    assert room.request("GET", "/api/status", headers={"Origin": ""}).status_code == 200
    assert room.request("GET", "/api/status", headers=visit).status_code == 403
