"""What builds the files of the families: the same builder makes the trick and its harmless twin."""

from __future__ import annotations

import base64
import io
import json
import struct
import zlib
from collections.abc import Sequence
from typing import Any

from PIL import Image

PNG = b"\x89PNG\r\n\x1a\n"
GREY, TRUE_COLOUR, PALETTE, GREY_ALPHA, TRUE_COLOUR_ALPHA = 0, 2, 3, 4, 6
"""Colour types of PNG."""


# -- PNG ---------------------------------------------------------------------------------------------------------------
def chunk(kind: bytes, content: bytes = b"", crc: int | None = None) -> bytes:
    """A chunk of a PNG file."""
    sum_of = zlib.crc32(kind + content) if crc is None else crc
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", sum_of)


def header(width: int, height: int, colour: int = TRUE_COLOUR, bits: int = 8, interlaced: int = 0) -> bytes:
    """The chunk that a PNG file begins with."""
    return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, interlaced))


def png(
    *before: bytes,
    rows: Sequence[bytes] = (b"\x40\x80\xc0" * 8,) * 8,
    size: tuple[int, int] = (8, 8),
    colour: int = TRUE_COLOUR,
    bits: int = 8,
    more_rows: bytes = b"",
    more_data: bytes = b"",
    after: bytes = b"",
    tail: bytes = b"",
) -> bytes:
    """A PNG file of these rows.

    Args:
        before: chunks before the pixels.
        more_rows: what is compressed behind the last row.
        more_data: what follows the compressed stream, inside its chunk.
        after: chunks between the pixels and the end.
        tail: what follows the end.
    """
    pixels = zlib.compress(b"".join(b"\0" + row for row in rows) + more_rows) + more_data
    start = PNG + header(*size, colour, bits) + b"".join(before)
    return start + chunk(b"IDAT", pixels) + after + chunk(b"IEND") + tail


def one_row(row: bytes, colour: int, bits: int = 8, *before: bytes) -> bytes:
    """A PNG file of one row of pixels."""
    channels = {GREY: 1, TRUE_COLOUR: 3, PALETTE: 1, GREY_ALPHA: 2, TRUE_COLOUR_ALPHA: 4}[colour]
    return png(*before, rows=[row], size=(len(row) * 8 // bits // channels, 1), colour=colour, bits=bits)


def under_alpha(secret: bytes, alpha: int) -> bytes:
    """A row of pixels whose colours are a secret, all with this alpha."""
    padded = secret + b"." * (-len(secret) % 3)
    return b"".join(padded[n : n + 3] + bytes([alpha]) for n in range(0, len(padded), 3))


# -- JPEG --------------------------------------------------------------------------------------------------------------
def jpeg(mode: str = "RGB", **options: Any) -> bytes:
    """A photograph."""
    out = io.BytesIO()
    Image.new(mode, (16, 8), 100 if mode == "L" else None).save(out, "JPEG", **options)
    return out.getvalue()


def segment(marker: int, content: bytes) -> bytes:
    """A segment of a JPEG file."""
    return bytes([0xFF, marker]) + struct.pack(">H", len(content) + 2) + content


def with_segment(marker: int, content: bytes, raw: bytes = b"") -> bytes:
    """A photograph with a segment behind its first marker."""
    raw = raw or jpeg()
    return raw[:2] + segment(marker, content) + raw[2:]


def before_end(content: bytes, raw: bytes = b"") -> bytes:
    """A photograph with something before the marker that ends it."""
    raw = raw or jpeg()
    return raw[:-2] + content + raw[-2:]


def as_picture(kind: str, **options: Any) -> bytes:
    """A picture as Pillow writes this kind."""
    out = io.BytesIO()
    Image.new("RGB", (8, 8), "red").save(out, kind, **options)
    return out.getvalue()


# -- notebooks ---------------------------------------------------------------------------------------------------------
def book(*cells: Any, **more: Any) -> bytes:
    """A notebook of these cells, with these fields beside them."""
    return json.dumps({"cells": list(cells), "metadata": {}, "nbformat": 4, "nbformat_minor": 5} | more).encode()


def code(*outputs: Any, source: Any = "1 + 1", **more: Any) -> dict[str, Any]:
    """A cell with code."""
    cell = {"cell_type": "code", "metadata": {}, "source": source, "outputs": list(outputs)}
    return cell | {"execution_count": None} | more


def words(text: Any, kind: str = "markdown", **more: Any) -> dict[str, Any]:
    """A cell with words."""
    return {"cell_type": kind, "metadata": {}, "source": text} | more


def stream(text: Any, **more: Any) -> dict[str, Any]:
    """What a cell printed."""
    return {"output_type": "stream", "name": "stdout", "text": text} | more


def display(data: Any, **more: Any) -> dict[str, Any]:
    """What a cell displayed, in several forms."""
    return {"output_type": "display_data", "metadata": {}, "data": data} | more


def error(name: Any = "E", value: Any = "v", traceback: Any = (), **more: Any) -> dict[str, Any]:
    """How a cell failed."""
    return {"output_type": "error", "ename": name, "evalue": value, "traceback": traceback} | more


def base64_of(raw: bytes) -> str:
    """Bytes as a notebook holds a picture."""
    return base64.b64encode(raw).decode()
