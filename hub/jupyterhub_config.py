"""JupyterHub's configuration: an engine behind a REST API on loopback. Nobody can log in and no browser reaches it."""

from __future__ import annotations

from typing import Any

from governance.settings import load

c: Any = get_config()  # type: ignore[name-defined] # noqa: F821 (JupyterHub's)
settings = load()
folder = settings.state / "hub"

c.JupyterHub.bind_url = f"http://127.0.0.1:{settings.hub_port}"
c.JupyterHub.hub_bind_url = f"http://127.0.0.1:{settings.hub_port}"
c.JupyterHub.subdomain_host = settings.origin(settings.rooms_domain)
c.JupyterHub.subdomain_hook = lambda name, domain, kind: f"{name}.{domain}"
c.JupyterHub.db_url = f"sqlite:///{folder / 'hub.db'}"
c.JupyterHub.cookie_secret_file = str(folder / "cookie_secret")
c.JupyterHub.pid_file = ""

c.JupyterHub.authenticator_class = "null"
c.Authenticator.any_allow_config = True  # of nobody: silences the warning that nobody is allowed
c.JupyterHub.services = [{"name": "reconciler", "api_token": (settings.keys / "hub.token").read_text().strip()}]
c.JupyterHub.load_roles = [
    {"name": "reconciler", "scopes": ["admin:users", "admin:servers", "read:hub"], "services": ["reconciler"]},
    {"name": "user", "scopes": []},
]

c.JupyterHub.spawner_class = "project"
c.ProjectSpawner.installation = settings.installation
c.Spawner.start_timeout = 180
c.Spawner.http_timeout = 180
c.Spawner.poll_interval = 15

c.JupyterHub.proxy_class = "gate"
c.GateProxy.installation = settings.installation

c.JupyterHub.cleanup_servers = False  # rooms outlive the hub
c.JupyterHub.last_activity_interval = 20  # how soon an edge that restarted with an empty map is filled again
c.JupyterHub.tornado_settings = {"slow_spawn_timeout": 0}  # POST server answers 202 at once; the reconciler polls
c.JupyterHub.concurrent_spawn_limit = 20
c.JupyterHub.api_page_max_limit = 2000  # the reconciler asks for all rooms at once
c.JupyterHub.init_spawners_timeout = -1  # no answer before every room was looked at: an unseen one is not a dead one
