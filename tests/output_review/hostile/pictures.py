"""Pictures: second streams, metadata, pixels nobody sees, and files that grow when they are opened."""

from __future__ import annotations

import gzip
import io
import json
import struct
import zipfile
import zlib
from typing import Any

from PIL import Image

from tests.output_review.hostile.build import (
    GREY,
    GREY_ALPHA,
    PALETTE,
    PNG,
    TRUE_COLOUR,
    TRUE_COLOUR_ALPHA,
    base64_of,
    before_end,
    book,
    chunk,
    code,
    display,
    header,
    jpeg,
    one_row,
    png,
    segment,
    under_alpha,
    with_segment,
)
from tests.output_review.hostile.case import TOKEN, Case, Clean, Expect, Found, Gone, Refused, family

SECRET = TOKEN.encode()
PACKED = zlib.compress(SECRET)
AFTER = "bytes after the image"
QUANTIZED = bytes([3]) + (SECRET * 4)[:64]
PROGRESSIVE = jpeg(progressive=True)


def saved(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def frames(count: int, **options: Any) -> bytes:
    pictures = [Image.new("RGB", (8, 8), (n * 40, 0, 0)) for n in range(count)]
    return saved(pictures[0], save_all=True, append_images=pictures[1:], **options)


def between_scans(content: bytes) -> bytes:
    """A progressive photograph with something before its second scan."""
    first = PROGRESSIVE.index(b"\xff\xda")
    second = PROGRESSIVE.index(b"\xff\xda", first + 2)
    return PROGRESSIVE[:second] + content + PROGRESSIVE[second:]


STREAMS: dict[str, tuple[str, bytes, Expect]] = {
    "a harmless PNG": ("a.png", png(), Clean()),
    "a harmless JPEG": ("a.jpg", jpeg(), Clean()),
    "a harmless progressive JPEG": ("a.jpg", PROGRESSIVE, Clean()),
    "a harmless PNG in two pieces": (
        "a.png", png().replace(chunk(b"IEND"), chunk(b"IDAT") + chunk(b"IEND")), Clean()),
    "words behind a PNG": ("a.png", png(tail=SECRET), Gone(AFTER)),
    "one byte behind a PNG": ("a.png", png(tail=b"\0"), Gone(AFTER)),
    "a PNG behind a PNG": ("a.png", png(tail=png(chunk(b"tEXt", b"a\0" + SECRET))), Gone(AFTER)),
    "a JPEG behind a PNG": ("a.png", png(tail=with_segment(0xFE, SECRET)), Gone(AFTER)),
    "a chunk behind the end": ("a.png", png(tail=chunk(b"tEXt", b"a\0" + SECRET)), Gone(AFTER)),
    "a second end": ("a.png", png(tail=SECRET + chunk(b"IEND")), Gone(AFTER)),
    "in the end of a PNG": ("a.png", png().replace(chunk(b"IEND"), chunk(b"IEND", SECRET)), Gone("'IEND' chunk")),
    "behind the compressed pixels": ("a.png", png(more_data=SECRET), Gone("bytes after the pixels")),
    "a stream behind the compressed pixels": ("a.png", png(more_data=PACKED), Gone("bytes after the pixels")),
    "rows below the last row": ("a.png", png(more_rows=b"\0" + SECRET), Gone("more pixels than the picture")),
    "rows below the last row, many": ("a.png", png(more_rows=SECRET * 5_000), Gone("more pixels than the picture")),
    "a second row of pixels' chunks": (
        "a.png", png(after=chunk(b"IDAT", PACKED)), Gone("bytes after the pixels")),
    "pixels behind another chunk": (
        "a.png", png(after=chunk(b"tIME", b"\x07\xea\1\1\1\1\1") + chunk(b"IDAT", PACKED)),
        Gone("bytes after the pixels")),
    "a chunk before the pixels": ("a.png", png(chunk(b"prVt", SECRET)), Gone("'prVt' chunk")),
    "a chunk behind the pixels": ("a.png", png(after=chunk(b"zzZz", SECRET)), Gone("'zzZz' chunk")),
    "many chunks": ("a.png", png(*[chunk(b"prVt", SECRET)] * 150), Gone("50 more")),
    "a chunk whose sum is wrong": ("a.png", png(chunk(b"prVt", SECRET, crc=1)), Refused("broken_image")),
    "words behind a JPEG": ("a.jpg", jpeg() + SECRET, Gone(AFTER)),
    "a JPEG behind a JPEG": ("a.jpg", jpeg() + with_segment(0xFE, SECRET), Gone(AFTER)),
    "a second end of a JPEG": ("a.jpg", jpeg() + SECRET + b"\xff\xd9", Gone(AFTER)),
    "a comment before the end": ("a.jpg", before_end(segment(0xFE, SECRET)), Gone("segment FE")),
    "a comment with an end in it": (
        "a.jpg", before_end(segment(0xFE, b"\xff\xd9" + SECRET)), Gone("segment FE")),
    "a comment between two scans": ("a.jpg", between_scans(segment(0xFE, SECRET)), Gone("segment FE")),
    "EXIF between two scans": ("a.jpg", between_scans(segment(0xE1, b"Exif\0\0" + SECRET)), Gone("segment E1")),
    "many comments": ("a.jpg", with_segment(0xFE, SECRET, with_segment(0xFE, SECRET)), Gone("segment FE")),
    "a comment behind fill bytes": (
        "a.jpg", jpeg()[:2] + b"\xff\xff\xff" + segment(0xFE, SECRET) + jpeg()[2:], Gone("segment FE")),
    "words between segments": ("a.jpg", jpeg()[:20] + SECRET + jpeg()[20:], Gone("bytes between segments")),
    "a chunk before the header": ("a.png", PNG + chunk(b"prVt", SECRET) + png()[8:], Refused("broken_image")),
    "a header before the header": ("a.png", PNG + header(4, 1) + png()[8:], Gone("'IHDR' chunk")),
    "no picture behind the magic number": ("a.png", PNG + SECRET, Refused("broken_image")),
    "half a PNG": ("a.png", png()[:-30], Refused("broken_image")),
    "half a JPEG": ("a.jpg", jpeg()[: len(jpeg()) // 2], Refused("broken_image")),
}  # fmt: skip

STREAM_SECRETS = {"one byte behind a PNG": chunk(b"IEND") + b"\0", "a header before the header": header(4, 1)}


def itxt(packed: bool) -> bytes:
    head = b"Comment\0" + (b"\1\0" if packed else b"\0\0") + b"da\0Kommentar\0"
    return chunk(b"iTXt", head + (PACKED if packed else SECRET))


EXIF = Image.Exif()
EXIF[0x010E], EXIF[0x9286], EXIF[0x8298] = TOKEN, TOKEN, TOKEN
TURNED = Image.Exif()
TURNED[0x0112], TURNED[0x010E] = 6, TOKEN

METADATA: dict[str, tuple[str, bytes, Expect]] = {
    "a harmless PNG": ("a.png", png(), Clean()),
    "a harmless JPEG": ("a.jpeg", jpeg(), Clean()),
    "a harmless grey JPEG": ("a.jpg", jpeg("L"), Clean()),
    "a comment": ("a.png", png(chunk(b"tEXt", b"Comment\0" + SECRET)), Gone("'tEXt' chunk")),
    "a keyword": ("a.png", png(chunk(b"tEXt", SECRET + b"\0x")), Gone("'tEXt' chunk")),
    "a packed comment": ("a.png", png(chunk(b"zTXt", b"Comment\0\0" + PACKED)), Gone("'zTXt' chunk")),
    "a comment in Unicode": ("a.png", png(itxt(packed=False)), Gone("'iTXt' chunk")),
    "a packed comment in Unicode": ("a.png", png(itxt(packed=True)), Gone("'iTXt' chunk")),
    "a comment that is broken": ("a.png", png(chunk(b"zTXt", b"Comment\0\0" + SECRET)), Gone("'zTXt' chunk")),
    "a comment behind the pixels": ("a.png", png(after=chunk(b"tEXt", b"C\0" + SECRET)), Gone("'tEXt' chunk")),
    "XMP": ("a.png", png(chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + SECRET)), Gone("'iTXt' chunk")),
    "EXIF of a PNG": ("a.png", png(chunk(b"eXIf", EXIF.tobytes())), Gone("'eXIf' chunk")),
    "EXIF that is none": ("a.png", png(chunk(b"eXIf", SECRET)), Gone("'eXIf' chunk")),
    "raw EXIF in a comment": (
        "a.png", png(chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(b"\nexif\n" + SECRET))),
        Gone("'zTXt' chunk")),
    "a colour profile": ("a.png", png(chunk(b"iCCP", b"x\0\0" + PACKED)), Gone("'iCCP' chunk")),
    "a colour profile's name": ("a.png", png(chunk(b"iCCP", SECRET + b"\0\0" + PACKED)), Gone("'iCCP' chunk")),
    "a time": ("a.png", png(chunk(b"tIME", b"\x07\x4e\1\1\1\1\1")), Gone("'tIME' chunk")),
    "a size in metres": ("a.png", png(chunk(b"pHYs", b"ZEBR417!\1")), Gone("'pHYs' chunk")),
    "a background": ("a.png", png(chunk(b"bKGD", b"ZEBR41")), Gone("'bKGD' chunk")),
    "a suggested palette": ("a.png", png(chunk(b"sPLT", b"x\0\x08" + SECRET)), Gone("'sPLT' chunk")),
    "a histogram": (
        "a.png", one_row(b"\0\1", PALETTE, 8, chunk(b"PLTE", bytes(6)), chunk(b"hIST", b"Z417")), Gone("'hIST'")),
    "a gamma": ("a.png", png(chunk(b"gAMA", b"Z417")), Gone("'gAMA' chunk")),
    "whites": ("a.png", png(chunk(b"cHRM", (SECRET * 2)[:32])), Gone("'cHRM' chunk")),
    "an offset": ("a.png", png(chunk(b"oFFs", b"ZEBR417!\0")), Gone("'oFFs' chunk")),
    "a frame without its control": ("a.png", png(after=chunk(b"fdAT", SECRET)), Gone("'fdAT' chunk")),
    "the control of a frame that is not there": (
        "a.png", png(chunk(b"acTL", b"\0\0\0\1Z417")), Refused("animated")),
    "frames": ("a.png", frames(3), Refused("animated")),
    "a frame that is not shown": ("a.png", frames(2, default_image=True), Refused("animated")),
    "a comment of a JPEG": ("a.jpg", jpeg(comment=SECRET), Gone("segment FE")),
    "EXIF of a JPEG": ("a.jpg", jpeg(exif=EXIF), Gone("segment E1")),
    "EXIF of a JPEG that is none": ("a.jpg", with_segment(0xE1, b"Exif\0\0" + SECRET), Gone("segment E1")),
    "EXIF that turns": ("a.jpg", jpeg(exif=TURNED), Gone("segment E1")),
    "XMP of a JPEG": ("a.jpg", with_segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + SECRET), Gone("segment E1")),
    "a thumbnail": ("a.jpg", with_segment(0xE1, b"Exif\0\0" + jpeg(comment=SECRET)), Gone("segment E1")),
    "a thumbnail of JFIF": (
        "a.jpg", with_segment(0xE0, b"JFIF\0\1\1\0\0\1\0\1\2\3" + (SECRET * 2)[:18]), Gone("segment E0")),
    "a thumbnail of JFXX": ("a.jpg", with_segment(0xE0, b"JFXX\0\x10" + jpeg(comment=SECRET)), Gone("segment E0")),
    "a colour profile of a JPEG": ("a.jpg", jpeg(icc_profile=SECRET), Gone("segment E2")),
    "Photoshop's": ("a.jpg", with_segment(0xED, b"Photoshop 3.0\x008BIM" + SECRET), Gone("segment ED")),
    "a private segment": ("a.jpg", with_segment(0xEF, SECRET), Gone("segment EF")),
}  # fmt: skip

METADATA_SECRETS = {
    "a time": b"\x07\x4e\1\1\1\1\1",
    "a size in metres": b"ZEBR417!",
    "a background": b"ZEBR41",
    "a histogram": b"Z417",
    "a gamma": b"Z417",
    "whites": SECRET,
    "an offset": b"ZEBR417!",
}


def deep(colour: int) -> bytes:
    """A row of 16-bit pixels whose lower halves are a secret."""
    padded = SECRET + b"." * (-len(SECRET) % 4)
    return one_row(b"".join(b"\x80" + bytes([ch]) for ch in padded * 3), colour, 16)


UNUSED = chunk(b"PLTE", bytes(6) + SECRET + b"..")
GLASS = b"".join(bytes([ch, 0]) for ch in SECRET)
PIXELS: dict[str, tuple[str, bytes, Expect]] = {
    "a harmless picture": ("a.png", png(), Clean()),
    "a harmless grey picture": ("a.png", one_row(b"\x10\x20\x30", GREY), Clean()),
    "a harmless palette": ("a.png", one_row(b"\0\1", PALETTE, 8, chunk(b"PLTE", b"\0\0\0\xff\xff\xff")), Clean()),
    "a harmless picture with glass that is none": (
        "a.png", one_row(under_alpha(b"abcdef", 255), TRUE_COLOUR_ALPHA), Clean()),
    "a harmless palette of two bits": (
        "a.png", png(chunk(b"PLTE", bytes(range(12))), rows=[b"\x1b"], size=(4, 1), colour=PALETTE, bits=2), Clean()),
    "a harmless photograph in four colours": ("a.jpg", jpeg("CMYK"), Gone("segment EE")),
    "colours under glass": (
        "a.png", one_row(under_alpha(SECRET, 0), TRUE_COLOUR_ALPHA), Gone("transparency")),
    "colours under glass that is nearly clear": (
        "a.png", one_row(under_alpha(SECRET, 1), TRUE_COLOUR_ALPHA), Gone("transparency")),
    "greys under glass": ("a.png", one_row(GLASS, GREY_ALPHA), Gone("transparency")),
    "a secret as the glass itself": (
        "a.png", one_row(b"".join(b"\xff\xff\xff" + bytes([ch]) for ch in SECRET), TRUE_COLOUR_ALPHA),
        Gone("transparency")),
    "one clear colour of a palette": (
        "a.png", one_row(b"\0\1" * 8, PALETTE, 8, chunk(b"PLTE", SECRET[:6]), chunk(b"tRNS", b"\0\0")),
        Gone("transparency")),
    "a clear colour": (
        "a.png", one_row(b"ZEB" * 8, TRUE_COLOUR, 8, chunk(b"tRNS", b"\0Z\0E\0B")), Gone("transparency")),
    "a clear grey": ("a.png", one_row(b"Z" * 8, GREY, 8, chunk(b"tRNS", b"\0Z")), Gone("transparency")),
    "a clear colour that is not used": (
        "a.png", one_row(b"abc" * 8, TRUE_COLOUR, 8, chunk(b"tRNS", b"\0Z\0E\0B")), Gone("'tRNS' chunk")),
    "glass of colours that are not used": (
        "a.png",
        one_row(
            b"\0\1", PALETTE, 8, chunk(b"PLTE", b"\0\0\0\xff\xff\xff" + bytes(60)), chunk(b"tRNS", b"\xff" * 2 + SECRET)
        ),
        Gone("colours that the picture does not use")),
    "colours that are not used": ("a.png", one_row(b"\0\1", PALETTE, 8, UNUSED), Gone("colours that the picture")),
    "colours that are not used, of two bits": (
        "a.png", png(chunk(b"PLTE", SECRET[:12]), rows=[b"\0"], size=(4, 1), colour=PALETTE, bits=2),
        Gone("colours that the picture")),
    "a palette before the palette": (
        "a.png", one_row(b"\0\1", PALETTE, 8, chunk(b"PLTE", SECRET + b".."), chunk(b"PLTE", b"\0\0\0\xff\xff\xff")),
        Gone("'PLTE' chunk")),
    "a palette of a picture without one": ("a.png", png(chunk(b"PLTE", SECRET + b"..")), Gone("'PLTE' chunk")),
    "a palette of a grey picture": (
        "a.png", one_row(b"\x10\x20", GREY, 8, chunk(b"PLTE", SECRET + b"..")), Gone("'PLTE' chunk")),
    "the lower half of 16 bits, grey": ("a.png", deep(GREY), Gone("16-bit")),
    "the lower half of 16 bits": ("a.png", deep(TRUE_COLOUR), Gone("16-bit")),
    "the lower half of 16 bits, with glass": ("a.png", deep(TRUE_COLOUR_ALPHA), Gone("16-bit")),
    "the lower half of 16 bits, grey with glass": ("a.png", deep(GREY_ALPHA), Gone("16-bit")),
    "very many pixels": ("a.png", saved(Image.new("1", (4_001, 2))), Found("large_image")),
    "a very high picture": ("a.png", saved(Image.new("1", (2, 4_001))), Found("large_image")),
}  # fmt: skip

PIXEL_SECRETS = {
    "a harmless photograph in four colours": b"Adobe",
    "one clear colour of a palette": SECRET[:6],
    "a clear colour": b"ZEBZEB",
    "a clear grey": b"ZZZZ",
    "a clear colour that is not used": b"\0Z\0E\0B",
    "colours that are not used, of two bits": SECRET[:12],
}


def bomb(width: int, height: int, *chunks: bytes) -> bytes:
    return PNG + header(width, height) + b"".join(chunks) + chunk(b"IDAT", zlib.compress(bytes(100))) + chunk(b"IEND")


def zip_bomb() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.csv", bytes(1 << 20))
    return out.getvalue()


LARGE = zlib.compress(bytes(80_000_000), 1)
BOMBS: dict[str, tuple[str, bytes, Expect]] = {
    "a harmless picture": ("a.png", png(), Clean()),
    "a harmless table": ("a.csv", b"a,b\n" + b"x,0.5\n" * 900, Clean()),
    "harmless JSON": ("a.json", json.dumps(["x"] * 400, indent=1).encode() + b"\n", Clean()),
    "a picture of 3.6 thousand million pixels": ("a.png", bomb(60_000, 60_000), Refused("too_many_pixels")),
    "a picture of 100 million pixels": ("a.png", bomb(10_000, 10_000), Refused("too_many_pixels")),
    "a picture of 41 million pixels": ("a.png", bomb(41_000, 1_000), Refused("too_many_pixels")),
    "the largest picture": ("a.png", bomb(2**31 - 1, 2**31 - 1), Refused("too_many_pixels")),
    "a picture of no width": ("a.png", bomb(0, 8), Refused("broken_image")),
    "a picture of no height": ("a.png", bomb(8, 0), Refused("broken_image")),
    "a picture that grows": (
        "a.png", PNG + header(8, 8) + chunk(b"IDAT", LARGE) + chunk(b"IEND"), Gone("more pixels than the picture")),
    "a comment that grows": ("a.png", png(chunk(b"zTXt", b"Comment\0\0" + LARGE)), Refused("broken_image")),
    "a comment in Unicode that grows": (
        "a.png", png(chunk(b"iTXt", b"Comment\0\1\0\0\0" + LARGE)), Refused("broken_image")),
    "a colour profile that grows": ("a.png", png(chunk(b"iCCP", b"x\0\0" + LARGE)), Refused("broken_image")),
    "a hundred comments that grow": (
        "a.png", png(*[chunk(b"zTXt", b"C\0\0" + zlib.compress(bytes(900_000)))] * 100), Refused("broken_image")),
    "a large photograph": (
        "a.jpg", jpeg().replace(struct.pack(">HH", 8, 16), b"\xfd\xe8" * 2), Refused("broken_image")),
    "a picture in a notebook": (
        "a.ipynb", book(code(display({"image/png": base64_of(bomb(41_000, 1_000))}))), Refused("too_many_pixels")),
    "a packed table": ("a.csv.gz", gzip.compress(bytes(1 << 20), mtime=0), Refused("archive")),
    "a packed table called a table": ("a.csv", gzip.compress(bytes(1 << 20), mtime=0), Refused("binary")),
    "an archive that grows": ("a.zip", zip_bomb(), Refused("archive")),
    "an archive that grows called text": ("a.txt", zip_bomb(), Refused("binary")),
    "an archive that grows behind a picture": ("a.png", png(tail=zip_bomb()), Gone(AFTER)),
    "JSON that is deep": ("a.json", b"[" * 1_000_000, Refused("not_json")),
    "JSON objects that are deep": ("a.json", b'{"a":' * 200_000, Refused("not_json")),
    "a notebook that is deep": ("a.ipynb", b'{"cells":' + b"[" * 500_000, Refused("not_json")),
    "JSON that is wide": ("a.json", b"[" + b"[]," * 500_000 + b"[]]", Refused("too_many_lines")),
    "a long number": ("a.json", b"1" * 1_000_000, Refused("not_json")),
    "a table of delimiters": ("a.csv", b"a\n" + b"," * 1_000_000, Refused("too_many_cells")),
    "a table of quotes": ("a.csv", b'a\n"' + b'""' * 500_000, Refused("no_table")),
    "a table of lines": ("a.csv", b"a\n" + b"x\n" * 500_000, Refused("too_many_cells")),
    "a line of digits": ("a.txt", b"0101" * 200_000, Found("encoded")),
    "a line of dashes and digits": ("a.txt", b"010170--" * 100_000, Found("encoded")),
    "lines of nothing": ("a.txt", b"x" + b"\n" * 1_000_000 + b"x", Refused("too_many_lines")),
    "returns of nothing": ("a.txt", b"\r" * 500_000 + b"x", Gone("written over")),
    "escapes of nothing": ("a.txt", b"\x1b]" * 200_000 + b"x", Found("invisible")),
}  # fmt: skip
BOMB_SECRETS = {
    "a picture that grows": bytes(1_000),
    "an archive that grows behind a picture": b"a.csv",
    "returns of nothing": b"\r\r",
}


def _pictures(name: str, table: dict[str, tuple[str, bytes, Expect]], secrets: dict[str, bytes]) -> list[Case]:
    return [
        Case(case.family, case.id, case.name, case.raw, case.expect, secrets.get(case.id, case.secret))
        for case in family(name, dict(table))
    ]


CASES = [
    *_pictures("second streams of pictures", STREAMS, STREAM_SECRETS),
    *_pictures("metadata of pictures", METADATA, METADATA_SECRETS),
    *_pictures("pixels nobody sees", PIXELS, PIXEL_SECRETS),
    *_pictures("compression and bombs", BOMBS, BOMB_SECRETS),
]
