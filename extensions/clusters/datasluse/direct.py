"""How dask-gateway's client reaches a scheduler of this room: straight, at the address that the gateway names.

`dask_gateway` loads this when it makes its first `Gateway` (`gateway.auth.type` in images/base/dask), so notebooks that
use it alone, written for other places, work as they are.
"""

from __future__ import annotations

from typing import Any

from dask_gateway.auth import GatewayAuth
from dask_gateway.client import ClusterReport

_plain = ClusterReport._from_json.__func__


def _from_json(cls: type[ClusterReport], public_address: str, proxy_address: str, msg: dict[str, Any]) -> Any:
    address = msg.pop("scheduler_address", None)
    report = _plain(cls, public_address, proxy_address, msg)
    report.scheduler_address = address
    return report


ClusterReport._from_json = classmethod(_from_json)


class RoomAuth(GatewayAuth):
    """Says nothing: whose cluster it is follows from the room's gate."""

    def pre_request(self, resp: Any) -> tuple[dict[str, str], None]:
        """Called after a 401, which a gate never answers."""
        return {}, None
