"""What stands over the kernel's own counts, and what is masked of this machine."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from governance import settings as settings_module
from governance.rooms import Size
from governance.settings import Settings
from hub import masks

SIZE = Size(memory=3 << 30, cpus=2.5, processes=512)


def test_the_files_say_a_sizes_memory_and_processors() -> None:
    files = masks.files(SIZE)
    assert set(files) == set(masks.REPLACED)
    memory = dict(line.split(":") for line in files["/proc/meminfo"].splitlines())
    assert {memory[name].split()[0] for name in ("MemTotal", "MemFree", "MemAvailable")} == {str(3 << 20)}
    processors = [line.split()[0] for line in files["/proc/stat"].splitlines() if line.startswith("cpu")]
    assert processors == ["cpu", "cpu0", "cpu1", "cpu2"]


def test_files_are_written_once_and_a_container_that_runs_keeps_its_own(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings_module, "STATE", tmp_path)
    settings.masks.mkdir(parents=True)
    kept_umask = os.umask(0o077)
    try:
        masks.prepare(settings, SIZE)
    finally:
        os.umask(kept_umask)
    sources = {Path(bind.split(":")[0]): bind.split(":", 1)[1] for bind in masks.binds(settings.masks, SIZE)}
    assert sorted(sources.values()) == [f"{path}:ro" for path in masks.REPLACED]
    for source in sources:
        assert source.stat().st_mode & 0o777 == 0o444
        assert source.parent.stat().st_mode & 0o777 == 0o755
    assert sorted(next(iter(sources)).parent.iterdir()) == sorted(sources)  # and nothing half-made

    meminfo = next(source for source in sources if source.name == "meminfo")
    with meminfo.open() as bound:
        masks.prepare(settings, SIZE)
        assert meminfo.stat().st_ino == os.fstat(bound.fileno()).st_ino
        meminfo.chmod(0o644)
        meminfo.write_text("of an earlier version\n")
        masks.prepare(settings, SIZE)
        assert meminfo.read_text() == masks.files(SIZE)["/proc/meminfo"]
        assert bound.read() == "of an earlier version\n"


def test_of_this_machine_only_processors_and_buses_are_left() -> None:
    masked = [Path(path) for path in masks.masked(replaced=False)]
    assert len(masked) == len(set(masked))

    def hidden(path: Path) -> bool:
        return any(path.resolve().is_relative_to(mask) for mask in masked)

    assert [path for path in Path("/sys/class").glob("*/*/stat") if not hidden(path)] == []
    assert [path for path in Path("/sys/block").iterdir() if not hidden(path / "stat")] == []
    assert hidden(Path("/sys/devices/virtual/bdi"))
    for needed in ("/sys/fs/cgroup", "/sys/devices/system/cpu/online", "/sys/devices/system/cpu/cpu0/topology"):
        assert not hidden(Path(needed)), needed
