"""One file in, its inspection out."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any

from inspection import layout, types
from inspection.checks import CHECKS
from inspection.judge import judged
from inspection.parts import Extracted
from inspection.places import Place
from inspection.policies import DEFAULT, POLICIES, Policy
from inspection.report import Dropped, Finding, NoCanonicalForm

MOST = 100
"""Findings of a check, and things left out, that are listed one by one."""


@dataclass(slots=True)
class Inspected:
    """A file's canonical copy with everything known of it."""

    kind: str
    canonical: bytes
    view: str
    dropped: list[Dropped]
    findings: list[Finding]
    policy: Policy

    def as_json(self) -> dict[str, Any]:
        """Everything but the bytes."""
        return {
            "kind": self.kind,
            "policy": self.policy.id,
            "dropped": [one.as_json() for one in self.dropped],
            "findings": [_as_json(one) for one in self.findings],
        }


def inspect(name: str, raw: bytes, policy: Policy | None = None) -> Inspected:
    """Inspect one file; raises NoCanonicalForm when it cannot leave as it is."""
    policy = policy or POLICIES[DEFAULT]
    try:
        read = _extracted(name, raw)
        findings = judged(read, policy)
    except RecursionError:
        raise NoCanonicalForm("failed", "nested too deep") from None
    except UnicodeEncodeError as e:  # JSON can name half of a character, which no text can hold
        raise NoCanonicalForm("encoding", str(e)) from None
    dropped = read.dropped
    if len(dropped) > MOST:
        dropped = [*dropped[:MOST], Dropped("more", Place(elsewhere=True), {"count": len(dropped) - MOST})]
    return Inspected(read.kind, read.canonical, read.view, dropped, _shortened(findings), policy)


def _extracted(name: str, raw: bytes) -> Extracted:
    extractor = import_module(f"inspection.extract.{types.identify(name, raw).extractor}")
    read: Extracted = extractor.extract(name, raw)
    read.name = name
    read.parts += [grid for text in read.texts() if text.is_laid_out for grid in layout.grids(text)]
    return read


def _shortened(findings: list[Finding]) -> list[Finding]:
    """At most MOST of each check, with a line that says how many more there are: nothing is cut in silence."""
    shown: list[Finding] = []
    for check in dict.fromkeys(finding.check for finding in findings):
        of_check = [finding for finding in findings if finding.check == check]
        shown += of_check[:MOST]
        if len(of_check) > MOST:
            shown.append(Finding(Place(elsewhere=True), "more", {"count": len(of_check) - MOST}, check=check))
    return shown


def _as_json(finding: Finding) -> dict[str, Any]:
    check = CHECKS[finding.check]
    return {
        "check": check.id,
        "version": check.version,
        "kind": check.kind,
        "severity": check.severity,
        "confidence": finding.confidence,
        "place": finding.place.as_json(),
        "said": finding.said,
        "values": finding.values,
    }
