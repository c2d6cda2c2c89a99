"""An operator's own image: what is refused, with what to do, and one that can be a room."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator

import pytest

from hub import images, own_images
from hub.images import tags
from tests.conftest import SLUSE, Stack

Build = Callable[[str], str]


@pytest.fixture
def build(stack: Stack) -> Iterator[Build]:
    """Builds an image from lines after FROM base, or from whole text; removed afterwards."""
    made: list[str] = []

    def image(lines: str) -> str:
        tag = f"sluse-test-own:{len(made)}"
        text = (
            lines
            if lines.startswith("FROM")
            else f"FROM {tags(stack.settings)['base']}\nUSER root\n{lines}\nUSER 64000:64000\n"
        )
        subprocess.run(
            ["docker", "build", "-q", "-t", tag, "-"], input=text, text=True, check=True, capture_output=True
        )
        made.append(tag)
        return tag

    yield image
    for tag in made:
        subprocess.run(["docker", "rmi", "-f", tag], check=True, capture_output=True)


def wrong(stack: Stack, tag: str) -> list[str]:
    return [
        f"{found.what}: {found.wrong}"
        for found in own_images.check(stack.settings, stack.docker, tag, tags(stack.settings)["base"])
        if found.wrong
    ]


def test_an_image_on_base_with_a_kernel_of_its_own_can_be_a_room(stack: Stack, build: Build) -> None:
    kernel = '{"argv": ["stata", "{connection_file}"], "display_name": "Stata", "language": "stata"}'
    folder = "/opt/room/share/jupyter/kernels/stata"
    tag = build(f"RUN mkdir -p {folder} && echo '{kernel}' > {folder}/kernel.json")
    assert wrong(stack, tag) == []
    assert "can be a room" in stack.sluse("image", "check", tag)


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ("RUN cp /bin/sh /opt/sh && chmod u+s /opt/sh", "remove the bits of /opt/sh"),
        ("RUN mv /usr/bin/find /usr/bin/gone", "it runs behind a room's walls"),
        ("RUN chown -R 64000 /opt/jupyter/config", "give back to root: /opt/jupyter/config"),
        ("RUN chmod o+w /opt/room/etc/dask/datasluse.yaml", "give back to root: /opt/room/etc/dask"),
        ("RUN mv /opt/room/lib/python3.11/site-packages/jupyterlab /opt/jupyterlab", "No module named jupyterlab"),
        (
            "RUN mv /opt/room/lib/python3.11/site-packages/msgpack-*.dist-info /tmp/ && mkdir /opt/room/lib/python3.11/"
            "site-packages/msgpack-0.1.dist-info && printf 'Metadata-Version: 2.1\\nName: msgpack\\nVersion: 0.1\\n' > "
            "/opt/room/lib/python3.11/site-packages/msgpack-0.1.dist-info/METADATA",
            "msgpack 0.1 instead of",
        ),
        ("RUN rm -r /opt/room/share/jupyter/labextensions/@datasluse", "extension @datasluse/release-requests is gone"),
        ("FROM scratch\nLABEL x=y", "it begins with other layers: FROM datasluse/base"),
    ],
)
def test_what_weakens_a_room_is_refused(stack: Stack, build: Build, lines: str, words: str) -> None:
    assert any(words in one for one in wrong(stack, build(lines))), wrong(stack, build(lines))


def test_an_image_that_is_not_there_is_said_so(stack: Stack) -> None:
    done = subprocess.run([SLUSE, "image", "check", "stata:17"], capture_output=True, text=True, check=False)
    assert done.returncode
    assert "build or load it first" in done.stdout
    assert "Traceback" not in done.stderr


def test_images_of_earlier_versions_are_removed_and_no_other(stack: Stack) -> None:
    """One that nothing runs goes; what an installation runs, and what is not ours, stays."""
    base, old = tags(stack.settings)["base"], f"datasluse/base:{'0' * 16}"
    stack.docker.tag(base, *old.split(":"))
    stack.docker.tag(base, "somebody/base", "1")
    try:
        assert old in images.remove_old(stack.settings, stack.docker)
        here = {tag for image in stack.docker.images() for tag in image["RepoTags"] or ()}
        assert {base, "somebody/base:1"} <= here
        assert old not in here
    finally:
        stack.docker.remove_image("somebody/base:1")
