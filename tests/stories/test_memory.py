"""What a room uses, where its person sees it: before memory is used up, and when a kernel was ended for it."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.browser import Visitor
from tests.conftest import KernelDied, Stack
from tests.stories.conftest import Scene, enter, violations


@pytest.fixture(scope="module")
def scene(stack: Stack) -> Scene:
    ada = stack.person("ada")
    return Scene(stack, ada, stack.open_room(stack.project(ada), ada), ada, ada)


@pytest.mark.parametrize(
    ("language", "meter", "nearly", "ended"),
    [
        ("en-GB", r"Memory [\d.]+ of 2 GB, CPU \d+ %", "memory is nearly used up", "and a program was ended"),
        (
            "da-DK",
            r"Hukommelse [\d,]+ af 2 GB, CPU",
            "hukommelse er næsten brugt op",
            "et program blev afbrudt",
        ),
    ],
)
def test_memory_is_shown_and_its_end_is_told(
    scene: Scene, visitor: Callable[..., Visitor], axe: str, language: str, meter: str, nearly: str, ended: str
) -> None:
    ada = visitor(language)
    page = enter(scene, ada)
    bar = page.locator(".datasluse-meter")
    expect(bar).to_contain_text(re.compile(meter), timeout=60_000)
    assert violations(page, axe, "#jp-bottom-panel") == []
    kernel = scene.room.kernel()
    # What is used already counts, too: filled up to 95 %, without touching more than that.
    kernel.run(
        "from datasluse.usage import usage\n"
        "now = usage()\n"
        "held = bytearray(int(0.95 * now.memory_limit) - now.memory)\n"
        "for place in range(0, len(held), 4096): held[place] = 1"
    )
    expect(page.get_by_role("alert").filter(has_text=nearly).first).to_be_visible(timeout=60_000)
    ada.photograph(f"memory-nearly-{language[:2]}")
    with pytest.raises(KernelDied):
        kernel.run("more = bytearray(2 << 30)\nfor place in range(0, len(more), 4096): more[place] = 1")
    expect(page.get_by_role("alert").filter(has_text=ended).first).to_be_visible(timeout=60_000)
    ada.photograph(f"memory-{language[:2]}")
