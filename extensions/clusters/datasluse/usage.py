"""How much of its memory and processors the room uses, as the kernel's control groups count it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

GROUPS = Path("/sys/fs/cgroup")


@dataclass(frozen=True, slots=True)
class Usage:
    """Sizes in bytes, times in seconds."""

    memory: int
    """What cannot be given back when memory is short: of programs, and files in /tmp and /dev/shm."""
    memory_limit: int
    cpus: float
    """Processors that it may use."""
    processor: float
    """Processor time used since the room opened."""
    at: float
    """When, on a clock that only goes on."""
    killed: int
    """Programs that the kernel has ended since the room opened because memory was used up."""


def usage(groups: Path = GROUPS) -> Usage:
    """What is used now.

    Raises:
        OSError: no control groups are to be seen here.
        KeyError: they do not say what they should.
    """
    if (groups / "cgroup.controllers").exists():
        return _version_2(groups)
    memory, cpu = groups / "memory", groups / "cpu"
    stat = _pairs(memory / "memory.stat")
    return Usage(
        # usage_in_bytes would count the page cache, which is given back
        memory=stat["total_rss"] + stat["total_shmem"],
        memory_limit=int((memory / "memory.limit_in_bytes").read_text()),
        cpus=int((cpu / "cpu.cfs_quota_us").read_text()) / int((cpu / "cpu.cfs_period_us").read_text()),
        processor=int((groups / "cpuacct" / "cpuacct.usage").read_text()) / 1e9,
        at=time.monotonic(),
        killed=_pairs(memory / "memory.oom_control")["oom_kill"],
    )


def _version_2(group: Path) -> Usage:
    stat = _pairs(group / "memory.stat")
    quota, period = (group / "cpu.max").read_text().split()
    return Usage(
        memory=stat["anon"] + stat["shmem"],
        memory_limit=int((group / "memory.max").read_text()),
        cpus=int(quota) / int(period),
        processor=_pairs(group / "cpu.stat")["usage_usec"] / 1e6,
        at=time.monotonic(),
        killed=_pairs(group / "memory.events")["oom_kill"],
    )


def _pairs(path: Path) -> dict[str, int]:
    """A file of lines with a name and a number."""
    return {name: int(value) for name, value in (line.split() for line in path.read_text().splitlines())}
