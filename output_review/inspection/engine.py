"""One file in, its inspection out. The table of kinds is here."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import PurePosixPath

from output_review.inspection import images, tables
from output_review.inspection.report import Finding, Inspected, NoCanonicalForm

MOST = 100

KINDS: dict[str, Callable[[str, bytes], Inspected]] = {".csv": tables.inspect, ".png": images.inspect}
"""By the ending of the name; each proves from the contents that it is what it says."""


def inspect(name: str, raw: bytes) -> Inspected:
    """Inspect one file; raises NoCanonicalForm when it cannot leave as it is."""
    ending = PurePosixPath(name).suffix.lower()
    kind = KINDS.get(ending)
    if kind is None:
        raise NoCanonicalForm("type", ending)
    if (ending == ".png") != raw.startswith(images.MAGIC):
        raise NoCanonicalForm("not_what_its_name_says")
    inspected = kind(name, raw)
    inspected.findings = _shortened(inspected.findings)
    return inspected


def _shortened(findings: list[Finding]) -> list[Finding]:
    """At most MOST of each rule, with a line that says how many more there are: nothing is cut in silence."""
    shown: list[Finding] = []
    for rule in dict.fromkeys(finding.rule for finding in findings):
        of_rule = [finding for finding in findings if finding.rule == rule]
        shown += of_rule[:MOST]
        if len(of_rule) > MOST:
            shown.append(Finding(rule, "elsewhere", f"{len(of_rule) - MOST} more"))
    return shown
