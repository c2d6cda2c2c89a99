"""What the front end asks of the room's server, passed on to the gate."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jupyter_server.base.handlers import APIHandler
from jupyter_server.utils import url_path_join
from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest, HTTPResponse
from tornado.web import HTTPError, authenticated

from datasluse_release_requests.outputs import look, open_output

GATE = "http://gate:8082/api/requests"
PROJECT = Path("/project")
BLOCK = 1 << 20


class Passing(APIHandler):
    """Passes calls on and gives the gate's answer back, whatever it is."""

    async def pass_on(self, path: str, body: object = None) -> None:
        """The gate's answer to a call, as the answer to this one."""
        self.give(await self.ask(path, body))

    async def ask(self, path: str, body: object = None) -> HTTPResponse:
        """Call the gate; with a body it is a POST."""
        request = HTTPRequest(
            GATE + path,
            method="GET" if body is None else "POST",
            body=None if body is None else json.dumps(body),
            headers={"Content-Type": "application/json", "Accept-Language": self._language()},
            request_timeout=30,
        )
        return await self.fetch(request)

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


def routes(base: str) -> list[tuple[str, type[Passing]]]:
    """The extension's addresses."""
    return [
        (url_path_join(base, "datasluse", path), handler)
        for path, handler in (
            ("look", Look),
            ("requests", Requests),
            (r"requests/(\d+)/files", Files),
            (r"requests/(\d+)/(submit|withdraw|revise|give-up)", Act),
        )
    ]
