"""What the checks find, and what they call by mistake, in files as researchers save them, by check and by form.

    .venv/bin/python -m benchmarks.detection [--seed N] [--tables N]     (after ./up: needs the image `base`)

`benchmarks.corpus` makes the files anew, in the image that rooms have; its words are not those of the rules. Intervals
are Wilson's (1927), 95 %. Result: docs/results/detection.json.
"""

from __future__ import annotations

import argparse
import io
import json
import math
import secrets
import subprocess
import sys
import tarfile
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

from docker import APIClient

from inspection.engine import inspect
from inspection.report import NoCanonicalForm

ROOT = Path(__file__).parent.parent
CHECK = {"rows": "rows", "counts": "small_count"}
"""The check that has to find what a part of the corpus is unsafe by."""
Z = 1.96


def corpus(seed: int, tables: int) -> list[tuple[str, bytes]]:
    """Made in the newest image `base` that the engine has."""
    tagged = [
        tag for image in APIClient().images() for tag in image["RepoTags"] or [] if tag.startswith("datasluse/base:")
    ]
    if not tagged:
        sys.exit("There is no image of rooms here: run ./up first.")
    command = ["docker", "run", "--rm", "-i", "--network=none", tagged[0], "python", "-", str(seed), str(tables)]
    program = (Path(__file__).parent / "corpus.py").read_bytes()
    made = subprocess.run(command, input=program, capture_output=True, check=False)
    if made.returncode:
        sys.exit(made.stderr.decode())
    with tarfile.open(fileobj=io.BytesIO(made.stdout)) as files:
        return [(one.name, file.read()) for one in files if (file := files.extractfile(one))]


def found(name: str, raw: bytes) -> set[str]:
    """The checks that find something in a file; a file that is refused leaves nobody."""
    try:
        return {finding.check for finding in inspect(Path(name).name, raw).findings}
    except NoCanonicalForm:
        return {"refused"}


def interval(hits: int, of: int) -> list[float]:
    """Wilson's interval for a share."""
    if not of:
        return [0.0, 1.0]
    share, square = hits / of, Z * Z
    middle = (share + square / (2 * of)) / (1 + square / of)
    half = Z / (1 + square / of) * math.sqrt(share * (1 - share) / of + square / (4 * of * of))
    return [round(max(middle - half, 0), 3), round(min(middle + half, 1), 3)]


def main() -> None:
    """Measure, print, and keep the result."""
    options = argparse.ArgumentParser()
    options.add_argument("--seed", type=int, default=secrets.randbelow(1 << 30))
    options.add_argument("--tables", type=int, default=100)
    given = options.parse_args()
    hits: Counter[tuple[str, str, str]] = Counter()
    number: Counter[tuple[str, str, str]] = Counter()
    for name, raw in corpus(given.seed, given.tables):
        part, verdict, form, _ = name.split("/")
        checks = found(name, raw)
        for check in CHECK if verdict == "safe" else [part]:
            key = (check, verdict, form)
            number[key] += 1
            hits[key] += CHECK[check] in checks or (verdict == "unsafe" and "refused" in checks)
    result: dict[str, object] = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "seed": given.seed,
        "tables": given.tables,
    }
    for check in CHECK:
        said = {}
        for verdict, word in (("unsafe", "found"), ("safe", "false alarms")):
            keys = [key for key in number if key[:2] == (check, verdict)]
            of, hit = sum(number[key] for key in keys), sum(hits[key] for key in keys)
            said[word] = {
                "files": of,
                "share": round(hit / of, 3),
                "interval": interval(hit, of),
                "by form": {key[2]: round(hits[key] / number[key], 2) for key in sorted(keys)},
            }
        result[check] = said
    (ROOT / "docs" / "results" / "detection.json").write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n")
    print(json.dumps(result, indent=1, ensure_ascii=False))


if __name__ == "__main__":
    main()
