"""What the clusters' panel asks of the room's server: passed on to dask-gateway, without its keys."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from urllib.parse import urlsplit

from jupyter_server.utils import url_path_join
from tornado.httpclient import AsyncHTTPClient, HTTPRequest, HTTPResponse
from tornado.web import HTTPError, authenticated

from datasluse_release_requests.handlers import Passing

GATEWAY = "http://gate:8082/api/v1"
DASHBOARD = 8787
SHOWN = ("name", "status", "options", "start_time", "dashboard_route")
"""Of what dask-gateway says of a cluster; its private key stays out of the browser."""


class Calls(Passing):
    """Calls to dask-gateway."""

    async def call(self, method: str, path: str, body: object = None) -> Any:
        """Its answer to a call; an error of it becomes one of this one, with its words."""
        content = None if body is None else json.dumps(body)
        headers = {"Content-Type": "application/json"} if content else {}
        answer = await self.fetch(HTTPRequest(GATEWAY + path, method, headers, body=content, request_timeout=30))
        said = json.loads(answer.body or b"{}") if answer.code < 599 else {}
        if answer.code >= 400:
            self.set_status(answer.code if answer.code < 599 else 502)
            self.finish(json.dumps({"error": said.get("error", "dask-gateway does not answer")}))
            return None
        return said

    async def ask_scheduler(self, cluster: dict[str, Any], path: str) -> Any:
        """What a cluster's own dashboard says; None while it does not say anything."""
        address = urlsplit(cluster.get("scheduler_address") or "").hostname
        if not address:
            return None
        request = HTTPRequest(f"http://{address}:{DASHBOARD}/{path}", request_timeout=2, connect_timeout=1)
        try:
            answer: HTTPResponse = await AsyncHTTPClient().fetch(request, raise_error=False)
            return json.loads(answer.body) if answer.code == 200 else None
        except (OSError, ValueError):
            return None


class Clusters(Calls):
    """The room's clusters, however they were made, and a new one."""

    @authenticated
    async def get(self) -> None:
        said = await self.call("GET", "/clusters/")
        options = await self.call("GET", "/options") if said is not None else None
        if said is None or options is None:
            return
        found = sorted(said.values(), key=lambda cluster: int(cluster["start_time"]))
        counts = await asyncio.gather(*(self.ask_scheduler(cluster, "json/counts.json") for cluster in found))
        profiles = next(o["spec"]["options"] for o in options["cluster_options"] if o["field"] == "profile")
        shown = [
            {key: cluster[key] for key in SHOWN} | {"workers": count and count["workers"]}
            for cluster, count in zip(found, counts, strict=True)
        ]
        self.finish(json.dumps({"clusters": shown, "profiles": profiles}))

    @authenticated
    async def post(self) -> None:
        asked = self.asked()
        said = await self.call("POST", "/clusters/", {"cluster_options": asked})
        if said is not None:
            self.finish(json.dumps(said))


class Act(Calls):
    """Scale a cluster, stop it, or list the plots that it can draw."""

    @authenticated
    async def post(self, name: str, what: str) -> None:
        if what == "stop":
            said = await self.call("DELETE", f"/clusters/{name}")
        else:
            said = await self.call("POST", f"/clusters/{name}/scale", {"count": self.asked().get("count")})
        if said is not None:
            self.finish(json.dumps(said))

    @authenticated
    async def get(self, name: str, what: str) -> None:
        if what != "plots":
            raise HTTPError(404)
        cluster = await self.call("GET", f"/clusters/{name}")
        if cluster is not None:
            self.finish(json.dumps(await self.ask_scheduler(cluster, "individual-plots.json") or {}))


def routes(base: str) -> list[tuple[str, type[Calls]]]:
    """The panel's addresses."""
    return [
        (url_path_join(base, "datasluse", "clusters"), Clusters),
        (url_path_join(base, "datasluse", r"clusters/([0-9a-f]{32})/(scale|stop|plots)"), Act),
    ]
