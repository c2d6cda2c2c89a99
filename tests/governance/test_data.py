from __future__ import annotations

from pathlib import Path

import pytest

from governance import data
from governance.errors import Invalid


def test_equal_folders_are_one_snapshot(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name / "inner").mkdir(parents=True)
        (tmp_path / name / "inner" / "a.csv").write_text("x\n")
        (tmp_path / name / "b.csv").write_text("y\n")
    store = tmp_path / "store"
    first, second = (data.snapshot(tmp_path / name, store) for name in ("one", "two"))
    assert first == second
    assert first[1:] == (2, 4)
    assert [p.name for p in store.iterdir()] == [first[0]]


def test_a_changed_byte_a_moved_file_and_a_new_name_are_other_snapshots(tmp_path: Path) -> None:
    hashes = set()
    for path, text in (("a.csv", "x"), ("a.csv", "y"), ("b.csv", "x"), ("inner/a.csv", "x")):
        source = tmp_path / f"source{len(hashes)}"
        (source / path).parent.mkdir(parents=True)
        (source / path).write_text(text)
        hashes.add(data.snapshot(source, tmp_path / "store")[0])
    assert len(hashes) == 4


def test_a_snapshot_is_read_only(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x")
    sha256, _, _ = data.snapshot(tmp_path / "a.csv", tmp_path / "store")
    assert (tmp_path / "store" / sha256).stat().st_mode & 0o777 == 0o555
    assert (tmp_path / "store" / sha256 / "a.csv").stat().st_mode & 0o777 == 0o444


def test_links_and_nothing_are_refused_and_leave_nothing(tmp_path: Path) -> None:
    source, store = tmp_path / "source", tmp_path / "store"
    source.mkdir()
    with pytest.raises(Invalid, match="no files"):
        data.snapshot(source, store)
    (source / "link").symlink_to("/etc/passwd")
    with pytest.raises(Invalid, match="link or a device"):
        data.snapshot(source, store)
    with pytest.raises(Invalid, match="no file or folder"):
        data.snapshot(tmp_path / "none", store)
    assert not store.exists() or not list(store.iterdir())
