"""`sluse-run`: notebooks and scripts in the background, from a terminal."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from datasluse import batch


def _told(run: batch.Run) -> str:
    took = f", {run.why}" if run.why else ""
    return f"{run.id:<44} {run.state:<10} {Path(run.file).name}{took}"


def _parameter(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name.strip().isidentifier():
        raise argparse.ArgumentTypeError(f"{text!r} is not a parameter, such as year=2020")
    return name.strip(), value.strip()


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="sluse-run",
        description="Run a notebook or a script in the background: it goes on when you log out. What it printed, and a "
        "notebook's result, are in ~/runs, and when it has ended in /project/runs, too.",
        epilog="A script gets what follows --, as in: sluse-run model.py -- 2020",
    )
    parser.add_argument("file", nargs="?", type=Path, help="a notebook (.ipynb) or a script (.py, .R, .sh)")
    parser.add_argument("arguments", nargs="*", help=argparse.SUPPRESS)
    parser.add_argument(
        "-p", dest="parameters", metavar="NAME=VALUE", type=_parameter, action="append", default=[],
        help="a parameter of the notebook; may be said several times",
    )  # fmt: skip
    parser.add_argument("--close", action="store_true", help="close the room when it is done")
    parser.add_argument("--list", action="store_true", help="list your runs in this project")
    parser.add_argument("--log", metavar="RUN", help="show what a run has printed")
    parser.add_argument("--cancel", metavar="RUN", help="end a run")
    return parser


def main() -> None:
    """`sluse-run`."""
    parser = _arguments()
    asked = parser.parse_args()
    try:
        if asked.list:
            print("\n".join(_told(run) for run in batch.every()) or "You have no runs in this project yet.")
        elif asked.log:
            print((batch.RUNS / Path(asked.log).name / "log.txt").read_text(errors="replace"), end="")
        elif asked.cancel:
            batch.cancel(Path(asked.cancel).name)
            print(f"{asked.cancel} ends.")
        elif asked.file:
            run = batch.start(asked.file, dict(asked.parameters), asked.arguments, close=asked.close)
            print(f"{run.id} runs. See it with: sluse-run --log {run.id}")
        else:
            parser.print_help()
    except FileNotFoundError:
        sys.exit(f"sluse-run: there is no run {asked.log}: see sluse-run --list")
    except batch.Invalid as e:
        sys.exit(f"sluse-run: {e}")
