"""What each check looks at: a function of a file as it is seen, and of the policy that it is judged by."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from importlib import import_module

from inspection.checks import CHECKS, Check
from inspection.parts import Extracted
from inspection.policies import Policy
from inspection.report import Finding
from inspection.understand.seen import Seen

Judge = Callable[[Seen, Policy], Iterable[Finding]]


def judged(read: Extracted, policy: Policy) -> list[Finding]:
    """What every check finds in a file."""
    seen = Seen(read)
    return [replace(finding, check=check.id) for check in CHECKS.values() for finding in _judge(check)(seen, policy)]


def _judge(check: Check) -> Judge:
    module, _, function = check.judge.partition(".")
    judge: Judge = getattr(import_module(f"inspection.judge.{module}"), function)
    return judge
