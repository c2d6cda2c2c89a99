"""What leaves: `sluse verify` and `check`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from sluse.command_line import Json, fail


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
    files: Annotated[list[Path], typer.Argument(help="Files as they would be requested.")], as_json: Json = False
) -> None:
    """Inspect files as a release request would: what would leave, and what a checker would be told."""
    from inspection import local

    try:
        reports = local.inspect({str(file): file.read_bytes() for file in files})
    except OSError as e:
        fail(f"{e.filename} cannot be read: {e.strerror}")
    print(json.dumps(reports, indent=1) if as_json else "\n".join(local.in_words(reports)))
    if any("refused" in report for report in reports.values()):
        raise SystemExit(1)
