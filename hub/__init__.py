"""Rooms on a Docker engine: plan, spawner, proxy, gates, edge, walls, reconciler."""
