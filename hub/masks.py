"""What the kernel tells every container of the whole host, and what ours are shown in its place.

One kernel counts for all: which file is locked, how many terminals there are, what was written to which disk. Two rooms
of different projects can agree to move such a count and to read it. So these paths are masked in every container of
ours. Four of them are asked by programs that a room needs (free, psutil, Dask), so where a researcher's program runs a
file that never changes stands over each: it says what the container's size is, and nothing of the host.
"""

from __future__ import annotations

import math
import re
import secrets
from pathlib import Path

from governance.rooms import Size
from governance.settings import Settings

DOCKERS = (
    *("/proc/asound", "/proc/acpi", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats"),
    *("/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug", "/proc/scsi", "/sys/firmware"),
)
"""What Docker masks by itself, the newest too: a list of one's own takes its place."""

READ_ONLY = ("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger")
"""Docker's own, again."""

COUNTS = (
    *("/proc/buddyinfo", "/proc/cgroups", "/proc/consoles", "/proc/crypto", "/proc/diskstats", "/proc/fs"),
    *("/proc/irq", "/proc/kallsyms", "/proc/key-users", "/proc/locks", "/proc/mdstat", "/proc/modules"),
    *("/proc/pagetypeinfo", "/proc/partitions", "/proc/pressure", "/proc/schedstat", "/proc/slabinfo"),
    *("/proc/softirqs", "/proc/swaps", "/proc/vmallocinfo", "/proc/vmstat", "/proc/zoneinfo"),
    *("/proc/sys/fs", "/proc/sys/kernel/ns_last_pid", "/proc/sys/kernel/pty", "/proc/sys/net/netfilter"),
    *("/sys/block", "/sys/class/bdi", "/sys/class/block", "/sys/class/powercap", "/sys/class/thermal"),
    *("/sys/dev/block", "/sys/kernel", "/sys/module", "/sys/power"),
)
"""What no program of a room was seen to need. Not among them is /sys/fs/cgroup: without it DuckDB takes itself to have
the whole host's memory."""

REPLACED = ("/proc/loadavg", "/proc/meminfo", "/proc/stat", "/proc/uptime")
"""Over these stands a file where a researcher's program runs; elsewhere they are masked, too."""

PCI_ADDRESS = r"[0-9a-f]{4,}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]"
BOOTED = 946_684_800
"""Seconds since 1970 at which every host was started, by /proc/stat: the beginning of 2000."""


def masked(*, replaced: bool) -> list[str]:
    """The paths that a container does not see; one that this kernel does not have is passed over by the engine.

    Args:
        replaced: whether files stand over those of `REPLACED`. A mask would hide them.
    """
    return [*DOCKERS, *COUNTS, *machines_own(), *(() if replaced else REPLACED)]


def machines_own() -> list[str]:
    """The folders of this machine's devices and file systems that count, or whose count is not known.

    Left are the processors, without what each has slept and how hot it is, and buses but for the controllers of disks:
    NVIDIA's NCCL looks for its GPUs there.
    """
    devices, file_systems, processors = Path("/sys/devices"), Path("/sys/fs"), Path("/sys/devices/system/cpu")
    left = {"system", "cpu", "memory", "cgroup", *(path.name for path in devices.glob("pci*"))}
    folders = {
        *(path for of in (devices, devices / "system", file_systems) for path in of.iterdir() if path.name not in left),
        *(above for disk in Path("/sys/block").iterdir() for above in _controller(disk.resolve())),
        *(path for name in ("cpuidle", "thermal_throttle", "acpi_cppc") for path in processors.glob(f"cpu*/{name}")),
        *processors.glob("cpufreq"),
    }
    return sorted(str(path) for path in folders if path.is_dir())


def _controller(disk: Path) -> list[Path]:
    """What a disk is behind on the bus, for a controller counts, too; none for one on no bus, as a loop device."""
    return [above for above in disk.parents if re.fullmatch(PCI_ADDRESS, above.name)][:1]


def files(size: Size) -> dict[str, str]:
    """What stands over the kernel's own files, by path: the memory and processors of a size, all of it free."""
    kib = size.memory // 1024
    none = (
        *("Buffers", "Cached", "SwapCached", "Active", "Inactive", "SwapTotal", "SwapFree", "Dirty", "Writeback"),
        *("AnonPages", "Mapped", "Shmem", "Slab", "SReclaimable", "SUnreclaim"),
    )
    memory = dict.fromkeys(("MemTotal", "MemFree", "MemAvailable"), kib) | dict.fromkeys(none, 0)
    processors = ("cpu ", *(f"cpu{number}" for number in range(math.ceil(size.cpus))))
    counts = {"intr": "0", "ctxt": "0", "btime": BOOTED, "processes": 1, "procs_running": 1, "procs_blocked": 0}
    return {
        "/proc/loadavg": "0.00 0.00 0.00 1/1 1\n",
        "/proc/meminfo": "".join(f"{name + ':':<16}{value:>8} kB\n" for name, value in memory.items()),
        "/proc/stat": "".join(f"{name} 0 0 0 0 0 0 0 0 0 0\n" for name in processors)
        + "".join(f"{name} {value}\n" for name, value in counts.items())
        + f"softirq{' 0' * 11}\n",
        "/proc/uptime": "1.00 1.00\n",
    }


def binds(folder: Path, size: Size) -> list[str]:
    """The files of a size as Docker's binds, from the folder in which `prepare` puts them."""
    return [f"{_place(folder, size, path)}:{path}:ro" for path in REPLACED]


def prepare(settings: Settings, size: Size) -> None:
    """Write the files of a size where `binds` looks for them. Containers that run keep those that they have."""
    for path, text in files(size).items():
        place = _place(settings.masks, size, path)
        if place.exists() and place.read_text() == text:
            continue
        place.parent.mkdir(exist_ok=True)
        place.parent.chmod(0o755)
        partial = place.with_suffix(f".{secrets.token_hex(4)}")  # another start may write the same now
        partial.write_text(text)
        partial.chmod(0o444)
        partial.replace(place)


def _place(folder: Path, size: Size, path: str) -> Path:
    return folder / f"{size.memory}-{math.ceil(size.cpus)}" / Path(path).name
