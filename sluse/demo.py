"""The demo: people, a project on synthetic registers and one on public clinical data; passwords are made here."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select

from governance import data, people, projects
from governance.database import Database
from governance.errors import Invalid
from governance.settings import Settings
from governance.tables import Person, PlatformRole, Project, ProjectRole
from governance.tiers import Tier
from sluse import clinical, registers

STARTERS = Path(__file__).parent / "starters"
DICTIONARIES = Path(__file__).parent / "dictionaries"
CONTROLLER = "Demo Health Data Authority"
PEOPLE = {
    "ada": "Ada Lund",
    "bob": "Bob Holm",
    "grace": "Grace (output checker)",
    "alan": "Alan (output checker)",
    "ole": "Ole (operator)",
}
ROLES = {
    "grace": [PlatformRole.CHECKER, PlatformRole.LEAD_CHECKER],
    "alan": [PlatformRole.CHECKER],
    "ole": [PlatformRole.OPERATOR],
}


@dataclass(frozen=True, slots=True)
class DemoProject:
    """A project of the demo; its starter notebook is `starters/<key>.ipynb`."""

    key: str
    title: str
    purpose: str
    tier: Tier
    permit: str
    data: str
    members: dict[str, ProjectRole]
    write: Callable[[Path], None]
    """Writes the data into a folder."""
    more: tuple[str, ...] = ()
    """Further notebooks."""


def _projects(tools: Path, source: Path) -> list[DemoProject]:
    lead, analyst = ProjectRole.LEAD, ProjectRole.ANALYST
    return [
        DemoProject(
            key="synthetic-registers",
            title="Hospital contacts and prescriptions (synthetic registers)",
            purpose="To learn how a room works, on invented persons: contacts and prescriptions by age and place.",
            tier=Tier.SYNTHETIC,
            permit="DEMO-2026-001",
            data="registers",
            members={"ada": lead, "bob": analyst},
            write=registers.write,
            more=("cohort-on-a-cluster", "gwas-on-a-cluster", "volumes-on-a-cluster"),
        ),
        DemoProject(
            key="heart-attack-survival",
            title="Survival after a heart attack (public, de-identified)",
            purpose="To see which findings at admission go with survival after a heart attack.",
            tier=Tier.PSEUDONYMISED,
            permit="DEMO-2026-002",
            data="heart",
            members={"bob": lead, "ada": analyst},
            write=lambda folder: clinical.write(folder, tools, source),
            more=("search-on-a-cluster",),
        ),
    ]


def install(
    settings: Settings,
    database: Database,
    clock: Callable[[], datetime],
    tools: Path,
    source: Path,
    say: Callable[[str], None],
) -> None:
    """Make the demo's people and projects; what is there is left as it is."""
    with database.read() as tx:
        people_there = tx.scalar(select(Person).where(Person.name == "ada")) is not None
        keys = set(tx.scalars(select(Project.key)))
    if not people_there:
        say("people")
        _add_people(settings, database, clock)
    for project in _projects(tools, source):
        if project.key not in keys:
            say(f"project {project.key}")
            _add_project(settings, database, project, clock)


def _add_people(settings: Settings, database: Database, clock: Callable[[], datetime]) -> None:
    passwords = {name: "-".join(secrets.token_hex(3) for _ in range(3)) for name in PEOPLE}
    _keep(settings, passwords)
    with database.write() as tx:
        now = clock()
        until = (now + timedelta(days=365)).date()
        for name, full_name in PEOPLE.items():
            person = people.add(tx, name, full_name, now, password=passwords[name], training_until=until)
            for role in ROLES.get(name, []):
                people.give_role(tx, person, role, CONTROLLER, now)


def _add_project(settings: Settings, database: Database, made: DemoProject, clock: Callable[[], datetime]) -> None:
    with tempfile.TemporaryDirectory(prefix="datasluse-demo-") as folder:
        made.write(Path(folder))
        shutil.copytree(DICTIONARIES / made.data, folder, dirs_exist_ok=True)
        snapshot = data.snapshot(Path(folder), settings.state / "data")
    with database.write() as tx:
        now = clock()
        until = date(now.year + 1, 12, 31)
        project = projects.add(
            tx, made.key, made.title, made.tier, CONTROLLER, made.permit, until, now, purpose=made.purpose
        )
        data.add(tx, project, made.data, snapshot, now)
        projects.allow_clusters(tx, project, now, allowed=True)
        for name, role in made.members.items():
            projects.add_member(tx, project, people.named(tx, name), role, now)
        starters = settings.state / "starters" / str(project.id)
        starters.mkdir(exist_ok=True)
        shutil.copy(STARTERS / f"{made.key}.ipynb", starters / "start-here.ipynb")
        for name in made.more:
            shutil.copy(STARTERS / f"{name}.ipynb", starters / f"{name}.ipynb")


def logins(settings: Settings, database: Database) -> list[dict[str, Any]]:
    """The demo's people with their passwords, for root alone.

    Raises:
        Invalid: this installation is no demo.
    """
    if not settings.demo:
        raise Invalid("{name} is no demo installation: its passwords are not kept", name=settings.installation)
    passwords: dict[str, str] = json.loads(_file(settings).read_text())
    with database.read() as tx:
        keys = {name: [p.key for p, _ in projects.of_person(tx, people.named(tx, name))] for name in PEOPLE}
    return [
        {
            "name": name,
            "roles": [str(role) for role in ROLES.get(name, [])],
            "projects": keys[name],
            "password": passwords[name],
            "totp_secret": None,
        }
        for name in PEOPLE
    ]


def remember(settings: Settings, name: str, password: str) -> None:
    """Keep a new password of one of the demo's people; others' are never kept."""
    passwords: dict[str, str] = json.loads(_file(settings).read_text())
    if name in passwords:
        _keep(settings, passwords | {name: password})


def _keep(settings: Settings, passwords: dict[str, str]) -> None:
    partial = _file(settings).with_suffix(".partial")
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(passwords, file)
    partial.rename(_file(settings))


def _file(settings: Settings) -> Path:
    return settings.keys / "demo-passwords.json"
