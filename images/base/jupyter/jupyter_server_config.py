"""JupyterLab in a room. These are courtesies; the walls stand at the gate."""

import os

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
c.NotebookNotary.secret_file = f"{home}/.jupyterlab/notebook_secret"
c.NotebookNotary.db_file = f"{home}/.jupyterlab/nbsignatures.db"
c.LabApp.override_static_url = os.environ.get("ASSETS", "")  # a trusted copy outside; empty serves its own
c.LabApp.news_url = None
c.LabApp.check_for_updates_class = "jupyterlab.NeverCheckForUpdate"
c.LabApp.extension_manager = "readonly"
c.FileContentsManager.delete_to_trash = False
