"""The register of attempts: what a researcher cannot do, with an id, the wall that stops it and the answer it gets.

Each case of this folder carries one; `python -m tests.escapes.attempts --update` writes them as the table in
docs/security-properties.md, and a test compares.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

HERE = Path(__file__).parent
DOCUMENT = HERE.parents[1] / "docs" / "security-properties.md"
BEGIN, END = "<!-- attempts: begin -->\n", "<!-- attempts: end -->\n"
Test = TypeVar("Test", bound=Callable[..., object])


@dataclass(frozen=True, slots=True)
class Attempt:
    """One thing that a researcher tries."""

    id: str
    cannot: str
    """Reads on from "A researcher cannot …"."""
    wall: str
    """The code that stops it."""
    answer: str
    """What they get; for the gate also the reason in its log."""


def attempt(number: str, cannot: str, *, wall: str, answer: str) -> Callable[[Test], Test]:
    """Mark a case with what it tries."""

    def mark(test: Test) -> Test:
        test.attempt = Attempt(number, cannot, wall, answer)  # type: ignore[attr-defined]
        return test

    return mark


def registered() -> dict[str, tuple[Attempt, str]]:
    """Every attempt by id, with the case that tries it; raises ValueError when an id is used twice."""
    found: dict[str, tuple[Attempt, str]] = {}
    for path in sorted(HERE.glob("test_*.py")):
        module = importlib.import_module(f"tests.escapes.{path.stem}")
        for name, test in vars(module).items():
            tried = getattr(test, "attempt", None)
            if isinstance(tried, Attempt):
                if tried.id in found:
                    raise ValueError(f"{tried.id} is used twice")
                found[tried.id] = (tried, f"{path.name}::{name}")
    return dict(sorted(found.items(), key=lambda item: (item[0][0], int(item[0][1:]))))


def unregistered() -> list[str]:
    """Cases without an attempt that take the stack: each must try something."""
    loose = []
    for path in sorted(HERE.glob("test_*.py")):
        module = importlib.import_module(f"tests.escapes.{path.stem}")
        for name, test in vars(module).items():
            if name.startswith("test_") and callable(test) and not hasattr(test, "attempt"):
                loose.append(f"{path.name}::{name}")
    return loose


def table() -> str:
    """The attempts as a table in Markdown."""
    rows = [
        f"| {tried.id} | {tried.cannot} | {tried.wall} | {tried.answer} | `{test}` |"
        for tried, test in registered().values()
    ]
    return "\n".join(
        ["| | A researcher cannot … | stopped by | answer | tried by |", "|---|---|---|---|---|", *rows, ""]
    )


def documented() -> str:
    """The table as the document has it."""
    return DOCUMENT.read_text().split(BEGIN)[1].split(END)[0]


def main() -> None:
    """Compare the document with the register, or write it."""
    if sys.argv[1:] == ["--update"]:
        before, rest = DOCUMENT.read_text().split(BEGIN)
        DOCUMENT.write_text(before + BEGIN + table() + END + rest.split(END)[1])
    elif documented() != table():
        raise SystemExit("docs/security-properties.md is old: python -m tests.escapes.attempts --update")


if __name__ == "__main__":
    from tests.escapes import attempts  # not this copy of the module: the cases carry that one's attempts

    attempts.main()
