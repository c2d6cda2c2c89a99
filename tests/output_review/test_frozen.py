from __future__ import annotations

import asyncio
import hashlib
import io
import tarfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from governance.errors import Invalid
from output_review import worker
from output_review.frozen import FrozenStore, Tampered


async def stream(*blocks: bytes) -> AsyncIterator[bytes]:
    for block in blocks:
        yield block


def receive(store: FrozenStore, length: int, *blocks: bytes) -> str:
    return asyncio.run(store.receive(stream(*blocks), length))


@pytest.fixture
def kept(tmp_path: Path) -> FrozenStore:
    return FrozenStore(tmp_path)


def test_bytes_are_named_by_their_hash(kept: FrozenStore) -> None:
    sha256 = receive(kept, 6, b"abc", b"def")
    assert sha256 == hashlib.sha256(b"abcdef").hexdigest()
    assert kept.read(sha256) == b"abcdef"
    assert kept.put(b"abcdef") == sha256
    assert [p.name for p in kept.folder.iterdir()] == [sha256]


@pytest.mark.parametrize(("length", "blocks"), [(7, (b"abcdef",)), (5, (b"abcdef",)), (3, (b"ab", b"cdef")), (1, ())])
def test_another_length_than_announced_leaves_nothing(
    kept: FrozenStore, length: int, blocks: tuple[bytes, ...]
) -> None:
    with pytest.raises(Invalid, match="length it announced"):
        receive(kept, length, *blocks)
    assert list(kept.folder.iterdir()) == []


def test_changed_bytes_are_not_read(kept: FrozenStore) -> None:
    sha256 = kept.put(b"abc")
    (kept.folder / sha256).chmod(0o600)
    (kept.folder / sha256).write_bytes(b"abd")
    with pytest.raises(Tampered):
        kept.read(sha256)
    with pytest.raises(Tampered):
        kept.read("0" * 64)


def tar(**members: bytes) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, content in members.items():
            header = tarfile.TarInfo(name.replace("__", "/"))
            header.size = len(content)
            archive.addfile(header, io.BytesIO(content))
    return out.getvalue()


GOOD = b'{"kind": "csv", "policy": "x/1", "dropped": [], "findings": []}'


def test_a_whole_answer_of_the_sandbox_is_kept(kept: FrozenStore) -> None:
    made = worker.unpacked(tar(**{"1__report.json": GOOD, "1__canonical": b"a", "1__view.html": b"v"}))
    assert worker.keep(made, kept, {1: ()})[1].canonical_sha256 == hashlib.sha256(b"a").hexdigest()


@pytest.mark.parametrize(
    "members",
    [
        {},
        {"1__report.json": b"not json", "1__canonical": b"a", "1__view.html": b"v"},
        {"1__report.json": b"[]", "1__canonical": b"a", "1__view.html": b"v"},
        {"1__report.json": GOOD.replace(b"kind", b"other"), "1__canonical": b"a", "1__view.html": b"v"},
        {
            "1__report.json": b'{"kind": 3, "policy": "x/1", "dropped": [], "findings": []}',
            "1__canonical": b"a",
            "1__view.html": b"v",
        },
        {"1__report.json": b"[" * 100_000, "1__canonical": b"a", "1__view.html": b"v"},
        {"1__report.json": GOOD, "1__view.html": b"v"},
        {"1__report.json": GOOD, "1__canonical": b"a"},
        {"2__report.json": GOOD, "2__canonical": b"a", "2__view.html": b"v"},
    ],
)
def test_any_other_answer_refuses_the_file(kept: FrozenStore, members: dict[str, bytes]) -> None:
    found = worker.keep(worker.unpacked(tar(**members)), kept, {1: ()})
    assert found[1].canonical_sha256 is None
    assert found[1].report["refused"] == "failed"
