"""Signed heads of the audit chain, in a folder that no process but the release worker can write."""

from __future__ import annotations

import json

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from governance.errors import Invalid
from governance.settings import Settings
from output_review.bundle import trusted_keys
from output_review.files import write_whole


def sign(settings: Settings, number: int, sha256: str, key: Ed25519PrivateKey) -> None:
    """Sign the head as it is now: a chain that is later cut or written anew differs from it."""
    text = json.dumps({"number": number, "sha256": sha256}, sort_keys=True)
    signed = {"head": text, "signature": key.sign(text.encode()).hex()}
    write_whole(settings.state / "releases" / "heads" / f"{number:012d}.json", json.dumps(signed).encode())


def signed_heads(settings: Settings) -> dict[int, str]:
    """Every signed head, by event number; raises Invalid when one of them is not ours."""
    key = trusted_keys(settings.keys / "release.pem")[0]
    heads: dict[int, str] = {}
    for file in sorted((settings.state / "releases" / "heads").glob("*.json")):
        try:
            signed = json.loads(file.read_text())
            key.verify(bytes.fromhex(signed["signature"]), signed["head"].encode())
            head = json.loads(signed["head"])
            heads[int(head["number"])] = str(head["sha256"])
        except (InvalidSignature, KeyError, ValueError, TypeError) as e:
            raise Invalid("{file} is not a head that was signed here", file=file) from e
    return heads
