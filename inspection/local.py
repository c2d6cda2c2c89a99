"""The same inspection in a subprocess with limits, without Docker, root or a service: `sluse check`."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import tarfile
from collections.abc import Iterator, Mapping
from enum import StrEnum
from hashlib import sha256
from pathlib import PurePath
from typing import Any

from inspection import types
from inspection.checks import CHECKS, Kind
from inspection.places import words
from inspection.policies import DEFAULT
from inspection.report import DROPPED, EVIDENCE, Severity, advice, said

LIMITS = ("--as=2147483648", "--cpu=60", "--fsize=0", "--core=0", "--nofile=64")
"""Of one file's inspection: bytes of memory, seconds, no file written."""


class Verdict(StrEnum):
    """What a file's findings come to. None says that a file is safe."""

    BLOCKED = "blocked"
    """It cannot be released, or holds what must not leave."""
    NEEDS_A_CHECKER = "needs a checker"
    NO_FINDINGS = "no findings"
    """Nothing that anybody must judge; what is good to know may be there."""


def inspect(files: Mapping[str, bytes], policy: str = DEFAULT) -> dict[str, dict[str, Any]]:
    """Each file's report by its path, made one by one, so that one that breaks the engine spoils no other's."""
    return {path: _inspected(PurePath(path).name, raw, policy) for path, raw in files.items()}


def verdict(report: Mapping[str, Any]) -> Verdict:
    """What a report comes to."""
    severities = {finding["severity"] for finding in report.get("findings", [])}
    if "refused" in report or Severity.BLOCK in severities:
        return Verdict.BLOCKED
    return Verdict.NEEDS_A_CHECKER if Severity.DECIDE in severities else Verdict.NO_FINDINGS


def as_json(path: str, raw: bytes, report: Mapping[str, Any]) -> dict[str, Any]:
    """A file's report as `sluse check --json` prints it."""
    return {
        "path": path,
        "sha256": sha256(raw).hexdigest(),
        "type": report.get("kind") or types.by_name(path).name,
        "verdict": verdict(report),
        "findings": [_refusal(report["refused"])]
        if "refused" in report
        else [_said(one) for one in report["findings"]],
    }


def _said(finding: Mapping[str, Any]) -> dict[str, Any]:
    told = {key: finding[key] for key in ("check", "kind", "place", "severity", "confidence")}
    return {**told, "evidence": said(EVIDENCE, finding["said"], finding["values"])}


def _refusal(reason: str) -> dict[str, Any]:
    return {
        "check": "type",
        "kind": Kind.TYPE,
        "place": {},
        "severity": Severity.BLOCK,
        "confidence": "high",
        "evidence": advice(reason),
    }


def in_words(reports: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Lines for a terminal."""
    for path, report in reports.items():
        if "refused" in report:
            yield f"{path}: cannot be released. {advice(report['refused'])}"
            continue
        yield f"{path}: {report['kind']}, {verdict(report)}"
        for finding in report["findings"]:
            evidence = said(EVIDENCE, finding["said"], finding["values"])
            yield f"  {CHECKS[finding['check']].title}: {words(finding['place'])} ({evidence})"
        for dropped in report["dropped"]:
            what = said(DROPPED, dropped["what"], dropped["values"])
            yield f"  would not leave: {what} ({words(dropped['place'])})"


def _inspected(name: str, raw: bytes, policy: str) -> dict[str, Any]:
    given = io.BytesIO()
    with tarfile.open(fileobj=given, mode="w") as tar:
        header = tarfile.TarInfo(f"1/{name}")
        header.size = len(raw)
        tar.addfile(header, io.BytesIO(raw))
    command = ["/usr/bin/prlimit", *LIMITS, sys.executable, "-m", "inspection", policy]
    done = subprocess.run(command, input=given.getvalue(), capture_output=True, check=False)
    try:
        with tarfile.open(fileobj=io.BytesIO(done.stdout), mode="r:") as tar:
            report = tar.extractfile("1/report.json")
            said: dict[str, Any] = json.loads(report.read()) if report else {}
    except (tarfile.TarError, KeyError, ValueError):
        said = {}
    return said or {"refused": "failed", "detail": f"ended with {done.returncode}"}
