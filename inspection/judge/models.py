"""What estimates rest on too few persons."""

from __future__ import annotations

from collections.abc import Iterator

import re2

from inspection.policies import Policy
from inspection.report import Finding
from inspection.understand.seen import Seen

FEWEST = 10
"""Residual degrees of freedom (ACRO 1.0.2 `default.yaml`; ESSnet's guidelines for output checking, 2015)."""
RESIDUAL = re2.compile(
    r"(?i)(?:df[ _.]?resid(?:uals?)?|resid(?:uals?)?[ _.]?df|residual degrees of freedom"
    r"|residuale? frihedsgrader)[ \t]*[:=;,\t ][ \t]*(\d{1,9})(?:\.0*)?(?:[^\d.]|$)"
)
"""As statsmodels, Stata and people write it."""
R = re2.compile(r"(?i)\bresidual (?:standard error|deviance).{0,40}\bon[ \t]+(\d{1,9})[ \t]+degrees of freedom")
"""As R does: `Residual standard error: 3.1 on 7 degrees of freedom`; a test has some of its own."""


def residual(seen: Seen, _: Policy) -> Iterator[Finding]:
    """Models with few residual degrees of freedom: they can give back what they were made from."""
    for place, line in seen.read.strings():
        lower = line.lower()
        for word, shape in (("resid", RESIDUAL), ("risgrader", RESIDUAL), ("resid", R)):
            match = shape.search(line) if word in lower else None
            if match and int(match.group(1)) < FEWEST:
                yield Finding.of_value(place, match.group(1))
