"""A researcher cannot use the mirror of packages to say something outside, to reach elsewhere, or to leave a thing."""

from __future__ import annotations

import json

import pytest

from tests.conftest import Room, Stack, until
from tests.escapes.attempts import attempt
from tests.stories.asking import inside

ALLOWED = "humanize"
"""Small, pure Python, without anything it needs."""
GET = """
import http.client
def ask(method, path, body=None):
    connection = http.client.HTTPConnection("gate", 8082, timeout=60)
    connection.request(method, path, body=body, headers={"Accept": "application/vnd.pypi.simple.v1+json"})
    answer = connection.getresponse()
    return [answer.status, answer.reason, answer.getheader("Location"), answer.read().decode("latin-1")]
"""


def asked_outside(stack: Stack) -> str:
    """What the one process that asks outside says it has asked for."""
    return (stack.settings.log / "index.log").read_text()


@attempt(
    "P1",
    "say something by the name or version of a package that is asked for",
    wall="`mirror/allowed.py`, before anybody outside is asked",
    answer="a page without a package; 403",
)
def test_a_name_is_no_message(rooms: tuple[Room, Room], stack: Stack) -> None:
    ada, _ = rooms
    names = ["p0101501234", "born-1950", "humanize-p0101501234"]
    files = [f"/packages/files/{name}/{name.replace('-', '_')}-1.0-py3-none-any.whl" for name in (*names, ALLOWED)]
    program = f"""{GET}
pages = [ask("GET", f"/packages/simple/{{name}}/") for name in {names!r}]
files = [ask("GET", path) for path in {files!r}]
allowed = ask("GET", "/packages/simple/{ALLOWED}/")
print(json.dumps([pages, files, allowed]))
"""
    pages, got, allowed = inside(ada, program)
    assert [page[0] for page in pages] == [200] * 3
    assert all("not.on.the.list.of.this.platform" in page[3] and "humanize-" not in page[3][:20] for page in pages)
    assert [file[0] for file in got[:3]] == [403] * 3
    assert got[3][0] == 404  # the name is on the list; there is no such version, and none was fetched
    assert any(file["filename"].startswith("humanize-") for file in json.loads(allowed[3])["files"])
    until(lambda: f"/simple/{ALLOWED} " in asked_outside(stack))
    assert not any(name in asked_outside(stack) for name in names)


@attempt(
    "P2",
    "leave something in the mirror: by PUT, POST or DELETE, or in the index's own calls",
    wall="`hub/policy.py` `WAY_OUT`",
    answer="404, `path`",
)
def test_nothing_can_be_left_in_the_mirror(rooms: tuple[Room, Room]) -> None:
    ada, bob = rooms
    wheel = f"/packages/files/{ALLOWED}/{ALLOWED}-99.0-py3-none-any.whl"
    program = f"""{GET}
print(json.dumps([ask(method, path, b"rows")[0] for method in ("PUT", "POST", "DELETE", "PATCH")
    for path in ({wheel!r}, "/packages/simple/{ALLOWED}/", "/cache/list", "/packages/files/{ALLOWED}/rows.csv")]
    + [ask("GET", "/packages/simple/{ALLOWED}/")[0]]))
"""
    assert inside(ada, program) == [404] * 16 + [200]
    assert inside(bob, f"{GET}\nprint(json.dumps(ask('GET', {wheel!r})[0]))") == 404


@attempt(
    "P3",
    "reach the index itself, its other calls or a host of their choice through the mirror",
    wall="`hub/policy.py` `WAY_OUT`, normalised paths; the mirror passes on no redirect",
    answer="404, `path`",
)
@pytest.mark.parametrize(
    "path",
    ["/packages/simple/../../cache/list", "/packages/files/humanize/%2e%2e/%2e%2e/index/humanize/", "/index/humanize/",
     "/packages/simple/humanize/?x=1", "/packages/files/humanize/http:%2f%2felsewhere.example%2fx-1.0.zip",
     "http://elsewhere.example/packages/simple/humanize/", "/packages/health"],
)  # fmt: skip
def test_no_path_leads_past_the_list(rooms: tuple[Room, Room], path: str) -> None:
    program = f"""{GET}
print(json.dumps([ask("GET", {path!r})[::2], ask("GET", "/packages/simple/humanize/")[0]]))
"""
    (status, location), control = inside(rooms[0], program)
    assert (status in {400, 404}, location, control) == (True, None, 200)
