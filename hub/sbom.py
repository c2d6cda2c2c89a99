"""What an image holds: every Debian package and Python distribution in it, as a CycloneDX 1.5 document.

The form: https://cyclonedx.org/docs/1.5/json/. Package URLs: https://github.com/package-url/purl-spec.
"""

from __future__ import annotations

import subprocess
from typing import Any
from urllib.parse import quote

from governance.errors import Unavailable

LIST = r"""
dpkg-query -W -f='deb ${binary:Package} ${Version} ${Architecture}\n'
for python in /opt/*/bin/python; do
  [ -x "$python" ] && "$python" -c '
from importlib.metadata import distributions
for found in distributions():
    print("pypi", found.metadata["Name"], found.version)'
done
exit 0
"""


def of(image: str) -> dict[str, Any]:
    """The document of an image, read in a container of it without a network; raises Unavailable."""
    command = ["docker", "run", "--rm", "--network=none", "--entrypoint=/bin/sh", image, "-c", LIST]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Unavailable("what {image} holds cannot be listed: {reason}", image=image, reason=done.stderr.strip())
    components = sorted({_component(line.split()) for line in done.stdout.splitlines()})
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": {"type": "container", "name": image}},
        "components": [
            {"type": "library", "name": name, "version": version, "purl": purl, "bom-ref": purl}
            for name, version, purl in components
        ],
    }


def _component(line: list[str]) -> tuple[str, str, str]:
    kind, name, version, *architecture = line
    if kind == "deb":
        name = name.split(":")[0]
        return name, version, f"pkg:deb/debian/{quote(name)}@{quote(version)}?arch={architecture[0]}"
    return name, version, f"pkg:pypi/{quote(name.lower().replace('_', '-'))}@{quote(version)}"
