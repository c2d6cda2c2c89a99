"""The installation itself: `sluse up`, `stop`, `status`, `doctor` and `destroy`."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer

from governance.database import Database
from governance.settings import load
from sluse.command_line import Json, Yes, fail


def up(full: Annotated[bool, typer.Option(help="Look at everything, even if nothing changed.")] = False) -> None:
    """Install or upgrade, and start."""
    from sluse import demo, install

    settings = install.up(full=full)
    print(f"\nPortal: {settings.portal_origin}")
    if settings.demo:
        print("\nDemo logins:")
        for login in demo.logins(settings, Database(settings.database)):
            print(f"  {login['name']:<7} {login['password']:<22} {', '.join([*login['roles'], *login['projects']])}")
    if settings.address.is_loopback:
        port = settings.edge_port
        print(f"\nFrom another machine: ssh -L {port}:127.0.0.1:{port} THIS-MACHINE, then the same address there.")


def stop() -> None:
    """Stop the processes; open rooms go on."""
    from sluse import processes

    processes.stop(load())
    print("Stopped. Rooms that were open go on; ./up starts the rest again.")


def status(as_json: Json = False) -> None:
    """What runs, and whether it answers; the exit status is 1 when something is not up."""
    from sluse import status as health

    settings = load()
    parts = health.parts(settings)
    if as_json:
        print(json.dumps(health.as_json(settings, parts), indent=1))
    else:
        for part in parts:
            print(f"{part.state:<9} {part.kind:<11} {part.name:<32} {part.detail or ''}")
        print(f"\nPortal: {settings.portal_origin}")
    if not health.is_well(parts):
        raise SystemExit(1)


def doctor(
    quick: Annotated[
        bool, typer.Option(help="Look only; do not put a container behind the walls to try them.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Look at everything that the walls rest on, try them, and say what to do."""
    from docker import APIClient

    from hub import doctor as checks

    settings = load()
    with APIClient(timeout=60) as docker:
        found = list(checks.examined(settings, docker))
        if not quick:
            found += checks.tried(settings, docker)
    if as_json:
        print(json.dumps([asdict(one) for one in found], indent=1))
    else:
        for one in found:
            state = "well" if one.wrong is None else "WRONG" if one.mandatory else "advice"
            print(f"{state:<7} {one.name}{f': {one.wrong}' if one.wrong else ''}")
    if any(one.wrong and one.mandatory for one in found):
        fail("no room starts until what is WRONG is right")


def destroy(yes: Yes = False) -> None:
    """Remove the installation with all its data, keys and audit chain."""
    from sluse import install

    settings = load()
    what = f"installation {settings.installation} with all data, homes, keys and the audit chain in {settings.state}"
    if not yes and not typer.confirm(f"Remove {what}?"):
        print("Nothing was removed.")
        return
    install.destroy(settings)
    print("Removed.")
