"""PNG and JPEG: decoded to pixels and written again, so that nothing is in it but the picture."""

from __future__ import annotations

import io

from PIL import Image, ImageOps

from inspection import types, view
from inspection.extract import containers
from inspection.parts import Extracted, Picture
from inspection.places import Place
from inspection.report import Dropped, NoCanonicalForm

MAGIC = {one.name: one.magic for one in types.TYPES if one.magic}
QUALITY = 95
"""Of a JPEG that is written again: what is lost is not seen."""
PIXELS = Place(part="pixels")


def extract(name: str, raw: bytes) -> Extracted:
    """A picture and its canonical copy; raises NoCanonicalForm."""
    kind = types.by_name(name).name
    canonical, dropped, picture = written_again(raw, kind)
    return Extracted(kind, canonical, view.page(name, view.image(name, kind, canonical)), [picture], dropped)


def written_again(raw: bytes, kind: str, place: Place | None = None) -> tuple[bytes, list[Dropped], Picture]:
    """An image of pixels alone, with what was left out and its size; raises NoCanonicalForm."""
    dropped = containers.of_png(raw) if kind == "png" else containers.of_jpeg(raw)
    try:
        pixels = _decoded(raw, kind, dropped)
    except NoCanonicalForm:
        raise
    except Exception as e:  # a decoder that meets hostile bytes may raise anything
        raise NoCanonicalForm("broken_image", str(e)) from None
    # Onto white: what is under transparent pixels would leave unseen.
    if pixels.getchannel("A").getextrema() != (255, 255):
        dropped.append(Dropped("transparency", PIXELS))
    onto_white = Image.new("RGBA", pixels.size, "white")
    onto_white.alpha_composite(pixels)
    plain = onto_white.convert("RGB")
    out = io.BytesIO()
    if kind == "png":
        plain.save(out, "PNG", optimize=False)
    else:
        plain.save(out, "JPEG", quality=QUALITY, subsampling=0)
    return out.getvalue(), dropped, Picture(place or Place(), plain.width, plain.height)


def _decoded(raw: bytes, kind: str, dropped: list[Dropped]) -> Image.Image:
    """The pixels; what of them does not leave is added to `dropped`."""
    image: Image.Image = Image.open(io.BytesIO(raw), formats=["PNG" if kind == "png" else "JPEG"])
    if getattr(image, "n_frames", 1) > 1:
        raise NoCanonicalForm("animated")
    if image.width * image.height > containers.MOST_PIXELS:
        raise NoCanonicalForm("too_many_pixels", f"{image.width} x {image.height}")
    if kind == "png" and raw[24] == 16:
        dropped.append(Dropped("16 bit", PIXELS))
    if image.mode.startswith("I;16"):
        image = image.convert("I").point(lambda value: value * (1 / 257)).convert("L")
    elif image.mode in {"I", "F"}:
        raise NoCanonicalForm("broken_image", f"mode {image.mode}")
    if image.mode == "P" and (unused := len(image.getpalette() or []) // 3 - len(image.getcolors() or [])) > 0:
        dropped.append(Dropped("unused colours", Place(part="palette"), {"count": unused}))
    return _upright(image).convert("RGBA")


def _upright(image: Image.Image) -> Image.Image:
    """The picture as its camera meant it: what said so is left out."""
    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # EXIF that cannot be read turns nothing, for a viewer either
        return image
