"""`sluse`: what an operator types."""

from __future__ import annotations

import typer
from sqlalchemy.exc import DBAPIError

from governance.errors import Refused
from sluse.command_line import fail
from sluse.commands import audit, clock, data, demo, image, installation, output, person, project, room, site

app = typer.Typer(
    help="Datasluse: rooms that data does not leave.", no_args_is_help=True, pretty_exceptions_enable=False
)
for command in (
    installation.up,
    installation.stop,
    installation.status,
    installation.doctor,
    installation.destroy,
    output.verify,
    output.check,
):
    app.command()(command)
for name, group in {
    "person": person.app,
    "project": project.app,
    "image": image.app,
    "data": data.app,
    "room": room.app,
    "site": site.app,
    "audit": audit.app,
    "clock": clock.app,
    "demo": demo.app,
}.items():
    app.add_typer(group, name=name)


def main() -> None:
    """The command `sluse`: refusals become one line and exit status 1, never a traceback."""
    try:
        app()
    except Refused as e:
        fail(str(e))
    except PermissionError as e:
        fail(f"{e.filename} is for root alone: run this with sudo")
    except DBAPIError as e:
        fail(f"the database does not answer: {str(e.orig).splitlines()[0]}")


if __name__ == "__main__":
    main()
