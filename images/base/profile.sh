# Login shells, as JupyterLab's terminals are: Debian's /etc/profile has put its own PATH in the place of the image's.
export PATH="/opt/room/bin:$PATH:$HOME/.local/bin"
