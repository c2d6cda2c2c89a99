from __future__ import annotations

import pytest

from governance.errors import NotAllowed
from portal import translation
from portal.translation import chosen, translator


def test_the_danish_catalogue_is_whole() -> None:
    assert translation._wrong() == []


def test_a_refusal_is_translated_before_its_values_are_filled_in() -> None:
    refused = NotAllowed("Too many wrong passwords. Wait {minutes} minutes and try again.", minutes=15)
    assert translator("da").refusal(refused) == "For mange forkerte adgangskoder. Vent 15 minutter, og prøv igen."
    assert translator("en").refusal(refused) == str(refused)


@pytest.mark.parametrize(
    ("wishes", "language"),
    [
        ((None, None, "en-GB,en;q=0.9"), "en"),
        ((None, "da", "en"), "da"),
        (("en", "da", "da"), "en"),
        ((None, None, "de-DE,en;q=0.5"), "en"),
        ((None, None, "fr"), "da"),
        ((None, None, None), "da"),
    ],
)
def test_the_first_wish_that_we_speak_is_taken(wishes: tuple[str | None, ...], language: str) -> None:
    assert chosen(*wishes) == language


def test_plurals_are_danish() -> None:
    say = translator("da").ngettext
    assert [say("%(count)s file", "%(count)s files", n) % {"count": n} for n in (0, 1, 2)] == [
        "0 filer",
        "1 fil",
        "2 filer",
    ]
