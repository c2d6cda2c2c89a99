"""Jupyter notebooks: source, text and pictures, written again; what a viewer would not show is left out and listed.

An output often has several forms of the same thing, and a viewer shows one: the others would leave unseen. Here one is
kept: the picture, or else the text. HTML, scripts and private forms are left out; a table that pandas shows as HTML has
its text beside it.
"""

from __future__ import annotations

import base64
import html
import json
from typing import Any

from inspection import view
from inspection.extract import json_values, pictures, plain
from inspection.parts import Extent, Extracted, Grid, Picture, Text
from inspection.places import Place, words
from inspection.report import Dropped, NoCanonicalForm

MOST_CELLS, MOST_OUTPUTS, MOST_LINES, LONG_LINES = 500, 100, 20_000, 2_000
LONG_TEXT = 100_000
"""Characters."""
NOTEBOOK = Place(part="notebook")
PICTURES = {"image/png": "png", "image/jpeg": "jpeg"}
KINDS = {"code", "markdown", "raw"}
STREAMS = {"stdout", "stderr"}


class Notebook:
    """A notebook being written again."""

    def __init__(self) -> None:
        self.dropped: list[Dropped] = []
        self.parts: list[Text | Grid | Picture] = []
        self.shown: list[str] = []
        self.lines = 0
        self.length = 0
        self.numbered: set[Place] = set()
        """The places of cells and outputs whose id or execution count is left out, which every notebook has."""

    def cell(self, number: int, given: dict[str, Any]) -> dict[str, Any]:
        """One cell."""
        place = Place(cell=number)
        kind = given.get("cell_type")
        if not isinstance(kind, str) or kind not in KINDS:
            raise NoCanonicalForm("not_notebook", f"cell {number}: {kind!r}"[:100])
        source = self.text(given.get("source", ""), place, is_laid_out=kind != "code")
        made: dict[str, Any] = {"cell_type": kind, "id": f"cell-{number}", "metadata": {}, "source": source}
        for key in ("metadata", "attachments"):
            self.leave_out(given.get(key), key, place)
        known = KNOWN_OF_CODE if kind == "code" else KNOWN_OF_CELL
        self.leave_out({k: v for k, v in given.items() if k not in known}, "", place)
        if given.get("id", made["id"]) != made["id"] or (kind == "code" and given.get("execution_count") is not None):
            self.numbered.add(place)
        self.shown.append(f'<div class="cell"><pre class="source">{html.escape(source)}</pre>')
        if kind == "code":
            outputs = given.get("outputs", [])
            if not isinstance(outputs, list):
                raise NoCanonicalForm("not_notebook", f"cell {number}: outputs")
            if len(outputs) > MOST_OUTPUTS:
                raise NoCanonicalForm("too_many_lines", f"cell {number}: {len(outputs)} outputs")
            made["outputs"] = [
                one for at, output in enumerate(outputs, start=1) if (one := self.output(output, place.at(output=at)))
            ]
            made["execution_count"] = None  # nobody would see it
        self.shown.append("</div>")
        return made

    def output(self, given: Any, place: Place) -> dict[str, Any] | None:
        """One output, or None when nothing of it can be shown."""
        if not isinstance(given, dict):
            raise NoCanonicalForm("not_notebook", words(place.as_json()))
        kind = given.get("output_type")
        if not isinstance(kind, str) or kind not in KNOWN_OF_OUTPUT:
            raise NoCanonicalForm("not_notebook", f"{words(place.as_json())}: {kind!r}"[:100])
        unknown = {k: v for k, v in given.items() if k not in {"output_type", *KNOWN_OF_OUTPUT[kind]}}
        self.leave_out(unknown, "", place)
        if kind == "stream":
            name = given.get("name", "stdout")
            if not isinstance(name, str) or name not in STREAMS:
                self.leave_out(name, "name", place)
                name = "stdout"
            self.shown.append(f'<div class="n">{name}</div>')
            return {"output_type": "stream", "name": name, "text": self.printed(given.get("text", ""), place)}
        if kind == "error":
            self.leave_out(given.get("traceback"), "traceback", place)
            ename, evalue = (self.printed(str(given.get(key, "")), place.at(part=key)) for key in ("ename", "evalue"))
            return {"output_type": "error", "ename": ename, "evalue": evalue, "traceback": []}
        if given.get("execution_count") is not None:
            self.numbered.add(place)
        return self.display(given, place)

    def display(self, given: dict[str, Any], place: Place) -> dict[str, Any] | None:
        """The one form that is kept of what a cell displayed."""
        forms = given.get("data")
        if not isinstance(forms, dict):
            raise NoCanonicalForm("not_notebook", words(place.as_json()))
        self.leave_out(given.get("metadata"), "metadata", place)
        kept = next((form for form in (*PICTURES, "text/plain") if form in forms), None)
        for form, content in forms.items():
            if form != kept:
                self.leave_out(content, repr(form[:60])[:200], place)
        if kept is None:
            return None
        if kept == "text/plain":
            data = {kept: self.printed(forms[kept], place)}
        else:
            data = {kept: self.picture(_joined(forms[kept], place), PICTURES[kept], place)}
        return {"output_type": "display_data", "metadata": {}, "data": data}

    def picture(self, given: str, kind: str, place: Place) -> str:
        """A picture, of pixels alone."""
        try:
            raw = base64.b64decode("".join(given.split()), validate=True)
        except ValueError as e:
            raise NoCanonicalForm("broken_image", f"{words(place.as_json())}: {e}") from None
        if not raw.startswith(pictures.MAGIC[kind]):
            raise NoCanonicalForm("broken_image", words(place.as_json()))
        again, dropped, picture = pictures.written_again(raw, kind, place)
        self.dropped += [
            Dropped(one.what, one.place.at(cell=place.cell, output=place.output), one.values) for one in dropped
        ]
        self.parts.append(picture)
        self.shown.append(f'<div class="output">{view.image(words(place.as_json()), kind, again)}</div>')
        return base64.b64encode(again).decode()

    def printed(self, given: Any, place: Place) -> str:
        """What was printed, as it is shown."""
        said = self.text(given, place)
        self.shown.append(f'<div class="output"><pre>{html.escape(said)}</pre></div>')
        return said

    def text(self, given: Any, place: Place, *, is_laid_out: bool = True) -> str:
        """Text, as it is read."""
        said = plain.plain(_joined(given, place), self.dropped, place)
        self.lines += said.count("\n") + 1
        self.length += len(said)
        if self.lines > MOST_LINES or self.length > plain.MOST_TEXT:
            raise NoCanonicalForm("too_many_lines", f"{self.lines} lines, {self.length} characters")
        self.parts.append(Text(place, said, is_laid_out))
        return said

    def leave_out(self, given: Any, name: str, place: Place) -> None:
        """List what is not in the canonical copy, unknown fields without a name; an empty thing is nothing."""
        if given:
            what = "field" if name else "unknown fields"
            self.dropped.append(Dropped(what, place, {"name": name, "bytes": len(json.dumps(given))}))


KNOWN_OF_OUTPUT = {
    "stream": {"name", "text"},
    "error": {"ename", "evalue", "traceback"},
    "display_data": {"data", "metadata"},
    "execute_result": {"data", "metadata", "execution_count"},
}
KNOWN_OF_CELL = {"cell_type", "id", "source", "metadata", "attachments"}
KNOWN_OF_CODE = KNOWN_OF_CELL | {"outputs", "execution_count"}


def extract(name: str, raw: bytes) -> Extracted:
    """A notebook's texts and pictures, and its canonical copy; raises NoCanonicalForm."""
    notebook = Notebook()
    given = json_values.load(plain.decode(raw, notebook.dropped), constant=str)
    cells = given.get("cells") if isinstance(given, dict) else None
    if not isinstance(cells, list) or given.get("nbformat") != 4 or not all(isinstance(c, dict) for c in cells):
        raise NoCanonicalForm("not_notebook")
    if len(cells) > MOST_CELLS:
        raise NoCanonicalForm("too_many_lines", f"{len(cells)} cells")
    notebook.leave_out(given.get("metadata"), "metadata", NOTEBOOK)
    if (minor := given.get("nbformat_minor")) not in range(100):
        notebook.leave_out(minor, "nbformat_minor", NOTEBOOK)
    unknown = {k: v for k, v in given.items() if k not in {"cells", "metadata", "nbformat", "nbformat_minor"}}
    notebook.leave_out(unknown, "", NOTEBOOK)
    made = [notebook.cell(number, cell) for number, cell in enumerate(cells, start=1)]
    if notebook.numbered:
        notebook.dropped.append(Dropped("ids", NOTEBOOK, {"count": len(notebook.numbered)}))
    written = {"cells": made, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    return Extracted(
        "notebook",
        json.dumps(written, indent=1, ensure_ascii=False).encode() + b"\n",
        view.page(name, "".join(notebook.shown)),
        notebook.parts,
        notebook.dropped,
        Extent("lines", notebook.lines, notebook.lines > LONG_LINES or notebook.length > LONG_TEXT),
    )


def _joined(given: Any, place: Place) -> str:
    """Text, which a notebook may hold as a list of lines."""
    if isinstance(given, list) and all(isinstance(line, str) for line in given):
        return "".join(given)
    if not isinstance(given, str):
        raise NoCanonicalForm("not_notebook", words(place.as_json()))
    return given
