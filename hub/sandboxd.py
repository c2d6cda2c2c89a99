"""The sandbox's keeper. It holds Docker, and its one verb is: run a fresh sandbox on these bytes.

No folder is shared with the sandbox: bytes go in by standard input and come out by standard output, counted.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from pathlib import Path

from fastapi import FastAPI, Request
from starlette.responses import Response

from governance.settings import Settings
from hub import seccomp
from hub.images import tags

DEADLINE = 120.0
"""Seconds for all files of a request."""
MOST_IN = 110 << 20
MOST_OUT = 400 << 20
"""Bytes: canonical copies, and views that carry images as text."""
MEMORY = 2 << 30

log = logging.getLogger("sandboxd")


def create_app(settings: Settings) -> FastAPI:
    """The app, on a unix socket that the jobs process may use."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    one_at_a_time = asyncio.Semaphore(2)
    _profile(settings).write_text(seccomp.as_json())

    @app.post("/inspect")
    async def inspect(http: Request) -> Response:
        given = await http.body()
        if len(given) > MOST_IN:
            return Response(status_code=413)
        async with one_at_a_time:
            made = await run(settings, given)
        return Response(made, media_type="application/x-tar") if made is not None else Response(status_code=422)

    return app


def command(settings: Settings, name: str) -> list[str]:
    """The command that runs one sandbox."""
    return [
        *("docker", "run", "--rm", "--interactive", f"--name={name}"),
        f"--label=datasluse.installation={settings.installation}",
        *("--label=datasluse.part=sandbox", "--label=datasluse.project=", "--label=datasluse.person="),
        *("--network=none", "--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges", "--init"),
        f"--security-opt=seccomp={_profile(settings)}",
        *("--user=64002:64002", "--pids-limit=64", f"--memory={MEMORY}", f"--memory-swap={MEMORY}", "--cpus=1"),
        *("--ulimit=core=0", "--tmpfs=/tmp:size=64m,nosuid,nodev,noexec", "--log-driver=none", "--pull=never"),
        tags(settings)["sandbox"],
    ]


def _profile(settings: Settings) -> Path:
    """The system calls a sandbox may make, as a file that the docker command reads."""
    return settings.run / "sandboxd" / "seccomp.json"


async def run(settings: Settings, given: bytes) -> bytes | None:
    """Run a fresh sandbox on a tar and return the tar it made; None when it failed, which is a normal result."""
    name = f"sluse-{settings.installation}-sandbox-{secrets.token_hex(5)}"
    pipe = asyncio.subprocess.PIPE
    sandbox = await asyncio.create_subprocess_exec(
        *command(settings, name), stdin=pipe, stdout=pipe, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        async with asyncio.timeout(DEADLINE):
            _, made = await asyncio.gather(_feed(sandbox, given), _take(sandbox))
            status = await sandbox.wait()
    except (TimeoutError, ValueError) as e:
        log.warning("sandbox %s ended: %s", name, e or "its time was up")
        return None
    finally:
        await _end(name, sandbox)
    return made if status == 0 else None


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
            raise ValueError("it said too much")
    return bytes(made)


async def _end(name: str, sandbox: asyncio.subprocess.Process) -> None:
    """Whatever happened, the container is gone afterwards."""
    if sandbox.returncode is None:
        sandbox.kill()
    null = asyncio.subprocess.DEVNULL
    removing = await asyncio.create_subprocess_exec("docker", "rm", "--force", name, stdout=null, stderr=null)
    await removing.wait()
