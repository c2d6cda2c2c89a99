"""What leaves: `sluse verify` and `check`."""

from __future__ import annotations

import json
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from inspection.policies import DEFAULT, POLICIES
from sluse.command_line import fail

Policy = Enum("Policy", {name: name for name in POLICIES}, type=str)  # type: ignore[misc]
"""The names of policies, as a choice."""
USUAL = Policy(DEFAULT)


def verify(
    bundle: Annotated[Path, typer.Argument(help="A release, as it was downloaded.")],
    trust: Annotated[
        Path, typer.Option(help="Public keys you trust (PEM), fetched from the operator, never from the bundle.")
    ],
) -> None:
    """Check a release offline: who signed it, and that its files are the approved ones."""
    from output_review.bundle import trusted_keys
    from output_review.bundle import verify as check

    try:
        content = bundle.read_bytes()
    except OSError as e:
        fail(f"{bundle} cannot be read: {e.strerror}")
    manifest = check(content, trusted_keys(trust))
    print(f"Request {manifest['request']} of project {manifest['project']}: signed, and every file as approved.")
    for file in manifest["files"]:
        print(f"  {file['sha256']}  {file['name']}")


def check(
    paths: Annotated[list[Path], typer.Argument(help="Files as they would be requested, or folders of them.")],
    policy: Annotated[Policy, typer.Option(help="Whose limits they are judged by.")] = USUAL,
    as_json: Annotated[bool, typer.Option("--json", help="Print a line of JSON for each file.")] = False,
) -> None:
    """Inspect files as a release request would: what would leave, and what a checker would be told.

    Ends with 1 when a file cannot be released, or holds what must not leave.
    """
    from inspection import local

    try:
        read = {str(file): file.read_bytes() for path in paths for file in _files(path)}
    except OSError as e:
        fail(f"{e.filename} cannot be read: {e.strerror}")
    is_blocked = False
    for path, raw in read.items():
        report = local.inspect({path: raw}, policy.value)[path]
        is_blocked |= local.verdict(report) is local.Verdict.BLOCKED
        lines = (
            [json.dumps(local.as_json(path, raw, report), ensure_ascii=False)]
            if as_json
            else local.in_words({path: report})
        )
        print("\n".join(lines), flush=True)
    raise SystemExit(is_blocked)


def _files(path: Path) -> list[Path]:
    return sorted(one for one in path.rglob("*") if one.is_file()) if path.is_dir() else [path]
