"""The folders and keys of an installation, each with its one owner. Modes are tested on the installed machine."""

from __future__ import annotations

import base64
import os
import secrets
import shutil
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from governance.settings import Settings

PrivateKey = ec.EllipticCurvePrivateKey | Ed25519PrivateKey


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder under `/var/lib/datasluse/<installation>`; owner and group are suffixes of system users, "" is root."""

    path: str
    mode: int
    owner: str = ""
    group: str = ""


FOLDERS = (
    Folder("", 0o755),
    Folder("db", 0o2770, group="database"),
    Folder("keys", 0o711),
    Folder("keys/volumes", 0o700),
    Folder("data", 0o755),
    Folder("assets", 0o755),
    Folder("volumes", 0o700),
    Folder("homes", 0o711),
    Folder("starters", 0o755),
    Folder("projects", 0o711),
    Folder("scratch", 0o711),
    Folder("hub", 0o700),
    Folder("clusters", 0o700),
    Folder("frozen", 0o711),
    Folder("frozen/originals", 0o2750, owner="intake", group="database"),
    Folder("frozen/canonical", 0o2750, owner="jobs", group="database"),
    Folder("releases", 0o2750, owner="release", group="database"),
    Folder("releases/heads", 0o2750, owner="release", group="database"),
    Folder("log", 0o750),
    Folder("log/gates", 0o750),
    Folder("run", 0o755),
    Folder("run/edge", 0o750, group="edge"),
    Folder("run/edge/socket", 0o700),
    Folder("certificates", 0o711),
    Folder("run/web", 0o750, owner="web", group="edge"),
    Folder("run/reconciler", 0o750, group="web"),
    Folder("run/sandboxd", 0o750, group="jobs"),
    Folder("run/gates", 0o711),
)


def make(settings: Settings) -> None:
    """Make every folder, and every key that is missing; what is there keeps its contents and gets its mode again."""
    for folder in FOLDERS:
        path = settings.state / folder.path
        path.mkdir(parents=True, exist_ok=True)
        shutil.chown(path, _owner(settings, folder.owner), _group(settings, folder.group))
        path.chmod(folder.mode)
    _key_pair(settings, "ticket", ec.generate_private_key(ec.SECP256R1()), "web")
    _key_pair(settings, "release", Ed25519PrivateKey.generate(), "release")
    token = settings.keys / "hub.token"
    if not token.exists():
        _secret(token, secrets.token_hex(32), "root")
    encryption = settings.keys / "clusters.key"
    if not encryption.exists():
        _secret(encryption, base64.b64encode(secrets.token_bytes(32)).decode(), "root")


def _key_pair(settings: Settings, name: str, key: PrivateKey, owner: str) -> None:
    """Keep a new private key for the one process that signs with it, and its public half for everybody.

    `ticket` (ES256) opens rooms; `release` (Ed25519) signs releases and audit heads. An old key is never replaced.
    """
    private, public = settings.keys / f"{name}.key", settings.keys / f"{name}.pem"
    if private.exists():
        return
    format_of_public = serialization.PublicFormat.SubjectPublicKeyInfo
    public.write_bytes(key.public_key().public_bytes(serialization.Encoding.PEM, format_of_public))
    public.chmod(0o644)
    plain = serialization.NoEncryption()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    _secret(private, pem.decode(), settings.user(owner))


def _secret(path: Path, text: str, owner: str) -> None:
    partial = path.with_suffix(".partial")
    partial.unlink(missing_ok=True)
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    shutil.chown(partial, owner, "root")
    partial.rename(path)


def _owner(settings: Settings, suffix: str) -> str:
    return settings.user(suffix) if suffix else "root"


def _group(settings: Settings, suffix: str) -> str:
    return settings.group if suffix == "database" else _owner(settings, suffix)
