"""Everything at once."""

from __future__ import annotations

import typer

from governance import projects, stops
from governance.tables import StopKind
from sluse.command_line import installation, let_rooms_follow, now

app = typer.Typer(help="Everything at once.", no_args_is_help=True)


@app.command("stop")
def stop() -> None:
    """Close every room now; none opens and nothing is released until the site is resumed."""
    close_rooms(None, StopKind.PAUSE)
    print("The site is stopped. Every room closes now.")


@app.command("resume")
def resume() -> None:
    """Let a stopped site go on."""
    _, database = installation()
    with database.write() as tx:
        stops.lift(tx, None, None, now())
    print("The site goes on. People open their rooms again.")


def close_rooms(key: str | None, kind: StopKind) -> None:
    """Stop a project, or without a key the site, and have the reconciler close its rooms now."""
    settings, database = installation()
    with database.write() as tx:
        stops.stop(tx, projects.keyed(tx, key) if key else None, kind, None, now())
    let_rooms_follow(settings)
