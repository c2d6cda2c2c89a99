"""Twice the file takes twice the time, whatever is in it: nobody's file holds up the inspection of everybody's."""

from __future__ import annotations

import json
import math
import re
import timeit
from collections.abc import Callable
from itertools import count
from time import process_time

import pytest

from inspection.engine import inspect
from inspection.types import TYPES, by_name
from tests.output_review.hostile.build import (
    base64_of,
    before_end,
    book,
    chunk,
    code,
    display,
    error,
    jpeg,
    png,
    segment,
    stream,
    with_segment,
    words,
)

MOST = 2.3
"""Times the processor time for twice as much: two, and what a cache or a sort adds. A square takes four."""
LEAST = 0.02
"""Seconds of processor time that a measurement takes at least: shorter work is done several times."""
FEW = 2
"""Measurements of each size, of which the least counts."""
PATIENCE = 15.0
"""Seconds of processor time in which there are more of them, while a busy machine disturbs them."""
Made = Callable[[int], "bytes | str"]


def growth(work: Callable[[bytes], object], made: Made, size: int) -> float:
    """How many times as long a file of twice the size takes, in processor time."""
    files = [content.encode() if isinstance(content, str) else content for content in map(made, (size, 2 * size))]
    once, twice = (timeit.Timer(lambda raw=raw: work(raw), timer=process_time) for raw in files)
    times = math.ceil(LEAST / max(once.timeit(1), 1e-6))
    shorter = longer = math.inf
    begun = process_time()
    for done in count(1):
        shorter = min(shorter, once.timeit(times))
        longer = min(longer, twice.timeit(times))
        if done >= FEW and (longer <= MOST * shorter or process_time() - begun > PATIENCE):
            break
    return longer / shorter


# -- what a hostile text is made of, by its length in characters -------------------------------------------------------
TEXTS: dict[str, Callable[[int], str]] = {
    "numbers of persons": lambda n: "010170-5234,020270-5234 " * (n // 24),
    "digits": lambda n: "1" * n,
    "wide digits": lambda n: "1\uff11" * (n // 2),
    "zeros behind a number": lambda n: "0101705234." + "0" * n + "9",
    "spaces": lambda n: "a,b,c" + " " * n + "x",
    "tabs": lambda n: "a,b,c" + "\t" * n + "x",
    "spaces of all kinds": lambda n: "a;b;c" + "\u2003\t\u00a0\v" * (n // 4) + "x",
    "commas": lambda n: "a, " * (n // 3),
    "delimiters": lambda n: "x,;|\t" * (n // 5),
    "pipes": lambda n: "| x " * (n // 4) + "\n|---|\n",
    "formulas behind delimiters": lambda n: "; \t\u2003=" * (n // 5),
    "lines of a type and 9": lambda n: "a dtype: int64 9\n" * (n // 17),
    "lines of a type and 3": lambda n: "a dtype: int64 3\n" * (n // 17),
    "names of series": lambda n: "Name: n, Length: 1, " * (n // 20),
    "shapes of tables": lambda n: "[1 rows x shape: (1,1, " * (n // 23),
    "an encoded run": lambda n: "x" * n,
    "lines of encoded text": lambda n: ("x" * 64 + "\n") * (n // 65),
    "marks on a letter": lambda n: "a" + "\u0315" * (n // 2) + "\u0316" * (n // 2),
    "marks by entities": lambda n: "a" + "&#789;" * (n // 12) + "&#790;" * (n // 12),
    "entities": lambda n: "&amp;&" * (n // 6),
    "escapes": lambda n: "\x1b[0;31mx" * (n // 8),
    "escapes that do not end": lambda n: "\x1b]0;x\x1b[1" * (n // 8),
    "hidden characters": lambda n: "x\u200b\u202e" * (n // 3),
    "what is printed over": lambda n: "abc\r" * (n // 4),
    "capitals in words": lambda n: "nAntal" * (n // 6),
    "printed rows": lambda n: "  id  sex  n\n" + "".join(f"{row}  17  m  3\n" for row in range(n // 13)),
}
CHARACTERS = 8_000

IN_KINDS: dict[str, Callable[[str], bytes | str]] = {
    "a.csv": lambda text: f'region,antal\nNord,"{text}"\n',
    "a.ipynb": lambda text: book(code(stream(text))),
    "a.json": lambda text: json.dumps({"antal": text}),
    "a.txt": lambda text: text,
}

# -- what a hostile file is made of, by the number of its parts --------------------------------------------------------
FILES: dict[str, tuple[str, Made, int]] = {
    "rows": ("a.csv", lambda n: "region,n,share\n" + "Nord,3,0.5\n" * n, 1_000),
    "columns": ("a.csv", lambda n: "\n".join(",".join([cell] * n) for cell in ("antal", "3", "x")), 3_000),
    "rows of persons": ("a.csv", lambda n: "id,x\n" + "".join(f"{row},010170-5234\n" for row in range(n)), 1_000),
    "numbers in two cells": ("a.csv", lambda n: "a,b\n" + "010170,5234\n" * n, 1_000),
    "quotes": ("a.csv", lambda n: 'a,b\n"' + '""' * n + '",2\n', 50_000),
    "lines in a cell": ("a.csv", lambda n: 'a,b\n"x' + "\r\n" * n + 'x",2\n', 30_000),
    "empty rows": ("a.csv", lambda n: "a,b\n" + "\n" * n + "1,2\n", 20_000),
    "byte order marks": ("a.csv", lambda n: b"\xef\xbb\xbf" * n + b"a,b\n1,2\n", 100_000),
    "names": ("a.json", lambda n: json.dumps({f"antal {name}": 3 for name in range(n)}), 2_000),
    "names that are numbers": ("a.json", lambda n: json.dumps(dict.fromkeys(range(n), 3)), 2_000),
    "objects": ("a.json", lambda n: json.dumps([{"antal": 3}] * n), 800),
    "names above empty rows": ("a.json", lambda n: json.dumps([[f"n{c}" for c in range(n)], *[[]] * n]), 700),
    "columns by name": ("a.json", lambda n: json.dumps({f"n{column}": [3, 4] for column in range(n)}), 500),
    "lists in lists": ("a.json", lambda n: "[" * 90 + ",".join(["3"] * n) + "]" * 90, 500),
    "counts in counts": ("a.json", lambda n: '{"n":' * 90 + json.dumps([9] * n) + "}" * 90, 200),
    "a long text in lists": ("a.json", lambda n: "[" * 90 + '"' + "x " * n + '"' + "]" * 90, 20_000),
    "digits of a number": ("a.json", lambda n: "[0." + "1" * n + "]", 200_000),
    "byte order marks before JSON": ("a.json", lambda n: b"\xef\xbb\xbf" * n + b"[]", 100_000),
    "spaces between": ("a.json", lambda n: "[" + " " * n + "]", 50_000),
    "cells": ("a.ipynb", lambda n: book(*[words("| n |\n|---|\n| 3 |")] * n), 250),
    "outputs": ("a.ipynb", lambda n: book(*[code(*[stream("a  n\nb  3\n")] * 50)] * n), 20),
    "small pictures": ("a.ipynb", lambda n: book(*[code(display({"image/png": base64_of(png())}))] * n), 100),
    "lines of encoded text": ("a.ipynb", lambda n: book(code(stream(("x" * 60 + "\n") * n))), 4_000),
    "pieces of a text": ("a.ipynb", lambda n: book(code(stream(["x "] * n))), 50_000),
    "tracebacks": ("a.ipynb", lambda n: book(code(error(traceback=["x"] * n))), 100_000),
    "forms of an output": ("a.ipynb", lambda n: book(code(display({f"x/{form}": "y" for form in range(n)}))), 4_000),
    "metadata": ("a.ipynb", lambda n: book(metadata={str(name): {} for name in range(n)}), 2_000),
    "byte order marks before a text": ("a.txt", lambda n: b"\xef\xbb\xbf" * n + b"x", 100_000),
    "empty lines at the end": ("a.txt", lambda n: "x" + "\r\n" * n, 20_000),
    "numbers": ("a.md", lambda n: "010170-5234,020270-5234 " * n, 1_500),
    "gaps": ("a.md", lambda n: "a,b,c" + " " * n + "x", 16_000),
    "lines": ("a.md", lambda n: "region  n\n" + "Nord  3\n" * n, 2_000),
    "pixels": ("a.png", lambda n: png(rows=[b"\x40\x80\xc0" * 500] * n, size=(500, n)), 500),
    "chunks of text": ("a.png", lambda n: png(*[chunk(b"tEXt", b"a\0b")] * n), 1_500),
    "chunks of names": ("a.png", lambda n: png(*(chunk(b"tEXt", b"%d\0b" % name) for name in range(n))), 1_500),
    "chunks nobody knows": ("a.png", lambda n: png(*[chunk(b"prVt")] * n), 1_500),
    "profiles": ("a.png", lambda n: png(*[chunk(b"iCCP", b"x\0\0")] * n), 1_500),
    "chunks without pixels": ("a.png", lambda n: png(*[chunk(b"IDAT")] * n), 10_000),
    "bytes behind a picture": ("a.png", lambda n: png(tail=b"\0" * n), 2_000_000),
    "bytes behind the pixels": ("a.png", lambda n: png(more_data=b"\0" * n), 1_000_000),
    "comments": ("a.jpg", lambda n: with_segment(0xFE, b"x") + segment(0xFE, b"x") * n, 2_000_000),
    "segments of comments": ("a.jpg", lambda n: _with_segments(segment(0xFE, b"x") * n), 1_500),
    "segments of profiles": ("a.jpeg", lambda n: _with_segments(segment(0xE2, b"ICC_PROFILE\0\1\1x") * n), 1_500),
    "segments of resources": ("a.jpg", lambda n: _with_segments(segment(0xED, b"Photoshop 3.0\0") * n), 1_500),
    "tables of numbers": ("a.jpeg", lambda n: _with_segments(segment(0xDB, bytes(range(65))) * n), 1_500),
    "bytes that fill": ("a.jpg", lambda n: before_end(b"\xff" * n), 100_000),
    "bytes that restart": ("a.jpeg", lambda n: before_end(b"\xff\xd0" * n), 100_000),
    "bytes behind a photograph": ("a.jpg", lambda n: jpeg() + b"\0" * n, 2_000_000),
}  # fmt: skip


def _with_segments(segments: bytes) -> bytes:
    raw = jpeg()
    return raw[:2] + segments + raw[2:]


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("name", IN_KINDS)
def test_twice_the_text_takes_twice_the_time(name: str, text: str) -> None:
    in_kind, of_length = IN_KINDS[name], TEXTS[text]
    assert growth(lambda raw: inspect(name, raw), lambda n: in_kind(of_length(n)), CHARACTERS) <= MOST


@pytest.mark.parametrize("parts", FILES)
def test_twice_the_parts_take_twice_the_time(parts: str) -> None:
    name, made, size = FILES[parts]
    assert growth(lambda raw: inspect(name, raw), made, size) <= MOST


def test_every_extractor_is_measured() -> None:
    measured = {by_name(name).extractor for name in [*IN_KINDS, *(name for name, _, _ in FILES.values())]}
    assert measured == {one.extractor for one in TYPES if one.extractor}


def test_the_measure_tells_a_square_from_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.output_review.test_growth.PATIENCE", 2.0)
    spaces: Made = lambda n: " " * n  # noqa: E731
    assert growth(lambda raw: re.findall(rb" *x", raw), spaces, 2_000) > MOST
    assert growth(lambda raw: re.findall(rb" *", raw), spaces, 2_000) <= MOST
