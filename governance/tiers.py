"""How carefully a project's data must be handled. Only `TIERS` says what a tier demands; whoever decides asks it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Tier(StrEnum):
    """The kinds of data, from public to most sensitive."""

    OPEN = "open"
    SYNTHETIC = "synthetic"
    PSEUDONYMISED = "pseudonymised"
    SENSITIVE = "sensitive"


@dataclass(frozen=True, slots=True)
class Handling:
    """What a tier demands."""

    approvals: int
    """Checkers who must each approve every file of a request."""
    lead_approval: bool
    """One of them must be a lead checker."""
    direct: bool
    """A room may be used in an ordinary browser; otherwise only as pixels."""
    packages: bool
    """Rooms may install packages: each that is asked for outside tells somebody its name."""


TIERS: dict[Tier, Handling] = {
    Tier.OPEN: Handling(approvals=1, lead_approval=False, direct=True, packages=True),
    Tier.SYNTHETIC: Handling(approvals=1, lead_approval=False, direct=True, packages=True),
    Tier.PSEUDONYMISED: Handling(approvals=2, lead_approval=False, direct=False, packages=True),
    Tier.SENSITIVE: Handling(approvals=2, lead_approval=True, direct=False, packages=False),
}


def may_open_direct(tier: Tier, *, direct_person_level: bool) -> bool:
    """Whether a room of this tier may open in an ordinary browser, given the operator's setting."""
    return TIERS[tier].direct or (direct_person_level and tier is Tier.PSEUDONYMISED)
