"""Characters that a person cannot see, or that change how others are seen."""

from __future__ import annotations

import unicodedata

BLANK = {0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0, 0x034F}
"""Letters and marks without a shape (Unicode, Default_Ignorable_Code_Point and BRAILLE PATTERN BLANK)."""
SELECTORS = (range(0xFE00, 0xFE10), range(0xE0100, 0xE01F0), range(0x180B, 0x1810))
"""Variation selectors: 256 of them can carry any byte behind an innocent letter."""
HIDDEN = {"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"}


def hidden(text: str, allowed: str = "") -> list[str]:
    """The hidden characters in a text as `U+202E`, each once, in order of code."""
    found = {ch for ch in text if ch not in allowed and _is_hidden(ch)}
    return [f"U+{ord(ch):04X}" for ch in sorted(found)]


def _is_hidden(ch: str) -> bool:
    code = ord(ch)
    if code < 0x7F:
        return code < 0x20
    category = unicodedata.category(ch)
    return category in HIDDEN or category == "Zs" or code in BLANK or any(code in r for r in SELECTORS)
