"""What the file of a picture holds beside its pixels: chunks, segments, and bytes where no picture needs any."""

from __future__ import annotations

import struct
import zlib

from inspection.places import Place
from inspection.report import Dropped, NoCanonicalForm

MOST_PIXELS = 40_000_000
MOST_PIECES = 500
"""Of EXIF, and scans, in a JPEG file. A photograph has about ten; each takes a decoder as long as the whole picture."""
PALETTE = 3
CHANNELS = {0: 1, 2: 3, PALETTE: 1, 4: 2, 6: 4}
"""Of PNG's colour types."""
WHOLE, INTERLACED = ((0, 0, 1, 1),), (
    (0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2),
)  # fmt: skip
"""The passes in which PNG writes its pixels: (first column, first row, columns between, rows between)."""
START_OF_SCAN, END_OF_IMAGE, FILL, STUFFED = 0xDA, 0xD9, 0xFF, 0x00
KEPT_SEGMENTS = {0xC0, 0xC1, 0xC2, 0xC4, 0xDB, 0xDD, START_OF_SCAN}
"""Frame, Huffman and quantization tables, restart interval (ITU-T T.81); the rest is application data and comments."""
ALONE = {*range(0xD0, 0xD8), 0x01}
"""Markers without a segment."""


def of_png(raw: bytes) -> list[Dropped]:
    """What a PNG file holds beside the header and the colours of its pixels; raises NoCanonicalForm."""
    if raw[12:16] != b"IHDR":
        raise NoCanonicalForm("broken_image", "it does not begin with its header")
    dropped, pixels, position = [], [], 8
    kept = {"IHDR", "IDAT", "IEND"} | ({"PLTE"} if raw[25:26] == bytes([PALETTE]) else set())
    while position + 12 <= len(raw):
        length, kind = struct.unpack(">I4s", raw[position : position + 8])
        name = kind.decode("latin-1")
        if name not in kept or (name == "IEND" and length):
            dropped.append(Dropped("chunk", Place(byte=position), {"name": repr(name), "bytes": length}))
        if name == "IDAT":
            pixels.append(raw[position + 8 : position + 8 + length])
        else:
            kept.discard(name)  # of two, one is not shown
        position += 12 + length
        if name == "IEND":
            break
    return [*dropped, *_beside_pixels(raw[16:29], b"".join(pixels)), *_after(raw, position)]


def _beside_pixels(header: bytes, packed: bytes) -> list[Dropped]:
    """Rows below the picture's last one, and what follows the compressed stream; raises NoCanonicalForm."""
    width, height, bits, colour, _, _, interlaced = struct.unpack(">IIBBBBB", header.ljust(13, b"\0"))
    if width * height > MOST_PIXELS:  # before they are unpacked, which a thousandth of their bytes can ask for
        raise NoCanonicalForm("too_many_pixels", f"{width} x {height}")
    wanted = sum(
        rows * (1 + (columns * bits * CHANNELS.get(colour, 0) + 7) // 8)
        for x, y, dx, dy in (INTERLACED if interlaced else WHOLE)
        if (columns := -(-(width - x) // dx)) > 0 and (rows := -(-(height - y) // dy)) > 0
    )
    stream, there = zlib.decompressobj(), 0
    try:
        while not stream.eof and there <= wanted:
            block = stream.decompress(packed, 1 << 20)
            there, packed = there + len(block), stream.unconsumed_tail
            if not block and not packed:
                break
    except zlib.error:
        return []  # whoever decodes the picture says so
    if there > wanted:
        return [Dropped("more pixels", Place(part="pixels"))]
    left = len(stream.unused_data)
    return [Dropped("after pixels", Place(part="pixels"), {"bytes": left})] if left else []


def of_jpeg(raw: bytes) -> list[Dropped]:
    """What a JPEG file holds beside what its pixels are decoded with; raises NoCanonicalForm."""
    if max(raw.count(b"Exif\0\0"), raw.count(bytes([FILL, START_OF_SCAN]))) > MOST_PIECES:
        raise NoCanonicalForm("broken_image", "more scans, or pieces of EXIF, than a photograph has")
    dropped, position, in_scan = [], 2, False
    while (at := raw.find(b"\xff", position)) >= 0 and at + 1 < len(raw):
        if at > position and not in_scan:
            dropped.append(Dropped("between", Place(byte=position), {"bytes": at - position}))
        position, marker = at, raw[at + 1]
        if marker in {FILL, STUFFED} | ALONE:
            position += 1 if marker == FILL else 2
            continue
        if marker == END_OF_IMAGE:
            return [*dropped, *_after(raw, position + 2)]
        length = int.from_bytes(raw[position + 2 : position + 4])
        # Every JPEG file has the JFIF header, which says no more than the pixels' shape.
        jfif = marker == 0xE0 and raw[position + 4 : position + 9] == b"JFIF\0" and length == 16
        if marker not in KEPT_SEGMENTS and not jfif:
            dropped.append(Dropped("segment", Place(byte=position), {"name": f"{marker:02X}", "bytes": length}))
        in_scan = marker == START_OF_SCAN
        position += 2 + length
    return dropped


def _after(raw: bytes, end: int) -> list[Dropped]:
    return [Dropped("after", Place(byte=end), {"bytes": len(raw) - end})] if end < len(raw) else []
