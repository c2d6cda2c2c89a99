"""Danish and English. Message ids are English sentences; the Danish catalogue is `locale/da.po`, read as it is.

`python -m portal.translation --check` fails on a message that is missing, fuzzy or no longer used;
`--update` puts new ones into the catalogue.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

from governance.errors import Refused
from inspection import places
from inspection.checks import CHECKS
from inspection.report import DROPPED, EVIDENCE, PARTS, REFUSALS

LANGUAGES = {"da": "Dansk", "en": "English"}
DEFAULT = "da"

ROOT = Path(__file__).parent.parent
DANISH = Path(__file__).parent / "locale" / "da.po"
SPOKEN = ("governance", "output_review", "portal")
"""The packages whose sentences a person may meet in the browser; the operator's command line is English."""
SAID = {
    "inspection/checks.py": [said for check in CHECKS.values() for said in (check.title, check.why, check.mend)],
    "inspection/places.py": [*places.STEPS.values(), places.WHOLE, places.ELSEWHERE],
    "inspection/report.py": [*REFUSALS.values(), *EVIDENCE.values(), *DROPPED.values(), *PARTS.values()],
}
"""Sentences that stand in tables; some are a value alone."""
VALUE = re.compile(r"\{\w*\}")
METHODS = [("**/templates/**.html", "jinja2"), ("**.py", "python")]
KEYWORDS: dict[str, tuple[int, ...] | None] = {
    "_": None,
    "gettext": None,
    "ngettext": (1, 2),
    **dict.fromkeys(("Refused", "Invalid", "NotFound", "NotAllowed", "Unavailable", "Tampered")),
}


class Translator:
    """Sentences in one language."""

    def __init__(self, language: str) -> None:
        self.language = language
        self._catalog = _danish() if language == "da" else Catalog()

    def gettext(self, message: str) -> str:
        """The sentence in this language; English when it is English, or missing."""
        found = self._catalog.get(message)
        return str(found.string) if found and found.string else message

    def ngettext(self, one: str, many: str, number: int) -> str:
        """One of two sentences, by a number; both languages have one plural."""
        found = self._catalog.get(one)
        if found and isinstance(found.string, tuple) and all(found.string):
            return str(found.string[number != 1])
        return one if number == 1 else many

    def refusal(self, refused: Refused) -> str:
        """What to tell a person: the sentence translated, then its values filled in."""
        return self.gettext(refused.message).format(**refused.values)


@cache
def _danish() -> Catalog:
    with DANISH.open("rb") as file:
        return read_po(file, locale="da")


@cache
def translator(language: str) -> Translator:
    """The translator of a language; there is one each."""
    return Translator(language)


def chosen(*wishes: str | None) -> str:
    """The first wish that we speak: a person's setting, a cookie, then the browser's Accept-Language."""
    for wish in wishes:
        for part in (wish or "").split(","):
            language = part.split(";")[0].strip().lower()[:2]
            if language in LANGUAGES:
                return language
    return DEFAULT


def _messages() -> Iterator[tuple[str, int, str | tuple[str, ...]]]:
    options = {"**/templates/**.html": {"trimmed": "true", "silent": "false"}}
    for package in SPOKEN:
        found = extract_from_dir(ROOT / package, METHODS, options, KEYWORDS, directory_filter=_not_fetched)
        for file, line, message, _comments, _context in found:
            yield f"{package}/{file}", line, message


def _not_fetched(folder: str) -> bool:
    return Path(folder).name not in {"node_modules", "static", "migrations", "__pycache__"}


def _template() -> Catalog:
    template = Catalog(project="Datasluse", version="0.1", charset="utf-8")
    for file, _line, message in _messages():
        template.add(message, locations=[(file, 0)])
    for file, messages in SAID.items():
        for message in (one for one in messages if not VALUE.fullmatch(one)):
            template.add(message, locations=[(file, 0)])
    return template


def _wrong() -> list[str]:
    template, danish = _template(), _danish()
    wrong = [f"missing in Danish: {m.id}" for m in template if m.id and not _said(danish, m.id)]
    wrong += [f"fuzzy: {m.id}" for m in danish if m.id and m.fuzzy]
    return wrong + [f"no longer used: {m.id}" for m in danish if m.id and template.get(m.id) is None]


def _said(catalog: Catalog, message: str | tuple[str, ...] | list[str]) -> bool:
    found = catalog.get(message)
    strings = found.string if found and isinstance(found.string, (tuple, list)) else (found.string if found else "",)
    return all(strings)


def _update() -> None:
    danish = _danish()
    danish.update(_template(), no_fuzzy_matching=True)
    danish.obsolete.clear()
    with DANISH.open("wb") as file:
        write_po(file, danish, width=120, sort_output=True, include_lineno=False, omit_header=False)


def main() -> None:
    """Check the Danish catalogue, or update it."""
    if "--update" in sys.argv:
        _update()
    wrong = _wrong()
    if wrong:
        sys.exit("\n".join(wrong))


if __name__ == "__main__":
    main()
