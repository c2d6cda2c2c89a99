"""Data of projects."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from governance import data, projects
from sluse.command_line import Json, installation, now, print_json, print_table

app = typer.Typer(help="Data of projects.", no_args_is_help=True)


@app.command("add")
def add(
    path: Path,
    project: Annotated[str, typer.Option(help="The project's key.")],
    name: Annotated[
        str | None, typer.Option(help="Its name under /data; the file's or folder's name if not given.")
    ] = None,
) -> None:
    """Give a project a read-only snapshot of a file or folder."""
    settings, database = installation()
    with database.read() as tx:
        projects.keyed(tx, project)
    taken = data.snapshot(path, settings.state / "data")
    with database.write() as tx:
        version = data.add(tx, projects.keyed(tx, project), name or path.stem, taken, now())
    print(f"/data/{version.name}: {version.files} files, {version.size} bytes, SHA-256 {version.sha256}")


@app.command("remove")
def remove(name: str, project: Annotated[str, typer.Option(help="The project's key.")]) -> None:
    """Withdraw a data set from a project; its snapshot stays on the disk."""
    settings, database = installation()
    with database.write() as tx:
        data.remove(tx, projects.keyed(tx, project), name, now())
    print(
        f"{project} has no data set {name} any more. Rooms that run keep it until they are opened again.\n"
        f"Its snapshot stays in {settings.state / 'data'}: another project may have it, and requests name it."
    )


@app.command("list")
def list_all(
    project: Annotated[str | None, typer.Option(help="The key of one project.")] = None, as_json: Json = False
) -> None:
    """List the data sets of every project, or of one."""
    _, database = installation()
    with database.read() as tx:
        sets = data.listed(tx, projects.keyed(tx, project) if project else None)
    if as_json:
        print_json(sets)
        return
    print_table(
        ("PROJECT", "NAME", "FILES", "BYTES", "ADDED", "SHA-256"),
        [(d.project, d.name, str(d.files), str(d.bytes), f"{d.added_at:%Y-%m-%d %H:%M}", d.sha256) for d in sets],
    )
