"""Notebooks and scripts that run without a browser: in the room, behind its walls and within its limits.

A run is a folder of `~/runs`: what was asked and how it ended (`run.json`), a copy of what ran, what it printed
(`log.txt`), and of a notebook its result. It goes on when its person logs out, and ends at the latest with its room.

When it has ended its folder is copied to `/project/runs`, for the others. They have the same user in rooms of their
own: what lies there is theirs to change, so it is written once and never read, followed or written over.
"""

from __future__ import annotations

import fcntl
import http.client
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

import psutil

from datasluse.usage import usage

RUNS = Path.home() / "runs"
PUBLISHED = Path("/project/runs")
GATE = ("gate", 8082)
INTERPRETERS = {".py": [sys.executable, "-u"], ".R": ["Rscript"], ".r": ["Rscript"], ".sh": ["bash"]}
ERROR = re.compile(r"([\w.]+(Error|Exception|Interrupt|Exit)|Error)\b")
ENDS_WITHIN = 10
"""Seconds that a run has when it is cancelled."""


NO_RUN = (OSError, ValueError, TypeError, KeyError)
"""What is raised by a folder that is no run."""


class Invalid(Exception):
    """It cannot be run as it was asked; the message says what to change."""


@dataclass(frozen=True, slots=True)
class Run:
    """What was asked, and how it stands."""

    id: str
    """Its folder's name."""
    file: str
    """What runs."""
    person: str
    started: str
    """A time, as ISO 8601."""
    parameters: dict[str, str] = field(default_factory=dict)
    """Of a notebook."""
    arguments: tuple[str, ...] = ()
    """Of a script."""
    close: bool = False
    """Whether the room is to close afterwards."""
    pid: int = 0
    """In its own room."""
    state: str = "running"
    """`running`, `done`, `failed`, `cancelled`, or `lost`: its room ended first."""
    why: str = ""
    """Why it failed: `memory`, or its error as it was printed."""
    ended: str = ""


def start(
    file: Path,
    parameters: dict[str, str] | None = None,
    arguments: Sequence[str] = (),
    *,
    close: bool = False,
    runs: Path = RUNS,
) -> Run:
    """Begin a run, and return while it goes on.

    Raises:
        Invalid: there is no such file, or none that can be run so.
    """
    file = file.absolute()
    if not file.is_file():
        raise Invalid(f"There is no file {file}.")
    if file.suffix != ".ipynb":
        _interpreter(file)
        if parameters:
            raise Invalid("Parameters are for notebooks. A script gets its own after --, as in: sluse-run a.py -- 2020")
    elif arguments:
        raise Invalid("A notebook gets its parameters by -p, as in: sluse-run a.ipynb -p year=2020")
    now = datetime.now(UTC)
    folder = _new_folder(runs, f"{now:%Y%m%d-%H%M%S}-{re.sub(r'[^A-Za-z0-9]+', '-', file.stem).strip('-') or 'run'}")
    shutil.copyfile(file, folder / f"source{file.suffix}")
    run = Run(folder.name, str(file), _person(), now.isoformat(), parameters or {}, tuple(arguments), close)
    _keep(folder, run)
    # Whoever looks knows by this lock, which the run holds, that a room ended without a word.
    with (folder / "lock").open("w") as lock, (folder / "log.txt").open("wb") as log:
        fcntl.flock(lock, fcntl.LOCK_EX)
        subprocess.run(
            [sys.executable, "-P", "-m", "datasluse.batch", folder, str(lock.fileno())],
            check=True,
            pass_fds=[lock.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    return run


def every(runs: Path = RUNS) -> list[Run]:
    """A person's runs in a project, the newest first."""
    found = []
    for folder in sorted(runs.iterdir(), reverse=True) if runs.is_dir() else []:
        with suppress(*NO_RUN):
            found.append(_read(folder))
    return found


def cancel(run: str, runs: Path = RUNS) -> None:
    """End a run.

    Raises:
        Invalid: it is none that goes on in this room.
    """
    process = _process(runs / run)
    if process is None:
        raise Invalid(f"No run {run} goes on in this room.")
    process.terminate()


def go(folder: Path, lock: int) -> None:
    """Run it, wait for it, and keep how it ended; in a process that whoever called leaves behind."""
    if os.fork():
        os._exit(0)
    os.set_inheritable(lock, False)
    run = replace(_read(folder), pid=os.getpid())
    _keep(folder, run)
    killed = _killed()
    with _cancellable() as cancelled:
        child = subprocess.Popen(
            _command(run, folder), cwd=Path(run.file).parent, stdin=subprocess.DEVNULL, env=_environment()
        )
        while child.poll() is None:
            time.sleep(0.2)
            if cancelled():
                _end(child)
                break
        code = child.wait()
    if cancelled():
        run = replace(run, state="cancelled")
    elif code == 0:
        run = replace(run, state="done")
    else:
        why = "memory" if _killed() > killed else _error(folder / "log.txt")
        run = replace(run, state="failed", why=why)
    _keep(folder, replace(run, ended=datetime.now(UTC).isoformat()))
    _publish(folder)
    if run.close and run.state != "cancelled":
        _close_room()


def _command(run: Run, folder: Path) -> list[str]:
    file = Path(run.file)
    if file.suffix != ".ipynb":
        return [*_interpreter(file), str(file), *run.arguments]
    command = [sys.executable, "-P", "-m", "papermill", str(folder / "source.ipynb"), str(folder / file.name)]
    command += ["--cwd", str(file.parent), "--log-output", "--no-progress-bar", "--autosave-cell-every", "60"]
    if not json.loads((folder / "source.ipynb").read_text()).get("metadata", {}).get("kernelspec"):
        command += ["--kernel", "python3"]
    for name, value in run.parameters.items():
        command += ["-p", name, value]
    return command


def _interpreter(file: Path) -> list[str]:
    command = INTERPRETERS.get(file.suffix)
    if command is None:
        raise Invalid(f"{file.name} is neither a notebook (.ipynb) nor a script (.py, .R, .sh).")
    if shutil.which(command[0]) is None:
        raise Invalid(f"{file.name} needs {command[0]}, which this room's programs do not have.")
    return command


def _environment() -> dict[str, str]:
    return os.environ | {"PYTHONUNBUFFERED": "1", "MPLBACKEND": "agg"}


@contextmanager
def _cancellable() -> Iterator[Callable[[], bool]]:
    """Whether the process was told to end, asked with a call."""
    told: list[int] = []

    def take(number: int, _frame: FrameType | None) -> None:
        told.append(number)

    signal.signal(signal.SIGTERM, take)
    yield lambda: bool(told)


def _end(child: subprocess.Popen[bytes]) -> None:
    """End a program with everything that it started; a kernel is in a session of its own."""
    with suppress(psutil.NoSuchProcess):
        every_one = [*psutil.Process(child.pid).children(recursive=True), psutil.Process(child.pid)]
        for one in every_one:
            with suppress(psutil.NoSuchProcess):
                one.terminate()
        for one in psutil.wait_procs(every_one, ENDS_WITHIN)[1]:
            with suppress(psutil.NoSuchProcess):
                one.kill()


def _new_folder(runs: Path, name: str) -> Path:
    try:
        runs.mkdir(exist_ok=True)
        for number in range(1, 100):
            folder = runs / (name if number == 1 else f"{name}-{number}")
            with suppress(FileExistsError):
                folder.mkdir()
                return folder
    except OSError as e:
        raise Invalid(f"The folder {runs} takes nothing: {e.strerror}.") from e
    raise Invalid("A hundred runs began in this second.")


def _publish(folder: Path) -> None:
    """Copy a run's files for the project's other members; what cannot be copied stays in the home alone."""
    with suppress(OSError):
        PUBLISHED.mkdir(exist_ok=True)
        top = os.open(PUBLISHED, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            os.mkdir(folder.name, dir_fd=top)  # one that is there is somebody else's
            to = os.open(folder.name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=top)
        finally:
            os.close(top)
        try:
            for file in folder.iterdir():
                if file.name != "lock" and file.is_file():
                    written = os.open(file.name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644, dir_fd=to)
                    with os.fdopen(written, "wb") as copy, file.open("rb") as original:
                        shutil.copyfileobj(original, copy)
        finally:
            os.close(to)


def _keep(folder: Path, run: Run) -> None:
    partial = folder / ".run.json"
    partial.write_text(json.dumps(asdict(run), indent=1, ensure_ascii=False))
    partial.rename(folder / "run.json")


def _read(folder: Path) -> Run:
    said = json.loads((folder / "run.json").read_text())
    run = Run(**said | {"id": folder.name, "arguments": tuple(said["arguments"])})
    if not all(isinstance(text, str) for text in (run.file, run.person, run.started, run.state, run.why, run.ended)):
        raise ValueError(folder)
    if run.state == "running" and not _is_held(folder / "lock"):
        return replace(run, state="lost")
    return run


def _is_held(lock: Path) -> bool:
    try:
        with lock.open() as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return False


def _process(folder: Path) -> psutil.Process | None:
    """The process of a run that goes on in this room; another room's process ids are others here."""
    with suppress(*NO_RUN, psutil.Error):
        run = _read(folder)
        process = psutil.Process(run.pid)
        if run.state == "running" and str(folder) in process.cmdline() and "datasluse.batch" in process.cmdline():
            return process
    return None


def _person() -> str:
    with suppress(OSError, ValueError, KeyError, http.client.HTTPException):
        return str(json.loads(_ask("GET", "/api/room"))["person"])
    return ""


def _close_room() -> None:
    with suppress(OSError, http.client.HTTPException):
        _ask("POST", "/api/room/close")


def _ask(method: str, path: str) -> bytes:
    gate = http.client.HTTPConnection(*GATE, timeout=30)
    try:
        gate.request(method, path, body=b"" if method == "POST" else None)
        return gate.getresponse().read()
    finally:
        gate.close()


def _killed() -> int:
    try:
        return usage().killed
    except (OSError, KeyError, ValueError):
        return 0


def _error(log: Path) -> str:
    """The last line that begins as Python's and R's errors do; else the last line."""
    with suppress(OSError):
        lines = [line for line in log.read_text(errors="replace")[-20_000:].splitlines() if line.strip()]
        return next((line for line in reversed(lines) if ERROR.match(line)), lines[-1] if lines else "")[:300]
    return ""


if __name__ == "__main__":
    go(Path(sys.argv[1]), int(sys.argv[2]))
