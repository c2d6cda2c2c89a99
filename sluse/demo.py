"""The demo: people, and a project on synthetic registers. Passwords are made per installation."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import tempfile
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select

from governance import data, people, projects
from governance.database import Database
from governance.errors import Invalid
from governance.settings import Settings
from governance.tables import Person, PlatformRole, ProjectRole
from governance.tiers import Tier
from sluse import registers

STARTERS = Path(__file__).parent / "starters"
CONTROLLER = "Demo Health Data Authority"
PEOPLE = {
    "ada": "Ada (lead)",
    "bob": "Bob (analyst)",
    "grace": "Grace (output checker)",
    "alan": "Alan (output checker)",
    "ole": "Ole (operator)",
}
ROLES = {
    "grace": [PlatformRole.CHECKER, PlatformRole.LEAD_CHECKER],
    "alan": [PlatformRole.CHECKER],
    "ole": [PlatformRole.OPERATOR],
}
SYNTHETIC = "synthetic-registers"
MEMBERS = {SYNTHETIC: {"ada": ProjectRole.LEAD, "bob": ProjectRole.ANALYST}}


def install(settings: Settings, database: Database, now: datetime, say: Callable[[str], None]) -> None:
    """Make the demo's people and projects; what is there is left as it is."""
    passwords = {name: "-".join(secrets.token_hex(3) for _ in range(3)) for name in PEOPLE}
    with database.read() as tx:
        if tx.scalar(select(Person).where(Person.name == "ada")):
            return
    _keep(settings, passwords)
    say(f"synthetic registers of {registers.PERSONS:,} persons")
    with tempfile.TemporaryDirectory(prefix="datasluse-registers-") as folder:
        registers.write(Path(folder))
        snapshot = data.snapshot(Path(folder), settings.state / "data")
    say("people and projects")
    with database.write() as tx:
        persons = {
            name: people.add(
                tx, name, full_name, now, password=passwords[name], training_until=(now + timedelta(days=365)).date()
            )
            for name, full_name in PEOPLE.items()
        }
        for name, roles in ROLES.items():
            for role in roles:
                people.give_role(tx, persons[name], role, CONTROLLER, now)
        synthetic = projects.add(
            tx,
            SYNTHETIC,
            "Hospital contacts and prescriptions (synthetic registers)",
            Tier.SYNTHETIC,
            CONTROLLER,
            "DEMO-2026-001",
            date(now.year + 1, 12, 31),
            now,
        )
        data.add(tx, synthetic, "registers", snapshot, now)
        for name, member_role in MEMBERS[SYNTHETIC].items():
            projects.add_member(tx, synthetic, persons[name], member_role, now)
    starters = settings.state / "starters" / str(synthetic.id)
    starters.mkdir(exist_ok=True)
    shutil.copy(STARTERS / f"{SYNTHETIC}.ipynb", starters / "start-here.ipynb")


def logins(settings: Settings) -> list[dict[str, Any]]:
    """The demo's people with their passwords, for root alone.

    Raises:
        Invalid: this installation is no demo.
    """
    if not settings.demo:
        raise Invalid("{name} is no demo installation: its passwords are not kept", name=settings.installation)
    passwords: dict[str, str] = json.loads(_file(settings).read_text())
    return [
        {
            "name": name,
            "roles": [str(role) for role in ROLES.get(name, [])],
            "projects": [key for key, members in MEMBERS.items() if name in members],
            "password": passwords[name],
            "totp_secret": None,
        }
        for name in PEOPLE
    ]


def _keep(settings: Settings, passwords: dict[str, str]) -> None:
    partial = _file(settings).with_suffix(".partial")
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(passwords, file)
    partial.rename(_file(settings))


def _file(settings: Settings) -> Path:
    return settings.keys / "demo-passwords.json"
