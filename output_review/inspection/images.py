"""PNG and JPEG: decoded to pixels and written again, so that nothing is in it but the picture."""

from __future__ import annotations

import io

from PIL import Image, ImageOps

from output_review.inspection import containers, view
from output_review.inspection.report import Dropped, Finding, Inspected, NoCanonicalForm

MAGIC = {"png": b"\x89PNG\r\n\x1a\n", "jpeg": b"\xff\xd8\xff"}
MANY_PIXELS, LONG_SIDE = 12_000_000, 4_000
QUALITY = 95
"""Of a JPEG that is written again: what is lost is not seen."""


def inspect(name: str, raw: bytes) -> Inspected:
    """The canonical copy of a PNG or JPEG file; raises NoCanonicalForm."""
    kind = "png" if raw.startswith(MAGIC["png"]) else "jpeg"
    canonical, dropped, findings = written_again(raw, kind)
    return Inspected(kind, canonical, view.page(name, view.image(name, kind, canonical)), dropped, findings)


def written_again(raw: bytes, kind: str) -> tuple[bytes, list[Dropped], list[Finding]]:
    """An image of pixels alone, with what was left out and what is to be looked at; raises NoCanonicalForm."""
    dropped = containers.of_png(raw) if kind == "png" else containers.of_jpeg(raw)
    try:
        pixels = _decoded(raw, kind, dropped)
    except NoCanonicalForm:
        raise
    except Exception as e:  # a decoder that meets hostile bytes may raise anything
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


def _decoded(raw: bytes, kind: str, dropped: list[Dropped]) -> Image.Image:
    """The pixels; what of them does not leave is added to `dropped`."""
    image: Image.Image = Image.open(io.BytesIO(raw), formats=["PNG" if kind == "png" else "JPEG"])
    if getattr(image, "n_frames", 1) > 1:
        raise NoCanonicalForm("animated")
    if image.width * image.height > containers.MOST_PIXELS:
        raise NoCanonicalForm("too_many_pixels", f"{image.width} x {image.height}")
    if kind == "png" and raw[24] == 16:
        dropped.append(Dropped("16-bit depth, now 8", "pixels"))
    if image.mode.startswith("I;16"):
        image = image.convert("I").point(lambda value: value * (1 / 257)).convert("L")
    elif image.mode in {"I", "F"}:
        raise NoCanonicalForm("broken_image", f"mode {image.mode}")
    if image.mode == "P" and (unused := len(image.getpalette() or []) // 3 - len(image.getcolors() or [])) > 0:
        dropped.append(Dropped(f"{unused} colours that the picture does not use", "palette"))
    return _upright(image).convert("RGBA")


def _upright(image: Image.Image) -> Image.Image:
    """The picture as its camera meant it: what said so is left out."""
    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # EXIF that cannot be read turns nothing, for a viewer either
        return image
