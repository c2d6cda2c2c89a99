"""What passes a room's gate: data, from which `hub/templates/gate.cfg` is written. What is not here is refused.

JupyterLab 4.6 was watched through a gate for what it asks for; `tests/hub/test_policy.py` holds examples of both sides.
The room is hostile ground: any answer to an allowed path can carry anything, so the bytes are counted as well.
"""

from __future__ import annotations

from dataclasses import dataclass

ID = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
"""Of a kernel or a session: a UUID."""
CLUSTER = "[0-9a-f]{32}"
SCHEDULER = "10([.][0-9]{1,3}){3}:8787"
"""As jupyter-server-proxy is asked for it; the room itself reaches no other network."""
READ = ("GET", "HEAD")
PACKAGE = "[A-Za-z0-9]([A-Za-z0-9._-]{0,98}[A-Za-z0-9])?"
"""A name, as PEP 508 has it."""
LARGEST_ANSWER = 16 << 20
"""Bytes of one answer whose length is said: what is larger is a download."""


@dataclass(frozen=True, slots=True)
class Passage:
    """Requests that are let through, by method and path."""

    name: str
    """In the gate's log."""
    methods: tuple[str, ...]
    path: str
    """A regular expression for the whole path, after it was normalised; PCRE and Python read it alike."""
    why: str
    websocket: bool = False
    to: str = "intake"
    """On the way out: which service it is for."""
    query: str = ""
    """On the way out: a regular expression for what may follow a question mark."""

    @property
    def pattern(self) -> str:
        """The expression, anchored."""
        return f"^({self.path})$"


@dataclass(frozen=True, slots=True)
class Said:
    """What the gate answers itself."""

    path: str
    json: str
    why: str


WAY_IN = (
    Passage(
        "ours",
        ("GET", "POST"),
        "/datasluse/(look|requests(/[0-9]+/(files|submit|withdraw|revise|give-up))?)",
        "requests for release",
    ),
    Passage("start", READ, "/datasluse/(room|data)", "the start page: what the room is for, what its data are"),
    Passage(
        "runs",
        ("GET", "POST"),
        "/datasluse/runs(/[A-Za-z0-9-]{1,120}/cancel)?",
        "what runs in the background",
    ),
    Passage("usage", READ, "/datasluse/usage", "how much memory and processor the room uses"),
    Passage("kernels", ("GET", "POST"), "/api/kernels", "list kernels, start one"),
    Passage("kernel", ("GET", "DELETE"), f"/api/kernels/{ID}", "one kernel"),
    Passage("kernel-act", ("POST",), f"/api/kernels/{ID}/(interrupt|restart)", "interrupt and restart"),
    Passage("kernel-messages", ("GET",), f"/api/kernels/{ID}/channels", "cells and their output", websocket=True),
    Passage("sessions", ("GET", "POST"), "/api/sessions", "which document has which kernel"),
    Passage("session", ("GET", "PATCH", "DELETE"), f"/api/sessions/{ID}", "one of them"),
    Passage("contents", ("GET", "POST", "PUT", "PATCH", "DELETE"), "/api/contents(/.*)?", "files and notebooks"),
    Passage("terminals", ("GET", "POST"), "/api/terminals", "list terminals, start one"),
    Passage("terminal", ("GET", "DELETE"), "/api/terminals/[0-9]+", "one terminal"),
    Passage("terminal-messages", ("GET",), "/terminals/websocket/[0-9]+", "its screen", websocket=True),
    Passage("events", ("GET",), "/api/events/subscribe", "what the server tells its page", websocket=True),
    Passage("status", READ, "/api(/(me|status|kernelspecs|resolvePath))?", "who, which kernels there are"),
    Passage("logos", READ, "/kernelspecs/[A-Za-z0-9._-]+/logo-[A-Za-z0-9]+[.](svg|png)", "kernels' pictures"),
    Passage("page", READ, "/|/lab(/(tree|doc|workspaces)(/.*)?)?", "the page itself"),
    Passage("settings", ("GET", "PUT", "DELETE"), "/lab/api/(settings|workspaces)(/.*)?", "a person's own"),
    Passage("lab", READ, "/lab/api/(build|themes/.*|translations(/[A-Za-z_]+)?)", "its look and language"),
    Passage(
        "extensions",
        READ,
        "/lab/extensions/(@datasluse/release-requests|@jupyter-widgets/jupyterlab-manager|jupyterlab_pygments)"
        "/static/[A-Za-z0-9._-]+",
        "the extensions we put there; a planted one would be served without a question",
    ),
    Passage(
        "clusters",
        ("GET", "POST"),
        f"/datasluse/clusters(/{CLUSTER}/(scale|stop|plots))?",
        "start, scale and stop clusters",
    ),
    Passage(
        "dashboard",
        READ,
        f"/proxy/{SCHEDULER}/(status|individual-[a-z0-9-]+|statics?/[A-Za-z0-9._/-]+)",
        "a cluster's plots: pages of the researcher's own scheduler, under this gate's policy like all the room's",
    ),
    Passage(
        "dashboard-messages",
        ("GET",),
        f"/proxy/{SCHEDULER}/(status|individual-[a-z0-9-]+)/ws",
        "what the plots draw",
        websocket=True,
    ),
    Passage("icons", READ, "/static/favicons/favicon[a-z0-9-]*[.]ico", "the tab's picture"),
)

SAID = (
    Said("/api/nbconvert", "{}", "formats to export to: none; a refusal is an error on every page"),
    Said("/lsp/status", '{"version":2,"sessions":{},"specs":{}}', "language servers: none"),
)

WAY_OUT = (
    Passage(
        "requests",
        ("GET", "POST"),
        "/api/requests(/[0-9]+(/(submit|withdraw|revise|give-up|files))?)?",
        "requests for release",
    ),
    Passage("room", ("GET",), "/api/room", "what the room is for, with whom, on which data and until when"),
    Passage("room-close", ("POST",), "/api/room/close", "close the room when its own work is done"),
    Passage("bytes", ("PUT",), "/api/requests/[0-9]+/files/[0-9]+", "a file's bytes"),
    Passage("cluster-options", ("GET",), "/api/v1/options", "what a cluster may be", to="clusters"),
    Passage(
        "clusters",
        ("GET", "POST"),
        "/api/v1/clusters/",
        "list clusters, start one",
        to="clusters",
        query="status=[A-Za-z,]{1,100}",
    ),
    Passage(
        "cluster",
        ("GET", "DELETE"),
        f"/api/v1/clusters/{CLUSTER}",
        "one cluster; wait until it runs",
        to="clusters",
        query="wait",
    ),
    Passage(
        "cluster-act",
        ("POST",),
        f"/api/v1/clusters/{CLUSTER}/(scale|adapt|heartbeat)",
        "how many workers; and its scheduler's word",
        to="clusters",
    ),
    Passage("cluster-version", ("GET",), "/api/version", "dask-gateway's", to="clusters"),
    Passage("packages", READ, f"/packages/simple/({PACKAGE}/)?", "which packages may be installed", to="mirror"),
    Passage(
        "package",
        READ,
        f"/packages/files/{PACKAGE}/[A-Za-z0-9]([A-Za-z0-9._+!-]|%2B|%21){{0,250}}[.](whl([.]metadata)?|tar[.]gz|zip)",
        "a package that is installed",
        to="mirror",
    ),
)

REASONS = {
    403: "This package is not on the list of this platform: ask its operators to add it",
    429: "This is as much as can be installed in a day: go on tomorrow",
    451: "Nothing can be installed in projects with data of this kind: ask the operators for an image that has it",
    502: "The package index outside does not answer: try again in some minutes",
}
"""Why the mirror refuses a package, by the status it answers with: pip shows the reason, and never a page."""
