"""Text and Markdown: decoded and written again as UTF-8. Markdown is shown as it is written, which is what leaves."""

from __future__ import annotations

import codecs

import re2

from inspection import types, view
from inspection.parts import Extent, Extracted, Text
from inspection.places import Place
from inspection.report import Dropped, NoCanonicalForm

MOST_LINES = 5_000
LONG_LINES = 500
"""More than a person reads without being told; 5,000 is more than anybody does."""
LONG_TEXT, MOST_TEXT = 50_000, 1_000_000
"""Characters."""
ESCAPES = re2.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[@-Z\\^_]|\][^\x07\x1b]*(?:\x07|\x1b\\))")
"""What colours a terminal (ECMA-48)."""


def extract(name: str, raw: bytes) -> Extracted:
    """A text and its canonical copy; raises NoCanonicalForm."""
    dropped: list[Dropped] = []
    text = plain(decode(raw, dropped), dropped, Place()).rstrip("\n")
    if not text.strip():
        raise NoCanonicalForm("no_content")
    return Extracted(
        types.by_name(name).name,
        f"{text}\n".encode(),
        view.page(name, view.lines(text)),
        [Text(Place(), text)],
        dropped,
        extent(text),
    )


def extent(text: str) -> Extent:
    """How long a text is; raises NoCanonicalForm when nobody would read all of it."""
    count = text.count("\n") + 1
    if count > MOST_LINES or len(text) > MOST_TEXT:
        raise NoCanonicalForm("too_many_lines", f"{count} lines, {len(text)} characters")
    return Extent("lines", count, count > LONG_LINES or len(text) > LONG_TEXT)


def decode(raw: bytes, dropped: list[Dropped]) -> str:
    """Bytes as text: UTF-8, or what Windows writes in the west of Europe; raises NoCanonicalForm."""
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise NoCanonicalForm("encoding")
    if b"\0" in raw:
        raise NoCanonicalForm("binary")
    if raw.startswith(codecs.BOM_UTF8):
        dropped.append(Dropped("byte order mark", Place(part="start")))
    start = 0
    while raw.startswith(codecs.BOM_UTF8, start):
        start += len(codecs.BOM_UTF8)
    raw = raw[start:]
    try:
        return raw.decode()
    except UnicodeDecodeError:
        pass
    try:
        text = raw.decode("cp1252")
    except UnicodeDecodeError as e:
        raise NoCanonicalForm("encoding", str(e)) from None
    dropped.append(Dropped("Windows-1252", Place()))
    return text


def plain(text: str, dropped: list[Dropped], place: Place) -> str:
    """Text as it is read: with line feeds alone, without terminal colours and what progress bars wrote over."""
    if "\x1b" in text:
        coloured, text = text, ESCAPES.sub("", text)
        if coloured != text:
            dropped.append(Dropped("colours", place))
    if "\u00a0" in text:
        dropped.append(Dropped("hard spaces", place))
        text = text.replace("\u00a0", " ")
    lines = text.replace("\r\n", "\n").split("\n")
    if any("\r" in line for line in lines):
        dropped.append(Dropped("written over", place))
    elif "\r" in text:
        dropped.append(Dropped("carriage returns", place))
    read = [line.rstrip("\r").rsplit("\r", 1)[-1] for line in lines]
    if any(line != line.rstrip() for line in read):
        dropped.append(Dropped("line spaces", place))
    return "\n".join(line.rstrip() for line in read)
