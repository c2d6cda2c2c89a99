"""The list of packages that rooms may install: what is asked for outside is a way out, so nothing else is."""

from __future__ import annotations

import platform
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet
from packaging.tags import Tag, compatible_tags, cpython_tags
from packaging.utils import (
    InvalidName,
    InvalidSdistFilename,
    InvalidWheelFilename,
    NormalizedName,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)
from packaging.version import InvalidVersion, Version

from governance.errors import Invalid
from governance.settings import CONFIGURATION

PYTHON = (3, 11)
"""Of rooms: Debian 12's."""
GLIBC = (2, 36)
"""Debian 12's, which says which of the `manylinux` wheels run (PEP 600)."""
DEFAULT = Path(__file__).with_name("allowed.txt")
METADATA = ".metadata"
"""PEP 658: what a wheel says of itself, beside it."""


@dataclass(frozen=True, slots=True)
class Allowed:
    """Names of packages, normalised (PEP 503), with the versions of each that may be had."""

    versions: dict[str, SpecifierSet]

    @classmethod
    def parse(cls, text: str, name: str) -> Allowed:
        """A line a package, such as ``lifelines`` or ``pandas >=2,<4``; what follows a # is for readers.

        Args:
            text: the list.
            name: of its file, for the message.

        Raises:
            Invalid: a line is not a name with versions, or a name stands there twice.
        """
        versions: dict[str, SpecifierSet] = {}
        for number, line in enumerate(text.splitlines(), 1):
            entry = line.split("#", 1)[0].strip()
            if not entry:
                continue
            try:
                asked = Requirement(entry)
            except InvalidRequirement:
                asked = None
            if asked is None or asked.url or asked.extras or asked.marker:
                raise Invalid(
                    "{file}, line {number}: {line} is not a package's name with versions, such as pandas >=2,<4",
                    file=name,
                    number=number,
                    line=repr(entry),
                )
            package = canonicalize_name(asked.name)
            if package in versions:
                raise Invalid(
                    "{file}, line {number}: {name} stands there twice", file=name, number=number, name=package
                )
            versions[package] = asked.specifier
        return cls(versions)

    def package(self, name: str) -> str | None:
        """The normalised name of a package that is on the list; None for any other."""
        try:
            package = canonicalize_name(name, validate=True)
        except InvalidName:
            return None
        return package if package in self.versions else None

    def has(self, package: str, filename: str) -> bool:
        """Whether a file is one of this package's, in a version that is on the list."""
        found = _version(filename)
        if found is None or package not in self.versions:
            return False
        name, version = found
        return name == package and self.versions[package].contains(version, prereleases=True)


@dataclass(slots=True)
class AllowedFile:
    """The list of an installation, read again when it has changed."""

    installation: str
    _seen: tuple[Path, int] | None = field(default=None, init=False)
    _read: Allowed | None = field(default=None, init=False)

    @property
    def path(self) -> Path:
        """The operator's own file, where there is one; else the list that comes with the platform."""
        own = CONFIGURATION / f"{self.installation}-packages.txt"
        return own if own.exists() else DEFAULT

    def now(self) -> Allowed:
        """The list as it is now.

        Raises:
            Invalid: it cannot be used; nothing is then to be had.
        """
        path = self.path
        seen = path, path.stat().st_mtime_ns
        if self._read is None or seen != self._seen:
            self._read = None
            self._read = Allowed.parse(path.read_text(), str(path))
            self._seen = seen
        return self._read


@cache
def _tags() -> frozenset[Tag]:
    """What a wheel may be built for to run in a room of this host."""
    machine = platform.machine()
    old = ("manylinux2014", "manylinux2010", "manylinux1")
    platforms = [*(f"manylinux_{GLIBC[0]}_{minor}_{machine}" for minor in range(GLIBC[1], 4, -1))]
    platforms += [*(f"{name}_{machine}" for name in old), f"linux_{machine}"]
    native = cpython_tags(PYTHON, platforms=platforms)
    return frozenset([*native, *compatible_tags(PYTHON, f"cp{PYTHON[0]}{PYTHON[1]}", platforms)])


def usable(filename: str) -> bool:
    """Whether a room can use a file: source, or a wheel for its Python and processor. Fewer files say less outside."""
    if not filename.endswith(".whl"):
        return True
    try:
        return not _tags().isdisjoint(parse_wheel_filename(filename)[3])
    except (InvalidWheelFilename, InvalidVersion):
        return False


def _version(filename: str) -> tuple[NormalizedName, Version] | None:
    """Whose file, and which version, a wheel or a source archive is by its name; None for anything else."""
    try:
        if filename.endswith((".whl", f".whl{METADATA}")):
            return parse_wheel_filename(filename.removesuffix(METADATA))[:2]
        return parse_sdist_filename(filename)
    except (InvalidWheelFilename, InvalidSdistFilename, InvalidVersion):
        return None
