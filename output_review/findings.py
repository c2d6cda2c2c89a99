"""What the inspection found in a file, by check: as a checker answers it, and as its author is told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from inspection.checks import CHECKS, Check
from inspection.report import Severity
from output_review.domain import Answer, demanded

ORDER = [severity.value for severity in Severity]


@dataclass(frozen=True, slots=True)
class Found:
    """Everything that one check found in a file."""

    id: str
    check: Check | None
    """None for a check that there is no more."""
    severity: str
    findings: list[Mapping[str, Any]]
    count: int
    """How many there are, those that are not listed one by one counted, too."""
    answer: Answer | None
    """What an approval must say of it."""


def by_check(findings: Sequence[Mapping[str, Any]]) -> list[Found]:
    """A file's findings by check: what must not leave first."""
    asked = demanded(findings)
    of_check: dict[str, list[Mapping[str, Any]]] = {}
    for finding in findings:
        of_check.setdefault(finding["check"], []).append(finding)
    found = [
        Found(name, CHECKS.get(name), _severest(some), some, sum(map(_number, some)), asked.get(name))
        for name, some in of_check.items()
    ]
    return sorted(found, key=lambda one: ORDER.index(one.severity))


def _severest(findings: Sequence[Mapping[str, Any]]) -> str:
    return min((str(one["severity"]) for one in findings), key=ORDER.index)


def _number(finding: Mapping[str, Any]) -> int:
    """How many a finding stands for; what the sandbox says is a number only where it is one."""
    more = finding["values"].get("count") if finding["said"] == "more" else 1
    return more if isinstance(more, int) else 1
