"""JupyterLab in a room. These are courtesies; the walls stand at the gate."""

import contextlib
import os
import site
from pathlib import Path

c = get_config()  # noqa: F821
home = os.environ["HOME"]

c.ServerApp.root_dir = home
c.ServerApp.preferred_dir = home
c.ServerApp.allow_remote_access = True  # the gate checks Host and Origin
c.ServerApp.disable_check_xsrf = False
c.ServerApp.quit_button = False
c.ServerApp.jpserver_extensions = {
    "datasluse_release_requests": True,
    "jupyter_server_proxy": "CLUSTERS" in os.environ,  # a cluster's plots
    "jupyterlab": True,
    "jupyter_lsp": False,
    "notebook_shim": False,
}
c.ServerProxy.host_allowlist = lambda _app, host: host.startswith("10.")
with contextlib.suppress(OSError):  # the home is full: JupyterLab says so when something is saved
    Path(home, ".jupyterlab").mkdir(exist_ok=True)  # the notary writes its secret there, and makes no folder
c.NotebookNotary.secret_file = f"{home}/.jupyterlab/notebook_secret"
c.NotebookNotary.db_file = f"{home}/.jupyterlab/nbsignatures.db"
c.LabApp.override_static_url = os.environ.get("ASSETS", "")  # a trusted copy outside; empty serves its own
c.LabApp.news_url = None
c.LabApp.check_for_updates_class = "jupyterlab.NeverCheckForUpdate"
c.LabApp.extension_manager = "readonly"
c.FileContentsManager.delete_to_trash = False

# Kernels see what is installed into the home only if its folder was there when they began.
with contextlib.suppress(OSError):
    Path(site.getusersitepackages()).mkdir(parents=True, exist_ok=True)

# The file browser shows the home alone; a link of these names leads to what lies beside it.
for beside in ("data", "project"):
    with contextlib.suppress(OSError):  # the person has a file of that name, or a full home
        Path(home, beside).symlink_to(f"/{beside}")
