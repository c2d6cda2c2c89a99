"""What a researcher's program says from inside a room; the extension will say the same."""

from __future__ import annotations

import json
from typing import Any

from tests.conftest import Room

CLIENT = """
import json, sys, urllib.error, urllib.request
def call(method, path, body=None, raw=None):
    data = raw if raw is not None else (json.dumps(body).encode() if body is not None else None)
    kind = "application/octet-stream" if raw is not None else "application/json"
    url, headers = "http://gate:8082/api/requests" + path, {{"Content-Type": kind, "Accept-Language": "en"}}
    request = urllib.request.Request(url, data, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, json.loads(answer.read() or b"null")
    except urllib.error.HTTPError as e:
        text = e.read()
        return e.code, json.loads(text) if text.startswith(b"{{") else None
{program}
"""


def inside(room: Room, program: str) -> Any:
    """Run a program with `call` in the room; it prints JSON last."""
    printed = room.run(CLIENT.format(program=program))
    try:
        return json.loads(printed.strip().splitlines()[-1])
    except (ValueError, IndexError):
        raise AssertionError(printed) from None


def call(room: Room, method: str, path: str = "", body: Any = None) -> tuple[int, Any]:
    """One call from inside the room."""
    status, answer = inside(room, f"print(json.dumps(call({method!r}, {path!r}, {body!r})))")
    return status, answer


def ask(room: Room, files: dict[str, bytes], *, submit: bool = True) -> int:
    """Write files in the room and request their release; returns the request's number."""
    status, request = call(room, "POST", "", {"title": "Table one"})
    assert status == 201, request
    number = int(request["request"])
    for name, content in files.items():
        status, file = call(
            room,
            "POST",
            f"/{number}/files",
            {"name": name, "description": "Counts", "purpose": "For a paper", "population": "All", "persons": 100},
        )
        assert status == 201, file
        sent = inside(room, f"print(json.dumps(call('PUT', '/{number}/files/{file['file']}', raw={content!r})))")
        assert sent[0] == 200, sent
    if submit:
        status, answer = call(room, "POST", f"/{number}/submit")
        assert status == 200, answer
        assert answer["status"] == "submitted"
    return number
