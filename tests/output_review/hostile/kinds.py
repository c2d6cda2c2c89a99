"""Files that are not what they say: types that lie, archives and polyglots, encodings, characters nobody sees."""

from __future__ import annotations

import base64
import gzip
import io
import json
import tarfile
import zipfile
import zlib

from tests.output_review.hostile.build import as_picture, book, code, jpeg, png, stream, with_segment, words
from tests.output_review.hostile.case import CPR, TOKEN, Case, Clean, Found, Gone, Refused, Row, Shown, family

TABLE = b"region,persons\nNord,120\n"


def zipped(name: str = "rows.csv") -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(zipfile.ZipInfo(name), TOKEN)
    return out.getvalue()


def tarred(kind: bytes = tarfile.REGTYPE) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        member = tarfile.TarInfo(TOKEN)
        member.type, member.linkname = kind, "/etc/passwd"
        tar.addfile(member)
    return out.getvalue()


LYING: dict[str, Row] = {
    "a harmless picture": ("a.png", png(), Clean()),
    "a harmless table": ("a.csv", TABLE, Clean()),
    "a picture called a table": ("a.csv", png(), Refused("not_what_its_name_says")),
    "a picture called text": ("a.txt", png(), Refused("not_what_its_name_says")),
    "a picture called Markdown": ("a.md", jpeg(), Refused("not_what_its_name_says")),
    "a picture called JSON": ("a.json", jpeg(), Refused("not_what_its_name_says")),
    "a picture called a notebook": ("a.ipynb", png(), Refused("not_what_its_name_says")),
    "a PNG called JPEG": ("a.jpg", png(), Refused("not_what_its_name_says")),
    "a JPEG called PNG": ("a.png", jpeg(), Refused("not_what_its_name_says")),
    "a table called a picture": ("a.png", TABLE, Refused("not_what_its_name_says")),
    "a notebook called a picture": ("a.jpeg", book(), Refused("not_what_its_name_says")),
    "a GIF called PNG": ("a.png", as_picture("GIF"), Refused("not_what_its_name_says")),
    "a WebP called PNG": ("a.png", as_picture("WEBP"), Refused("not_what_its_name_says")),
    "a TIFF called JPEG": ("a.jpg", as_picture("TIFF"), Refused("not_what_its_name_says")),
    "a BMP called JPEG": ("a.jpg", as_picture("BMP"), Refused("not_what_its_name_says")),
    "an SVG called PNG": ("a.png", f"<svg><desc>{TOKEN}</desc></svg>", Refused("not_what_its_name_says")),
    "a PNG without its first byte": ("a.png", png()[1:], Refused("not_what_its_name_says")),
    "a PNG whose line end was changed": ("a.png", png().replace(b"\r\n", b"\n", 1), Refused("not_what_its_name_says")),
    "a magic number and a table": ("a.png", png()[:8] + TABLE, Refused("broken_image")),
    "a JPEG's magic number and a table": ("a.jpg", b"\xff\xd8\xff" + TABLE, Refused("broken_image")),
    "a GIF called a table": ("a.csv", as_picture("GIF"), Refused("binary")),
    "a notebook called JSON": ("a.json", book(code(stream(f"seen {CPR}"))), Found("cpr")),
    "a page called text": ("a.txt", f"<script>{TOKEN}</script>\n", Shown()),
    "a saved object called text": ("a.txt", b"\x80\x04\x95\0\0\0", Refused("binary")),
    "a spreadsheet called a table": ("a.csv", zipped("xl/workbook.xml"), Refused("binary")),
    "a notebook called a spreadsheet": ("a.xlsx", book(), Refused("spreadsheet")),
    "text called a program": ("a.py", "1 + 1\n", Refused("program")),
    "a picture in capitals": ("A.PNG", png(), Clean()),
}

POLYGLOTS: dict[str, Row] = {
    "a harmless photograph": ("a.jpg", jpeg(), Clean()),
    "a harmless text that names a zip": ("a.txt", "see rows.zip\n", Clean()),
    "a zip": ("a.zip", zipped(), Refused("archive")),
    "a tar": ("a.tar", tarred(), Refused("archive")),
    "a packed table": ("a.csv.gz", gzip.compress(TABLE, mtime=0), Refused("archive")),
    "a zip called a table": ("a.csv", zipped(), Refused("binary")),
    "a tar called text": ("a.txt", tarred(), Refused("binary")),
    "a tar with a symbolic link called text": ("a.txt", tarred(tarfile.SYMTYPE), Refused("binary")),
    "a tar with a device called JSON": ("a.json", tarred(tarfile.CHRTYPE), Refused("binary")),
    "gzip called text": ("a.txt", gzip.compress(TOKEN.encode(), mtime=0), Refused("binary")),
    "a zip behind a table": ("a.csv", TABLE + zipped(), Refused("binary")),
    "a zip behind JSON": ("a.json", b"{}" + zipped(), Refused("binary")),
    "a zip behind a notebook": ("a.ipynb", book() + zipped(), Refused("binary")),
    "a zip behind a PNG": ("a.png", png(tail=zipped()), Gone("bytes after the image")),
    "a zip behind a JPEG": ("a.jpg", jpeg() + zipped(), Gone("bytes after the image")),
    "gzip behind a PNG": ("a.png", png(tail=gzip.compress(TOKEN.encode(), mtime=0)), Gone("bytes after the image")),
    "a table behind a PNG": ("a.png", png(tail=TABLE + TOKEN.encode()), Gone("bytes after the image")),
    "a PDF in a PNG": ("a.png", png(tail=f"%PDF-1.7 {TOKEN} %%EOF".encode()), Gone("bytes after the image")),
    "a page in a JPEG": (
        "a.jpg",
        with_segment(0xFE, f"<!--{TOKEN}--><script>".encode()),
        Gone("segment FE"),
    ),
    "a zip in a JPEG": ("a.jpg", with_segment(0xEB, zipped()), Gone("segment EB")),
    "a PDF called text": ("a.txt", f"%PDF-1.7\n{TOKEN}\n%%EOF\n", Shown()),
    "a GIF's magic number before text": ("a.txt", f"GIF89a={TOKEN};\n", Shown()),
    "a zip in base64": ("a.txt", base64.b64encode(zipped() * 2), Found("encoded")),
    "a zip in base64, in lines": ("a.md", base64.encodebytes(zipped() * 3), Found("encoded")),
    "a zip in base64, in JSON": ("a.json", json.dumps([base64.b64encode(zipped() * 2).decode()]), Found("encoded")),
    "a zip in base64, in a cell": (
        "a.ipynb",
        book(code(source=f"x = '{base64.b64encode(zipped() * 2).decode()}'")),
        Found("encoded"),
    ),
    "a zip in base64, in a table": ("a.csv", b"a,b\nx," + base64.b64encode(zipped() * 2), Found("encoded")),
    "a zip in hexadecimal": ("a.txt", zipped().hex(), Found("encoded")),
    "a zip in base85": ("a.txt", base64.b85encode(zipped() * 2), Found("encoded")),
    "a zip in Ascii85": ("a.txt", base64.a85encode(zipped() * 2), Found("encoded")),
    "a zip in base85, in lines": (
        "a.txt",
        base64.a85encode(zlib.compress(bytes(range(256)) * 4) + bytes(range(256)), wrapcol=76),
        Found("encoded"),
    ),
}

WORD = f"region,note\nNord,{TOKEN}\n"
ENCODINGS: dict[str, Row] = {
    "harmless UTF-8": ("a.csv", "område,antal\nØst,120\n", Clean()),
    "harmless UTF-8 in text": ("a.txt", "Resultatet blev 0,81 – over forventning\n", Clean()),
    "UTF-16 with a mark": ("a.csv", WORD.encode("utf-16"), Refused("encoding")),
    "UTF-16, big end first": ("a.csv", b"\xfe\xff" + WORD.encode("utf-16-be"), Refused("encoding")),
    "UTF-16 without a mark": ("a.csv", WORD.encode("utf-16-le"), Refused("binary")),
    "UTF-16 without a mark, big end first": ("a.txt", WORD.encode("utf-16-be"), Refused("binary")),
    "UTF-32 with a mark": ("a.txt", WORD.encode("utf-32"), Refused("encoding")),
    "UTF-32 without a mark": ("a.json", f'"{TOKEN}"'.encode("utf-32-le"), Refused("binary")),
    "UTF-16 in a notebook": ("a.ipynb", book(words(TOKEN)).decode().encode("utf-16"), Refused("encoding")),
    "UTF-16 in JSON": ("a.json", f'"{TOKEN}"'.encode("utf-16"), Refused("encoding")),
    "a byte order mark": ("a.csv", b"\xef\xbb\xbf" + TABLE, Gone("byte order mark")),
    "two byte order marks": ("a.csv", b"\xef\xbb\xbf" * 2 + TABLE, Gone("byte order mark")),
    "a byte order mark inside": ("a.txt", "a\ufeffb\n", Found("invisible")),
    "a byte order mark before JSON": ("a.json", b"\xef\xbb\xbf{}", Gone("byte order mark")),
    "overlong UTF-8 of a slash": ("a.txt", b"a\xc0\xafb\n", Gone("Windows-1252")),
    "overlong UTF-8 of NUL": ("a.txt", b"a\xc0\x80b\n", Gone("Windows-1252")),
    "overlong UTF-8 of a letter": ("a.csv", b"a,b\n\xe0\x81\x81,1\n", Refused("encoding")),
    "half a surrogate in UTF-8": ("a.txt", b"\xed\xa0\xbd\n", Gone("Windows-1252")),
    "a code beyond Unicode": ("a.txt", b"\xf5\x90\x80\x80\n", Refused("encoding")),
    "UTF-8 that is cut": ("a.txt", "æ".encode()[:1] + b"\n", Gone("Windows-1252")),
    "UTF-7": ("a.txt", f"+AG4-{TOKEN}\n", Shown()),
    "Latin-1": ("a.csv", "område,antal\nØst,120\n".encode("latin-1"), Gone("Windows-1252")),
    "Windows-1252": ("a.txt", "“Øst” – 0,81\n".encode("cp1252"), Gone("Windows-1252")),
    "Latin-1 and UTF-8 in one": ("a.txt", "Øst".encode() + "Øst".encode("latin-1"), Gone("Windows-1252")),
    "EBCDIC": ("a.txt", TOKEN.encode("cp037"), Refused("encoding")),
    "a character of no code page": ("a.txt", b"\x81\x8d\x8f", Refused("encoding")),
    "controls of Latin-1": ("a.txt", "a\x9b2Jb\n", Found("invisible")),
    "NUL in a table": ("a.csv", b"a,b\n1,\0\n", Refused("binary")),
    "NUL at the end": ("a.txt", f"ok\n\0{TOKEN}", Refused("binary")),
    "NUL in a notebook": ("a.ipynb", book(words("x")) + b"\0", Refused("binary")),
    "NUL that JSON writes": ("a.json", b'{\n "a": "x\\u0000y"\n}\n', Shown()),
    "a bell that JSON writes": ("a.json", b'{\n "a": "x\\u0007y"\n}\n', Shown()),
    "half a pair in JSON": ("a.json", b'{"a": "\\ud83d"}', Refused("encoding")),
    "half a pair in a name of JSON": ("a.json", b'{"\\udc00": 1}', Refused("encoding")),
    "half a pair in a notebook": ("a.ipynb", book(words("\ud83d")), Refused("encoding")),
    "half a pair in an output": ("a.ipynb", book(code(stream("\udfff"))), Refused("encoding")),
}


HIDDEN = {
    "right-to-left override": "\u202e",
    "left-to-right embedding": "\u202a",
    "isolate": "\u2066",
    "right-to-left mark": "\u200f",
    "zero-width space": "\u200b",
    "zero-width joiner": "\u200d",
    "zero-width non-joiner": "\u200c",
    "word joiner": "\u2060",
    "invisible times": "\u2062",
    "soft hyphen": "\u00ad",
    "a tag": "\U000e0041",
    "variation selector": "\ufe01",
    "variation selector of the second plane": "\U000e0150",
    "Mongolian selector": "\u180b",
    "Mongolian separator": "\u180e",
    "Hangul filler": "\u3164",
    "half-width Hangul filler": "\uffa0",
    "Hangul first filler": "\u115f",
    "grapheme joiner": "\u034f",
    "Khmer vowel": "\u17b4",
    "blank Braille": "\u2800",
    "em space": "\u2003",
    "hair space": "\u200a",
    "ideographic space": "\u3000",
    "Ogham space": "\u1680",
    "line separator": "\u2028",
    "paragraph separator": "\u2029",
    "next line": "\x85",
    "annotation": "\ufff9",
    "music control": "\U0001d173",
    "private use": "\ue000",
    "a noncharacter": "\uffff",
    "not yet assigned": "\U000e0fff",
    "backspace": "\b",
    "bell": "\x07",
    "a lonely escape": "\x1b",
    "delete": "\x7f",
    "form feed": "\f",
    "unit separator": "\x1f",
}


def in_a_kind(number: int, ch: str) -> tuple[str, bytes | str]:
    """Each character in another kind of file, in turn."""
    files: list[tuple[str, bytes | str]] = [
        ("a.txt", f"Result{ch} 0.81\n"),
        ("a.csv", f"a,b\nx{ch}y,12\n"),
        ("a.json", json.dumps({"a": f"x{ch}y"}, indent=1, ensure_ascii=False)),
        ("a.ipynb", book(code(stream(f"x{ch}y")))),
        ("a.md", f"# Heading{ch}s\n"),
        ("a.ipynb", book(words(f"x{ch}y"))),
        ("a.csv", f"a{ch}a,b\nx,12\n"),
        ("a.json", json.dumps({f"x{ch}y": 1}, indent=1, ensure_ascii=False)),
    ]
    shown = [file for file in files if ch >= " " or not file[0].endswith(".json")]  # JSON writes a control as words
    return shown[number % len(shown)]


INVISIBLE: dict[str, Row] = {
    **{name: (*in_a_kind(n, ch), Found("invisible")) for n, (name, ch) in enumerate(HIDDEN.items())},
    **{f"harmless {n}": (*in_a_kind(n, ch), Clean()) for n, ch in enumerate("æø–€ßδ…ł")},
    "many letters as selectors": ("a.txt", "a" + "".join(chr(0xE0100 + b) for b in TOKEN.encode()), Found("invisible")),
    "a word in tags": ("a.md", "ok" + "".join(chr(0xE0000 + b) for b in TOKEN.encode()), Found("invisible")),
    "bits of two spaces in JSON": ("a.json", json.dumps(["a\u00a0b c\u00a0d"], ensure_ascii=False), Found("invisible")),
    "bits of two spaces in a name of JSON": ("a.json", json.dumps({"a\u00a0b": 1}), Found("invisible")),
    "bits of two spaces in text": ("a.txt", "a\u00a0b c\u00a0d\n", Gone("spaces that do not break")),
    "bits of two spaces in a table": ("a.csv", "a,b\nx\u00a0y,1\n", Gone("spaces that do not break")),
    "bits of two spaces in a notebook": ("a.ipynb", book(words("a\u00a0b")), Gone("spaces that do not break")),
    "spaces and tabs behind a line": ("a.txt", "Result \t \t\t \n", Gone("spaces at the end")),
    "spaces and tabs behind a printed line": ("a.ipynb", book(code(stream("x \t\n"))), Gone("spaces at the end")),
    "spaces and tabs around a cell": ("a.csv", "a,b\nx \t, y\n", Gone("spaces around cells")),
    "wide spaces around a cell": ("a.csv", "a,b\nx\u2003\u2009,y\n", Gone("spaces around cells")),
    "spaces and tabs behind JSON": ("a.json", b'{\n "a": 1\n} \t \t\t\n', Gone("spaces")),
    "spaces and tabs in JSON": ("a.json", b'{"a" \t: \t 1}', Gone("spaces")),
}

SEEN_ANYWAY: dict[str, bytes] = {
    "a byte order mark": b"\xef\xbb\xbf",
    "a byte order mark before JSON": b"\xef\xbb\xbf",
    "overlong UTF-8 of a slash": b"\xc0\xaf",
    "overlong UTF-8 of NUL": b"\xc0\x80",
    "half a surrogate in UTF-8": b"\xed\xa0\xbd",
    "UTF-8 that is cut": b"\xc3\n",
    "Latin-1": "Øst".encode("latin-1"),
    "two byte order marks": b"\xef\xbb\xbf",
    "Windows-1252": "“Ø".encode("cp1252"),
    "Latin-1 and UTF-8 in one": "Øst".encode("latin-1"),
    "NUL that JSON writes": b"x\\u0000y",
    "a bell that JSON writes": b"x\\u0007y",
    "bits of two spaces in text": "\u00a0".encode(),
    "bits of two spaces in a table": "\u00a0".encode(),
    "bits of two spaces in a notebook": "\u00a0".encode(),
    "spaces and tabs behind a line": b" \t \t\t ",
    "spaces and tabs behind a printed line": b" \t",
    "spaces and tabs around a cell": b" \t",
    "wide spaces around a cell": "\u2003".encode(),
    "spaces and tabs behind JSON": b" \t \t\t",
    "spaces and tabs in JSON": b" \t: \t ",
}
"""What a case hides where it is no word."""


def _with_secret(case: Case) -> Case:
    return Case(case.family, case.id, case.name, case.raw, case.expect, SEEN_ANYWAY.get(case.id, case.secret))


CASES = [
    *family("types that lie", LYING),
    *family("archives and polyglots", POLYGLOTS),
    *map(_with_secret, family("encodings", ENCODINGS)),
    *map(_with_secret, family("characters nobody sees", INVISIBLE)),
]
