"""A release: a zip of canonical files with a signed manifest, and its verification far from here."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping, Sequence
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
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in [
            (MANIFEST, text.encode()),
            (SIGNATURE, key.sign(text.encode()).hex().encode()),
            *((FILES + name, content) for name, content in files),
        ]:
            archive.writestr(zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0)), content)
    return out.getvalue()


def verify(bundle: bytes, trusted: Sequence[Ed25519PublicKey]) -> dict[str, Any]:
    """The manifest of a bundle that holds: signed by a trusted key, with exactly the files it lists, unchanged.

    Raises:
        Invalid: anything else; the message says what.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(bundle)) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
            repeated = len(archive.namelist()) != len(members)
        text, signature = members.pop(MANIFEST), bytes.fromhex(members.pop(SIGNATURE).decode())
    except (zipfile.BadZipFile, KeyError, ValueError, NotImplementedError, RuntimeError) as e:
        raise Invalid("this is not a whole release bundle: {reason}", reason=e) from e
    if not any(_signed(text, signature, key) for key in trusted):
        raise Invalid("the manifest is not signed by a key you trust")
    manifest: dict[str, Any] = json.loads(text)
    if manifest.get("format") != FORMAT:
        raise Invalid("this version does not know the format {format}", format=manifest.get("format"))
    listed = {FILES + file["name"]: file["sha256"] for file in manifest["files"]}
    if repeated or set(listed) != set(members):
        raise Invalid("the bundle holds other files than its manifest lists")
    for name, content in members.items():
        if _hash(content) != listed[name]:
            raise Invalid("{name} is not the file that was approved", name=name)
    return manifest


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


def _signed(text: bytes, signature: bytes, key: Ed25519PublicKey) -> bool:
    try:
        key.verify(signature, text)
    except InvalidSignature:
        return False
    return True


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
