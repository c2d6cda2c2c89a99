"""PNG: decoded to pixels and written again, so that nothing is in it but the picture."""

from __future__ import annotations

import base64
import html
import io
import struct

from PIL import Image, UnidentifiedImageError

from output_review.inspection.report import Dropped, Finding, Inspected, NoCanonicalForm
from output_review.inspection.tables import page

MAGIC = b"\x89PNG\r\n\x1a\n"
MOST_PIXELS = 40_000_000
MANY_PIXELS = 12_000_000
KEPT_CHUNKS = {"IHDR", "PLTE", "IDAT", "IEND", "tRNS"}


def inspect(name: str, raw: bytes) -> Inspected:
    """The canonical copy of a PNG file; raises NoCanonicalForm."""
    dropped = _not_pixels(raw)
    try:
        image = Image.open(io.BytesIO(raw), formats=["PNG"])
        if getattr(image, "n_frames", 1) > 1:
            raise NoCanonicalForm("animated")
        if image.width * image.height > MOST_PIXELS:
            raise NoCanonicalForm("too_many_pixels", f"{image.width} x {image.height}")
        pixels = image.convert("RGBA")
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError) as e:
        raise NoCanonicalForm("broken_image", str(e)) from None
    # Onto white: what is under transparent pixels would leave unseen.
    if pixels.getchannel("A").getextrema() != (255, 255):
        dropped.append(Dropped("transparency, and what was under it", "pixels"))
    plain = Image.new("RGBA", pixels.size, "white")
    plain.alpha_composite(pixels)
    plain = plain.convert("RGB")
    out = io.BytesIO()
    plain.save(out, "PNG", optimize=False)
    canonical = out.getvalue()
    findings = []
    if plain.width * plain.height > MANY_PIXELS:
        findings.append(Finding("large_image", "whole file", f"{plain.width} x {plain.height} pixels"))
    shown = base64.b64encode(canonical).decode()
    view = page(name, f'<img alt="{html.escape(name)}" src="data:image/png;base64,{shown}">')
    return Inspected("png", canonical, view, dropped, findings)


def _not_pixels(raw: bytes) -> list[Dropped]:
    """Chunks that hold no pixels, and what follows the end of the image."""
    dropped, position = [], len(MAGIC)
    while position + 12 <= len(raw):
        length, kind = struct.unpack(">I4s", raw[position : position + 8])
        name = kind.decode("latin-1")
        if name not in KEPT_CHUNKS:
            dropped.append(Dropped(f"{name!r} chunk of {length} bytes", f"byte {position}"))
        position += 12 + length
        if name == "IEND":
            break
    if position < len(raw):
        dropped.append(Dropped(f"{len(raw) - position} bytes after the image", f"byte {position}"))
    return dropped[:100]
