"""What a data controller asks of outputs: one file each, of which every version that was ever used is kept."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Policy:
    """The limits that checks judge by."""

    name: str
    version: int
    title: str
    source: str
    """Where the rules are written."""
    persons: int
    """A group of fewer must not be shown."""
    rows: int
    """A table of as many rows that each look like one person's is data."""

    @property
    def id(self) -> str:
        """Name and version, as a request is bound to them."""
        return f"{self.name}/{self.version}"


def _read(file: Path) -> Policy:
    with file.open("rb") as given:
        return Policy(name=file.stem, **tomllib.load(given))


DEFAULT = "sundhedsdatastyrelsen"
"""The policy of whoever has chosen none."""
POLICIES = {policy.name: policy for policy in map(_read, sorted(Path(__file__).parent.glob("*.toml")))}
"""By name."""
