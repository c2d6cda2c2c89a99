"""One file in, its inspection out. The table of kinds is here."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import PurePosixPath

from output_review.inspection import images, persons, tables
from output_review.inspection.report import Inspected, NoCanonicalForm

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
    if inspected.kind == "csv":
        inspected.findings[:0] = persons.numbers(inspected.canonical.decode())
    return inspected
