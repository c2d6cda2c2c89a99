"""JSON and Markdown: what parsers disagree about, what is rewritten, and what a page would run or hide."""

from __future__ import annotations

import json

from tests.output_review.hostile.build import book, code, display, error, stream, words
from tests.output_review.hostile.case import TOKEN, Case, Clean, Expect, Found, Gone, Refused, Row, Shown, family

WRITTEN_AGAIN = "the way numbers were written"


def written(value: object) -> str:
    """JSON as the door writes it."""
    return json.dumps(value, indent=1, ensure_ascii=False) + "\n"


JSON: dict[str, tuple[bytes | str, Expect]] = {
    "an ordinary object": (written({"auc": 0.81, "regions": ["Nord", "Øst"], "fitted": True, "note": None}), Clean()),
    "an ordinary list": (written([0.5, 1e-300, -12, "æøå"]), Clean()),
    "an ordinary text": (written("done"), Clean()),
    "a name twice": ('{"a": 1, "a": 2}', Refused("twice")),
    "a name twice, the same value": ('{"a": 1, "a": 1}', Refused("twice")),
    "a name twice, with escapes": ('{"a": 1, "\\u0061": 2}', Refused("twice")),
    "a name twice, with an escaped slash": ('{"a/b": 1, "a\\/b": 2}', Refused("twice")),
    "a name twice, deep": ('[{"x": {"a": 1, "a": 2}}]', Refused("twice")),
    "a name twice, empty": ('{"": 1, "": 2}', Refused("twice")),
    "a name of Python twice": ('{"__proto__": 1, "__proto__": 2}', Refused("twice")),
    "no number": ('{"a": NaN}', Refused("not_json")),
    "without end": ('{"a": Infinity}', Refused("not_json")),
    "without end, below": ('{"a": -Infinity}', Refused("not_json")),
    "a number that is too large": ('{"a": 1e999}', Refused("not_json")),
    "a number that is too large, below": ('{"a": -1e999}', Refused("not_json")),
    "a whole number of many digits": ('{"a": ' + "9" * 5_000 + "}", Refused("not_json")),
    "a whole number of a few hundred digits": ('{"a": ' + "7" * 400 + "}", Found("encoded")),
    "digits that no number holds": ('{"a": 0.12345678901234567890417}', Gone(WRITTEN_AGAIN)),
    "digits behind a zero": ('{"a": 1.50000000000000000000417}', Gone(WRITTEN_AGAIN)),
    "a number that is too small": ('{"a": 417e-999}', Gone(WRITTEN_AGAIN)),
    "the sign of nothing": ('{"a": -0}', Gone(WRITTEN_AGAIN)),
    "a capital E": ('{"a": 1E17}', Gone(WRITTEN_AGAIN)),
    "escapes of letters": ('{"a": "\\u007a\\u0065bra"}', Gone(WRITTEN_AGAIN)),
    "spaces between": ('{"a" :\t 1}', Gone(WRITTEN_AGAIN)),
    "lines between": ('{\n\n\n"a": 1\n\n}', Gone(WRITTEN_AGAIN)),
    "spaces before": (" \t \t{}\n", Gone(WRITTEN_AGAIN)),
    "spaces behind": ("{} \t \t\n", Gone(WRITTEN_AGAIN)),
    "returns behind": ("{}\n\r\r\r\n", Gone(WRITTEN_AGAIN)),
    "a comment": (f'{{"a": 1 /* {TOKEN} */}}', Refused("not_json")),
    "a comment at the end": (f'{{"a": 1}} // {TOKEN}', Refused("not_json")),
    "a comment of a program": (f'# {TOKEN}\n{{"a": 1}}', Refused("not_json")),
    "a comma at the end": ('{"a": 1,}', Refused("not_json")),
    "names without quotes": ("{a: 1}", Refused("not_json")),
    "single quotes": ("{'a': 1}", Refused("not_json")),
    "hexadecimal": ('{"a": 0x417}', Refused("not_json")),
    "a zero before": ('{"a": 0417}', Refused("not_json")),
    "a plus before": ('{"a": +1}', Refused("not_json")),
    "two values": (f'{{}} "{TOKEN}"', Refused("not_json")),
    "a value on each line": ('{"a": 1}\n{"a": 2}\n', Refused("not_json")),
    "a control in a text": ('{"a": "x\x01y"}', Refused("not_json")),
    "a line in a text": ('{"a": "x\ny"}', Refused("not_json")),
    "an escape that is none": ('{"a": "\\x41"}', Refused("not_json")),
    "a text that never ends": (f'{{"a": "{TOKEN}', Refused("not_json")),
    "half a pair": ('["\\ud800"]', Refused("encoding")),
    "a pair the wrong way": ('["\\ude00\\ud83d"]', Refused("encoding")),
    "a pair that is hidden": ('["\\udb40\\udc41"]', Found("invisible")),
    "an override by an escape": ('["\\u202etxt"]', Found("invisible")),
    "a line separator": ('["\u2028"]', Found("invisible")),
    "wide lists": (json.dumps(list(range(6_000))), Refused("too_many_lines")),
    "many lines": (json.dumps(list(range(700))), Found("long")),
    "one long text": (json.dumps({"a": "word " * 15_000}), Found("long")),
    "one text that is too long": (json.dumps({"a": "word " * 250_000}), Refused("too_many_lines")),
    "deep, but not too deep": ("[" * 90 + "]" * 90, Gone(WRITTEN_AGAIN)),
    "deep": ("[" * 700 + "]" * 700, Refused("not_json")),
    "deep objects": ('{"a":' * 600 + "1" + "}" * 600, Refused("not_json")),
    "too deep": ("[" * 100_000, Refused("not_json")),
    "nothing": ("", Refused("not_json")),
    "only spaces": (" \n ", Refused("not_json")),
    "another JSON in a text": (written({"a": json.dumps({"b": TOKEN})}), Shown()),
    "a word in a name": (written({TOKEN: 1}), Shown()),
    "a word in a name without letters": (written({"": TOKEN}), Shown()),
    "a page in a text": (written({"a": f"<script>{TOKEN}</script>"}), Shown()),
}

JSON_SECRETS = {
    "digits that no number holds": b"90417",
    "digits behind a zero": b"0417",
    "a number that is too small": b"417",
    "the sign of nothing": b"-",
    "a capital E": b"E",
    "escapes of letters": b"\\u007a",
    "spaces between": b"\t",
    "lines between": b"\n\n",
    "spaces before": b"\t",
    "spaces behind": b"\t",
    "returns behind": b"\r",
    "deep, but not too deep": b"[[",
}

INJECTED = {
    "a script": f"<script>{TOKEN}</script>",
    "a script in capitals": f"<SCRIPT>{TOKEN}</SCRIPT>",
    "a script that is not closed": f"<script src=//{TOKEN}",
    "a picture that runs": f"<img src=x onerror=alert('{TOKEN}')>",
    "a picture of elsewhere": f"![x](http://{TOKEN}/x.png)",
    "a link that runs": f"[x](javascript:alert({TOKEN}))",
    "a link with an entity": f"[x](java&#115;cript:{TOKEN})",
    "a frame": f"<iframe srcdoc='{TOKEN}'></iframe>",
    "an object": f"<object data='{TOKEN}'></object>",
    "a style that hides": f"<div style='display:none'>{TOKEN}</div>",
    "a style for all": f"<style>td{{display:none}}/*{TOKEN}*/</style>",
    "white on white": f"<font color=white>{TOKEN}</font>",
    "nothing's size": f"<span style='font-size:0'>{TOKEN}</span>",
    "the end of the table": f"</td></tr></table>{TOKEN}<table>",
    "the end of the page": f"</body></html>{TOKEN}",
    "the end of the text": f"</pre></div>{TOKEN}",
    "a comment": f"<!-- {TOKEN} -->",
    "a comment that is not closed": f"<!-- {TOKEN}",
    "a comment of Markdown": f"[//]: # ({TOKEN})",
    "a reference that is not used": f"[unused]: http://x '{TOKEN}'",
    "a link's title": f"[x](http://x '{TOKEN}')",
    "the other text of a picture": f"![{TOKEN}](x.png)",
    "a heading of a file": f"---\nsecret: {TOKEN}\n---",
    "what is folded": f"<details><summary>x</summary>{TOKEN}</details>",
    "a base": f"<base href=//{TOKEN}>",
    "a refresh": f"<meta http-equiv=refresh content='0;url=//{TOKEN}'>",
    "a form": f"<form action=//{TOKEN}><input type=submit></form>",
    "SVG that runs": f"<svg onload=alert('{TOKEN}')>",
    "mathematics": f"$\\href{{javascript:{TOKEN}}}{{x}}$",
    "data of a section": f"<![CDATA[{TOKEN}]]>",
    "an instruction": f"<?php echo '{TOKEN}' ?>",
    "a template": f"{{{{ {TOKEN} }}}}",
}


def in_turn(number: int, text: str) -> tuple[str, bytes | str]:
    """A text in another kind of file, in turn."""
    files: list[tuple[str, bytes | str]] = [
        ("a.md", f"{text}\n"),
        ("a.txt", f"{text}\n"),
        ("a.ipynb", book(words(text))),
        ("a.ipynb", book(code(stream(text)))),
        ("a.ipynb", book(code(error(value=text, traceback=[])))),
        ("a.ipynb", book(code(display({"text/plain": text})))),
        ("a.csv", 'a,b\n"' + text.replace('"', '""') + '",12\n'),
        ("a.json", written({"a": text})),
    ]
    return files[number % len(files)]


INJECTIONS: dict[str, Row] = {
    "harmless Markdown": ("a.md", "# Results\n\n* AUC **0.81**\n\n[paper](https://doi.org/x)\n", Clean()),
    "harmless comparisons": ("a.txt", "p < 0.05 & n > 100\n", Clean()),
    "harmless words in a notebook": ("a.ipynb", book(words("## AUC < 0.9")), Clean()),
    **{
        f"{name}, {'in Markdown' if where == 0 else f'elsewhere {where}'}": (*in_turn(where, text), Shown())
        for number, (name, text) in enumerate(INJECTED.items())
        for where in (0, 1 + number % 7)
    },
}

CASES = [
    *(
        Case(case.family, case.id, case.name, case.raw, case.expect, JSON_SECRETS.get(case.id, case.secret))
        for case in family("JSON tricks", {name: ("a.json", raw, expect) for name, (raw, expect) in JSON.items()})
    ),
    *family("pages in words", INJECTIONS),
]
