"""`sluse`: what an operator types. Each command is a few lines; the parts decide."""

from __future__ import annotations

import json
import secrets
import sys
from dataclasses import asdict
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from governance import audit, data, egress, people, projects, rooms, stops
from governance.audit import Event
from governance.database import Database
from governance.errors import Refused, Unavailable
from governance.rooms import SIZES
from governance.settings import Settings, load
from governance.tables import PlatformRole, ProjectRole, StopKind
from governance.tiers import Tier

if TYPE_CHECKING:
    from hub.storage import Volume

app = typer.Typer(
    help="Datasluse: rooms that data does not leave.", no_args_is_help=True, pretty_exceptions_enable=False
)
person_app = typer.Typer(help="People with accounts.", no_args_is_help=True)
project_app = typer.Typer(help="Projects and their members.", no_args_is_help=True)
data_app = typer.Typer(help="Data of projects.", no_args_is_help=True)
room_app = typer.Typer(help="Rooms.", no_args_is_help=True)
site_app = typer.Typer(help="Everything at once.", no_args_is_help=True)
image_app = typer.Typer(help="Images of rooms.", no_args_is_help=True)
audit_app = typer.Typer(help="The audit chain.", no_args_is_help=True)
demo_app = typer.Typer(help="The demo's people.", no_args_is_help=True)
for name, group in {
    "person": person_app,
    "project": project_app,
    "image": image_app,
    "data": data_app,
    "room": room_app,
    "site": site_app,
    "audit": audit_app,
    "demo": demo_app,
}.items():
    app.add_typer(group, name=name)

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Day = Annotated[str, typer.Option(help="A day, as 2027-12-31.")]


def main() -> None:
    """The command `sluse`: refusals become one line and exit status 1, never a traceback."""
    try:
        app()
    except Refused as e:
        _fail(str(e))
    except PermissionError as e:
        _fail(f"{e.filename} is for root alone: run this with sudo")


def _fail(why: str) -> NoReturn:
    print(f"sluse: {why}", file=sys.stderr)
    raise SystemExit(1)


def _open() -> tuple[Settings, Database]:
    settings = load()
    file = settings.state / "db" / "datasluse.db"
    if settings.database_url is None and not file.exists():
        raise Unavailable("the database {file} is missing or not yours to read: run ./up, or use sudo", file=file)
    database = Database(settings.database)
    database.check_revision()
    return settings, database


def _now() -> datetime:
    return datetime.now(UTC)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text} is not a day: write it as 2027-12-31") from None


@app.command()
def up(full: Annotated[bool, typer.Option(help="Look at everything, even if nothing changed.")] = False) -> None:
    """Install or upgrade, and start."""
    from sluse import demo, install

    settings = install.up(full=full)
    print(f"\nPortal: {settings.portal_origin}")
    if settings.demo:
        print("\nDemo logins:")
        for login in demo.logins(settings, Database(settings.database)):
            print(f"  {login['name']:<7} {login['password']:<22} {', '.join([*login['roles'], *login['projects']])}")
    if settings.address.is_loopback:
        port = settings.edge_port
        print(f"\nFrom another machine: ssh -L {port}:127.0.0.1:{port} THIS-MACHINE, then the same address there.")


@app.command()
def stop() -> None:
    """Stop the processes; open rooms go on."""
    from sluse import processes

    processes.stop(load())
    print("Stopped. Rooms that were open go on; ./up starts the rest again.")


@app.command()
def status(as_json: Json = False) -> None:
    """What runs."""
    from sluse import status as health

    settings = load()
    if as_json:
        print(json.dumps(health.as_json(settings), indent=1))
        return
    for part in health.parts(settings):
        print(f"{part.state:<9} {part.kind:<9} {part.name:<32} {part.detail or ''}")
    print(f"\nPortal: {settings.portal_origin}")


@app.command()
def doctor(
    quick: Annotated[
        bool, typer.Option(help="Look only; do not put a container behind the walls to try them.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Look at everything that the walls rest on, try them, and say what to do."""
    from docker import APIClient

    from hub import doctor as checks

    settings = load()
    with APIClient(timeout=60) as docker:
        found = list(checks.examined(settings, docker))
        if not quick:
            found += checks.tried(settings, docker)
    if as_json:
        print(json.dumps([asdict(one) for one in found], indent=1))
    else:
        for one in found:
            state = "well" if one.wrong is None else "WRONG" if one.mandatory else "advice"
            print(f"{state:<7} {one.name}{f': {one.wrong}' if one.wrong else ''}")
    if any(one.wrong and one.mandatory for one in found):
        _fail("no room starts until what is WRONG is right")


@image_app.command("check")
def image_check(tag: str) -> None:
    """Try an image of your own as a room would be; see docs/operator.md for what it must hold."""
    from docker import APIClient

    from hub import own_images

    settings = load()
    with APIClient(timeout=120) as docker:
        found = own_images.check(settings, docker, tag)
    for one in found:
        print(f"{'WRONG' if one.wrong else 'well':<6} {one.what}{f': {one.wrong}' if one.wrong else ''}")
    if any(one.wrong for one in found):
        _fail(f"{tag} cannot be a room yet")
    print(f"{tag} can be a room: name it under [own_images] in the settings, then run ./up")


@app.command()
def destroy(yes: Annotated[bool, typer.Option(help="Do not ask.")] = False) -> None:
    """Remove the installation with all its data, keys and audit chain."""
    from sluse import install

    settings = load()
    what = f"installation {settings.installation} with all data, homes, keys and the audit chain in {settings.state}"
    if not yes and not typer.confirm(f"Remove {what}?"):
        print("Nothing was removed.")
        return
    install.destroy(settings)
    print("Removed.")


@app.command()
def verify(
    bundle: Annotated[Path, typer.Argument(help="A release, as it was downloaded.")],
    trust: Annotated[
        Path, typer.Option(help="Public keys you trust (PEM), fetched from the operator, never from the bundle.")
    ],
) -> None:
    """Check a release offline: who signed it, and that its files are the approved ones."""
    from output_review.bundle import trusted_keys
    from output_review.bundle import verify as check

    try:
        content = bundle.read_bytes()
    except OSError as e:
        _fail(f"{bundle} cannot be read: {e.strerror}")
    manifest = check(content, trusted_keys(trust))
    print(f"Request {manifest['request']} of project {manifest['project']}: signed, and every file as approved.")
    for file in manifest["files"]:
        print(f"  {file['sha256']}  {file['name']}")


@app.command()
def check(
    files: Annotated[list[Path], typer.Argument(help="Files as they would be requested.")], as_json: Json = False
) -> None:
    """Inspect files as a release request would: what would leave, and what a checker would be told."""
    from output_review.inspection import local

    try:
        reports = local.inspect({str(file): file.read_bytes() for file in files})
    except OSError as e:
        _fail(f"{e.filename} cannot be read: {e.strerror}")
    print(json.dumps(reports, indent=1) if as_json else "\n".join(local.in_words(reports)))
    if any("refused" in report for report in reports.values()):
        raise SystemExit(1)


@demo_app.command("logins")
def demo_logins(as_json: Json = False) -> None:
    """Names and passwords of the demo's people."""
    from sluse import demo

    settings = load()
    logins = demo.logins(settings, Database(settings.database))
    if as_json:
        print(json.dumps(logins, indent=1))
        return
    for login in logins:
        print(f"{login['name']:<7} {login['password']}")


@person_app.command("add")
def person_add(
    name: str,
    full_name: Annotated[str, typer.Option(help="As shown to others.")],
    training_until: Annotated[str | None, typer.Option(help="Last day their training counts, as 2027-12-31.")] = None,
    terms_accepted: Annotated[bool, typer.Option(help="They signed the terms of use on paper.")] = False,
    as_json: Json = False,
) -> None:
    """Add a person, with a first password that is printed once."""
    _, database = _open()
    password = secrets.token_urlsafe(15)
    until = _day(training_until) if training_until else None
    with database.write() as tx:
        person = people.add(tx, name, full_name, _now(), password=password, training_until=until)
        if terms_accepted:
            people.accept_terms(tx, person, _now())
    print(json.dumps({"name": name, "password": password}) if as_json else f"{name}'s first password: {password}")


@person_app.command("role")
def person_role(name: str, role: PlatformRole, controller: Annotated[str, typer.Option(help="Whose data.")]) -> None:
    """Make a person checker, lead checker, operator or auditor for a data controller."""
    _, database = _open()
    with database.write() as tx:
        people.give_role(tx, people.named(tx, name), role, controller, _now())


@person_app.command("budget")
def person_budget(
    name: str, more: Annotated[int, typer.Option(help="MiB that rooms may show them today beyond the usual.")]
) -> None:
    """Let rooms show a person more today."""
    settings, database = _open()
    with database.write() as tx:
        person = people.named(tx, name)
        egress.grant(tx, person, more, _now())
        tx.flush()
        day = egress.today(tx, person.id, settings, _now())
    print(f"{name}: {day.shown / egress.MIB:.1f} of {day.budget // egress.MIB} MiB today")


@project_app.command("add")
def project_add(
    key: str,
    title: Annotated[str, typer.Option(help="As shown to people.")],
    tier: Annotated[Tier, typer.Option(help="How careful its data must be handled.")],
    controller: Annotated[str, typer.Option(help="Whose data it is.")],
    permit: Annotated[str, typer.Option(help="The permit's reference.")],
    permit_until: Day,
) -> None:
    """Add a project."""
    _, database = _open()
    with database.write() as tx:
        projects.add(tx, key, title, tier, controller, permit, _day(permit_until), _now())


@project_app.command("import")
def project_import(file: Path) -> None:
    """Add a project with its members and data from a TOML file; see docs/operator.md."""
    from sluse import importing

    settings, database = _open()
    said = importing.bring_in(file, database, settings.state / "data", _now())
    print(f"{said.key}: {len(said.members)} members, {len(said.data)} data sets")


@project_app.command("member")
def project_member(
    key: str,
    name: str,
    role: Annotated[ProjectRole, typer.Option(help="The role to give.")] = ProjectRole.ANALYST,
    remove: Annotated[bool, typer.Option(help="Take their role away; an open room closes.")] = False,
) -> None:
    """Give a person a role in a project, or take it away."""
    _, database = _open()
    with database.write() as tx:
        project, person = projects.keyed(tx, key), people.named(tx, name)
        if remove:
            projects.remove_member(tx, project, person, _now())
        else:
            projects.add_member(tx, project, person, role, _now())


@project_app.command("clusters")
def project_clusters(
    key: str, on: Annotated[bool, typer.Option("--on/--off", help="Whether its rooms may start clusters.")] = True
) -> None:
    """Let a project's rooms start Dask clusters, or no longer; those that run go on until they are stopped."""
    _, database = _open()
    with database.write() as tx:
        projects.allow_clusters(tx, projects.keyed(tx, key), _now(), allowed=on)


@project_app.command("pause")
def project_pause(key: str) -> None:
    """Close a project's rooms now; none opens and nothing of it is released until it is resumed."""
    _stop(key, StopKind.PAUSE)
    print(f"{key} is paused. Its rooms close now.")


@project_app.command("end")
def project_end(key: str, yes: Annotated[bool, typer.Option(help="Do not ask.")] = False) -> None:
    """Close a project's rooms now, for good."""
    if not yes and not typer.confirm(f"End {key} for good? Its rooms cannot be opened again"):
        print("Nothing was changed.")
        return
    _stop(key, StopKind.END)
    print(f"{key} is ended. Its rooms close now.")


@project_app.command("storage")
def project_storage(
    key: str, mib: Annotated[int | None, typer.Option(help="A greater quota for the project's folder, in MiB.")] = None
) -> None:
    """Show the quotas of a project's folder and its members' homes, or enlarge the folder."""
    from hub import storage

    settings, database = _open()
    with database.read() as tx:
        project = projects.keyed(tx, key)
        homes = rooms.of_project(tx, project)
    if mib is not None:
        _grow(settings, database, storage.project(settings, project.id), mib, project.id)
    print(f"project folder: {storage.size(storage.project(settings, project.id)) >> 20} MiB")
    for room in homes:
        print(f"home of room {room.id}: {storage.size(storage.home(settings, room.id)) >> 20} MiB")


@project_app.command("wipe")
def project_wipe(key: str, yes: Annotated[bool, typer.Option(help="Do not ask.")] = False) -> None:
    """Destroy the keys of an ended project's folder and homes: nobody can read them again."""
    from hub import storage

    settings, database = _open()
    with database.read() as tx:
        project = projects.keyed(tx, key)
        stop = stops.own(tx, project)
        homes = rooms.of_project(tx, project)
    if stop is None or stop.kind is not StopKind.END:
        _fail(f"{key} is not ended: sluse project end {key}, wait until its rooms are closed, then wipe it")
    if not yes and not typer.confirm(f"Destroy everything in {key}'s folder and {len(homes)} homes for good?"):
        print("Nothing was changed.")
        return
    for volume in [storage.project(settings, project.id), *(storage.home(settings, room.id) for room in homes)]:
        storage.wipe(settings, volume)
        with database.write() as tx:
            audit.append(tx, Event("volume.wiped", None, project.id, {"volume": volume.image.stem}), _now())
    print(f"{1 + len(homes)} volumes of {key} are wiped. Its data snapshots stay: they may be another project's too.")


@project_app.command("resume")
def project_resume(key: str) -> None:
    """Let a paused project go on."""
    _, database = _open()
    with database.write() as tx:
        stops.lift(tx, projects.keyed(tx, key), None, _now())
    print(f"{key} goes on. Its members open their rooms again.")


@site_app.command("stop")
def site_stop() -> None:
    """Close every room now; none opens and nothing is released until the site is resumed."""
    _stop(None, StopKind.PAUSE)
    print("The site is stopped. Every room closes now.")


@site_app.command("resume")
def site_resume() -> None:
    """Let a stopped site go on."""
    _, database = _open()
    with database.write() as tx:
        stops.lift(tx, None, None, _now())
    print("The site goes on. People open their rooms again.")


def _stop(key: str | None, kind: StopKind) -> None:
    from portal.reconciler import Reconciler

    settings, database = _open()
    with database.write() as tx:
        stops.stop(tx, projects.keyed(tx, key) if key else None, kind, None, _now())
    Reconciler(settings).look_at_all()


@data_app.command("add")
def data_add(
    path: Path,
    project: Annotated[str, typer.Option(help="The project's key.")],
    name: Annotated[
        str | None, typer.Option(help="Its name under /data; the file's or folder's name if not given.")
    ] = None,
) -> None:
    """Give a project a read-only snapshot of a file or folder."""
    settings, database = _open()
    with database.read() as tx:
        projects.keyed(tx, project)
    taken = data.snapshot(path, settings.state / "data")
    with database.write() as tx:
        version = data.add(tx, projects.keyed(tx, project), name or path.stem, taken, _now())
    print(f"/data/{version.name}: {version.files} files, {version.size} bytes, SHA-256 {version.sha256}")


@room_app.command("open")
def room_open(
    project: str,
    person: str,
    size: Annotated[str, typer.Option(help=f"One of {', '.join(SIZES)}.")] = "small",
    image: Annotated[str, typer.Option(help="One of the images that this host has.")] = "base",
    as_json: Json = False,
) -> None:
    """Open a person's room and print a ticket into it; for tests and for help in need."""
    from sluse.access import open_room

    settings, database = _open()
    opened = asdict(open_room(settings, database, project, person, size, _now, image))
    print(json.dumps(opened) if as_json else "\n".join(f"{key}: {value}" for key, value in opened.items()))


@room_app.command("close")
def room_close(room: str) -> None:
    """Close a room now, and return when it is closed."""
    from portal.reconciler import Reconciler
    from sluse import access

    settings, database = _open()
    with database.write() as tx:
        rooms.want_closed(tx, rooms.standing(tx, room).room, _now(), reason=rooms.CLOSED_BY_OPERATOR)
    Reconciler(settings).look(room)
    access.wait_until_closed(database, room)
    print(f"{room} is closed.")


@room_app.command("storage")
def room_storage(room: str, mib: Annotated[int, typer.Option(help="A greater quota for its home, in MiB.")]) -> None:
    """Enlarge a room's home."""
    from hub import storage

    settings, database = _open()
    with database.read() as tx:
        project_id = rooms.standing(tx, room).project.id
    _grow(settings, database, storage.home(settings, room), mib, project_id)


def _grow(settings: Settings, database: Database, volume: Volume, mib: int, project_id: int) -> None:
    from hub import storage

    at_once = storage.grow(settings, volume, mib)
    with database.write() as tx:
        detail: dict[str, str | int | None] = {"volume": volume.image.stem, "mib": mib}
        audit.append(tx, Event("volume.grown", None, project_id, detail), _now())
    print(f"{mib} MiB{'' if at_once else ', when its rooms are next opened'}")


@audit_app.command("verify")
def audit_verify() -> None:
    """Follow the audit chain and say where it first breaks; compare it with the signed heads."""
    from output_review.heads import signed_heads

    settings, database = _open()
    heads = signed_heads(settings)
    with database.read() as tx:
        verdict = audit.verify(tx, heads)
    if verdict.broken_at is not None:
        _fail(f"the chain breaks at event {verdict.broken_at}: {verdict.why}")
    print(f"{verdict.events} events, each bound to the one before it; {len(heads)} signed heads agree.")


if __name__ == "__main__":
    main()
