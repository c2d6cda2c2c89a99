"""A disk that is full: a clear word, and nothing half done."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from governance import data
from governance.errors import Invalid
from output_review.frozen import FrozenStore


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "none", disk], check=True)
    yield disk
    subprocess.run(["umount", disk], check=True)


async def stream(size: int) -> AsyncIterator[bytes]:
    for _ in range(size // 1024):
        yield b"x" * 1024


def test_an_upload_that_does_not_fit_leaves_nothing(small_disk: Path) -> None:
    store = FrozenStore(small_disk)
    with pytest.raises(Invalid, match="could not be stored: No space left"):
        asyncio.run(store.receive(stream(1 << 20), 1 << 20))
    assert list(small_disk.iterdir()) == []
    assert asyncio.run(store.receive(stream(10 << 10), 10 << 10))


def test_a_snapshot_that_does_not_fit_leaves_nothing(small_disk: Path, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "large").write_bytes(b"x" * (1 << 20))
    with pytest.raises(Invalid, match="No space left"):
        data.snapshot(source, small_disk)
    assert list(small_disk.iterdir()) == []
    (source / "large").write_bytes(b"x" * 1024)
    assert data.snapshot(source, small_disk)[1] == 1


def test_what_a_killed_process_left_is_swept(tmp_path: Path) -> None:
    (tmp_path / ".partial-1").write_bytes(b"half")
    store = FrozenStore(tmp_path)
    kept = store.put(b"whole")
    store.sweep()
    assert [file.name for file in tmp_path.iterdir()] == [kept]
