"""What a room uses, as both versions of control groups say it."""

from __future__ import annotations

from pathlib import Path

import pytest
from datasluse.usage import usage

VERSION_1 = {
    "memory/memory.stat": "cache 900\nrss 1\ntotal_cache 900\ntotal_rss 300\ntotal_shmem 20\n",
    "memory/memory.limit_in_bytes": "1000\n",
    "memory/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n",
    "cpu/cpu.cfs_quota_us": "150000\n",
    "cpu/cpu.cfs_period_us": "100000\n",
    "cpuacct/cpuacct.usage": "2500000000\n",
}
VERSION_2 = {
    "cgroup.controllers": "cpu memory\n",
    "memory.stat": "anon 300\nfile 900\nshmem 20\n",
    "memory.max": "1000\n",
    "memory.events": "low 0\nhigh 0\nmax 7\noom 2\noom_kill 2\n",
    "cpu.max": "150000 100000\n",
    "cpu.stat": "usage_usec 2500000\nuser_usec 1\n",
}


@pytest.mark.parametrize("files", [VERSION_1, VERSION_2], ids=["1", "2"])
def test_what_cannot_be_given_back_is_used(tmp_path: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    now = usage(tmp_path)
    assert (now.memory, now.memory_limit, now.cpus, now.processor, now.killed) == (320, 1000, 1.5, 2.5, 2)


def test_without_control_groups_nothing_is_said(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"memory\.stat"):
        usage(tmp_path)
