"""The one process that asks the package index outside, and keeps what it got: proxpi, on a socket for the mirror alone.

It holds neither the database nor settings nor a key, and reads no call of a room's: the mirror has seen the name first.
"""

from __future__ import annotations

import logging
import os
import shutil
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

import waitress

KEPT = 20 << 30
"""Bytes of packages that are kept, a sixteenth of the disk at most; what is used least goes first."""
FILES_OF = {"pypi.org": "files.pythonhosted.org"}
"""An index whose files are on another host; any other has them on its own."""
LONGEST_FETCH = 900
"""Seconds for one file. proxpi then sends its caller to the address outside; the mirror passes that on to nobody."""
TRUST = Path("/etc/ssl/certs/ca-certificates.crt")
"""Debian's certificates, with those that the operator added to them."""


def configure(index: str, kept_in: Path) -> None:
    """Say in the environment what proxpi reads there when it is imported."""
    os.environ |= {
        "PROXPI_INDEX_URL": index,
        "PROXPI_CACHE_DIR": str(kept_in),
        "PROXPI_CACHE_SIZE": str(min(KEPT, shutil.disk_usage(kept_in.parent).total // 16)),
        "PROXPI_DOWNLOAD_TIMEOUT": str(LONGEST_FETCH),
        "PROXPI_CONNECT_TIMEOUT": "10",
        "PROXPI_READ_TIMEOUT": "60",
    }
    if TRUST.exists():
        os.environ["REQUESTS_CA_BUNDLE"] = str(TRUST)


def main() -> None:
    """``python -m mirror.index SOCKET FOLDER INDEX``."""
    socket, kept_in, index = sys.argv[1:]
    configure(index, Path(kept_in))
    from proxpi import _cache  # it reads the environment when it is imported

    own = urlsplit(index)
    hosts = {own.hostname, FILES_OF.get(own.hostname or "", own.hostname)}

    class IndexCache(_cache._IndexCache):  # type: ignore[misc]
        """proxpi's, but that it does not fetch the list of everything when one name is missing."""

        def list_projects(self) -> tuple[str, ...]:
            return ()

    class FileCache(_cache._FileCache):  # type: ignore[misc]
        """proxpi's, but that it believes no page that leads elsewhere, and remembers no download that failed."""

        def get(self, url: str) -> str:
            there = urlsplit(url)
            if there.hostname not in hosts or there.scheme != own.scheme or ".." in unquote(there.path).split("/"):
                raise _cache.NotFound(url)
            return str(super().get(url))

        def _download_file(self, url: str, path: str) -> None:
            try:
                super()._download_file(url, path)
            finally:
                key = self._get_key(url)
                if not isinstance(self._files.get(key), _cache._CachedFile):
                    self._files.pop(key, None)

    _cache.Cache._index_cache_cls, _cache.Cache._file_cache_cls = IndexCache, FileCache
    from proxpi.server import app

    # Every call outside stands in the log, with its address.
    logging.getLogger("urllib3.connectionpool").setLevel(logging.DEBUG)
    # The folder that the socket is in lets in the mirror and nobody else.
    waitress.serve(app, unix_socket=socket, unix_socket_perms="666", threads=64)


if __name__ == "__main__":
    main()
