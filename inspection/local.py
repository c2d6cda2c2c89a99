"""The same inspection in a subprocess with limits, without Docker, root or a service: `sluse check`."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import PurePath
from typing import Any

from inspection.checks import CHECKS
from inspection.places import words
from inspection.report import DROPPED, EVIDENCE, advice, said

LIMITS = ("--as=2147483648", "--cpu=60", "--fsize=0", "--core=0", "--nofile=64")
"""Of one file's inspection: bytes of memory, seconds, no file written."""


def inspect(files: Mapping[str, bytes]) -> dict[str, dict[str, Any]]:
    """Each file's report by its path, made one by one, so that one that breaks the engine spoils no other's."""
    return {path: _inspected(PurePath(path).name, raw) for path, raw in files.items()}


def in_words(reports: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Lines for a terminal."""
    for path, report in reports.items():
        if "refused" in report:
            yield f"{path}: cannot be released. {advice(report['refused'])}"
            continue
        yield f"{path}: {report['kind']}, {len(report['findings'])} findings"
        for finding in report["findings"]:
            evidence = said(EVIDENCE, finding["said"], finding["values"])
            yield f"  {CHECKS[finding['check']].title}: {words(finding['place'])} ({evidence})"
        for dropped in report["dropped"]:
            what = said(DROPPED, dropped["what"], dropped["values"])
            yield f"  would not leave: {what} ({words(dropped['place'])})"


def _inspected(name: str, raw: bytes) -> dict[str, Any]:
    given = io.BytesIO()
    with tarfile.open(fileobj=given, mode="w") as tar:
        header = tarfile.TarInfo(f"1/{name}")
        header.size = len(raw)
        tar.addfile(header, io.BytesIO(raw))
    command = ["/usr/bin/prlimit", *LIMITS, sys.executable, "-m", "inspection"]
    done = subprocess.run(command, input=given.getvalue(), capture_output=True, check=False)
    try:
        with tarfile.open(fileobj=io.BytesIO(done.stdout), mode="r:") as tar:
            report = tar.extractfile("1/report.json")
            said: dict[str, Any] = json.loads(report.read()) if report else {}
    except (tarfile.TarError, KeyError, ValueError):
        said = {}
    return said or {"refused": "failed", "detail": f"ended with {done.returncode}"}
