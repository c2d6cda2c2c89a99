"""Rooms."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from governance import audit, rooms
from governance.audit import Event
from governance.database import Database
from governance.rooms import SIZES
from governance.settings import Settings
from sluse.command_line import Json, installation, now

if TYPE_CHECKING:
    from hub.storage import Volume

app = typer.Typer(help="Rooms.", no_args_is_help=True)


@app.command("open")
def open_for_person(
    project: str,
    person: str,
    size: Annotated[str, typer.Option(help=f"One of {', '.join(SIZES)}, if this host can hold it.")] = "small",
    image: Annotated[str, typer.Option(help="One of the images that this host has.")] = "base",
    as_json: Json = False,
) -> None:
    """Open a person's room and print a ticket into it; for tests and for help in need."""
    from sluse.access import open_room

    settings, database = installation()
    opened = asdict(open_room(settings, database, project, person, size, now, image))
    print(json.dumps(opened) if as_json else "\n".join(f"{key}: {value}" for key, value in opened.items()))


@app.command("close")
def close(room: str) -> None:
    """Close a room now, and return when it is closed."""
    from portal.reconciler import Reconciler
    from sluse import access

    settings, database = installation()
    with database.write() as tx:
        rooms.want_closed(tx, rooms.standing(tx, room).room, now(), reason=rooms.CLOSED_BY_OPERATOR)
    Reconciler(settings).look(room)
    access.wait_until_closed(database, room)
    print(f"{room} is closed.")


@app.command("storage")
def storage(room: str, mib: Annotated[int, typer.Option(help="A greater quota for its home, in MiB.")]) -> None:
    """Enlarge a room's home."""
    from hub import storage

    settings, database = installation()
    with database.read() as tx:
        project_id = rooms.standing(tx, room).project.id
    grow(settings, database, storage.home(settings, room), mib, project_id)


def grow(settings: Settings, database: Database, volume: Volume, mib: int, project_id: int) -> None:
    """Give a volume a greater quota, and say from when it holds."""
    from hub import storage

    at_once = storage.grow(settings, volume, mib)
    with database.write() as tx:
        detail: dict[str, str | int | None] = {"volume": volume.image.stem, "mib": mib}
        audit.append(tx, Event("volume.grown", None, project_id, detail), now())
    print(f"{mib} MiB{'' if at_once else ', when its rooms are next opened'}")
