"""A Dask cluster of this room."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from dask_gateway import Gateway, GatewayCluster

from datasluse.folder import Folder


class Cluster(GatewayCluster):
    """A Dask cluster of this room: it sees the project's data and nothing else, and ends with the room.

    It begins with one worker. ``cluster.scale(4)`` asks for four, ``cluster.adapt(maximum=8)`` lets it follow the work.

    Args:
        profile: what one worker is given; ``Gateway().cluster_options()`` shows which there are. Default `base`.
        workers: how many to begin with.

    Raises:
        ValueError: there is no such profile, or more was asked for than may be had; the message says what is in use.
    """

    def __init__(self, profile: str | None = None, workers: int | None = None, **kwargs: Any) -> None:
        chosen = {"profile": profile, "workers": workers}
        super().__init__(**{name: value for name, value in chosen.items() if value is not None}, **kwargs)

    @classmethod
    def current(cls) -> Cluster:
        """The cluster that this room has, the newest of several; raises LookupError when it has none."""
        gateway = Gateway()  # it closes itself, once: closed by `with`, it complains when it is forgotten
        running = sorted(gateway.list_clusters(), key=lambda report: report.start_time)
        if not running:
            raise LookupError("This room has no cluster: start one with Cluster().")
        found: Cluster = cls.from_name(running[-1].name)
        return found

    def get_client(self, set_as_default: bool = True) -> Any:
        """A client. The workers go to the folder that this is called in: relative names mean the same files to them."""
        client = super().get_client(set_as_default=set_as_default)
        if not self.asynchronous:
            client.register_plugin(Folder(str(Path.cwd())))
        return client

    def close(self, shutdown: bool | None = None) -> Any:
        """Leave the cluster, and end it if this began it.

        ``client.shutdown()`` calls this in the loop that everything else here runs in. dask-gateway would wait there
        for that same loop, for ever; what it waits for is handed back instead, and the cluster ends, as is asked for.
        """
        try:
            within = asyncio.get_running_loop() is self.loop.asyncio_loop
        except RuntimeError:
            within = False
        if within and not self.asynchronous:
            return self._stop_internal(shutdown=True)
        return super().close(shutdown=shutdown)

    def adapt(self, minimum: int | None = 1, maximum: int | None = None, active: bool = True, **kwargs: Any) -> Any:
        """Let the number of workers follow the work; one stays, so that the first task does not wait for a start."""
        return super().adapt(minimum=minimum, maximum=maximum, active=active, **kwargs)
