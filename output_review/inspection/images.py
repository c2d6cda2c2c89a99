"""PNG and JPEG: decoded to pixels and written again, so that nothing is in it but the picture."""

from __future__ import annotations

import io
import struct

from PIL import Image, ImageOps, UnidentifiedImageError

from output_review.inspection import view
from output_review.inspection.report import Dropped, Finding, Inspected, NoCanonicalForm

MAGIC = {"png": b"\x89PNG\r\n\x1a\n", "jpeg": b"\xff\xd8\xff"}
MOST_PIXELS = 40_000_000
MANY_PIXELS, LONG_SIDE = 12_000_000, 4_000
KEPT_CHUNKS = {"IHDR", "PLTE", "IDAT", "IEND", "tRNS"}
QUALITY = 95
"""Of a JPEG that is written again: what is lost is not seen."""
START_OF_SCAN, END_OF_IMAGE = 0xDA, 0xD9
KEPT_SEGMENTS = {0xC0, 0xC1, 0xC2, 0xC4, 0xDB, 0xDD, START_OF_SCAN}
"""Frame, Huffman and quantization tables, restart interval (ITU-T T.81); the rest is application data and comments."""


def inspect(name: str, raw: bytes) -> Inspected:
    """The canonical copy of a PNG or JPEG file; raises NoCanonicalForm."""
    kind = "png" if raw.startswith(MAGIC["png"]) else "jpeg"
    canonical, dropped, findings = written_again(raw, kind)
    return Inspected(kind, canonical, view.page(name, view.image(name, kind, canonical)), dropped, findings)


def written_again(raw: bytes, kind: str) -> tuple[bytes, list[Dropped], list[Finding]]:
    """An image of pixels alone, with what was left out and what is to be looked at; raises NoCanonicalForm."""
    dropped = _not_pixels_png(raw) if kind == "png" else _not_pixels_jpeg(raw)
    try:
        image: Image.Image = Image.open(io.BytesIO(raw), formats=["PNG" if kind == "png" else "JPEG"])
        if getattr(image, "n_frames", 1) > 1:
            raise NoCanonicalForm("animated")
        if image.width * image.height > MOST_PIXELS:
            raise NoCanonicalForm("too_many_pixels", f"{image.width} x {image.height}")
        if image.mode.startswith("I;16"):
            dropped.append(Dropped("16-bit depth, now 8", "pixels"))
            image = image.convert("I").point(lambda value: value * (1 / 257)).convert("L")
        elif image.mode in {"I", "F"}:
            raise NoCanonicalForm("broken_image", f"mode {image.mode}")
        pixels = _upright(image).convert("RGBA")
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError) as e:
        raise NoCanonicalForm("broken_image", str(e)) from None
    # Onto white: what is under transparent pixels would leave unseen.
    if pixels.getchannel("A").getextrema() != (255, 255):
        dropped.append(Dropped("transparency, and what was under it", "pixels"))
    onto_white = Image.new("RGBA", pixels.size, "white")
    onto_white.alpha_composite(pixels)
    plain = onto_white.convert("RGB")
    out = io.BytesIO()
    if kind == "png":
        plain.save(out, "PNG", optimize=False)
    else:
        plain.save(out, "JPEG", quality=QUALITY, subsampling=0)
    findings = []
    if plain.width * plain.height > MANY_PIXELS or max(plain.size) > LONG_SIDE:
        findings.append(Finding("large_image", "whole file", f"{plain.width} x {plain.height} pixels"))
    return out.getvalue(), dropped, findings


def _upright(image: Image.Image) -> Image.Image:
    """The picture as its camera meant it: what said so is left out."""
    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # EXIF that cannot be read turns nothing, for a viewer either
        return image


def _not_pixels_png(raw: bytes) -> list[Dropped]:
    """Chunks that hold no pixels, and what follows the end of the image."""
    dropped, position = [], len(MAGIC["png"])
    while position + 12 <= len(raw):
        length, kind = struct.unpack(">I4s", raw[position : position + 8])
        name = kind.decode("latin-1")
        if name not in KEPT_CHUNKS:
            dropped.append(Dropped(f"{name!r} chunk of {length} bytes", f"byte {position}"))
        position += 12 + length
        if name == "IEND":
            break
    return [*dropped[:100], *_after(raw, position)]


def _not_pixels_jpeg(raw: bytes) -> list[Dropped]:
    """Segments before the first scan that hold no pixels, and what follows the end of the image."""
    dropped, position = [], 2
    while position + 4 <= len(raw) and raw[position] == 0xFF:
        marker, length = raw[position + 1], struct.unpack(">H", raw[position + 2 : position + 4])[0]
        # Every JPEG file has the JFIF header, which says no more than the pixels' shape.
        jfif = marker == 0xE0 and raw[position + 4 : position + 9] == b"JFIF\0" and length == 16
        if marker not in KEPT_SEGMENTS and not jfif:
            dropped.append(Dropped(f"segment {marker:02X} of {length} bytes", f"byte {position}"))
        if marker == START_OF_SCAN:
            break
        position += 2 + length
    end = raw.find(bytes((0xFF, END_OF_IMAGE)), position)
    return [*dropped[:100], *(_after(raw, end + 2) if end >= 0 else [])]


def _after(raw: bytes, end: int) -> list[Dropped]:
    return [Dropped(f"{len(raw) - end} bytes after the image", f"byte {end}")] if end < len(raw) else []
