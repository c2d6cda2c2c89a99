"""Clusters in JupyterLab, clicked in a real browser: start, code, plots, scale, stop."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from tests.browser import Visitor
from tests.clusters import Place, leave_none, place
from tests.conftest import Stack, until
from tests.stories.conftest import Scene, enter, violations


@pytest.fixture
def here(stack: Stack) -> Iterator[Place]:
    made = place(stack)
    yield made
    leave_none(made)
    stack.sluse("room", "close", made.room.id)


def test_a_cluster_by_clicks(stack: Stack, here: Place, visitor: Callable[..., Visitor], axe: str) -> None:
    ada = visitor()
    requested: list[str] = []
    ada.page.on("request", lambda r: requested.append(r.url))
    page = enter(Scene(stack, here.person, here.room, here.person, here.person), ada)
    tab = page.locator(".lm-TabBar-tab[data-id=datasluse-clusters]")
    tab.click()
    panel = page.locator("#datasluse-clusters")
    expect(panel).to_contain_text("This room has no cluster now.")
    panel.get_by_label("Workers").fill("1")
    panel.get_by_role("button", name="Start a cluster").click()
    card = panel.get_by_role("article", name="Cluster 1, base")
    expect(card).to_contain_text("running, workers: 1", timeout=60_000)

    # The code that is inserted works, with the cluster's own encryption.
    page.get_by_role("button", name="New notebook").click()
    expect(page.get_by_role("button", name="Python 3 (ipykernel) | Idle")).to_be_visible(timeout=60_000)
    card.get_by_role("button", name="Insert code").click()
    cell = page.locator(".jp-CodeCell", has_text="Cluster.current()")
    expect(cell).to_have_count(1)
    cell.locator(".cm-content").click()
    page.keyboard.press("Shift+Enter")
    output = page.locator(".jp-OutputArea-output", has_text="datasluse.Cluster")
    expect(output.first).to_be_visible(timeout=60_000)
    expect(page.locator(".jp-OutputArea-output", has_text="Error")).to_have_count(0)

    # A plot draws what a notebook computes, live.
    card.get_by_label("Show a plot").select_option(label="Task Stream")
    frame = page.frame_locator("iframe[title='Task Stream']")
    expect(frame.locator(".bk-Figure").first).to_be_visible(timeout=60_000)
    here.run("""
        from datasluse import Cluster
        client = Cluster.current().get_client()
        import time
        client.gather(client.map(lambda n: time.sleep(0.05), range(40), pure=False))
        """)
    ada.photograph("cluster-panel")
    assert violations(page, axe, "#datasluse-clusters") == []

    card.get_by_label("Workers", exact=True).fill("2")
    card.get_by_role("button", name="Scale").click()
    expect(card).to_contain_text("running, workers: 2", timeout=60_000)
    card.get_by_role("button", name="Scale").click()  # by keyboard and by click alike
    card.get_by_label("Workers", exact=True).fill("58")
    card.get_by_role("button", name="Scale").click()
    # In the language of the account: this one has chosen none.
    expect(panel.get_by_role("alert")).to_contain_text("kerner på én gang. I brug:", timeout=30_000)

    # One made in a notebook is there, too.
    here.run("second = Cluster(workers=0)")
    expect(panel.get_by_role("article")).to_have_count(2, timeout=30_000)
    ada.photograph("cluster-panel-two")
    for _ in range(2):
        panel.get_by_role("button", name=re.compile("Stop the cluster")).first.click()
        page.wait_for_timeout(3_000)
    expect(panel).to_contain_text("This room has no cluster now.", timeout=30_000)
    until(lambda: not here.containers(), 30)
    authorities = {urlsplit(url).netloc for url in requested if url.startswith("http")}
    portal = urlsplit(stack.settings.portal_origin).netloc
    assert authorities <= {here.room.authority, portal}, authorities


def test_a_room_without_clusters_loads_none_of_it(scene: Scene, visitor: Callable[..., Visitor]) -> None:
    page = enter(scene, visitor())
    page.locator(".lm-TabBar-tab[data-id=datasluse-release-requests]").wait_for()
    page.wait_for_timeout(6_000)  # the panel would come with the first answer
    assert page.locator(".lm-TabBar-tab[data-id=datasluse-clusters]").count() == 0
    assert scene.room.request("GET", "/datasluse/clusters").status_code == 404
    loaded = scene.room.run("import os; print(os.environ.get('CLUSTERS'))")
    assert loaded == "None\n"
