"""A hostile request and what has to come of it, and how a hidden word is looked for in what leaves."""

from __future__ import annotations

import base64
import gzip
import io
import json
import re
import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from PIL import Image

TOKEN = "zebra-417-hidden"
"""What a case hides, where its trick is a place."""
CPR = "010170-5234"
"""Of birth year 1870, as every number of the suite is of 1858 to 1899."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The file has no canonical form, for this reason."""

    reason: str


@dataclass(frozen=True, slots=True)
class Found:
    """The file leaves, and a finding of this rule tells the checker where to look."""

    rule: str


@dataclass(frozen=True, slots=True)
class Gone:
    """The file leaves without its secret, and the list of what was dropped says this."""

    what: str


@dataclass(frozen=True, slots=True)
class Shown:
    """The file leaves as it is, and the checker reads the secret in the view."""


@dataclass(frozen=True, slots=True)
class Clean:
    """A harmless twin: it leaves without a finding, and nothing of it is dropped."""


Expect = Refused | Found | Gone | Shown | Clean


@dataclass(frozen=True, slots=True)
class Case:
    """One hostile file."""

    family: str
    id: str
    name: str
    raw: bytes
    expect: Expect
    secret: bytes = TOKEN.encode()


Row = tuple[str, bytes | str, Expect]
"""A case in its table: the file's name, its contents, what has to come of it."""


def family(name: str, table: Mapping[str, Row]) -> list[Case]:
    """A family's cases from its table."""
    return [
        Case(name, case, file, raw.encode() if isinstance(raw, str) else raw, expect)
        for case, (file, raw, expect) in table.items()
    ]


# -- looking for what was hidden ---------------------------------------------------------------------------------------
def holds(raw: bytes, secret: bytes) -> bool:
    """Whether a secret is anywhere in a file: in its bytes, or in what they decode to."""
    return any(secret in trace for trace in _traces(raw))


def _traces(raw: bytes) -> Iterator[bytes]:
    yield raw
    yield from _unpacked(raw)
    if raw.startswith(b"\x89PNG"):
        yield from _in_png(raw)
    if raw.startswith((b"\x89PNG", b"\xff\xd8")):
        yield from _pixels(raw)
    for text in _texts(raw):
        yield text.encode("utf-8", "surrogatepass")
        yield from _in_text(text)


def _unpacked(raw: bytes) -> Iterator[bytes]:
    for unpack in (zlib.decompress, gzip.decompress):
        try:
            yield unpack(raw)
        except (OSError, EOFError, zlib.error):
            continue


def _texts(raw: bytes) -> Iterator[str]:
    for encoding in ("utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-7", "cp1252", "cp037"):
        try:
            yield raw.decode(encoding)
        except ValueError:
            continue


def _in_text(text: str) -> Iterator[bytes]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return
    for word in _words(value):
        yield word.encode("utf-8", "surrogatepass")
        if re.fullmatch(r"[A-Za-z0-9+/\s]{16,}={0,2}\s*", word):
            yield from _traces(base64.b64decode("".join(word.split()) + "=="))


def _words(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, one in value.items():
            yield key
            yield from _words(one)
    elif isinstance(value, list):
        if value and all(isinstance(one, str) for one in value):
            yield "".join(value)
        for one in value:
            yield from _words(one)
    else:
        yield str(value)


def _in_png(raw: bytes) -> Iterator[bytes]:
    position, pixels = 8, b""
    while position + 12 <= len(raw):
        length, kind = struct.unpack(">I4s", raw[position : position + 8])
        content = raw[position + 8 : position + 8 + length]
        pixels += content if kind == b"IDAT" else b""
        for packed in re.finditer(rb"\x78[\x01\x5e\x9c\xda]", content) if kind != b"IDAT" else ():
            yield from _inflated(content[packed.start() :])
        position += 12 + length
        if kind == b"IEND":
            yield from _unpacked(raw[position:])
    for rows in _inflated(pixels):
        yield rows
        yield rows[1::2]
        yield rows[2::2]


def _inflated(packed: bytes) -> Iterator[bytes]:
    stream = zlib.decompressobj()
    try:
        yield stream.decompress(packed, 1 << 24)
    except zlib.error:
        return
    yield from (stream.unused_data, *_unpacked(stream.unused_data))


def _pixels(raw: bytes) -> Iterator[bytes]:
    try:
        with Image.open(io.BytesIO(raw)) as image:
            if image.mode == "P":
                yield bytes(image.getpalette() or [])
            for channel in image.convert("RGBA").split():
                yield channel.tobytes()
            yield Image.merge("RGB", image.convert("RGBA").split()[:3]).tobytes()
            yield repr(image.info).encode()
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return
