"""The sandbox's program: a tar of files on standard input, a tar of inspections on standard output.

Input members are named `<id>/<file name>`. For each there is `<id>/report.json`, and, when it has a canonical form,
`<id>/canonical` and `<id>/view.html`.
"""

from __future__ import annotations

import io
import json
import sys
import tarfile
from typing import Any

from output_review.inspection.engine import inspect
from output_review.inspection.report import NoCanonicalForm


def main() -> None:
    """Inspect file by file. A file that breaks the engine is refused; one that kills it ends the whole run."""
    with (
        tarfile.open(fileobj=sys.stdin.buffer, mode="r|") as given,
        tarfile.open(fileobj=sys.stdout.buffer, mode="w|") as said,
    ):
        for member in given:
            file = given.extractfile(member)
            identifier, _, name = member.name.partition("/")
            if file is None or not name:
                continue
            for part, content in _inspected(name, file.read()).items():
                header = tarfile.TarInfo(f"{identifier}/{part}")
                header.size = len(content)
                said.addfile(header, io.BytesIO(content))


def _inspected(name: str, raw: bytes) -> dict[str, bytes]:
    try:
        done = inspect(name, raw)
    except NoCanonicalForm as e:
        return {"report.json": _json({"refused": e.reason, "detail": e.detail})}
    except Exception as e:  # whatever cannot be checked is refused
        return {"report.json": _json({"refused": "failed", "detail": type(e).__name__})}
    return {"report.json": _json(done.as_json()), "canonical": done.canonical, "view.html": done.view.encode()}


def _json(value: dict[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


if __name__ == "__main__":
    main()
