"""What commands have in common: the installation they are about, days and the time, how they list and how they fail."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from governance.database import Database
from governance.errors import Unavailable
from governance.projects import LOCAL
from governance.settings import Settings, load

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Day = Annotated[str, typer.Option(help="A day, as 2027-12-31.")]
Yes = Annotated[bool, typer.Option(help="Do not ask.")]


def fail(why: str) -> NoReturn:
    """End the command with one line and exit status 1."""
    print(f"sluse: {why}", file=sys.stderr)
    raise SystemExit(1)


def installation() -> tuple[Settings, Database]:
    """The installation that the command is about, with its database.

    Raises:
        Invalid: there is no such installation, or its database has another version's form.
        Unavailable: its database cannot be read.
    """
    settings = load()
    file = settings.database_file
    if file and not file.exists():
        raise Unavailable("the database {file} is missing or not yours to read: run ./up, or use sudo", file=file)
    database = Database(settings.database)
    database.check_revision()
    return settings, database


def now() -> datetime:
    """The time, in UTC."""
    return datetime.now(UTC)


def day(text: str) -> date:
    """A day that somebody typed; raises typer.BadParameter, which names the option."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text} is not a day: write it as 2027-12-31") from None


def let_rooms_follow(settings: Settings) -> None:
    """Have the reconciler look at every room now, so that rooms and their gates are what the rows say."""
    from portal.reconciler import Reconciler

    Reconciler(settings).look_at_all()


def if_past(until: date) -> str:
    """What to add where a last day is told: nothing, or that it is past, by the calendar of permits."""
    past = until < now().astimezone(LOCAL).date()
    return " That day is past: rooms close now, and none opens." if past else ""


def print_json(rows: Sequence[DataclassInstance]) -> None:
    """Print rows as JSON; days and moments in ISO 8601."""
    print(json.dumps([asdict(row) for row in rows], indent=1, default=lambda moment: moment.isoformat()))


def print_table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows under heads, one a line, each column as wide as its widest cell."""
    lines = [tuple(heads), *map(tuple, rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
