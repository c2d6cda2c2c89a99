"""The folders that rooms write in: a home per room, a folder per project with a bare git repository."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from governance.settings import Settings


def prepare_home(settings: Settings, room: str, project_id: int, uid: int) -> Path:
    """The home of one person in one project, made at the room's first start with the project's starter notebooks."""
    home = settings.state / "homes" / room
    if home.exists():
        return home
    partial = home.with_name(f".partial-{room}")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(mode=0o700)
    starters = settings.state / "starters" / str(project_id)
    for starter in sorted(starters.glob("*.ipynb")):
        os.chown(shutil.copyfile(starter, partial / starter.name), uid, uid)
    os.chown(partial, uid, uid)
    return partial.rename(home)


def prepare_project(settings: Settings, project_id: int, uid: int) -> Path:
    """The folder that a project's members share, with `shared.git` to work on code together.

    Made at the project's first room and never touched from the host again: what is in it is the researchers'.
    """
    folder = settings.state / "projects" / str(project_id)
    if folder.exists():
        return folder
    partial = folder.with_name(f".partial-{project_id}-{os.getpid()}")
    partial.mkdir(mode=0o700)
    try:
        subprocess.run(
            ["/usr/bin/git", "init", "-q", "--bare", "--initial-branch=main", partial / "shared.git"],
            check=True,
            capture_output=True,
            timeout=30,
            env={"GIT_CONFIG_NOSYSTEM": "1", "HOME": "/nonexistent"},
        )
        for path in [partial, *partial.rglob("*")]:
            os.chown(path, uid, uid, follow_symlinks=False)
        partial.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return folder
