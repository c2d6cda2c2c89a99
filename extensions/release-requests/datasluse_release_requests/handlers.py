"""What the front end asks of the room's server, passed on to the gate."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from datasluse import batch
from datasluse.usage import usage
from jupyter_server.base.handlers import APIHandler
from jupyter_server.utils import url_path_join
from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest, HTTPResponse
from tornado.web import HTTPError, authenticated

from datasluse_release_requests.outputs import look, open_output

GATE = "http://gate:8082/api/requests"
ROOM = "http://gate:8082/api/room"
PROJECT = Path("/project")
DATA = Path("/data")
DESCRIBED_WITHIN = 60
"""Seconds."""
BLOCK = 1 << 20
LISTED_RUNS = 30


class Passing(APIHandler):
    """Passes calls on and gives the gate's answer back, whatever it is."""

    async def pass_on(self, path: str, body: object = None) -> None:
        """The gate's answer to a call, as the answer to this one."""
        self.give(await self.ask(path, body))

    async def ask(self, path: str, body: object = None) -> HTTPResponse:
        """Call the gate; with a body it is a POST."""
        return await self.fetch(self._call(GATE + path, None if body is None else json.dumps(body)))

    def _call(self, url: str, body: str | None = None) -> HTTPRequest:
        headers = {"Content-Type": "application/json", "Accept-Language": self._language()}
        return HTTPRequest(url, "GET" if body is None else "POST", headers, body, request_timeout=30)

    async def fetch(self, request: HTTPRequest) -> HTTPResponse:
        """Call the gate; any answer is one, none is a 502."""
        try:
            return await AsyncHTTPClient().fetch(request, raise_error=False)
        except (OSError, HTTPClientError) as e:  # a timeout or a closed stream is raised whatever was asked
            if isinstance(e, HTTPClientError) and e.response is not None:
                return e.response
            raise HTTPError(502, "The way out of the room does not answer. Try again in a minute.") from e

    def give(self, answer: HTTPResponse) -> None:
        """The gate's answer, as it is."""
        self.set_status(answer.code if answer.code < 599 else 502)
        self.finish(answer.body or b"{}")

    def asked(self) -> dict[str, Any]:
        """The call's body, which is an object."""
        body = self.get_json_body()
        if not isinstance(body, dict):
            raise HTTPError(400, "Say what, in JSON.")
        return body

    @property
    def home(self) -> Path:
        """Where the file browser begins."""
        return Path(self.settings["server_root_dir"]).expanduser()

    def _language(self) -> str:
        return str(self.request.headers.get("Accept-Language", ""))


class Requests(Passing):
    """My requests, and a new one."""

    @authenticated
    async def get(self) -> None:
        await self.pass_on("")

    @authenticated
    async def post(self) -> None:
        await self.pass_on("", self.asked())


class Act(Passing):
    """Hand in, withdraw, take up again."""

    @authenticated
    async def post(self, number: str, what: str) -> None:
        await self.pass_on(f"/{number}/{what}", {})


class Files(Passing):
    """A file: what it is, then its bytes, read as they are sent."""

    @authenticated
    async def post(self, number: str) -> None:
        asked = self.asked()
        try:
            file, size = open_output(str(asked["path"]), self.home, (PROJECT,))
        except OSError as e:
            raise HTTPError(404, f"There is no file {asked['path']} of yours.") from e
        with file:
            announced = await self.ask(f"/{number}/files", asked["about"])
            if announced.code != 201:
                self.give(announced)
                return

            async def send(write: Callable[[bytes], Any]) -> None:
                left = size
                while left and (block := await asyncio.to_thread(file.read, min(BLOCK, left))):
                    left -= len(block)
                    await write(block)

            request = HTTPRequest(
                f"{GATE}/{number}/files/{json.loads(announced.body)['file']}",
                method="PUT",
                body_producer=send,  # type: ignore[arg-type]  # a coroutine, as tornado documents
                headers={
                    "Content-Type": "application/octet-stream",
                    "Content-Length": str(size),
                    "Accept-Language": self._language(),
                },
                request_timeout=300,
            )
            self.give(await self.fetch(request))


class Look(Passing):
    """What a person chose, as files."""

    @authenticated
    async def post(self) -> None:
        paths = [str(path) for path in self.asked().get("paths", [])]
        self.finish(json.dumps(await asyncio.to_thread(look, paths, self.home, (PROJECT,))))


class Room(Passing):
    """What the room is for, with whom, on which data and until when."""

    @authenticated
    async def get(self) -> None:
        answer = await self.fetch(self._call(ROOM))
        if answer.code == 200:
            facts = json.loads(answer.body)
            host = urlsplit(facts["portal"]).hostname
            await asyncio.to_thread(sign_commits, facts["full_name"], f"{facts['person']}@{host}")
        self.give(answer)


class Data(Passing):
    """What the data are, and since when: found once, for a room that is open keeps the data that it was opened with."""

    opened = datetime.now(UTC)
    found: asyncio.Task[bytes] | None = None

    @authenticated
    async def get(self) -> None:
        cls = type(self)
        if cls.found is None or (cls.found.done() and cls.found.exception()):
            cls.found = asyncio.create_task(describe(DATA))
        self.finish({"opened": cls.opened.isoformat(), "sets": json.loads(await asyncio.shield(cls.found))})


class Runs(Passing):
    """What runs in the background: the person's runs, and a new one."""

    @authenticated
    async def get(self) -> None:
        runs = await asyncio.to_thread(batch.every)
        self.finish(json.dumps([asdict(run) for run in runs[:LISTED_RUNS]]))

    @authenticated
    async def post(self) -> None:
        asked = self.asked()
        parameters = {str(name): str(value) for name, value in dict(asked.get("parameters", {})).items()}
        file = self.home / str(asked.get("path", ""))
        try:
            run = await asyncio.to_thread(batch.start, file, parameters, close=bool(asked.get("close")))
        except batch.Invalid as e:
            raise HTTPError(400, str(e)) from e
        self.set_status(201)
        self.finish(json.dumps(asdict(run)))


class CancelRun(Passing):
    """End a run."""

    @authenticated
    async def post(self, run: str) -> None:
        try:
            await asyncio.to_thread(batch.cancel, run)
        except batch.Invalid as e:
            raise HTTPError(409, str(e)) from e
        self.finish("{}")


class Used(Passing):
    """How much of its memory and processors the room uses."""

    @authenticated
    async def get(self) -> None:
        try:
            self.finish(json.dumps(asdict(usage())))
        except (OSError, KeyError, ValueError) as e:
            raise HTTPError(501, "What this room uses cannot be read here.") from e


async def describe(folder: Path) -> bytes:
    """The data sets of a folder as `dictionary` describes them, in JSON; found by a process of its own.

    With -P a file in the home that is called as one of Python's own is not taken for it.
    """
    command = (sys.executable, "-P", "-m", "datasluse_release_requests.dictionary", str(folder))
    program = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    try:
        described, _ = await asyncio.wait_for(program.communicate(), DESCRIBED_WITHIN)
    except TimeoutError:
        program.kill()
        raise HTTPError(504, "The data could not be described within a minute.") from None
    if program.returncode:
        raise HTTPError(500, "The data could not be described.")
    return described


def sign_commits(name: str, email: str) -> None:
    """Give git the person's name, where they gave it none themselves."""
    for key, value in {"user.name": name, "user.email": email}.items():
        if _git_config("--get", key) != 0:
            _git_config(key, value)


def _git_config(*arguments: str) -> int:
    command = ["/usr/bin/git", "config", "--global", *arguments]
    return subprocess.run(command, capture_output=True, check=False).returncode


def routes(base: str) -> list[tuple[str, type[Passing]]]:
    """The extension's addresses."""
    return [
        (url_path_join(base, "datasluse", path), handler)
        for path, handler in (
            ("look", Look),
            ("room", Room),
            ("data", Data),
            ("usage", Used),
            ("runs", Runs),
            (r"runs/([A-Za-z0-9-]+)/cancel", CancelRun),
            ("requests", Requests),
            (r"requests/(\d+)/files", Files),
            (r"requests/(\d+)/(submit|withdraw|revise|give-up)", Act),
        )
    ]
