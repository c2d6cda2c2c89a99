"""Text, Markdown, JSON and notebooks: what leaves is what is shown, and what should be looked at is said."""

from __future__ import annotations

import base64
import io
import json
import random
import re
import unicodedata
from typing import Any

import nbformat
import pytest
from PIL import Image

from inspection import types
from inspection.characters import compatible
from inspection.checks import CHECKS
from inspection.engine import Inspected, inspect
from inspection.places import words
from inspection.report import DROPPED, REFUSALS, NoCanonicalForm, said
from tests.output_review.test_inspection import png, refused

CPR = "010170-5234"  # of birth year 1870
RECORDS = "  id  sex  age\n0  17  m  34\n1  18  f  51\n2  19  m  28\n"
PANDAS = "   id sex  age\n0  17   m   34\n1  18   f   51\n2  19   m   28"  # as pandas 3 prints it
SORTED = "     id sex  age\n91   17   m   34\n4    18   f   51\n300  19   m   28"
INDEXED = "           sex  age\npatient_id          \n17           m   34\n18           f   51\n19           m   28"
COUNTED = "region\nNord    3\nSyd     120\nName: count, dtype: int64"
SIZED = "region\nNord    3\nSyd     120\ndtype: int64"
AGGREGATED = "        count   mean\nregion\nNord        3   41.2\nSyd       120   44.0"
POLARS = (
    "shape: (3, 2)\n┌─────┬─────┐\n│ id  ┆ age │\n│ --- ┆ --- │\n│ i64 ┆ i64 │\n╞═════╪═════╡\n"
    "│ 17  ┆ 34  │\n│ 18  ┆ 51  │\n│ 19  ┆ 28  │\n└─────┴─────┘\n"
)
DESCRIBED = "             age\ncount  100.0000\nmean    44.1000\nstd     12.2000\nmin     18.0000\nmax     90.0000\n"
GROUPED = "region    persons    share\nNord    120    0.4\nSyd    180    0.6\n"


def notebook(*outputs: dict[str, Any], source: str = "1 + 1", **cell: Any) -> bytes:
    made = {"cell_type": "code", "id": "a", "metadata": {}, "source": source, "outputs": list(outputs)}
    return as_notebook(made | {"execution_count": 1} | cell)


def as_notebook(*cells: dict[str, Any], **more: Any) -> bytes:
    return json.dumps({"cells": list(cells), "metadata": {}, "nbformat": 4, "nbformat_minor": 5} | more).encode()


def stream(text: str) -> dict[str, Any]:
    return {"output_type": "stream", "name": "stdout", "text": text}


def display(**data: Any) -> dict[str, Any]:
    forms = {name.replace("_", "/", 1): value for name, value in data.items()}
    return {"output_type": "display_data", "metadata": {}, "data": forms}


def rules(done: Inspected) -> set[str]:
    return {finding.check for finding in done.findings}


def of_notebook(*outputs: dict[str, Any], **cell: Any) -> Inspected:
    return inspect("n.ipynb", notebook(*outputs, **cell))


# -- rows --------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "output",
    [
        stream(RECORDS),
        display(text_plain=PANDAS),
        display(text_plain=PANDAS, text_html="<table>"),
        stream(POLARS),
        display(text_plain="...\n[100000 rows x 5 columns]"),
        stream("first a chart\n\n" + RECORDS + "\nand then words\n"),
        display(text_plain=SORTED),
        display(text_plain=INDEXED),
        stream("id,cpr,sex\n0,17,m\n1,18,f\n2,19,m\n"),
        stream("\tid\tage\n4\t17\t34\n9\t18\t51\n12\t19\t28\n"),  # a selection keeps its index
    ],
)
def test_outputs_that_show_rows_are_flagged(output: dict[str, Any]) -> None:
    assert "rows" in rules(of_notebook(output))
    assert "rows" in CHECKS


@pytest.mark.parametrize(
    "output",
    [
        stream(DESCRIBED),
        stream(GROUPED),
        display(text_plain="<Figure size 640x480 with 1 Axes>"),
        stream("Fitting 5 folds for each of 3 candidates\nbest  0.81\n"),
        stream("1  read\n2  clean\n3  fit\n"),  # a numbered list
        stream("year    persons    share\n2020    120    0.4\n2021    180    0.6\n2022    190    0.7\n"),
        display(text_plain="0.8123"),
    ],
)
def test_other_outputs_do_not_look_like_rows(output: dict[str, Any]) -> None:
    assert "rows" not in rules(of_notebook(output))


# -- encoded -----------------------------------------------------------------------------------------------------------
LONG = base64.b64encode(bytes(range(256))).decode()


@pytest.mark.parametrize(
    ("name", "raw"),
    [
        ("a.txt", LONG),
        ("a.md", f"![x](data:image/png;base64,{LONG})"),
        ("a.json", json.dumps({"weights": LONG})),
        ("a.txt", "key=" + "0123456789abcdef" * 20),
        ("a.txt", base64.encodebytes(bytes(range(256)) * 2).decode()),
        ("a.csv", f"a,b\n{LONG},1\n"),
        ("a.txt", f"words before {LONG[:220]} and after"),
    ],
)
def test_long_runs_that_may_be_encoded_are_flagged(name: str, raw: str) -> None:
    assert "encoded" in rules(inspect(name, raw.encode()))


@pytest.mark.parametrize(
    "raw",
    ["word " * 200, "-" * 80, "a" * 199, "1.5, " * 300, "sha256 " + "0123456789abcdef" * 4, "æøå" * 300],
)
def test_ordinary_long_lines_are_not(raw: str) -> None:
    assert "encoded" not in rules(inspect("a.txt", raw.encode()))


# -- CPR numbers and small counts in every kind ------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("name", "raw"),
    [
        ("a.txt", f"seen: {CPR}\n".encode()),
        ("a.md", f"<!-- {CPR} -->\n".encode()),
        ("a.json", json.dumps({"id": CPR}).encode()),
        ("a.json", json.dumps({CPR: 1}).encode()),
        ("a.json", json.dumps([101705234 + 10**8, "x"]).encode().replace(b"201705234", b"2902766234")),
        ("a.ipynb", notebook(stream(CPR))),
        ("a.ipynb", notebook(source=f"x = '{CPR}'")),
        ("a.ipynb", as_notebook({"cell_type": "markdown", "metadata": {}, "source": ["ab\n", CPR]})),
        ("a.ipynb", notebook({"output_type": "error", "ename": "E", "evalue": CPR, "traceback": []})),
    ],
)
def test_cpr_numbers_are_found_everywhere(name: str, raw: bytes) -> None:
    done = inspect(name, raw)
    assert "cpr" in rules(done)
    assert "5234" not in json.dumps(done.as_json()["findings"])


@pytest.mark.parametrize(
    ("name", "raw"),
    [
        ("a.txt", b"phone +4512345678\n"),
        ("a.md", b"# 2026-01-01 1234\n"),
        ("a.json", b'{"sum": 12345670101.5}'),
        ("a.ipynb", notebook(stream("9999999999"))),
        ("a.ipynb", notebook(source="x = 3102705234")),
    ],
)
def test_other_numbers_are_not_cpr_numbers(name: str, raw: bytes) -> None:
    assert "cpr" not in rules(inspect(name, raw))


@pytest.mark.parametrize(
    ("name", "raw"),
    [
        ("a.txt", b"region    persons\nNord    3\nSyd    120\n"),
        ("a.txt", "┌──────┬─────────┐\n│ reg  ┆ antal   │\n╞══════╪═════════╡\n│ Nord ┆ 2       │\n".encode()),
        ("a.json", b'{"Nord": {"persons": 3}}'),
        ("a.json", b'{"antal": [120, 4]}'),
        ("a.ipynb", notebook(stream("region    n\nNord    3\nSyd    120\n"))),
        ("a.ipynb", notebook(display(text_plain=COUNTED))),
        ("a.ipynb", notebook(display(text_plain=SIZED))),
        ("a.ipynb", notebook(display(text_plain=AGGREGATED))),
        ("a.ipynb", as_notebook({"cell_type": "markdown", "source": "| region | count |\n|---|---|\n| Nord | 1 |\n"})),
        ("a.json", b'{"antal": {"Nord": 3, "Syd": 120}}'),
        ("a.json", b'[{"antal": 3.0}]'),
        ("a.md", b"| region | count |\n|---|---|\n| Nord | 1 |\n| Syd | 90 |\n"),
    ],
)
def test_small_counts_are_found_in_text_and_json(name: str, raw: bytes) -> None:
    assert "small_count" in rules(inspect(name, raw))


@pytest.mark.parametrize(
    ("name", "raw"),
    [
        ("a.txt", b"region    persons\nNord    30\nSyd    120\n"),
        ("a.txt", b"grade    mean\n1    2.5\n2    3\n"),
        ("a.json", b'{"Nord": {"persons": 30, "median": 3}}'),
        ("a.json", b'{"version": 3, "n days": 2}'),
        ("a.ipynb", notebook(stream("epoch    loss\n1    3\n2    2\n"))),
        ("a.json", b'{"persons": true}'),
        ("a.ipynb", notebook(display(text_plain=COUNTED.replace("count", "grade")))),
    ],
)
def test_other_small_numbers_are_not_small_counts(name: str, raw: bytes) -> None:
    assert "small_count" not in rules(inspect(name, raw))


# -- canonical forms ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("name", "raw", "canonical"),
    [
        ("a.txt", b"\xef\xbb\xbfa\r\nb\r\n\r\n", b"a\nb\n"),
        ("a.txt", "æ".encode("cp1252"), "æ\n".encode()),
        ("a.txt", b"\x1b[31mred\x1b[0m 10%\r20%\rdone\n", b"done\n"),
        ("a.md", b"# A\n\n[x](javascript:alert(1))\n", b"# A\n\n[x](javascript:alert(1))\n"),
        ("a.json", b'{"b":1,  "a":[1.50, "\\u00e6"]}', '{\n "b": 1,\n "a": [\n  1.5,\n  "æ"\n ]\n}\n'.encode()),
    ],
)
def test_text_is_written_again(name: str, raw: bytes, canonical: bytes) -> None:
    done = inspect(name, raw)
    assert done.canonical == canonical
    again = inspect(name, canonical)
    assert (again.canonical, again.dropped) == (canonical, [])


@pytest.mark.parametrize(
    ("name", "raw", "reason"),
    [
        ("a.txt", b"\0", "binary"),
        ("a.txt", b"   \n", "no_content"),
        ("a.txt", b"x\n" * 5_001, "too_many_lines"),
        ("a.txt", png(), "not_what_its_name_says"),
        ("a.json", b"{", "not_json"),
        ("a.json", b'{"a": NaN}', "not_json"),
        ("a.json", b'{"a": 1e999}', "not_json"),
        ("a.json", b"[" * 100_000, "not_json"),
        ("a.json", b'{"a": ' + b"9" * 5000 + b"}", "not_json"),
        ("a.json", b'{"a": 1, "a": 2}', "twice"),
        ("a.json", json.dumps(list(range(6000))).encode(), "too_many_lines"),
        ("a.ipynb", b"[]", "not_notebook"),
        ("a.ipynb", b'{"cells": [], "nbformat": 3}', "not_notebook"),
        ("a.ipynb", as_notebook({"cell_type": "widget", "source": ""}), "not_notebook"),
        ("a.ipynb", as_notebook({"cell_type": "code", "source": 5}), "not_notebook"),
        ("a.ipynb", notebook({"output_type": "update"}), "not_notebook"),
        ("a.ipynb", notebook(display(image_png="!!!")), "broken_image"),
        ("a.ipynb", notebook(display(image_png=base64.b64encode(b"no picture").decode())), "broken_image"),
        ("a.ipynb", as_notebook(*[{"cell_type": "raw", "source": "x"}] * 501), "too_many_lines"),
        ("a.ipynb", notebook(stream("x\n" * 20_001)), "too_many_lines"),
        ("a.jpg", png(), "not_what_its_name_says"),
        ("a.jpg", b"\xff\xd8\xff\xe0 no picture", "broken_image"),
    ],
)
def test_what_cannot_leave_is_refused(name: str, raw: bytes, reason: str) -> None:
    assert refused(name, raw) == reason
    assert reason in REFUSALS


# -- notebooks: what is hidden does not leave --------------------------------------------------------------------------
SECRET = "hidden rows"
PICTURE = base64.b64encode(png(secret=SECRET)).decode()
HIDDEN = {
    "notebook metadata": as_notebook(metadata={"x": SECRET}),
    "an unknown field of the notebook": as_notebook(extra=SECRET),
    "cell metadata": notebook(metadata={"tags": [SECRET]}),
    "an unknown field of a cell": notebook(extra=SECRET),
    "a cell's id": notebook(id=SECRET),
    "attachments": notebook(attachments={"a": {"text/plain": SECRET}}),
    "output metadata": notebook(display(text_plain="x") | {"metadata": {"x": SECRET}}),
    "a private form": notebook(display(**{"application_vnd.x+json": {"x": SECRET}, "text_plain": "x"})),
    "JSON": notebook(display(application_json={"x": SECRET}, text_plain="x")),
    "the text twin of a picture": notebook(display(image_png=PICTURE, text_plain=SECRET)),
    "a picture's comment": notebook(display(image_png=PICTURE)),
    "HTML": notebook(display(text_html=f"<!-- {SECRET} -->", text_plain="x")),
    "only HTML": notebook(display(text_html=f"<p>{SECRET}</p>")),
    "a script": notebook(display(application_javascript=f"x = '{SECRET}'")),
    "SVG": notebook(display(**{"image_svg+xml": f"<svg><desc>{SECRET}</desc></svg>"})),
    "widget state": as_notebook(metadata={"widgets": {"application/vnd.jupyter.widget-state+json": SECRET}}),
    "an unknown field of an output": notebook(stream("x") | {"extra": SECRET}),
    "a traceback": notebook({"output_type": "error", "ename": "E", "evalue": "v", "traceback": [SECRET]}),
    "an unknown stream": notebook({"output_type": "stream", "name": SECRET, "text": "x"}),
    "written over": notebook(stream(f"{SECRET}\rdone")),
    "a terminal's title": notebook(stream(f"\x1b]0;{SECRET}\x07done")),
    "the kernel's name": as_notebook(metadata={"kernelspec": {"display_name": SECRET, "name": "x"}}),
}


@pytest.mark.parametrize("where", HIDDEN)
def test_what_a_viewer_does_not_show_does_not_leave(where: str) -> None:
    assert SECRET.encode() in HIDDEN[where].replace(PICTURE.encode(), SECRET.encode())
    done = inspect("n.ipynb", HIDDEN[where])
    assert SECRET.encode() not in done.canonical
    for picture in re.findall(rb'"image/png": "([^"]+)"', done.canonical):
        assert SECRET.encode() not in base64.b64decode(picture)
    assert done.dropped


def test_everything_that_leaves_in_a_notebook_is_shown() -> None:
    raw = as_notebook(
        {"cell_type": "markdown", "metadata": {}, "source": "# Heading & <b>"},
        {"cell_type": "raw", "metadata": {}, "source": "raw text"},
        json.loads(notebook(stream("printed"), display(text_plain="a result"), source="code()"))["cells"][0],
        json.loads(notebook({"output_type": "error", "ename": "KeyError", "evalue": "'x'", "traceback": []}))["cells"][
            0
        ],
        json.loads(notebook(display(image_png=PICTURE)))["cells"][0],
    )
    done = inspect("n.ipynb", raw)
    for shown in (
        "# Heading &amp; &lt;b&gt;",
        "raw text",
        "code()",
        "printed",
        "a result",
        "KeyError",
        "&#x27;x&#x27;",
    ):
        assert shown in done.view
    [picture] = re.findall(r"data:image/png;base64,([^\"]+)", done.view)
    assert picture.encode() in done.canonical
    nbformat.validate(json.loads(done.canonical))
    again = inspect("n.ipynb", done.canonical)
    assert (again.canonical, again.dropped) == (done.canonical, [])


@pytest.mark.parametrize("name", ["a.txt", "a.md", "a.json", "a.ipynb"])
def test_a_view_runs_and_fetches_nothing(name: str) -> None:
    hostile = "<script>alert(1)</script><img src=//evil onerror=x()>[y](javascript:x())</pre></table>"
    raw = {
        "a.json": json.dumps({hostile: hostile}).encode(),
        "a.ipynb": notebook(stream(hostile), display(text_html=hostile, text_plain=hostile), source=hostile),
    }.get(name, hostile.encode())
    view = inspect(name, raw).view
    body = view.split("</style>", 1)[1]
    assert "&lt;script&gt;" in body
    assert not re.search(r"<(?!/?(body|html|table|tr|th|td|pre|div|thead|tbody)\b)", body)


# -- JPEG --------------------------------------------------------------------------------------------------------------
def jpeg(**options: Any) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (16, 8), "red").save(out, "JPEG", **options)
    return out.getvalue()


@pytest.mark.parametrize(
    ("raw", "what"),
    [
        (jpeg(comment=SECRET.encode()), "segment FE"),
        (jpeg(exif=b"Exif\0\0" + SECRET.encode()), "segment E1"),
        (jpeg(icc_profile=SECRET.encode()), "segment E2"),
        (jpeg() + SECRET.encode(), "bytes after the image"),
    ],
)
def test_a_photograph_leaves_as_pixels(raw: bytes, what: str) -> None:
    assert SECRET.encode() in raw
    done = inspect("a.jpg", raw)
    assert SECRET.encode() not in done.canonical
    assert any(what in said(DROPPED, dropped.what, dropped.values) for dropped in done.dropped)
    assert inspect("a.jpeg", done.canonical).dropped == []


def test_a_photograph_is_shown_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90 degrees
    with Image.open(io.BytesIO(inspect("a.jpg", jpeg(exif=exif)).canonical)) as image:
        assert image.size == (8, 16)


def test_every_kind_that_is_accepted_is_inspected() -> None:
    endings = [ending for one in types.TYPES for ending in one.endings]
    assert len(endings) == len(set(endings))
    assert all(bool(one.extractor) != bool(one.refusal) for one in types.TYPES)
    assert {one.refusal for one in types.TYPES if one.refusal} <= set(REFUSALS)


def test_every_reason_is_told_in_words() -> None:
    with pytest.raises(NoCanonicalForm) as e:
        inspect("a.bam", b"")
    assert REFUSALS[e.value.reason]


@pytest.mark.parametrize(
    "written",
    [
        "17,010170-5234,m", "[(1,0101705234)]", "101705234.0", "010170\u20135234", "010170\u00a05234", "010170 - 5234",
        "01-01-70-5234", "01.01.70-5234", "x_010170-5234",
        "\uff10\uff11\uff10\uff11\uff17\uff10-5234",
    ],
)  # fmt: skip
def test_a_cpr_number_is_found_however_it_is_written(written: str) -> None:
    assert "cpr" in rules(inspect("a.txt", written.encode()))


def test_nothing_that_leaves_is_out_of_sight() -> None:
    tall = 'region,"n' + "\n" * 60 + '."\nNord,99\n'
    done = inspect("a.csv", tall.encode())
    assert "invisible" in rules(done)
    assert "sticky" not in done.view
    assert "max-width" not in done.view
    cells = [json.loads(notebook(execution_count=n))["cells"][0] for n in (10170, 5234)]
    assert b"10170" not in inspect("a.ipynb", as_notebook(*cells)).canonical
    trailing = inspect("a.txt", b"Result: ok \t \t\n")
    assert trailing.canonical == b"Result: ok\n"
    assert trailing.dropped
    assert "rows" in rules(inspect("a.csv", b"id,sex\n1,m\n2,f\n3,m\n"))
    assert "long" in rules(of_notebook(stream("x\n" * 3000)))
    assert "long" in rules(inspect("a.txt", b"x " * 30_000))


def test_long_headings_and_ragged_rows_cost_nothing() -> None:
    done = inspect("a.csv", f"region,Antal personer {'x' * 490}\nNord,3\n".encode())
    assert all(len(words(finding.place.as_json())) < 200 for finding in done.findings)
    assert "small_count" in rules(done)
    assert refused("a.csv", b"n," * 120_000 + b"\n" + b"1\n" * 3_000) == "too_many_cells"


def test_a_16_bit_picture_keeps_its_greys() -> None:
    ramp = Image.frombytes("I;16", (16, 1), b"".join((n * 4096).to_bytes(2, "little") for n in range(16)))
    out = io.BytesIO()
    ramp.save(out, "PNG")
    done = inspect("a.png", out.getvalue())
    assert done.dropped[0].what == "16 bit"
    with Image.open(io.BytesIO(done.canonical)) as image:
        assert [image.getpixel((x, 0))[0] for x in range(16)] == [n * 4096 // 257 for n in range(16)]


@pytest.mark.parametrize("text", ["term,p\nage,-1.2345e-05\n", "a,ci\nx,-0.12 (-0.3; 0.1)\n", "a,b\nx,-inf\n"])
def test_regression_tables_are_ordinary(text: str) -> None:
    assert "formula" not in rules(inspect("a.csv", text.encode()))


def test_a_delimiter_inside_quotes_is_none() -> None:
    assert inspect("a.csv", b'"a; b; c","n"\n1,12\n').canonical == b"a; b; c,n\n1,12\n"


def test_numbers_that_share_what_is_between_them_are_all_found() -> None:
    found = inspect("a.txt", b"010170-5234,020270-5234 030370-5234\n").findings
    assert [(finding.check, finding.values["value"][:2]) for finding in found] == [
        ("cpr", "01"),
        ("cpr", "02"),
        ("cpr", "03"),
    ]


def test_a_count_above_two_series_is_said_once() -> None:
    found = inspect("a.txt", b"Nord 3\nSyd dtype: int64 4\ndtype: int64\n").findings
    assert [(finding.place.line, finding.values["value"]) for finding in found] == [(1, "3"), (2, "4")]


def test_marks_are_put_in_order_as_unicode_says() -> None:
    chance = random.Random(1)
    marks = [ch for ch in map(chr, range(0x110000)) if unicodedata.combining(ch)]
    letters = [ch for ch in map(chr, range(0x110000)) if unicodedata.decomposition(ch)]
    for _ in range(300):
        text = "".join(chance.choice(chance.choice([marks, marks, letters])) for _ in range(200))
        assert compatible(text) == unicodedata.normalize("NFKC", text)


def test_a_photograph_in_more_pieces_than_any_has_is_refused() -> None:
    raw = jpeg(progressive=True)
    exif = b"\xff\xe1\x00\x09Exif\0\0x"
    last = raw.rindex(b"\xff\xda")
    scan = raw[last : last + 2 + int.from_bytes(raw[last + 2 : last + 4])]
    for before, behind in ((exif, b""), (b"", scan)):
        few, many = (raw[:2] + before * n + raw[2:-2] + behind * n + raw[-2:] for n in (400, 600))
        assert inspect("a.jpg", few).kind == "jpeg"
        assert refused("a.jpg", many) == "broken_image"
