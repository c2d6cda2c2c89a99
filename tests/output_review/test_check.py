"""`sluse check`: the inspection as a person runs it, in a process with limits."""

from __future__ import annotations

import hashlib
import json
import subprocess
from pathlib import Path

from inspection import local
from tests.conftest import SLUSE


def test_files_are_inspected_without_docker_or_root(tmp_path: Path) -> None:
    good, bad, book = tmp_path / "good.csv", tmp_path / "bad.csv", tmp_path / "book.xlsx"
    good.write_text("region,n\nNord,12\n")
    bad.write_text("region,n\nNord,3\n")
    book.write_text("x")

    def check(*files: Path) -> subprocess.CompletedProcess[str]:
        command = ["setpriv", "--reuid=nobody", "--clear-groups", SLUSE, "check", *files]
        tmp_path.chmod(0o755)
        for above in list(tmp_path.parents)[:2]:
            above.chmod(0o755)
        return subprocess.run(command, capture_output=True, text=True, check=False)

    done = check(good, bad)
    assert done.returncode == 0, done.stderr
    assert f"{good}: csv, no findings" in done.stdout
    assert f"{bad}: csv, needs a checker" in done.stdout
    assert "A count below the threshold: row 2, column n (3)" in done.stdout
    done = check(book, good)
    assert done.returncode == 1
    assert "Save each sheet as CSV" in done.stdout
    assert "no findings" in done.stdout
    assert check(tmp_path / "none.csv").stderr.startswith(f"sluse: {tmp_path}/none.csv cannot be read")
    done = check(tmp_path, Path("--json"))
    assert done.returncode == 1
    files = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(Path(one["path"]).name, one["type"], one["verdict"]) for one in files] == [
        ("bad.csv", "csv", "needs a checker"),
        ("book.xlsx", "spreadsheet", "blocked"),
        ("good.csv", "csv", "no findings"),
    ]
    assert files[0]["sha256"] == hashlib.sha256(bad.read_bytes()).hexdigest()
    [finding] = files[0]["findings"]
    assert finding == {
        "check": "small_count",
        "kind": "small-count",
        "place": {"row": 2, "column": 2, "heading": "n"},
        "evidence": "3",
        "severity": "decide",
        "confidence": "high",
    }
    assert check(bad, Path("--policy=danmarks-statistik")).stdout == f"{bad}: csv, no findings\n"


def test_a_file_that_eats_memory_or_time_spoils_no_other(monkeypatch: object) -> None:
    bomb = b"a\n" + b'"' + b"x" * (3 << 20)
    reports = local.inspect({"bomb.csv": bomb, "deep.json": b"[" * 5_000_000, "good.csv": b"a,n\nx,12\n"})
    assert reports["good.csv"]["kind"] == "csv"
    assert "refused" in reports["bomb.csv"]
    assert "refused" in reports["deep.json"]
