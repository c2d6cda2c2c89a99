"""How careful a project's data must be handled. Nothing else reads a tier."""

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


TIERS: dict[Tier, Handling] = {
    Tier.OPEN: Handling(approvals=1, lead_approval=False, direct=True),
    Tier.SYNTHETIC: Handling(approvals=1, lead_approval=False, direct=True),
    Tier.PSEUDONYMISED: Handling(approvals=2, lead_approval=False, direct=False),
    Tier.SENSITIVE: Handling(approvals=2, lead_approval=True, direct=False),
}


def may_open_direct(tier: Tier, *, direct_person_level: bool) -> bool:
    """Whether a room of this tier may open in an ordinary browser, given the operator's setting."""
    return TIERS[tier].direct or (direct_person_level and tier is Tier.PSEUDONYMISED)
