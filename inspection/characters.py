"""Characters that a person cannot see, or that change how others are seen."""

from __future__ import annotations

import unicodedata
from itertools import groupby

BLANK = {0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0, 0x034F}
"""Letters and marks without a shape (Unicode, Default_Ignorable_Code_Point and BRAILLE PATTERN BLANK)."""
SELECTORS = (range(0xFE00, 0xFE10), range(0xE0100, 0xE01F0), range(0x180B, 0x1810))
"""Variation selectors: 256 of them can carry any byte behind an innocent letter."""
HIDDEN = {"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"}
SHORT = 100
"""Characters of a text whose marks `unicodedata` orders as fast as anything does."""


def hidden(text: str, allowed: str = "") -> list[str]:
    """The hidden characters in a text as `U+202E`, each once, in order of code."""
    if text.isascii() and text.isprintable():
        return []
    found = {ch for ch in text if ch not in allowed and _is_hidden(ch)}
    return [f"U+{ord(ch):04X}" for ch in sorted(found)]


def _is_hidden(ch: str) -> bool:
    code = ord(ch)
    if code < 0x7F:
        return code < 0x20
    category = unicodedata.category(ch)
    return category in HIDDEN or category == "Zs" or code in BLANK or any(code in r for r in SELECTORS)


def compatible(text: str) -> str:
    """A text in NFKC.

    A letter's marks are put in order here: `unicodedata` exchanges neighbours, and takes the square of their number.
    """
    if len(text) < SHORT or text.isascii():
        return unicodedata.normalize("NFKC", text)
    apart = text.translate({ord(ch): unicodedata.normalize("NFKD", ch) for ch in set(text)})
    runs = groupby(apart, key=lambda ch: unicodedata.combining(ch) > 0)
    ordered = "".join(ch for _, run in runs for ch in sorted(run, key=unicodedata.combining))
    return unicodedata.normalize("NFKC", ordered)
