"""The audit chain."""

from __future__ import annotations

import typer

from governance import audit
from sluse.command_line import fail, installation

app = typer.Typer(help="The audit chain.", no_args_is_help=True)


@app.command("verify")
def verify() -> None:
    """Follow the audit chain and say where it first breaks; compare it with the signed heads."""
    from output_review.heads import signed_heads

    settings, database = installation()
    heads = signed_heads(settings)
    with database.read() as tx:
        verdict = audit.verify(tx, heads)
    if verdict.broken_at is not None:
        fail(f"the chain breaks at event {verdict.broken_at}: {verdict.why}")
    print(f"{verdict.events} events, each bound to the one before it; {len(heads)} signed heads agree.")
