"""What opens something, and how somebody is reached."""

from __future__ import annotations

from collections.abc import Iterator

import re2

from inspection.policies import Policy
from inspection.report import Finding
from inspection.understand.seen import Seen

SECRET = re2.compile(
    r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----"
    r"|\b(?:AKIA|ASIA)[0-9A-Z]{16}\b|\bgh[pousr]_[0-9A-Za-z]{36}|\bgithub_pat_[0-9A-Za-z_]{40}"
    r"|\bglpat-[0-9A-Za-z_-]{20}|\bxox[abprs]-[0-9A-Za-z-]{10,}|\bhf_[0-9A-Za-z]{30}|\bsk-(?:[a-z]{1,10}-)?[0-9A-Za-z]{20,}"
    r"|\beyJ[0-9A-Za-z_-]{10,}\.eyJ[0-9A-Za-z_-]{10,}\.[0-9A-Za-z_-]{10}"
    r"|\b[a-z][a-z0-9+]{2,20}://[^\s:/@]{1,64}:[^\s:/@]{3,64}@"
    r"|(?i:\b(?:password|passwd|adgangskode|pwd|secret|api[_-]?key|access[_-]?token|auth[_-]?token))"
    r"[\"']?[ \t]{0,4}[:=][ \t]{0,4}[\"'](?P<typed>[^\"'\s]{6,200})[\"']"
)
"""Keys of providers as they publish their shapes, a key in PEM, a login in an address, a password in a program."""
ADDRESS = re2.compile(r"(?i)(?:^|[^\w.+-])[\w.+-]{1,64}@[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63}){0,4}\.[a-z]{2,24}\b")
TELEPHONE = re2.compile(r"(?:^|[^\d+])(?:\+|00)45[ -]?\d{2}[ -]?\d{2}[ -]?\d{2}[ -]?\d{2}(?:\D|$)")
SHORTEST = 12
"""Characters of the shortest of them."""
SHOWN = 4
"""Characters of a secret that the finding says."""


def secrets(seen: Seen, _: Policy) -> Iterator[Finding]:
    """Passwords, tokens and keys."""
    for place, line in seen.read.strings():
        match = SECRET.search(line) if len(line) >= SHORTEST else None
        if match and not _stands_for_one(match["typed"] or ""):
            yield Finding.of_value(place, f"{match.group()[:SHOWN]}…")


def _stands_for_one(typed: str) -> bool:
    """Whether a password is none: `********`, `YOUR_KEY_HERE`, `<password>`."""
    return bool(typed) and (len(set(typed)) == 1 or typed.isupper() or typed[0] in "<{$")


def contacts(seen: Seen, _: Policy) -> Iterator[Finding]:
    """E-mail addresses and Danish telephone numbers with their country's."""
    for place, line in seen.read.strings():
        match = (ADDRESS.search(line) if "@" in line else None) or (TELEPHONE.search(line) if "45" in line else None)
        if match:
            yield Finding.of_value(place, f"{match.group().strip()[:2]}…")
