from __future__ import annotations

import io
import json
import struct
import zlib

import pytest
from PIL import Image, PngImagePlugin

from inspection.checks import CHECKS
from inspection.engine import Inspected, inspect
from inspection.report import REFUSALS, NoCanonicalForm


def rules(text: str, name: str = "table.csv") -> list[str]:
    return [finding.check for finding in inspect(name, text.encode()).findings]


def refused(name: str, raw: bytes) -> str:
    with pytest.raises(NoCanonicalForm) as e:
        inspect(name, raw)
    assert e.value.reason in REFUSALS
    return e.value.reason


# -- CPR numbers: all are of birth years 1858 to 1899, which nobody living has -----------------------------------------
@pytest.mark.parametrize(
    "text",
    [
        "cpr\n0101705234\n",
        "cpr\n010170-5234\n",
        "cpr\n010170 5234\n",
        'cpr,x\n"0101705234",1\n',
        "note\nhun hedder x (010170-5234) og y\n",
        "cpr;x\n311299-8999;2\n",
        "id,cpr,n\n1,0101705234,5\n",
        "id,cpr\n1,010170-5234\n",
        'id,note\n1,"se:0101705234."\n',
        "cpr\n101705234\n",  # a spreadsheet took the leading zero
        "cpr\n2902766234\n",  # 29 February of a leap year
    ],
)
def test_cpr_numbers_are_flagged(text: str) -> None:
    assert "cpr" in rules(text)
    said = json.dumps(inspect("t.csv", text.encode()).as_json())
    assert not any(digits in said for digits in ("5234", "8999", "6234"))


@pytest.mark.parametrize(
    "text",
    [
        "phone\n+4512345678\n",
        "number\n9999999999\n",
        "number\n3102705234\n",  # 31 February
        "number\n2902775234\n",  # 29 February of no leap year
        "sum\n1234567.0101705234\n",
        "id\n01017052345\n",  # eleven digits
        "date\n2026-01-01 1234\n",
        "isbn\n9780101705234\n",
    ],
)
def test_other_numbers_are_not_cpr_numbers(text: str) -> None:
    assert "cpr" not in rules(text)


# -- small counts ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "text",
    [
        "region,n\nNord,3\nSyd,20\n",
        "region;antal\nNord;4,0\nSyd;20,0\n",  # decimal comma
        "region,Number of persons\nNord,1\nSyd,900\n",
        "region\tpatienter\nNord\t2\nSyd\t50\n",
        "år;antal\n2020;3\n2021;40\nI alt;43\n",  # beside a year column and above a totals row
        "region,nCases\nNord,3\nSyd,12\n",
        "region,antal pr. år\nNord,3\nSyd,12\n",
        "region,deaths by age group\nNord,3\nSyd,12\n",
        "region,count\nNord,<5\nSyd,4\nØst,9\n",
    ],
)
def test_small_counts_are_flagged(text: str) -> None:
    assert "small_count" in rules(text)


@pytest.mark.parametrize(
    "text",
    [
        "region,n\nNord,5\nSyd,20\n",
        "region,n\nNord,0\nSyd,20\n",
        "year,n\n2020,300\n2021,400\n",
        "grade,mean\n1,2.5\n2,3.0\n",
        "region,percent of persons\nNord,3\nSyd,97\n",
        "age group,antal\n1,120\n2,300\n",
        "region;antal\nNord;2,5\nSyd;3,7\n",  # no whole numbers
        "region;antal\nNord;1.234\nSyd;2.345\nI alt;3.579\n",  # thousands with a point
        "n days,x\n3,1\n4,2\n",
    ],
)
def test_other_small_numbers_are_not(text: str) -> None:
    assert "small_count" not in rules(text)


# -- tables ------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("a,b\n=HYPERLINK(1),2\n", "formula"),
        ("a,b\n@x,2\n", "formula"),
        ("a,b\n+x,2\n", "formula"),
        ("a,b\nx\u202ey,2\n", "invisible"),
        ("a,b\nx\u200by,2\n", "invisible"),
        ("a,b\nx\x1by,2\n", "invisible"),
        ("a,b\nx\ufe01y,2\n", "invisible"),
        ("a,b\nx\U000e0101y,2\n", "invisible"),
        ("a,b\nx\u3164y,2\n", "invisible"),
        ("a,b\nx\u2800y,2\n", "invisible"),
        ("a,b\nx\u2003y,2\n", "invisible"),
        ("a,b\n1,2,3\n", "ragged"),
        ("a\n" + "x\n" * 1001, "long"),
    ],
)
def test_what_a_checker_should_look_at(text: str, rule: str) -> None:
    assert rule in rules(text)
    assert rule in CHECKS


@pytest.mark.parametrize("text", ["a,b\n-1.5,+2\n", "a,b\n-,–\n", "a,b\næ,ø\n", "a,b\n-3%,x\n", '"a, b",c\n1,2\n'])
def test_an_ordinary_table_has_no_findings(text: str) -> None:
    assert rules(text) == []


@pytest.mark.parametrize(
    ("raw", "canonical"),
    [
        (b"a,b\r\n1,2\r\n", b"a,b\n1,2\n"),
        (b"\xef\xbb\xbfa;b\n1;2\n", b"a;b\n1;2\n"),
        ("a;b\næ;2\n".encode("cp1252"), "a;b\næ;2\n".encode()),
        (b'a,b\n"1","2"\n\n\n', b"a,b\n1,2\n"),
        (b'a,b\n"x\r\ny",2\n', b'a,b\n"x\ny",2\n'),
        (b"a,b\n1  ,\t2\n", b"a,b\n1,2\n"),
    ],
)
def test_a_table_is_written_again(raw: bytes, canonical: bytes) -> None:
    assert inspect("t.csv", raw).canonical == canonical
    assert inspect("t.csv", canonical).canonical == canonical


@pytest.mark.parametrize(
    ("name", "raw", "reason"),
    [
        ("model.pkl", b"\x80\x04", "model"),
        ("page.html", b"<script>", "figure"),
        ("archive.zip", b"PK\x03\x04", "archive"),
        ("noending", b"a,b", "type"),
        ("table.csv", b"\x89PNG\r\n\x1a\n", "not_what_its_name_says"),
        ("figure.png", b"a,b\n1,2\n", "not_what_its_name_says"),
        ("table.csv", "a,b".encode("utf-16"), "encoding"),
        ("table.csv", b"a,b\n\0,2\n", "binary"),
        ("table.csv", b"a\x81\x8d", "encoding"),
        ("table.csv", b"", "no_table"),
        ("table.csv", b"\n\n", "no_table"),
        ("table.csv", b'a,b\n"1,2\n', "no_table"),
        ("table.csv", b"a\n" + b"," * 600_000, "too_many_cells"),
        ("table.csv", b"a\n" + b"1\n" * 5_001, "too_many_cells"),
    ],
)
def test_what_cannot_leave_is_refused_with_advice(name: str, raw: bytes, reason: str) -> None:
    assert refused(name, raw) == reason


def test_the_view_runs_nothing() -> None:
    view = inspect("t.csv", b'a,b\n<script>alert(1)</script>,"<img src=x onerror=y>"\n').view
    assert "<script" not in view
    assert "<img" not in view
    assert "&lt;script&gt;" in view


# -- images ------------------------------------------------------------------------------------------------------------
def png(mode: str = "RGB", size: tuple[int, int] = (8, 8), **text: str) -> bytes:
    info = PngImagePlugin.PngInfo()
    for key, value in text.items():
        info.add_text(key, value)
    out = io.BytesIO()
    Image.new(mode, size, 1).save(out, "PNG", pnginfo=info)
    return out.getvalue()


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def with_chunk(kind: bytes, content: bytes) -> bytes:
    raw = png()
    return raw[:33] + chunk(kind, content) + raw[33:]


@pytest.mark.parametrize(
    "raw",
    [
        png(secret="0101705234"),
        png() + b"trailing rows",
        with_chunk(b"eXIf", b"0101705234"),
        with_chunk(b"prVt", b"rows"),
        with_chunk(b"iCCP", b"x\0\0" + zlib.compress(b"rows")),
    ],
)
def test_what_is_not_picture_is_dropped_and_listed(raw: bytes) -> None:
    done = inspect("f.png", raw)
    assert done.dropped
    assert done.canonical == inspect("f.png", png()).canonical
    assert inspect("f.png", done.canonical).dropped == []


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "LA", "I;16"])
def test_a_picture_stays_the_same_picture(mode: str) -> None:
    done: Inspected = inspect("f.png", png(mode))
    with Image.open(io.BytesIO(done.canonical)) as image:
        assert image.size == (8, 8)
        assert image.mode == "RGB"


def test_what_is_under_transparent_pixels_does_not_leave() -> None:
    image = Image.new("RGBA", (8, 8), (255, 255, 255, 0))
    image.putpixel((0, 0), (1, 2, 3, 0))
    out = io.BytesIO()
    image.save(out, "PNG")
    done = inspect("f.png", out.getvalue())
    assert [d.what for d in done.dropped] == ["transparency"]
    with Image.open(io.BytesIO(done.canonical)) as canonical:
        assert canonical.getpixel((0, 0)) == (255, 255, 255)


def test_findings_are_not_cut_in_silence() -> None:
    many = "n\n" + "3\n" * 150
    found = [f for f in inspect("t.csv", many.encode()).findings if f.check == "small_count"]
    assert len(found) == 101
    assert (found[-1].said, found[-1].values, found[-1].place.elsewhere) == ("more", {"count": 50}, True)


def test_bad_images_are_refused() -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    out = io.BytesIO()
    frames[0].save(out, "PNG", save_all=True, append_images=frames[1:])
    assert refused("f.png", out.getvalue()) == "animated"
    assert refused("f.png", png()[:40]) == "broken_image"
    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    bomb = (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"0" * 100)) + chunk(b"IEND", b"")
    )
    assert refused("f.png", bomb) == "too_many_pixels"  # before they are unpacked
