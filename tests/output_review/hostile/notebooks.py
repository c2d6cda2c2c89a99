"""Notebooks: places nobody looks at, shapes that are none, what was printed over and what is another form of it."""

from __future__ import annotations

import json

from tests.output_review.hostile.build import (
    base64_of,
    book,
    chunk,
    code,
    display,
    error,
    jpeg,
    png,
    stream,
    under_alpha,
    with_segment,
    words,
)
from tests.output_review.hostile.case import TOKEN, Case, Clean, Expect, Found, Gone, Refused, Shown, family

PICTURE = base64_of(png())
TEXT = chunk(b"tEXt", b"Comment\0" + TOKEN.encode())
ROW = under_alpha(TOKEN.encode(), 0)


def n(*cells: object, **more: object) -> bytes:
    return book(*cells, **more)


def same(cell: dict[str, object]) -> bytes:
    """A notebook as the door would write it."""
    made = {"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(made, indent=1, ensure_ascii=False).encode() + b"\n"


PLACES: dict[str, tuple[bytes, Expect]] = {
    "a harmless notebook": (n(code(stream("0.81\n"), source="print(auc)"), words("# Results")), Clean()),
    "a harmless notebook as it was written": (same({"cell_type": "raw", "id": "cell-1", "metadata": {}, "source": "x"}),
                                              Clean()),
    "a harmless output": (n(code(display({"text/plain": "0.81"}))), Clean()),
    "a harmless picture": (n(code(display({"image/png": PICTURE}))), Clean()),
    "a harmless photograph": (n(code(display({"image/jpeg": base64_of(jpeg())}))), Clean()),
    "a harmless error": (n(code(error("KeyError", "'x'", []))), Clean()),
    "the notebook's metadata": (n(metadata={"x": TOKEN}), Gone("metadata")),
    "the kernel's name": (n(metadata={"kernelspec": {"name": TOKEN}}), Gone("metadata")),
    "the state of widgets": (
        n(metadata={"widgets": {"application/vnd.jupyter.widget-state+json": {"state": TOKEN}}}), Gone("metadata")),
    "a signature": (n(metadata={"signature": TOKEN}), Gone("metadata")),
    "a name in metadata": (n(metadata={TOKEN: 1}), Gone("metadata")),
    "a field of the notebook": (n(worksheets=[TOKEN]), Gone("unknown fields")),
    "a name of a field of the notebook": (n(**{TOKEN: 1}), Gone("unknown fields")),
    "the small number of the format": (n(nbformat_minor=TOKEN), Gone("nbformat_minor")),
    "a large small number of the format": (n(nbformat_minor={"x": [TOKEN]}), Gone("nbformat_minor")),
    "a cell's metadata": (n(code(metadata={"tags": [TOKEN]})), Gone("metadata")),
    "metadata of words": (n(words("x", metadata={"slideshow": TOKEN})), Gone("metadata")),
    "a name in a cell's metadata": (n(code(metadata={TOKEN: {}})), Gone("metadata")),
    "a cell's id": (n(code(id=TOKEN)), Gone("ids and execution counts")),
    "a cell's id that is a list": (n(code(id=[TOKEN])), Gone("ids and execution counts")),
    "a field of a cell": (n(code(prompt=TOKEN)), Gone("unknown fields")),
    "attachments": (n(words("x", attachments={"a.png": {"image/png": TOKEN}})), Gone("attachments")),
    "attachments of code": (n(code(attachments={"a": {"text/plain": TOKEN}})), Gone("attachments")),
    "an attachment's name": (n(words("x", attachments={TOKEN: {}})), Gone("attachments")),
    "outputs of words": (n(words("x", outputs=[stream(TOKEN)])), Gone("unknown fields")),
    "outputs of a raw cell": (n(words("x", "raw", outputs=[TOKEN])), Gone("unknown fields")),
    "the count of words": (n(words("x", execution_count=TOKEN)), Gone("unknown fields")),
    "the count of code": (n(code(execution_count=TOKEN)), Gone("ids and execution counts")),
    "the count of an output": (
        n(code(display({"text/plain": "x"}, output_type="execute_result", execution_count=TOKEN))),
        Gone("ids and execution counts")),
    "an output's metadata": (n(code(display({"text/plain": "x"}, metadata={"x": TOKEN}))), Gone("metadata")),
    "a field of an output": (n(code(display({"text/plain": "x"}, transient={"display_id": TOKEN}))),
                             Gone("unknown fields")),
    "a field of a stream": (n(code(stream("x", extra=TOKEN))), Gone("unknown fields")),
    "data of a stream": (n(code(stream("x", data={"text/plain": TOKEN}))), Gone("unknown fields")),
    "metadata of a stream": (n(code(stream("x", metadata={"x": TOKEN}))), Gone("unknown fields")),
    "text of an output": (n(code(display({"text/plain": "x"}, text=TOKEN))), Gone("unknown fields")),
    "a traceback of an output": (n(code(display({"text/plain": "x"}, traceback=[TOKEN]))), Gone("unknown fields")),
    "a stream's name": (n(code(stream("x", name=TOKEN))), Gone("name")),
    "a traceback": (n(code(error(traceback=[TOKEN]))), Gone("traceback")),
    "a traceback that is a text": (n(code(error(traceback=TOKEN))), Gone("traceback")),
    "data of an error": (n(code(error(traceback=[], data={"x": TOKEN}))), Gone("unknown fields")),
    "an error's value that is a list": (n(code(error(value=[TOKEN], traceback=[]))), Shown()),
    "an error's value": (n(code(error(value=TOKEN, traceback=[]))), Shown()),
    "a comment of a program": (n(code(source=f"1 + 1\n# {TOKEN}")), Shown()),
    "a raw cell": (n(words(TOKEN, "raw")), Shown()),
    "what went to stderr": (n(code(stream(TOKEN, name="stderr"))), Shown()),
    "far below": (n(words("x\n" * 3_000 + TOKEN)), Found("long")),
    "far to the right": (n(words("word " * 30_000 + TOKEN)), Found("long")),
    "a hundred cells below": (n(*[words("x")] * 100, words(TOKEN)), Shown()),
    "in the order of counts": (
        n(*[code(execution_count=int(digits)) for digits in ("10170", "5234")]), Gone("ids and execution counts")),
}  # fmt: skip

FORMS: dict[str, tuple[bytes, Expect]] = {
    "only text": (n(code(display({"text/plain": "0.81"}))), Clean()),
    "only a picture": (n(code(display({"image/png": PICTURE}))), Clean()),
    "printed lines": (n(code(stream(["a\n", "b\n"]))), Clean()),
    "text behind a picture": (n(code(display({"image/png": PICTURE, "text/plain": TOKEN}))), Gone("'text/plain'")),
    "text before a picture": (n(code(display({"text/plain": TOKEN, "image/png": PICTURE}))), Gone("'text/plain'")),
    "a photograph behind a picture": (
        n(code(display({"image/png": PICTURE, "image/jpeg": base64_of(with_segment(0xFE, TOKEN.encode()))}))),
        Gone("'image/jpeg'")),
    "a page behind text": (n(code(display({"text/html": f"<b hidden>{TOKEN}</b>", "text/plain": "x"}))),
                           Gone("'text/html'")),
    "only a page": (n(code(display({"text/html": f"<p>{TOKEN}</p>"}))), Gone("'text/html'")),
    "a script": (n(code(display({"application/javascript": f"x='{TOKEN}'"}))), Gone("'application/javascript'")),
    "JSON": (n(code(display({"application/json": {"x": TOKEN}, "text/plain": "x"}))), Gone("'application/json'")),
    "SVG": (n(code(display({"image/svg+xml": f"<svg><desc>{TOKEN}</desc></svg>"}))), Gone("'image/svg+xml'")),
    "a PDF": (n(code(display({"application/pdf": base64_of(TOKEN.encode() * 2)}))), Gone("'application/pdf'")),
    "Markdown": (n(code(display({"text/markdown": TOKEN, "text/plain": "x"}))), Gone("'text/markdown'")),
    "LaTeX": (n(code(display({"text/latex": f"% {TOKEN}", "text/plain": "x"}))), Gone("'text/latex'")),
    "a table of a private form": (
        n(code(display({"application/vnd.dataresource+json": {"data": [TOKEN]}, "text/plain": "x"}))),
        Gone("vnd.dataresource")),
    "a chart with its data": (
        n(code(display({"application/vnd.plotly.v1+json": {"data": [{"x": [TOKEN]}]}, "text/plain": "x"}))),
        Gone("vnd.plotly")),
    "a chart with its data, Vega": (
        n(code(display({"application/vnd.vegalite.v5+json": {"data": {"values": [TOKEN]}}, "image/png": PICTURE}))),
        Gone("vnd.vegalite")),
    "a widget": (n(code(display({"application/vnd.jupyter.widget-view+json": {"model_id": TOKEN}, "text/plain": "x"}))),
                 Gone("widget-view")),
    "a form's name": (n(code(display({TOKEN: "x", "text/plain": "x"}))), Gone("'zebra-417-hidden'")),
    "a form's long name": (n(code(display({"x/" + "y" * 5_000 + TOKEN: "x", "text/plain": "x"}))), Gone("'x/yyy")),
    "a form's name of hidden characters": (
        n(code(display({"\U000e0041" * 80 + TOKEN: "x", "text/plain": "x"}))), Gone("bytes")),
    "a form's name in capitals": (n(code(display({"TEXT/PLAIN": TOKEN, "text/plain": "x"}))), Gone("'TEXT/PLAIN'")),
    "a comment in a picture": (n(code(display({"image/png": base64_of(png(TEXT))}))), Gone("'tEXt' chunk")),
    "bytes behind a picture": (n(code(display({"image/png": base64_of(png(tail=TOKEN.encode()))}))),
                               Gone("bytes after the image")),
    "bytes behind a photograph": (n(code(display({"image/jpeg": base64_of(jpeg() + TOKEN.encode())}))),
                                  Gone("bytes after the image")),
    "EXIF of a photograph": (
        n(code(display({"image/jpeg": base64_of(with_segment(0xE1, b"Exif\0\0" + TOKEN.encode()))}))),
        Gone("segment E1")),
    "colours under glass": (
        n(code(display({"image/png": base64_of(png(rows=[ROW], size=(len(ROW) // 4, 1), colour=6))}))),
        Gone("transparency")),
    "a picture with a wrong name": (n(code(display({"image/jpeg": PICTURE}))), Refused("broken_image")),
    "a picture that is text": (n(code(display({"image/png": base64_of(TOKEN.encode())}))), Refused("broken_image")),
    "a picture that is no base64": (n(code(display({"image/png": "!!!"}))), Refused("broken_image")),
    "a picture of other letters": (n(code(display({"image/png": "æøå"}))), Refused("broken_image")),
    "a picture with words behind its padding": (
        n(code(display({"image/png": base64_of(png(tail=b"12"))[:-2] + "==" + "AAAA"}))), Refused("broken_image")),
    "a picture that is a number": (n(code(display({"image/png": 1}))), Refused("not_notebook")),
    "a picture that is nothing": (n(code(display({"image/png": ""}))), Refused("broken_image")),
    "printed over by a return": (n(code(stream(f"{TOKEN}\rdone\n"))), Gone("written over")),
    "printed over twice": (n(code(stream(f"10%\r{TOKEN}\r100%\n"))), Gone("written over")),
    "printed over in a display": (n(code(display({"text/plain": f"{TOKEN}\rx"}))), Gone("written over")),
    "written over in a source": (n(code(source=f"# {TOKEN}\r1 + 1\n")), Gone("written over")),
    "written over in words": (n(words(f"{TOKEN}\rwords\n")), Gone("written over")),
    "written over in the name of an error": (n(code(error(f"{TOKEN}\rE", "v", []))), Gone("written over")),
    "a terminal's title": (n(code(stream(f"\x1b]0;{TOKEN}\x07done\n"))), Gone("terminal colours")),
    "a terminal's link": (n(code(stream(f"\x1b]8;;http://{TOKEN}\x1b\\x\x1b]8;;\x1b\\\n"))), Gone("terminal colours")),
    "printed over by backspaces": (n(code(stream(f"{TOKEN}{chr(8) * 16}done\n"))), Found("invisible")),
    "printed in no colour": (n(code(stream(f"\x1b[8m{TOKEN}\x1b[0m\n"))), Shown()),
    "printed and wiped": (n(code(stream(f"{TOKEN}\x1b[2K\x1b[1Gdone\n"))), Shown()),
    "a string for the terminal": (n(code(stream(f"\x1bP{TOKEN}\x1b\\done\n"))), Shown()),
    "an escape that never ends": (n(code(stream(f"\x1b]0;{TOKEN}\n"))), Found("invisible")),
}  # fmt: skip

NONE: dict[str, tuple[bytes, Expect]] = {
    "no cells": (n(), Clean()),
    "a cell without anything": (n({"cell_type": "raw"}), Clean()),
    "a list": (b"[]", Refused("not_notebook")),
    "a number": (b"4", Refused("not_notebook")),
    "nothing": (b"", Refused("not_json")),
    "no JSON": (b"{'cells': []}", Refused("not_json")),
    "two notebooks": (n() + n(), Refused("not_json")),
    "an old format": (n(nbformat=3), Refused("not_notebook")),
    "a coming format": (n(nbformat=5), Refused("not_notebook")),
    "the format as text": (n(nbformat="4"), Refused("not_notebook")),
    "no format": (b'{"cells": []}', Refused("not_notebook")),
    "cells that are an object": (n(cells={"0": {}}), Refused("not_notebook")),
    "a cell that is a text": (n(TOKEN), Refused("not_notebook")),
    "a cell that is nothing": (n(None), Refused("not_notebook")),
    "an unknown kind of cell": (n({"cell_type": "widget", "source": TOKEN}), Refused("not_notebook")),
    "a kind that is a list": (n({"cell_type": ["code"], "source": TOKEN}), Refused("not_notebook")),
    "a kind that is an object": (n({"cell_type": {"code": 1}, "source": TOKEN}), Refused("not_notebook")),
    "a source that is a number": (n(code(source=5)), Refused("not_notebook")),
    "a source that is an object": (n(code(source={"x": TOKEN})), Refused("not_notebook")),
    "a source of lists": (n(code(source=[["x"]])), Refused("not_notebook")),
    "outputs that are nothing": (n(code(outputs=None)), Refused("not_notebook")),
    "outputs that are a text": (n(code(outputs=TOKEN)), Refused("not_notebook")),
    "an output that is a text": (n(code(TOKEN)), Refused("not_notebook")),
    "an unknown output": (n(code({"output_type": "update_display_data", "data": {}})), Refused("not_notebook")),
    "an output's kind that is a list": (n(code({"output_type": ["stream"]})), Refused("not_notebook")),
    "an output's kind that is an object": (n(code({"output_type": {"stream": 1}})), Refused("not_notebook")),
    "a stream whose name is a list": (n(code(stream("x", name=[TOKEN]))), Gone("name")),
    "a stream whose name is an object": (n(code(stream("x", name={"x": TOKEN}))), Gone("name")),
    "a stream of numbers": (n(code(stream([1, 2]))), Refused("not_notebook")),
    "a stream that is nothing": (n(code(stream(None))), Refused("not_notebook")),
    "data that is a list": (n(code(display([TOKEN]))), Refused("not_notebook")),
    "data that is nothing": (n(code(display(None))), Refused("not_notebook")),
    "text that is an object": (n(code(display({"text/plain": {"x": TOKEN}}))), Refused("not_notebook")),
    "a name twice": (n(code()).replace(b'"source"', b'"source": "x", "source"'), Refused("twice")),
    "a name twice in metadata": (
        n(metadata={"a": 1}).replace(b'"a": 1', b'"a": 1, "a": 2'), Refused("twice")),
    "a number that is none in metadata": (n(metadata={"a": float("nan"), "b": TOKEN}), Gone("metadata")),
    "too many cells": (n(*[words("x")] * 501), Refused("too_many_lines")),
    "too many outputs": (n(code(*[stream("x")] * 101)), Refused("too_many_lines")),
    "too many lines": (n(code(stream("x\n" * 20_001))), Refused("too_many_lines")),
    "too long a line": (n(code(stream("word " * 300_000))), Refused("too_many_lines")),
    "deep metadata": (n(metadata=json.loads('{"a":' * 90 + "1" + "}" * 90), x=TOKEN), Gone("metadata")),
    "metadata too deep": (b'{"metadata":' + b'{"a":' * 5_000 + b"1" + b"}" * 5_001, Refused("not_json")),
}  # fmt: skip


def _named(name: str, table: dict[str, tuple[bytes, Expect]]) -> list[Case]:
    return family(name, {case: ("a.ipynb", raw, expect) for case, (raw, expect) in table.items()})


COUNTS = {"in the order of counts": b"10170"}

CASES = [
    *(
        Case(case.family, case.id, case.name, case.raw, case.expect, COUNTS.get(case.id, case.secret))
        for case in _named("hiding places of a notebook", PLACES)
    ),
    *_named("forms of an output and what is printed over", FORMS),
    *_named("notebooks that are none", NONE),
]
