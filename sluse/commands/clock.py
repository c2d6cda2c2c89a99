"""The clock that permits and tickets end by."""

from __future__ import annotations

import typer

from governance import audit
from sluse.command_line import Yes, installation, now

app = typer.Typer(help="The clock that permits and tickets end by.", no_args_is_help=True)


@app.callback()
def clock() -> None:
    """One command so far."""


@app.command("confirm")
def confirm(yes: Yes = False) -> None:
    """Say that the clock is right now, after it had jumped ahead; until then nothing is opened or decided.

    What was recorded under the wrong clock stays in the audit chain as it is, and so does this.
    """
    _, database = installation()
    moment = now()
    if not yes and not typer.confirm(f"Is it {moment:%F %T} UTC by another clock, too?"):
        print("Nothing was changed.")
        return
    with database.write() as tx:
        latest = audit.confirm_clock(tx, now())
    print(f"Recorded: the clock is right now, and was wrong when something was recorded at {latest:%F %T} UTC.")
