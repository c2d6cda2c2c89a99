"""The sandbox's keeper. It holds Docker, and its one verb is: run a fresh sandbox on these bytes.

No folder is shared with the sandbox: bytes go in by standard input and come out by standard output, counted.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from typing import Any

from docker import APIClient
from docker.errors import DockerException
from docker.types import LogConfig
from fastapi import FastAPI, Request
from starlette.responses import JSONResponse, Response

from governance import jobs
from governance.errors import STATUS, Refused, Unavailable
from governance.rooms import Size
from governance.settings import Settings
from hub import container
from hub.images import tags

DEADLINE = 180.0
"""Seconds for one turn of the sandbox's program, which itself begins nothing after 30 and gives a file 30 of a core."""
MOST_IN = 64 << 20
MOST_OUT = 160 << 20
"""Bytes. The program says at most 64 MiB of a file, and begins none after it has said as much."""
MOST_COMPLAINT = 2000
"""Bytes of what the engine or the program complains of."""
SIZE = Size(memory=2 << 30, cpus=1, processes=64)

log = logging.getLogger("sandboxd")


def create_app(settings: Settings) -> FastAPI:
    """The app, on a unix socket that the jobs process may use.

    A sandbox that came to its end has answered, whatever it says. Everything else is the platform's fault and no
    file's: it is answered 503.
    """
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    places = asyncio.Semaphore(jobs.WORKERS)

    @app.get("/health")
    def health() -> dict[str, str]:
        return {"part": "sandboxd", "state": "up"}

    @app.post("/inspect")
    async def inspect(http: Request) -> Response:
        given = await http.body()
        if len(given) > MOST_IN:
            return Response(status_code=413)
        try:
            async with places:
                return Response(await run(settings, given), media_type="application/x-tar")
        except (Refused, DockerException, OSError) as e:
            log.error("no sandbox came to its end: %s", e)
            return JSONResponse({"error": str(e)[:MOST_COMPLAINT]}, STATUS[Unavailable])

    return app


def sandbox(settings: Settings, name: str) -> dict[str, Any]:
    """One sandbox, in Docker's words."""
    return {
        "name": name,
        "image": tags(settings)["sandbox"],
        "user": "64002:64002",
        "labels": {
            "datasluse.installation": settings.installation,
            "datasluse.part": "sandbox",
            "datasluse.project": "",
            "datasluse.person": "",
        },
        "stdin_open": True,
        "host_config": container.walls(SIZE)
        | {
            "network_mode": "none",
            "tmpfs": {"/tmp": "size=64m,nosuid,nodev,noexec"},  # noqa: S108 (the sandbox's own)
            "log_config": LogConfig(type="none"),
            "auto_remove": True,
        },
        "networking_config": {},
    }


def _create(wanted: dict[str, Any]) -> None:
    with APIClient(timeout=60) as docker:
        container.create(docker, wanted)


async def run(settings: Settings, given: bytes) -> bytes:
    """Run a fresh sandbox on a tar and return the tar it made.

    Raises:
        Unavailable: it did not come to its own end, in time, with what fits.
        DockerException: the engine does not answer.
        Invalid: the images are not built.
    """
    name = f"sluse-{settings.installation}-sandbox-{secrets.token_hex(5)}"
    pipe = asyncio.subprocess.PIPE
    # The docker command has no word for paths that are masked: it only starts what is made.
    await asyncio.to_thread(_create, sandbox(settings, name))
    running = await asyncio.create_subprocess_exec(
        *("docker", "start", "--attach", "--interactive", name), stdin=pipe, stdout=pipe, stderr=pipe
    )
    try:
        async with asyncio.timeout(DEADLINE):
            _, made, complaint = await asyncio.gather(_feed(running, given), _take(running), _listen(running))
            status = await running.wait()
    except TimeoutError:
        raise Unavailable("the sandbox did not end within {seconds:.0f} seconds", seconds=DEADLINE) from None
    finally:
        await _end(name, running)
    if status:
        raise Unavailable("the sandbox ended with {status}: {complaint}", status=status, complaint=complaint)
    return made


async def _feed(sandbox: asyncio.subprocess.Process, given: bytes) -> None:
    if sandbox.stdin is None:
        return
    try:
        sandbox.stdin.write(given)
        await sandbox.stdin.drain()
    except (BrokenPipeError, ConnectionResetError):
        pass  # it ended before it read everything; its status says so
    finally:
        sandbox.stdin.close()


async def _take(sandbox: asyncio.subprocess.Process) -> bytes:
    made = bytearray()
    while sandbox.stdout and (block := await sandbox.stdout.read(1 << 20)):
        made += block
        if len(made) > MOST_OUT:
            raise Unavailable("the sandbox said more than {most} MiB", most=MOST_OUT >> 20)
    return bytes(made)


async def _listen(sandbox: asyncio.subprocess.Process) -> str:
    """The end of what it complains of."""
    complaint = b""
    while sandbox.stderr and (block := await sandbox.stderr.read(1 << 16)):
        complaint = (complaint + block)[-MOST_COMPLAINT:]
    return complaint.decode(errors="replace").strip()


async def _end(name: str, sandbox: asyncio.subprocess.Process) -> None:
    """Whatever happened, the container is gone afterwards."""
    if sandbox.returncode is None:
        sandbox.kill()
    null = asyncio.subprocess.DEVNULL
    removing = await asyncio.create_subprocess_exec("docker", "rm", "--force", name, stdout=null, stderr=null)
    await removing.wait()
