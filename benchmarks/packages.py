"""`pip install` in a room, the first time and again, against plain pip on the host, in rotated rounds of one run.

    .venv/bin/python -m benchmarks.packages     (as root, after ./test; makes an installation `bench`, and removes it)

The first time nobody on this platform has asked for the package; the second time the mirror has it. Plain pip asks the
same index, without a cache of its own, as pip in a room is set up. Result: docs/results/packages.json.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime

from docker import APIClient

from benchmarks.proxies import ROOT
from benchmarks.room import ours
from governance.settings import load

PACKAGES = ("geopandas", "humanize", "linearmodels", "rasterio", "gensim", "econml", "biopython")
"""From 0.1 to 30 MB; on the list, and in no image."""
OPTIONS = ("-q", "--no-deps", "--no-cache-dir", "--disable-pip-version-check")


def plain(package: str) -> float:
    """Seconds of pip on the host."""
    with tempfile.TemporaryDirectory() as folder:
        begun = time.monotonic()
        subprocess.run([sys.executable, "-m", "pip", "install", *OPTIONS, "-t", folder, package], check=True)
        return time.monotonic() - begun


def in_room(docker: APIClient, name: str, package: str) -> float:
    """Seconds of pip in a room; what was installed goes again."""
    begun = time.monotonic()
    command = ["sh", "-c", f"pip install {' '.join(OPTIONS)} -t /home/researcher/it {package} && rm -r ~/it"]
    made = docker.exec_create(name, command, user="64000:64000", environment={"HOME": "/home/researcher"})["Id"]
    said: bytes = docker.exec_start(made)
    took = time.monotonic() - begun
    if docker.exec_inspect(made)["ExitCode"]:
        raise RuntimeError(said.decode())
    return took


def main() -> None:
    """Measure, print, and keep the result."""
    docker = APIClient(timeout=600)
    seconds: dict[str, list[float]] = {"plain pip": [], "first in a room": [], "second in a room": []}
    with ours() as here:
        _, room = here.ready()
        ways = {
            "plain pip": plain,
            "first in a room": lambda package: in_room(docker, room.containers[0], package),
        }
        for number, package in enumerate(PACKAGES):
            for name in list(ways)[:: 1 if number % 2 else -1]:
                seconds[name].append(ways[name](package))
            seconds["second in a room"].append(in_room(docker, room.containers[0], package))
            print(package, {name: round(each[-1], 2) for name, each in seconds.items()}, flush=True)
        room.end()
        index = load("bench").packages_index
    result: dict[str, object] = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "cores": os.cpu_count(),
        "kernel": platform.release(),
        "index": index,
        "packages": list(PACKAGES),
        "seconds": {name: round(statistics.median(each), 2) for name, each in seconds.items()},
    }
    for name in ("first in a room", "second in a room"):
        ratios = [a / b for a, b in zip(seconds[name], seconds["plain pip"], strict=True)]
        result[f"{name} / plain pip"] = round(statistics.median(ratios), 2)
    (ROOT / "docs" / "results" / "packages.json").write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
