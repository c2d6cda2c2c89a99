"""What a notebook in a room needs of Datasluse: `from datasluse import Cluster`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datasluse.cluster import Cluster

__all__ = ["Cluster"]


def __getattr__(name: str) -> Any:
    """Import what is asked for: a scheduler imports `datasluse.scheduler`, and not the client with it."""
    if name in __all__:
        from datasluse.cluster import Cluster

        return Cluster
    raise AttributeError(f"module 'datasluse' has no attribute {name!r}")
