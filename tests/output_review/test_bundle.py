from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from governance.errors import Invalid
from output_review.bundle import build, verify

KEY = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
TRUST = [KEY.public_key()]
FILES = [("table.csv", b"a,b\n1,2\n"), ("figure.png", b"\x89PNG")]
BUNDLE = build({"request": 7, "project": "p"}, FILES, KEY)


def changed(change: Callable[[dict[str, bytes]], object]) -> bytes:
    with zipfile.ZipFile(io.BytesIO(BUNDLE)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    change(members)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return out.getvalue()


def test_a_whole_bundle_holds() -> None:
    assert verify(BUNDLE, TRUST)["request"] == 7
    assert verify(changed(lambda _: None), TRUST)["files"][0]["name"] == "table.csv"
    assert build({"request": 7, "project": "p"}, FILES, KEY) == BUNDLE


@pytest.mark.parametrize(
    "change",
    [
        lambda m: m.update({"files/table.csv": b"a,b\n9,9\n"}),
        lambda m: m.update({"files/extra.csv": b"rows"}),
        lambda m: m.pop("files/figure.png"),
        lambda m: m.update({"manifest.json": m["manifest.json"].replace(b'"request": 7', b'"request": 8')}),
        lambda m: m.pop("manifest.sig"),
        lambda m: m.update({"manifest.sig": b"00" * 64}),
        lambda m: m.update({"manifest.sig": b"not hex"}),
        lambda m: m.pop("manifest.json"),
    ],
)
def test_a_changed_bundle_does_not(change: Callable[[dict[str, bytes]], object]) -> None:
    with pytest.raises(Invalid):
        verify(changed(change), TRUST)


def test_another_key_is_not_trusted() -> None:
    with pytest.raises(Invalid, match="not signed by a key you trust"):
        verify(BUNDLE, [Ed25519PrivateKey.generate().public_key()])
    assert verify(BUNDLE, [Ed25519PrivateKey.generate().public_key(), *TRUST])


def test_what_is_no_bundle_is_told_so() -> None:
    for junk in (b"", b"PK", BUNDLE[:100], json.dumps({}).encode()):
        with pytest.raises(Invalid, match="not a whole release bundle"):
            verify(junk, TRUST)
