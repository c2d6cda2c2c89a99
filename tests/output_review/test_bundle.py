from __future__ import annotations

import hashlib
import io
import json
import struct
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
FIRST_EVER = "112a2a9c9a271ac909d7a61abde41cc38b059356166b50f2f52cc348ff54b4bd"
"""SHA-256 of this bundle as the first version built it."""
LOCAL, DIRECTORY = b"PK\x03\x04", b"PK\x01\x02"
"""What a local header and a directory entry begin with (APPNOTE.TXT 4.3.7, 4.3.12)."""


def changed(change: Callable[[dict[str, bytes]], object]) -> bytes:
    """The bundle with other members, in the same form."""
    with zipfile.ZipFile(io.BytesIO(BUNDLE)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    change(members)
    return zipped(list(members.items()))


def zipped(members: list[tuple[str, bytes]], method: int = zipfile.ZIP_STORED, extra: bytes = b"") -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in members:
            entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            entry.compress_type, entry.extra = method, extra
            archive.writestr(entry, content)
    return out.getvalue()


def members() -> list[tuple[str, bytes]]:
    with zipfile.ZipFile(io.BytesIO(BUNDLE)) as archive:
        return [(name, archive.read(name)) for name in archive.namelist()]


def streamed(content: bytes) -> dict[str, bytes]:
    """What a program unpacks that reads a zip of stored files from its beginning, as it comes over a network."""
    unpacked, at = {}, 0
    while content[at : at + 4] == LOCAL:
        size, _, name, extra = struct.unpack_from("<IIHH", content, at + 18)
        begins = at + 30 + name + extra
        unpacked[content[at + 30 : at + 30 + name].decode()] = content[begins : begins + size]
        at = begins + size
    return unpacked


def with_more(content: bytes, more: bytes, at: int) -> bytes:
    """A zip with bytes put in at a place before its directory, whose own end knows of them."""
    made = bytearray(content[:at] + more + content[at:])
    end = made.rindex(b"PK\x05\x06")
    (directory,) = struct.unpack_from("<I", made, end + 16)
    struct.pack_into("<I", made, end + 16, directory + len(more))
    entry = directory + len(more)
    while made[entry : entry + 4] == DIRECTORY:
        name, extra, comment = struct.unpack_from("<HHH", made, entry + 28)
        (local,) = struct.unpack_from("<I", made, entry + 42)
        if local >= at:
            struct.pack_into("<I", made, entry + 42, local + len(more))
        entry += 46 + name + extra + comment
    return bytes(made)


def test_a_whole_bundle_holds() -> None:
    assert verify(BUNDLE, TRUST)["request"] == 7
    assert verify(changed(lambda _: None), TRUST)["files"][0]["name"] == "table.csv"
    assert build({"request": 7, "project": "p"}, FILES, KEY) == BUNDLE


def test_a_bundle_is_what_it_ever_was() -> None:
    """Releases of earlier versions are verified by being built again: whoever changes the form loses them."""
    assert hashlib.sha256(BUNDLE).hexdigest() == FIRST_EVER
    with_letters = build({"request": 1, "title": "Æ"}, [("tabel æøå (1).csv", b"a\n"), ("tom.txt", b"")], KEY)
    assert verify(with_letters, TRUST)["title"] == "Æ"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda m: m.update({"files/table.csv": b"a,b\n9,9\n"}), "not the file that was approved"),
        (lambda m: m.update({"files/extra.csv": b"rows"}), "other files than its manifest lists"),
        (lambda m: m.pop("files/figure.png"), "other files than its manifest lists"),
        (
            lambda m: m.update({"manifest.json": m["manifest.json"].replace(b'"request": 7', b'"request": 8')}),
            "not signed by a key you trust",
        ),
        (lambda m: m.pop("manifest.sig"), "not a whole release bundle"),
        (lambda m: m.update({"manifest.sig": b"00" * 64}), "not signed by a key you trust"),
        (lambda m: m.update({"manifest.sig": b"not hex"}), "not a whole release bundle"),
        (lambda m: m.pop("manifest.json"), "not a whole release bundle"),
        (lambda m: m.update({"manifest.sig": m["manifest.sig"].upper()}), "changed around its files"),
        (lambda m: m.update({"files/table.csv": m.pop("files/table.csv")}), "changed around its files"),
    ],
)
def test_a_changed_bundle_does_not(change: Callable[[dict[str, bytes]], object], says: str) -> None:
    with pytest.raises(Invalid, match=says):
        verify(changed(change), TRUST)


def test_a_bundle_with_two_faces_does_not() -> None:
    """A second entry that the directory does not know: who reads from the beginning unpacks its numbers."""
    swapped = zipped([("files/table.csv", b"a,b\n9,9\n")])
    second = swapped[: swapped.index(DIRECTORY)]
    two_faced = with_more(BUNDLE, second, BUNDLE.index(DIRECTORY))
    with zipfile.ZipFile(io.BytesIO(two_faced)) as archive:
        assert archive.testzip() is None
        assert archive.read("files/table.csv") == b"a,b\n1,2\n"
    assert streamed(two_faced)["files/table.csv"] == b"a,b\n9,9\n"
    assert streamed(BUNDLE)["files/table.csv"] == b"a,b\n1,2\n"
    with pytest.raises(Invalid, match="changed around its files"):
        verify(two_faced, TRUST)


def test_a_byte_that_belongs_to_no_file_is_refused_wherever_it_is() -> None:
    """Every one is a good zip with the approved files to Python's own reader."""
    second_entry = BUNDLE.index(LOCAL, 1)
    end = BUNDLE.index(b"PK\x05\x06")
    for what, made in {
        "a prefix": b"#!/bin/sh\n" + BUNDLE,
        "a gap": with_more(BUNDLE, b"gap", second_entry),
        "a comment": BUNDLE[: end + 20] + struct.pack("<H", 3) + b"hey",
        "extra fields": zipped(members(), extra=b"\xfe\xca\x01\x00x"),
        "other bits in a local header": BUNDLE[:6] + struct.pack("<H", 2) + BUNDLE[8:],
        "another time in a local header": BUNDLE[:10] + b"\x01" + BUNDLE[11:],
        "other attributes": BUNDLE[: end - 24] + b"\xff" + BUNDLE[end - 23 :],
        "another method": zipped(members(), zipfile.ZIP_DEFLATED),
    }.items():
        with zipfile.ZipFile(io.BytesIO(made)) as archive:
            assert [(name, archive.read(name)) for name in archive.namelist()] == members(), what
        with pytest.raises(Invalid, match="changed around its files"):
            verify(made, TRUST)


def test_another_name_in_a_local_header_and_a_suffix_are_refused() -> None:
    """Python's reader sees these by itself, and others do not."""
    at = BUNDLE.index(b"files/table.csv", BUNDLE.index(b"manifest.sig"))
    renamed = BUNDLE[:at] + b"files/other.csv" + BUNDLE[at + 15 :]
    assert "files/other.csv" in streamed(renamed)
    for made in (renamed, BUNDLE + b"more", BUNDLE + BUNDLE[:50]):
        with pytest.raises(Invalid):
            verify(made, TRUST)


def test_a_bundle_that_would_fill_the_memory_is_not_unpacked() -> None:
    bomb = zipped([*members(), ("files/bomb.csv", b"\0" * (32 << 20))], zipfile.ZIP_DEFLATED)
    assert len(bomb) < 1 << 20
    with pytest.raises(Invalid, match="larger than it is"):
        verify(bomb, TRUST)


def test_another_key_is_not_trusted() -> None:
    with pytest.raises(Invalid, match="not signed by a key you trust"):
        verify(BUNDLE, [Ed25519PrivateKey.generate().public_key()])
    assert verify(BUNDLE, [Ed25519PrivateKey.generate().public_key(), *TRUST])


def test_what_is_no_bundle_is_told_so() -> None:
    for junk in (b"", b"PK", BUNDLE[:100], json.dumps({}).encode()):
        with pytest.raises(Invalid, match="not a whole release bundle"):
            verify(junk, TRUST)
