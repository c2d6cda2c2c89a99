"""Pages that a checker sees in the frame: no script, and no address of anything else.

Nothing sticks and nothing shrinks: a heading that stays could cover what is below it, a small picture hide its words.
"""

from __future__ import annotations

import base64
import html
from collections.abc import Iterable, Mapping
from typing import Any

STYLE = (
    "body{font:14px sans-serif;margin:12px}table{border-collapse:collapse}"
    "td,th{border:1px solid #999;padding:2px 8px;text-align:left;white-space:pre-wrap}"
    "thead{background:#eee}.n{color:#555;font-weight:400}"
    "pre{white-space:pre-wrap;overflow-wrap:anywhere;margin:4px 0;padding:8px}.source{background:#f2f2f2}"
    ".cell{border-top:1px solid #999;padding:4px 0}.output{border-left:4px solid #999;padding-left:8px}"
    ".lines td{border:0;padding:0 8px;font-family:monospace;overflow-wrap:anywhere}"
    ".lines .n{text-align:right;user-select:none}"
    ":target{outline:3px solid #a14f00;outline-offset:-1px;background:#fff0d9}"
)


def page(name: str, body: str) -> str:
    """A whole page; `body` is HTML in which everything of the file's is escaped."""
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{html.escape(name)}</title>'
        f"<style>{STYLE}</style><body>{body}</body></html>"
    )


def table(heading: list[str], rows: Iterable[list[str]]) -> str:
    """A table with its row numbers, the heading as 1. Rows and cells bear the names that `anchor` gives them."""

    def line(row: list[str], tag: str, number: int) -> str:
        cells = "".join(f"<{tag} id=r{number}c{c}>{html.escape(cell)}</{tag}>" for c, cell in enumerate(row, start=1))
        return f"<tr id=r{number}><th class=n>{number}</th>{cells}</tr>"

    body = "".join(line(row, "td", number) for number, row in enumerate(rows, start=2))
    return f"<table><thead>{line(heading, 'th', 1)}</thead><tbody>{body}</tbody></table>"


def lines(text: str) -> str:
    """Text as it is, with numbered lines."""
    rows = (
        f"<tr id=l{number}><th class=n>{number}</th><td>{html.escape(line)}</td></tr>"
        for number, line in enumerate(text.split("\n"), start=1)
    )
    return f'<table class="lines">{"".join(rows)}</table>'


def anchor(place: Mapping[str, Any]) -> str | None:
    """The name of a place in its page, so that a link lights it up; None where no place has one, as in a notebook."""
    if place.keys() & {"cell", "output", "part", "elsewhere"}:
        return None
    if row := place.get("row"):
        return f"r{row}c{column}" if (column := place.get("column")) else f"r{row}"
    return f"l{line}" if (line := place.get("line")) else None


def image(name: str, kind: str, content: bytes) -> str:
    """An image, inside the page itself."""
    shown = base64.b64encode(content).decode()
    return f'<img alt="{html.escape(name)}" src="data:image/{kind};base64,{shown}">'
