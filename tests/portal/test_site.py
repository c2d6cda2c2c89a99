"""What pages are written with."""

from __future__ import annotations

import pytest

from portal.site import _environment


@pytest.mark.parametrize(
    ("size", "danish", "english"),
    [
        (0, "0 kB", "0 kB"),
        (1, "1 kB", "1 kB"),
        (28_000, "28 kB", "28 kB"),
        (999_999, "1.000 kB", "1,000 kB"),
        (1_250_000, "1,2 MB", "1.2 MB"),
        (100_000_000, "100 MB", "100 MB"),
    ],
)
def test_a_number_of_bytes_is_never_nothing_where_there_is_something(size: int, danish: str, english: str) -> None:
    for language, said in (("da", danish), ("en", english)):
        assert _environment(language).from_string("{{ size | bytes }}").render(size=size).replace("\xa0", " ") == said
