"""The demo's people."""

from __future__ import annotations

import json

import typer

from governance.database import Database
from governance.settings import load
from sluse.command_line import Json

app = typer.Typer(help="The demo's people.", no_args_is_help=True)


@app.command("logins")
def logins(as_json: Json = False) -> None:
    """Names and passwords of the demo's people."""
    from sluse import demo

    settings = load()
    logins = demo.logins(settings, Database(settings.database))
    if as_json:
        print(json.dumps(logins, indent=1))
        return
    for login in logins:
        print(f"{login['name']:<7} {login['password']}")
