"""Examples of what passes a gate and what does not; the same expressions are tried at a real gate in tests/escapes."""

from __future__ import annotations

import re

import pytest

from hub.policy import WAY_IN, WAY_OUT, Passage

CLUSTER = "0f0e0d0c0b0a09080706050403020100"
UUID = "0f0e0d0c-0b0a-0908-0706-050403020100"

PASSES = [
    ("GET", "/", "page"),
    ("GET", "/lab", "page"),
    ("GET", "/lab/tree/a/b.ipynb", "page"),
    ("GET", "/lab/workspaces/auto-h", "page"),
    ("GET", "/api", "status"),
    ("GET", "/api/me", "status"),
    ("GET", "/api/kernelspecs", "status"),
    ("GET", "/api/contents", "contents"),
    ("PUT", "/api/contents/a/b%20c.ipynb", "contents"),
    ("POST", "/api/contents/a.ipynb/checkpoints", "contents"),
    ("POST", "/api/kernels", "kernels"),
    ("DELETE", f"/api/kernels/{UUID}", "kernel"),
    ("POST", f"/api/kernels/{UUID}/interrupt", "kernel-act"),
    ("GET", f"/api/kernels/{UUID}/channels", "kernel-messages"),
    ("PATCH", f"/api/sessions/{UUID}", "session"),
    ("POST", "/api/terminals", "terminals"),
    ("GET", "/terminals/websocket/1", "terminal-messages"),
    ("GET", "/api/events/subscribe", "events"),
    ("PUT", "/lab/api/workspaces/default", "settings"),
    ("GET", "/lab/api/settings/@jupyterlab/notebook-extension:panel", "settings"),
    ("GET", "/lab/api/themes/@jupyterlab/theme-light-extension/index.css", "lab"),
    ("GET", "/lab/api/translations/da_DK", "lab"),
    ("GET", "/lab/extensions/@datasluse/release-requests/static/266.bb41c1d948a1cf91.js", "extensions"),
    ("GET", "/lab/extensions/@jupyter-widgets/jupyterlab-manager/static/327.8166aeb81cf1531ca240.js", "extensions"),
    ("GET", "/static/favicons/favicon-busy-1.ico", "icons"),
    ("GET", "/kernelspecs/python3/logo-svg.svg", "logos"),
    ("POST", "/datasluse/requests/7/submit", "ours"),
    ("POST", "/datasluse/look", "ours"),
    ("GET", "/datasluse/room", "start"),
    ("GET", "/datasluse/data", "start"),
    ("GET", "/datasluse/usage", "usage"),
    ("POST", "/datasluse/runs", "runs"),
    ("POST", "/datasluse/runs/20261130-094800-analysis-2/cancel", "runs"),
    ("POST", f"/datasluse/clusters/{CLUSTER}/scale", "clusters"),
    ("GET", "/proxy/10.178.5.70:8787/individual-task-stream", "dashboard"),
    ("GET", "/proxy/10.178.5.70:8787/status", "dashboard"),
    ("GET", "/proxy/10.178.5.70:8787/static/js/bokeh.min.js", "dashboard"),
    ("GET", "/proxy/10.178.5.70:8787/individual-task-stream/ws", "dashboard-messages"),
]
REFUSED = [
    ("GET", "/files/rows.csv"),
    ("GET", "/nbconvert/html/a.ipynb"),
    ("GET", "/view/a.html"),
    ("GET", "/metrics"),
    ("GET", "/tree"),
    ("GET", "/login"),
    ("GET", "/hub/api"),
    ("GET", "/proxy/8000/"),
    ("GET", "/proxy/10.178.5.70:8788/api/health"),
    ("GET", "/proxy/198.51.100.10:8787/individual-task-stream"),
    ("GET", "/proxy/localhost:8787/individual-task-stream"),
    ("GET", "/proxy/10.178.5.70:8787/info/logs.html"),
    ("POST", "/proxy/10.178.5.70:8787/individual-task-stream"),
    ("PUT", "/datasluse/clusters"),
    ("POST", "/datasluse/room"),
    ("GET", "/datasluse/data/registers/persons.csv"),
    ("GET", "/raw/secret.bin"),
    ("GET", "/custom/custom.css"),
    ("GET", "/static/lab/main.js"),  # the edge has its own copy
    ("GET", "/static/../files/a"),
    ("GET", "/lab/extensions/leak/data.csv"),
    ("GET", "/lab/extensions/@jupyter-widgets/other/static/1.js"),
    ("GET", "/lab/extensions/@datasluse/release-requests/package.json"),
    ("GET", "/lab/extensions/@datasluse/release-requests/static/../../../leak/a"),
    ("GET", "/kernelspecs/python3/data.csv"),
    ("GET", "/api/spec.yaml"),
    ("GET", "/api/contentsx"),
    ("GET", "/api/config/notebook"),
    ("POST", "/api/shutdown"),
    ("POST", "/lab"),
    ("DELETE", "/api/kernels"),
    ("GET", f"/api/kernels/{UUID}/channels/x"),
    ("GET", "/api/kernels/../contents"),
    ("TRACE", "/lab"),
    ("OPTIONS", "/api/contents"),
    ("CONNECT", "/lab"),
    ("PUT", "/datasluse/requests"),
    ("GET", "/labx"),
    ("GET", "/lab\n/files"),
]


def taken(passages: tuple[Passage, ...], method: str, path: str) -> str | None:
    found = [p.name for p in passages if method in p.methods and re.search(p.pattern, path)]
    assert len(found) < 2, f"{path} takes {found}"
    return found[0] if found else None


@pytest.mark.parametrize(("method", "path", "passage"), PASSES)
def test_what_jupyterlab_needs_passes(method: str, path: str, passage: str) -> None:
    assert taken(WAY_IN, method, path) == passage


@pytest.mark.parametrize(("method", "path"), REFUSED)
def test_nothing_else_passes(method: str, path: str) -> None:
    assert taken(WAY_IN, method, path) is None


@pytest.mark.parametrize(
    ("method", "path", "passage"),
    [
        ("GET", "/api/requests", "requests"),
        ("POST", "/api/requests/3/submit", "requests"),
        ("GET", "/api/room", "room"),
        ("POST", "/api/room", None),
        ("POST", "/api/room/close", "room-close"),
        ("GET", "/api/room/close", None),
        ("PUT", "/api/requests/3/files/9", "bytes"),
        ("GET", "/api/v1/options", "cluster-options"),
        ("POST", "/api/v1/clusters/", "clusters"),
        ("DELETE", f"/api/v1/clusters/{CLUSTER}", "cluster"),
        ("POST", f"/api/v1/clusters/{CLUSTER}/heartbeat", "cluster-act"),
        ("GET", "/api/version", "cluster-version"),
        ("GET", "/packages/simple/lifelines/", "packages"),
        ("HEAD", "/packages/simple/", "packages"),
        ("GET", "/packages/files/lifelines/lifelines-0.30.0-py3-none-any.whl", "package"),
        ("GET", "/packages/files/lifelines/lifelines-0.30.0-py3-none-any.whl.metadata", "package"),
        ("GET", "/packages/files/pandas/pandas-3.0.0+local.1.tar.gz", "package"),
        ("GET", "/packages/files/pandas/pandas-3.0.0%2Blocal.1-py3-none-any.whl", "package"),
        ("GET", "/packages/files/pandas/pandas%2F..%2Fx-3.0.0-py3-none-any.whl", None),
        ("POST", "/packages/simple/lifelines/", None),
        ("PUT", "/packages/files/lifelines/lifelines-0.30.0-py3-none-any.whl", None),
        ("DELETE", "/packages/simple/lifelines/", None),
        ("GET", "/packages/simple/../../cache/list/", None),
        ("GET", "/packages/files/lifelines/../x-1.whl", None),
        ("GET", "/packages/files/lifelines/%2e%2e-1.whl", None),
        ("GET", "/packages/files/lifelines/rows.csv", None),
        ("GET", f"/packages/simple/{'a' * 101}/", None),
        ("GET", "/packages/files/a/b/lifelines-0.30.0-py3-none-any.whl", None),
        ("GET", "/packages/health", None),
        ("GET", "/cache/list", None),
        ("GET", "/index/lifelines/", None),
        ("GET", "/api/v1/routes", None),
        ("GET", "/api/v1/clusters", None),
        ("POST", f"/api/v1/clusters/{CLUSTER}/routes", None),
        ("PUT", f"/api/v1/clusters/{CLUSTER}", None),
        ("GET", "/api/v1/clusters/../routes", None),
        ("GET", f"/clusters/{CLUSTER}/status", None),
        ("GET", "/api/health", None),
        ("GET", "/api/requests/3/files/9", None),
        ("POST", "/api/requests/3/approve", None),
        ("DELETE", "/api/requests/3", None),
        ("GET", "/api/requests/a", None),
        ("GET", "/api/requests/3/files/%2e%2e", None),
        ("GET", "/review/3", None),
        ("GET", "/", None),
    ],
)
def test_the_way_out(method: str, path: str, passage: str | None) -> None:
    assert taken(WAY_OUT, method, path) == passage


def test_every_passage_has_a_name_of_its_own() -> None:
    for passages in (WAY_IN, WAY_OUT):
        assert len({p.name for p in passages}) == len(passages)
