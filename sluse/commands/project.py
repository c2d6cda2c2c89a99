"""Projects and their members."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from governance import audit, people, projects, rooms, stops
from governance.audit import Event
from governance.tables import ProjectRole, StopKind
from governance.tiers import Tier
from sluse.command_line import (
    Day,
    Json,
    Yes,
    day,
    fail,
    if_past,
    installation,
    let_rooms_follow,
    now,
    print_json,
    print_table,
)
from sluse.commands.room import grow
from sluse.commands.site import close_rooms

app = typer.Typer(help="Projects and their members.", no_args_is_help=True)


@app.command("add")
def add(
    key: str,
    title: Annotated[str, typer.Option(help="As shown to people.")],
    tier: Annotated[Tier, typer.Option(help="How careful its data must be handled.")],
    controller: Annotated[str, typer.Option(help="Whose data it is.")],
    permit: Annotated[str, typer.Option(help="The permit's reference.")],
    permit_until: Day,
    purpose: Annotated[str, typer.Option(help="What the permit is for; its members read it in their rooms.")] = "",
) -> None:
    """Add a project."""
    _, database = installation()
    with database.write() as tx:
        projects.add(tx, key, title, tier, controller, permit, day(permit_until), now(), purpose=purpose)


@app.command("purpose")
def purpose(key: str, words: Annotated[str, typer.Argument(help="What the permit is for.")]) -> None:
    """Say what a project's permit is for, as its members read it in their rooms."""
    _, database = installation()
    with database.write() as tx:
        projects.set_purpose(tx, projects.keyed(tx, key), words, now())


@app.command("list")
def list_all(as_json: Json = False) -> None:
    """List every project with its permit, members and data."""
    _, database = installation()
    with database.read() as tx:
        every = projects.summaries(tx)
    if as_json:
        print_json(every)
        return
    print_table(
        ("KEY", "TIER", "CONTROLLER", "PERMIT", "UNTIL", "STATE", "CLUSTERS", "MEMBERS", "DATA", "TITLE"),
        [
            (
                project.key,
                project.tier,
                project.controller,
                project.permit,
                project.permit_until.isoformat(),
                {None: "goes on", StopKind.PAUSE: "paused", StopKind.END: "ended"}[project.stop],
                "yes" if project.clusters else "no",
                ", ".join(f"{member['person']} ({member['role']})" for member in project.members) or "-",
                ", ".join(project.data) or "-",
                project.title,
            )
            for project in every
        ],
    )


@app.command("permit")
def permit(
    key: str,
    until: Day,
    permit: Annotated[str | None, typer.Option(help="The permit's reference, if it is another one now.")] = None,
) -> None:
    """Extend or shorten a project's permit; its last day counts until midnight in Copenhagen."""
    settings, database = installation()
    last = day(until)
    with database.write() as tx:
        project = projects.keyed(tx, key)
        projects.set_permit(tx, project, last, now(), permit=permit)
    let_rooms_follow(settings)
    print(f"{key}'s permit {project.permit} counts until {last}.{if_past(last)}")


@app.command("import")
def import_file(file: Path) -> None:
    """Add a project with its members and data from a TOML file; see docs/operator.md."""
    from sluse import importing

    settings, database = installation()
    said = importing.bring_in(file, database, settings.state / "data", now)
    print(f"{said.key}: {len(said.members)} members, {len(said.data)} data sets")


@app.command("member")
def member(
    key: str,
    name: str,
    role: Annotated[ProjectRole, typer.Option(help="The role to give.")] = ProjectRole.ANALYST,
    remove: Annotated[bool, typer.Option(help="Take their role away; an open room closes.")] = False,
) -> None:
    """Give a person a role in a project, or take it away."""
    settings, database = installation()
    with database.write() as tx:
        project, person = projects.keyed(tx, key), people.named(tx, name)
        if remove:
            projects.remove_member(tx, project, person, now())
        else:
            projects.add_member(tx, project, person, role, now())
    let_rooms_follow(settings)


@app.command("clusters")
def clusters(
    key: str, on: Annotated[bool, typer.Option("--on/--off", help="Whether its rooms may start clusters.")] = True
) -> None:
    """Let a project's rooms start Dask clusters, or no longer; those that run go on until they are stopped."""
    _, database = installation()
    with database.write() as tx:
        projects.allow_clusters(tx, projects.keyed(tx, key), now(), allowed=on)


@app.command("pause")
def pause(key: str) -> None:
    """Close a project's rooms now; none opens and nothing of it is released until it is resumed."""
    close_rooms(key, StopKind.PAUSE)
    print(f"{key} is paused. Its rooms close now.")


@app.command("end")
def end(key: str, yes: Yes = False) -> None:
    """Close a project's rooms now, for good."""
    if not yes and not typer.confirm(f"End {key} for good? Its rooms cannot be opened again"):
        print("Nothing was changed.")
        return
    close_rooms(key, StopKind.END)
    print(f"{key} is ended. Its rooms close now.")


@app.command("storage")
def storage(
    key: str, mib: Annotated[int | None, typer.Option(help="A greater quota for the project's folder, in MiB.")] = None
) -> None:
    """Show the quotas of a project's folder and its members' homes, or enlarge the folder."""
    from hub import storage

    settings, database = installation()
    with database.read() as tx:
        project = projects.keyed(tx, key)
        homes = rooms.of_project(tx, project)
    if mib is not None:
        grow(settings, database, storage.project(settings, project.id), mib, project.id)
    print(f"project folder: {storage.size(storage.project(settings, project.id)) >> 20} MiB")
    for room in homes:
        print(f"home of room {room.id}: {storage.size(storage.home(settings, room.id)) >> 20} MiB")


@app.command("wipe")
def wipe(key: str, yes: Yes = False) -> None:
    """Destroy the keys of an ended project's folder and homes: nobody can read them again."""
    from hub import storage

    settings, database = installation()
    with database.read() as tx:
        project = projects.keyed(tx, key)
        stop = stops.own(tx, project)
        homes = rooms.of_project(tx, project)
    if stop is None or stop.kind is not StopKind.END:
        fail(f"{key} is not ended: sluse project end {key}, wait until its rooms are closed, then wipe it")
    if not yes and not typer.confirm(f"Destroy everything in {key}'s folder and {len(homes)} homes for good?"):
        print("Nothing was changed.")
        return
    for volume in [storage.project(settings, project.id), *(storage.home(settings, room.id) for room in homes)]:
        storage.wipe(settings, volume)
        with database.write() as tx:
            audit.append(tx, Event("volume.wiped", None, project.id, {"volume": volume.image.stem}), now())
    print(f"{1 + len(homes)} volumes of {key} are wiped. Its data snapshots stay: they may be another project's too.")


@app.command("resume")
def resume(key: str) -> None:
    """Let a paused project go on."""
    _, database = installation()
    with database.write() as tx:
        stops.lift(tx, projects.keyed(tx, key), None, now())
    print(f"{key} goes on. Its members open their rooms again.")
