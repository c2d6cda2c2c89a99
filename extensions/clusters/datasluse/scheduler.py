"""Preload of a cluster's scheduler, before dask-gateway's own.

Its first workers start beside it, so it counts them from the start: it would send the fast ones away as too many. The
dashboard's libraries, a second of imports, come after it can be connected to.
"""

from __future__ import annotations

import asyncio
import importlib
import os
from typing import Any

from dask_gateway import scheduler_preload

LATE = 3.0
"""Seconds after the start."""

Service = scheduler_preload.GatewaySchedulerService
if not getattr(Service, "counts_first_workers", False):  # dask runs a preload's text more than once
    _plain = Service.__init__

    def _init(self: Any, *args: Any, plain: Any = _plain, **kwargs: Any) -> None:
        plain(self, *args, **kwargs)
        self.count = int(os.environ.get("DATASLUSE_FIRST_WORKERS", "0"))

    Service.__init__ = _init
    Service.counts_first_workers = True


async def dask_setup(scheduler: Any) -> None:
    """Called by dask when the scheduler starts."""

    async def dashboard() -> None:
        await asyncio.sleep(LATE)
        module = await asyncio.to_thread(importlib.import_module, "distributed.dashboard.scheduler")
        module.connect(scheduler.http_application, scheduler.http_server, scheduler, prefix="")

    scheduler.late_dashboard = asyncio.create_task(dashboard())
