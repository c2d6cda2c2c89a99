"""How long a researcher waits: from the click on "Open room" until JupyterLab can be used, in a browser that is new."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

from tests.browser import Visitor
from tests.conftest import Stack
from tests.drills.results import keep

ROUNDS = 7


def test_from_the_click_to_jupyterlab(stack: Stack, visitor: Callable[..., Visitor]) -> None:
    seconds = []
    for _ in range(ROUNDS):
        ada = stack.person("ada")
        stack.project(ada)
        visiting = visitor()
        visiting.log_in(stack, ada.name, ada.password)
        begun = time.monotonic()
        visiting.page.get_by_role("button", name="Open room").click()
        visiting.page.wait_for_url("**/lab**", timeout=60_000)
        visiting.page.wait_for_selector(".jp-Launcher, .datasluse-start", timeout=60_000)
        seconds.append(round(time.monotonic() - begun, 2))
        room = visiting.page.url.split("//")[1].split(".")[0]
        stack.sluse("room", "close", room)
    keep("click-to-lab", {"seconds": seconds, "median": statistics.median(seconds), "worst": max(seconds)})
