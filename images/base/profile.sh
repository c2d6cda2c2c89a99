# Login shells, as JupyterLab's terminals are: Debian's /etc/profile has put its own PATH in the place of the image's.
export PATH="/opt/room/bin:$PATH:$HOME/.local/bin"

# What people look for, and what there is instead.
command_not_found_handle() {
  case "$1" in
    R | Rscript | rstudio) echo "R is chosen when a room is opened: close this one, and open it as Statistics in R." >&2 ;;
    conda | mamba | micromamba | poetry | pipx | uv) echo "Packages come with pip: pip install NAME." >&2 ;;
    sudo | su | doas) echo "Nobody is root in a room. Packages come with pip; programs with the image, from the operators." >&2 ;;
    wget | ssh | scp | rsync | ping | telnet | ftp)
      echo "A room has no way to the internet: files come in with the project's data, packages with pip." >&2 ;;
    *) echo "bash: $1: command not found" >&2 ;;
  esac
  return 127
}
apt() {
  echo "Programs of Debian come with the image: ask the platform's operators. Python packages: pip install NAME." >&2
  return 100
}
apt-get() { apt; }
