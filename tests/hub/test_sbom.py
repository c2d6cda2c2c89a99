"""What an image's list names, by the engine's own images of the stack."""

from __future__ import annotations

import json

import pytest

from hub import sbom
from hub.images import tags
from tests.conftest import Stack


@pytest.mark.parametrize(
    ("image", "names"),
    [
        ("base", {"dask": "pkg:pypi/dask@", "jupyterlab": "pkg:pypi/jupyterlab@", "libc6": "pkg:deb/debian/libc6@"}),
        ("gate", {"haproxy": "pkg:deb/debian/haproxy@"}),
    ],
)
def test_up_leaves_a_list_of_what_each_image_holds(stack: Stack, image: str, names: dict[str, str]) -> None:
    tag = tags(stack.settings)[image]
    kept = json.loads((stack.settings.state / "sboms" / f"{image}-{tag.rsplit(':', 1)[-1]}.json").read_text())
    assert kept["metadata"]["component"]["name"] == tag
    found = {c["name"]: c for c in kept["components"]}
    for name, purl in names.items():
        assert found[name]["purl"].startswith(purl)
        assert found[name]["version"] in found[name]["purl"].replace("%2B", "+").replace("%3A", ":")
    assert len({c["bom-ref"] for c in kept["components"]}) == len(kept["components"])


def test_lines_become_package_urls() -> None:
    assert sbom._component(["deb", "libc6:amd64", "2.36-9+deb12u10", "amd64"]) == (
        "libc6", "2.36-9+deb12u10", "pkg:deb/debian/libc6@2.36-9%2Bdeb12u10?arch=amd64",
    )  # fmt: skip
    assert sbom._component(["pypi", "Jupyter_Core", "5.9"])[2] == "pkg:pypi/jupyter-core@5.9"
