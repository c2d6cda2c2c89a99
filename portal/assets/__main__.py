"""`python -m portal.assets`: fetch dkfds and copy what the portal uses into `portal/static/dkfds`, if it changed."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
STATIC = HERE.parent / "static" / "dkfds"
USED = (
    "css/dkfds.min.css",
    "fonts/IBMPlexSans/complete/woff",
    "fonts/IBMPlexSans/complete/woff2",
    "img/svg-icons",
    "LICENSE.md",
)


def main() -> None:
    """Copy the files named in USED, keeping their places, since the style sheet names fonts and icons by them."""
    made_from = hashlib.sha256(
        b"".join((HERE / name).read_bytes() for name in ("package-lock.json", "__main__.py"))
    ).hexdigest()
    stamp = STATIC / "made-from"
    if stamp.exists() and stamp.read_text() == made_from:
        return
    npm = Path(sys.executable).parent / "npm"
    subprocess.run([npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"], cwd=HERE, check=True)
    shutil.rmtree(STATIC, ignore_errors=True)
    for used in USED:
        source, target = HERE / "node_modules" / "dkfds" / "dist" / used, STATIC / used
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target)
        else:
            shutil.copy(source, target)
    stamp.write_text(made_from)


if __name__ == "__main__":
    main()
