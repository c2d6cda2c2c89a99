"""The frozen store: bytes named by their SHA-256, never changed, hashed again each time they are read."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from governance.errors import Invalid, Refused

SHA256 = re.compile(r"[0-9a-f]{64}")


class Tampered(Refused):
    """Bytes in the store are not what their name says. Whoever meets it quarantines the request."""


@dataclass(frozen=True, slots=True)
class FrozenStore:
    """A folder of files named by hash. One process writes to it; others may read."""

    folder: Path

    async def receive(self, stream: AsyncIterator[bytes], length: int) -> str:
        """Keep a stream of exactly this many bytes and return its hash. Nothing half-done is ever visible.

        Raises:
            Invalid: the stream ended early or went on, or the disk is full.
        """
        partial = self.folder / f".partial-{secrets.token_hex(8)}"
        digest, counted = hashlib.sha256(), 0
        try:
            with partial.open("xb") as file:
                async for block in stream:
                    counted += len(block)
                    if counted > length:
                        break
                    digest.update(block)
                    file.write(block)
                file.flush()
                os.fsync(file.fileno())
            if counted != length:
                raise Invalid("The upload did not have the length it announced. Send the file again.")
            self._keep(partial, digest.hexdigest())
        except OSError as e:
            raise Invalid("The file could not be stored: {reason}. Tell the operator.", reason=e.strerror or e) from e
        finally:
            partial.unlink(missing_ok=True)
        return digest.hexdigest()

    def sweep(self) -> None:
        """Remove what a process that was killed had begun; called by the store's one writer before it begins."""
        for partial in self.folder.glob(".partial-*"):
            partial.unlink(missing_ok=True)

    def put(self, content: bytes) -> str:
        """Keep bytes and return their hash."""
        sha256 = hashlib.sha256(content).hexdigest()
        partial = self.folder / f".partial-{secrets.token_hex(8)}"
        try:
            with partial.open("xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            self._keep(partial, sha256)
        finally:
            partial.unlink(missing_ok=True)
        return sha256

    def read(self, sha256: str) -> bytes:
        """The bytes of this hash; raises Tampered when they are missing or others."""
        try:
            content = (self.folder / sha256).read_bytes() if SHA256.fullmatch(sha256) else b""
        except OSError:
            content = b""
        if hashlib.sha256(content).hexdigest() != sha256:
            raise Tampered("A stored file is not what was frozen. The request is held back: tell the operator.")
        return content

    def _keep(self, partial: Path, sha256: str) -> None:
        partial.chmod(0o440)
        partial.rename(self.folder / sha256)
        descriptor = os.open(self.folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def originals(state: Path) -> FrozenStore:
    """What came from rooms, byte for byte; the intake writes it."""
    return FrozenStore(state / "frozen" / "originals")


def canonical(state: Path) -> FrozenStore:
    """Canonical copies and their views; the jobs process writes it."""
    return FrozenStore(state / "frozen" / "canonical")
