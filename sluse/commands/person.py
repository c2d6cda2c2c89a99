"""People with accounts."""

from __future__ import annotations

import json
import secrets
from typing import Annotated

import typer

from governance import accounts, egress, people
from governance.tables import PlatformRole
from sluse.command_line import Day, Json, day, if_past, installation, let_rooms_follow, now, print_json, print_table

app = typer.Typer(help="People with accounts.", no_args_is_help=True)


@app.command("add")
def add(
    name: str,
    full_name: Annotated[str, typer.Option(help="As shown to others.")],
    training_until: Annotated[str | None, typer.Option(help="Last day their training counts, as 2027-12-31.")] = None,
    terms_accepted: Annotated[bool, typer.Option(help="They signed the terms of use on paper.")] = False,
    as_json: Json = False,
) -> None:
    """Add a person, with a first password that is printed once."""
    _, database = installation()
    password = _random()
    until = day(training_until) if training_until else None
    with database.write() as tx:
        person = people.add(tx, name, full_name, now(), password=password, training_until=until)
        if terms_accepted:
            people.accept_terms(tx, person, now())
    _print_password(name, password, as_json=as_json)


@app.command("list")
def list_all(as_json: Json = False) -> None:
    """List everybody with an account."""
    _, database = installation()
    with database.read() as tx:
        everybody = people.accounts(tx)
    if as_json:
        print_json(everybody)
        return
    print_table(
        ("NAME", "FULL NAME", "TRAINING UNTIL", "TERMS", "ACCOUNT", "PROJECTS", "ROLES"),
        [
            (
                account.name,
                account.full_name,
                account.training_until.isoformat() if account.training_until else "never trained",
                "accepted" if account.terms_accepted else "not accepted",
                f"closed {account.closed_at.date()}" if account.closed_at else "open",
                ", ".join(f"{place['project']} ({place['role']})" for place in account.projects) or "-",
                ", ".join(f"{held['role']} for {held['controller']}" for held in account.roles) or "-",
            )
            for account in everybody
        ],
    )


@app.command("password")
def password(name: str, as_json: Json = False) -> None:
    """Give a person a new first password, printed once; they are logged out everywhere."""
    settings, database = installation()
    fresh = _random()
    with database.write() as tx:
        accounts.new_password(tx, people.named(tx, name), fresh, now())
    let_rooms_follow(settings)
    if settings.demo:
        from sluse import demo

        demo.remember(settings, name, fresh)
    _print_password(name, fresh, as_json=as_json)


@app.command("training")
def training(name: str, until: Day) -> None:
    """Record until when a person's training counts, that day included."""
    settings, database = installation()
    last = day(until)
    with database.write() as tx:
        people.train(tx, people.named(tx, name), last, now())
    let_rooms_follow(settings)
    print(f"{name}'s training counts until {last}.{if_past(last)}")


@app.command("role")
def role(
    name: str,
    role: PlatformRole,
    controller: Annotated[str, typer.Option(help="Whose data.")],
    remove: Annotated[bool, typer.Option(help="Take the role back; undecided votes count no longer.")] = False,
) -> None:
    """Make a person checker, lead checker, operator or auditor for a data controller, or take that back."""
    _, database = installation()
    with database.write() as tx:
        person = people.named(tx, name)
        if remove:
            people.take_role(tx, person, role, controller, now())
        else:
            people.give_role(tx, person, role, controller, now())


@app.command("close")
def close(name: str) -> None:
    """Close a person's account: they are logged out, and their rooms close now; nothing is wiped."""
    settings, database = installation()
    with database.write() as tx:
        accounts.close(tx, people.named(tx, name), now())
    let_rooms_follow(settings)
    print(f"{name}'s account is closed. Their rooms close now; files, roles and memberships stay as they are.")


@app.command("reopen")
def reopen(name: str) -> None:
    """Open a closed account again."""
    _, database = installation()
    with database.write() as tx:
        accounts.reopen(tx, people.named(tx, name), now())
    print(f"{name}'s account is open again, with the password, roles and memberships it had.")


@app.command("budget")
def budget(
    name: str, more: Annotated[int, typer.Option(help="MiB that rooms may show them today beyond the usual.")]
) -> None:
    """Let rooms show a person more today."""
    settings, database = installation()
    with database.write() as tx:
        person = people.named(tx, name)
        egress.grant(tx, person, more, now())
        tx.flush()
        day = egress.today(tx, person.id, settings, now())
    print(f"{name}: {day.shown / egress.MIB:.1f} of {day.budget // egress.MIB} MiB today")


def _random() -> str:
    return secrets.token_urlsafe(15)


def _print_password(name: str, password: str, *, as_json: bool) -> None:
    print(json.dumps({"name": name, "password": password}) if as_json else f"{name}'s first password: {password}")
