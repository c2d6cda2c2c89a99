"""A release: a zip of canonical files with a signed manifest, and its verification far from here."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
import zlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from governance.errors import Invalid

MANIFEST, SIGNATURE, FILES = "manifest.json", "manifest.sig", "files/"
FORMAT = "datasluse-release-1"


def build(manifest: Mapping[str, Any], files: Sequence[tuple[str, bytes]], key: Ed25519PrivateKey) -> bytes:
    """A bundle. The same manifest, files and key give the same bytes."""
    listed = [{"name": name, "size": len(content), "sha256": _hash(content)} for name, content in files]
    text = json.dumps({"format": FORMAT, **manifest, "files": listed}, indent=1, sort_keys=True, ensure_ascii=False)
    return _zip(text.encode(), key.sign(text.encode()), files)


def verify(bundle: bytes, trusted: Sequence[Ed25519PublicKey]) -> dict[str, Any]:
    """The manifest of a bundle that holds: signed by a trusted key, with exactly the files it lists, unchanged.

    A zip has room for more than its directory lists, and programs that read it from its beginning find that instead. So
    a bundle is put together again from what was read: it holds only when each of its bytes is one that `build` writes.

    Raises:
        Invalid: anything else; the message says what.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(bundle)) as archive:
            entries = archive.infolist()
            if sum(entry.file_size for entry in entries) > len(bundle):
                raise zipfile.BadZipFile("its files are larger than it is")  # nor will they fill the memory
            members = {entry.filename: archive.read(entry) for entry in entries}
        text, signature = members.pop(MANIFEST), bytes.fromhex(members.pop(SIGNATURE).decode())
    except (zipfile.BadZipFile, EOFError, KeyError, ValueError, NotImplementedError, RuntimeError, zlib.error) as e:
        raise Invalid("this is not a whole release bundle: {reason}", reason=e) from e
    if not any(_signed(text, signature, key) for key in trusted):
        raise Invalid("the manifest is not signed by a key you trust")
    manifest: dict[str, Any] = json.loads(text)
    if manifest.get("format") != FORMAT:
        raise Invalid("this version does not know the format {format}", format=manifest.get("format"))
    listed = {FILES + file["name"]: file["sha256"] for file in manifest["files"]}
    if set(listed) != set(members):
        raise Invalid("the bundle holds other files than its manifest lists")
    for name, content in members.items():
        if _hash(content) != listed[name]:
            raise Invalid("{name} is not the file that was approved", name=name)
    if _zip(text, signature, [(file["name"], members[FILES + file["name"]]) for file in manifest["files"]]) != bundle:
        raise Invalid(
            "the bundle was changed around its files: some programs would unpack others. Download the release again"
        )
    return manifest


def manifest(file: Path) -> dict[str, Any] | None:
    """The manifest of a bundle of our own, which is not verified; None when there is no bundle."""
    try:
        with zipfile.ZipFile(file) as archive:
            read: dict[str, Any] = json.loads(archive.read(MANIFEST))
            return read
    except (OSError, zipfile.BadZipFile, KeyError):
        return None


def trusted_keys(file: Path) -> list[Ed25519PublicKey]:
    """The public keys in a PEM file; raises Invalid when there is none."""
    end = "-----END PUBLIC KEY-----"
    try:
        parts = [part + end for part in file.read_text().split(end)[:-1]]
        keys = [load_pem_public_key(part.strip().encode()) for part in parts]
    except (OSError, ValueError) as e:
        raise Invalid("{file} holds no public keys: {reason}", file=file, reason=e) from e
    known = [key for key in keys if isinstance(key, Ed25519PublicKey)]
    if not known:
        raise Invalid("{file} holds no public keys: {reason}", file=file, reason="no Ed25519 key in PEM form")
    return known


def _zip(manifest: bytes, signature: bytes, files: Iterable[tuple[str, bytes]]) -> bytes:
    """The one form of a bundle; every release ever made has it, and each of its bytes is verified."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name, content in [
            (MANIFEST, manifest),
            (SIGNATURE, signature.hex().encode()),
            *((FILES + name, content) for name, content in files),
        ]:
            entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            entry.create_system = 3  # Unix, wherever it is verified
            archive.writestr(entry, content)
    return out.getvalue()


def _signed(text: bytes, signature: bytes, key: Ed25519PublicKey) -> bool:
    try:
        key.verify(signature, text)
    except InvalidSignature:
        return False
    return True


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
