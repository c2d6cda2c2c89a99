"""Text and Markdown: decoded and written again as UTF-8. Markdown is shown as it is written, which is what leaves."""

from __future__ import annotations

import codecs

import re2

from output_review.inspection import persons, printed, view
from output_review.inspection.characters import hidden
from output_review.inspection.report import Dropped, Finding, Inspected, NoCanonicalForm

MOST_LINES = 5_000
LONG_LINES = 500
"""More than a person reads without being told; 5,000 is more than anybody does."""
LONG_TEXT, MOST_TEXT = 50_000, 1_000_000
"""Characters."""
RUN = 200
ENCODED = re2.compile(rf"[!-~]{{{RUN}}}")
"""Base64, hexadecimal, base85: whatever has no spaces."""
WRAPPED = re2.compile(r"(?m)(?:^[!-~]{60,}$\n?){4}")
"""Encoded data as it is written in lines of 64 or 76 characters."""
ESCAPES = re2.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[@-Z\\^_]|\][^\x07\x1b]*(?:\x07|\x1b\\))")
"""What colours a terminal (ECMA-48)."""


def inspect(name: str, raw: bytes) -> Inspected:
    """The canonical copy of a text file; raises NoCanonicalForm."""
    dropped: list[Dropped] = []
    text = plain(decode(raw, dropped), dropped, "whole file").rstrip("\n") + "\n"
    count = text.count("\n")
    if not text.strip():
        raise NoCanonicalForm("no_content")
    if count > MOST_LINES or len(text) > MOST_TEXT:
        raise NoCanonicalForm("too_many_lines", f"{count} lines, {len(text)} characters")
    findings = [*looked_at(text, ""), *printed.findings(text, "")]
    if count > LONG_LINES or len(text) > LONG_TEXT:
        findings.append(Finding("long", "whole file", f"{count} lines"))
    kind = "markdown" if name.lower().endswith(".md") else "text"
    return Inspected(kind, text.encode(), view.page(name, view.lines(text.removesuffix("\n"))), dropped, findings)


def decode(raw: bytes, dropped: list[Dropped]) -> str:
    """Bytes as text: UTF-8, or what Windows writes in the west of Europe; raises NoCanonicalForm."""
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise NoCanonicalForm("encoding")
    if b"\0" in raw:
        raise NoCanonicalForm("binary")
    if raw.startswith(codecs.BOM_UTF8):
        dropped.append(Dropped("byte order mark", "start"))
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
    dropped.append(Dropped("the encoding Windows-1252, now UTF-8", "whole file"))
    return text


def plain(text: str, dropped: list[Dropped], place: str) -> str:
    """Text as it is read: with line feeds alone, without terminal colours and what progress bars wrote over."""
    if "\x1b" in text:
        coloured, text = text, ESCAPES.sub("", text)
        if coloured != text:
            dropped.append(Dropped("terminal colours", place))
    if "\u00a0" in text:
        dropped.append(Dropped("spaces that do not break, now spaces", place))
        text = text.replace("\u00a0", " ")
    lines = text.replace("\r\n", "\n").split("\n")
    if any("\r" in line for line in lines):
        dropped.append(Dropped("text that was written over", place))
    elif "\r" in text:
        dropped.append(Dropped("carriage returns", place))
    read = [line.rstrip("\r").rsplit("\r", 1)[-1] for line in lines]
    if any(line != line.rstrip() for line in read):
        dropped.append(Dropped("spaces at the end of lines", place))
    return "\n".join(line.rstrip() for line in read)


def looked_at(text: str, where: str) -> list[Finding]:
    """CPR numbers, hidden characters and encoded data, line by line; `where` is put before each line's number."""
    numbered = [(f"{where}line {number}", line) for number, line in enumerate(text.split("\n"), start=1)]
    found = persons.numbers(numbered)
    for place, line in numbered:
        if characters := hidden(line, allowed="\t"):
            found.append(Finding("invisible", place, ", ".join(characters[:5])))
        if len(line) >= RUN and ENCODED.search(line):
            found.append(Finding("encoded", place, f"{len(line)} characters"))
    number, start = 1, 0
    for match in WRAPPED.finditer(text):
        number += text.count("\n", start, match.start())
        start = match.start()
        found.append(Finding("encoded", f"{where}line {number}", "lines of encoded text"))
    return found
