"""The sandbox's program: a tar of files on standard input, a tar of inspections on standard output.

Input members are named `<id>/<file name>`. For each there is `<id>/report.json`, and, when it has a canonical form,
`<id>/canonical` and `<id>/view.html`. A turn is short: a file that is not begun in it is answered `{"later": true}`,
and is given to another sandbox. The name of a policy may be the one argument.
"""

from __future__ import annotations

import io
import json
import os
import resource
import struct
import sys
import tarfile
import time
from typing import BinaryIO

from inspection.engine import inspect
from inspection.policies import DEFAULT, POLICIES, Policy
from inspection.report import NoCanonicalForm

TURN = 30.0
"""Seconds after which no further file is begun: others' requests wait."""
FILE = 30
"""Seconds of processor time that one file may take; a full table takes 2, a large notebook 9."""
MOST_SAID = 64 << 20
"""Bytes that are said of one file, and of a turn before its last file."""
LENGTHS = struct.Struct(">3Q")
"""Of report, canonical copy and view, as a file's own process says them."""
Answer = dict[str, bytes]


def main(policy: str = DEFAULT) -> None:
    """Inspect file by file, each in a process of its own: one that breaks the engine or kills it spoils no other's."""
    begun, said = time.monotonic(), 0
    with (
        tarfile.open(fileobj=sys.stdin.buffer, mode="r|") as files,
        tarfile.open(fileobj=sys.stdout.buffer, mode="w|") as answers,
    ):
        for member in files:
            file = files.extractfile(member)
            identifier, _, name = member.name.partition("/")
            if file is None or not name:
                continue
            is_over = time.monotonic() - begun > TURN or said > MOST_SAID
            answer = (
                {"report.json": _json({"later": True})}
                if is_over
                else inspected_apart(name, file.read(), POLICIES[policy])
            )
            for part, content in answer.items():
                header = tarfile.TarInfo(f"{identifier}/{part}")
                header.size = len(content)
                answers.addfile(header, io.BytesIO(content))
                said += len(content)


def inspected_apart(name: str, raw: bytes, policy: Policy) -> Answer:
    """Inspect a file in a process of its own, with limits of its own."""
    ours, its = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(ours)  # else it would wait for itself to read what nobody reads any more
        _inspect_and_end(name, raw, policy, its)
    os.close(its)
    with os.fdopen(ours, "rb") as answering:
        answer = _heard(answering)
    _, status = os.waitpid(child, 0)
    if status or answer is None:
        return _refused("failed", f"ended with {os.waitstatus_to_exitcode(status)}")
    return answer


def _inspect_and_end(name: str, raw: bytes, policy: Policy, to: int) -> None:
    try:
        resource.setrlimit(resource.RLIMIT_CPU, (FILE, FILE))
        answer = _inspected(name, raw, policy)
        parts = [answer.get(part, b"") for part in ("report.json", "canonical", "view.html")]
        with os.fdopen(to, "wb") as out:
            out.write(LENGTHS.pack(*map(len, parts)) + b"".join(parts))
        os._exit(0)
    finally:
        os._exit(1)  # whatever was raised: nothing of this process goes on in the other's place


def _heard(answering: BinaryIO) -> Answer | None:
    """What a file's process says: it opened hostile bytes, so nothing is parsed here but three lengths."""
    lengths = answering.read(LENGTHS.size)
    if len(lengths) < LENGTHS.size or sum(LENGTHS.unpack(lengths)) > MOST_SAID:
        return None
    parts = [answering.read(length) for length in LENGTHS.unpack(lengths)]
    if [len(part) for part in parts] != list(LENGTHS.unpack(lengths)):
        return None
    return {name: part for name, part in zip(("report.json", "canonical", "view.html"), parts, strict=True) if part}


def _inspected(name: str, raw: bytes, policy: Policy) -> Answer:
    try:
        done = inspect(name, raw, policy)
    except NoCanonicalForm as e:
        return _refused(e.reason, e.detail)
    except Exception as e:  # whatever cannot be checked is refused
        return _refused("failed", type(e).__name__)
    return {"report.json": _json(done.as_json()), "canonical": done.canonical, "view.html": done.view.encode()}


def _refused(reason: str, detail: str) -> Answer:
    return {"report.json": _json({"refused": reason, "detail": detail})}


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


if __name__ == "__main__":
    main(*sys.argv[1:2])
