"""Scripts in the background, started by one process and left by it; notebooks run in a room (tests/stories)."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from pathlib import Path

import psutil
import pytest
from datasluse import batch
from datasluse.batch import Run

from tests.conftest import ROOT, until


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "extensions" / "clusters"))
    monkeypatch.setattr(batch, "GATE", ("127.0.0.1", 1))  # nobody answers
    monkeypatch.setattr(batch, "PUBLISHED", tmp_path / "project")
    return tmp_path / "runs"


def script(tmp_path: Path, text: str, name: str = "study.py") -> Path:
    path = tmp_path / name
    path.write_text(text)
    return path


def ended(run: Run, runs: Path) -> Run:
    until(lambda: now(run, runs).state != "running", 20)
    return now(run, runs)


def now(run: Run, runs: Path) -> Run:
    return next(one for one in batch.every(runs) if one.id == run.id)


def test_a_script_runs_and_is_kept_with_what_it_printed(tmp_path: Path, runs: Path) -> None:
    file = script(tmp_path, "import sys, os; print('in', os.getcwd(), sys.argv[1:])")
    run = batch.start(file, arguments=["2020", "--slow"], runs=runs)
    assert run.state == "running"
    after = ended(run, runs)
    assert (after.state, after.file, after.arguments) == ("done", str(file), ("2020", "--slow"))
    assert after.ended > after.started
    folder = runs / run.id
    assert (folder / "log.txt").read_text() == f"in {tmp_path} ['2020', '--slow']\n"
    assert (folder / "source.py").read_text() == file.read_text()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("raise ValueError('of two\\nlines')", "ValueError: of two"),
        ("print('Error: min fejl\\nExecution halted'); exit(1)", "Error: min fejl"),
        ("print('no word'); exit(3)", "no word"),
        ("exit(3)", ""),
    ],
)
def test_what_fails_says_why(tmp_path: Path, runs: Path, text: str, why: str) -> None:
    after = ended(batch.start(script(tmp_path, text), runs=runs), runs)
    assert (after.state, after.why) == ("failed", why)


def test_a_run_outlives_who_started_it(tmp_path: Path, runs: Path) -> None:
    """The process that starts it ends at once, as a terminal that is closed does: with its whole session."""
    file = script(tmp_path, "import time; time.sleep(1); print('still here')")
    program = (
        "import os, signal, sys; from pathlib import Path; from datasluse import batch;"
        "signal.signal(signal.SIGHUP, signal.SIG_DFL);"  # whoever runs the tests may have them go on without a terminal
        f"batch.start(Path({str(file)!r}), runs=Path({str(runs)!r})); os.killpg(0, signal.SIGHUP)"
    )
    if (starter := os.fork()) == 0:
        os.setsid()
        os.execv(sys.executable, [sys.executable, "-c", program])
    assert os.WTERMSIG(os.waitpid(starter, 0)[1]) == signal.SIGHUP
    (run,) = batch.every(runs)
    assert run.state == "running"
    assert ended(run, runs).state == "done"
    assert "still here" in (runs / run.id / "log.txt").read_text()


def test_cancelling_ends_it_with_all_that_it_started(tmp_path: Path, runs: Path) -> None:
    text = (
        "import subprocess, sys, time\n"
        "started = subprocess.Popen(['sleep', '300'], start_new_session=True)\n"
        "print(started.pid, flush=True)\ntime.sleep(300)\n"
    )
    run = batch.start(script(tmp_path, text), runs=runs)
    log = runs / run.id / "log.txt"
    until(lambda: log.read_text().strip().isdecimal(), 20)
    batch.cancel(run.id, runs)
    assert ended(run, runs).state == "cancelled"
    assert not psutil.pid_exists(int(log.read_text()))
    with pytest.raises(batch.Invalid, match="goes on in this room"):
        batch.cancel(run.id, runs)


def test_a_run_whose_room_ended_is_lost(tmp_path: Path, runs: Path) -> None:
    run = batch.start(script(tmp_path, "import time; time.sleep(300)"), runs=runs)
    until(lambda: now(run, runs).pid != 0, 20)
    runner = psutil.Process(now(run, runs).pid)
    for process in [runner, *runner.children()]:
        process.kill()
    until(lambda: now(run, runs).state == "lost", 20)


def test_another_rooms_process_of_the_same_number_is_not_ended(tmp_path: Path, runs: Path) -> None:
    run = batch.start(script(tmp_path, "import time; time.sleep(300)"), runs=runs)
    until(lambda: now(run, runs).pid != 0, 20)
    said = json.loads((runs / run.id / "run.json").read_text())
    runner = said["pid"]
    (runs / run.id / "run.json").write_text(json.dumps(said | {"pid": os.getpid()}))
    with pytest.raises(batch.Invalid):
        batch.cancel(run.id, runs)
    (runs / run.id / "run.json").write_text(json.dumps(said))
    assert psutil.pid_exists(runner)
    batch.cancel(run.id, runs)
    assert ended(run, runs).state == "cancelled"


@pytest.mark.parametrize(
    ("name", "parameters", "arguments", "said"),
    [
        ("missing.py", {}, (), "There is no file"),
        ("table.csv", {}, (), "neither a notebook"),
        ("study.py", {"year": "2020"}, (), "after --"),
        ("study.ipynb", {}, ("2020",), "by -p"),
    ],
)
def test_what_cannot_be_run_says_what_to_do(
    tmp_path: Path, runs: Path, name: str, parameters: dict[str, str], arguments: tuple[str, ...], said: str
) -> None:
    if name != "missing.py":
        script(tmp_path, "{}", name)
    with pytest.raises(batch.Invalid, match=said):
        batch.start(tmp_path / name, parameters, arguments, runs=runs)
    assert batch.every(runs) == []


def test_a_folder_that_is_no_run_is_passed_over(tmp_path: Path, runs: Path) -> None:
    run = batch.start(script(tmp_path, "print(1)"), runs=runs)
    ended(run, runs)
    (runs / "mine").mkdir()
    shutil.copytree(runs / run.id, runs / "copied")
    (runs / "broken").mkdir()
    (runs / "broken" / "run.json").write_text('{"pid": 1}')
    said = json.loads((runs / run.id / "run.json").read_text())
    (runs / "false").mkdir()
    (runs / "false" / "run.json").write_text(json.dumps(said | {"file": None}))
    assert sorted(one.id for one in batch.every(runs)) == sorted([run.id, "copied"])


def test_an_ended_run_is_copied_and_nothing_there_is_followed(
    tmp_path: Path, runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What others planted in the project folder is neither written through nor read."""
    mine, theirs = tmp_path / "mine.txt", tmp_path / "project"
    mine.write_text("my only copy")
    run = batch.start(script(tmp_path, "print(1)"), runs=runs)
    ended(run, runs)
    batch._publish(runs / run.id)
    assert sorted(file.name for file in (theirs / run.id).iterdir()) == ["log.txt", "run.json", "source.py"]
    shutil.rmtree(theirs / run.id)
    (theirs / run.id).symlink_to(tmp_path / "elsewhere")
    batch._publish(runs / run.id)
    assert not (tmp_path / "elsewhere").exists()
    (theirs / run.id).unlink()
    (theirs / run.id).mkdir()
    (theirs / run.id / "log.txt").symlink_to(mine)
    batch._publish(runs / run.id)
    assert mine.read_text() == "my only copy"
    shutil.rmtree(theirs)
    theirs.symlink_to(tmp_path / "home")
    batch._publish(runs / run.id)
    assert not (tmp_path / "home").exists()
    assert [one.state for one in batch.every(runs)] == ["done"]
