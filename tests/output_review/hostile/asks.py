"""Calls that a room makes to the intake: names, words, lengths, numbers, wrong states and other people's requests."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.output_review.hostile.case import TOKEN

FILE: dict[str, Any] = {"name": "a.csv", "description": "Counts", "purpose": "A paper", "population": "All"}
FILES, UPLOAD, SUBMIT = "/{request}/files", "/{request}/files/{file}", "/{request}/submit"
NAME, KIND, EVERYWHERE, THERE = "without slashes", "can be released", "every computer", "called"
DRAFT, UNSEEN, MISSING, LENGTH = "and this one is", "cannot be seen", "is missing or longer", "1 byte to 16 MB"


@dataclass(frozen=True, slots=True)
class Ask:
    """One call, and its answer: a status, and words in what it says."""

    family: str
    id: str
    path: str
    status: int
    words: str = ""
    body: bytes = b""
    state: str = "announced"
    """Of the request that is there before the call."""
    method: str = "POST"
    who: str = "ada"
    headers: Mapping[str, str] = field(default_factory=dict)
    stream: bool = False
    """Whether the length is not said."""


def announced(family: str, case: str, status: int, words: str, **said: Any) -> Ask:
    """A call that describes a file."""
    return Ask(family, case, FILES, status, words, json.dumps(FILE | said).encode())


NAMES: dict[str, tuple[str, int, str]] = {
    "an ordinary name": ("tabel 1.csv", 201, ""),
    "Danish letters": ("tabel æøå (1).csv", 201, ""),
    "Greek letters": ("β-værdier.csv", 201, ""),
    "capitals": ("TABLE.CSV", 201, ""),
    "two points": ("tabel.v2.csv", 201, ""),
    "points inside": ("a..csv", 201, ""),
    "a name that begins as a device": ("console.csv", 201, ""),
    "the longest name": ("x" * 196 + ".csv", 201, ""),
    "a folder above": ("../a.csv", 400, NAME),
    "a folder above, on Windows": ("..\\a.csv", 400, NAME),
    "a folder": ("a/b.csv", 400, NAME),
    "the root": ("/etc/passwd.csv", 400, NAME),
    "a drive": ("C:\\a.csv", 400, NAME),
    "a wide slash": ("a\uff0fb.csv", 400, NAME),
    "wide points and a wide slash": ("\uff0e\uff0e\uff0fa.csv", 400, NAME),
    "a wide backslash": ("a\uff3cb.csv", 400, NAME),
    "nothing": ("", 400, NAME),
    "only spaces": ("   ", 400, NAME),
    "only points": ("..", 400, NAME),
    "only an ending": (".csv", 400, NAME),
    "hidden by a point": (".a.csv", 400, NAME),
    "NUL": ("a.csv\0.png", 400, NAME),
    "a line": ("a\nb.csv", 400, NAME),
    "a line of a header": ("a.csv\r\nX-Room: b", 400, NAME),
    "a tabulator": ("a\tb.csv", 400, NAME),
    "an escape": ("a\x1b[2Jb.csv", 400, NAME),
    "delete": ("a\x7fb.csv", 400, NAME),
    "a control of Latin-1": ("a\x9bb.csv", 400, NAME),
    "right-to-left override": ("a\u202evsc.png", 400, NAME),
    "an isolate": ("a\u2066b.csv", 400, NAME),
    "a zero-width space": ("a\u200bb.csv", 400, NAME),
    "a soft hyphen": ("a\u00adb.csv", 400, NAME),
    "a byte order mark": ("\ufeffa.csv", 400, NAME),
    "a variation selector": ("a\ufe01.csv", 400, NAME),
    "a tag": ("a\U000e0041.csv", 400, NAME),
    "a Hangul filler": ("\u3164.csv", 400, NAME),
    "a space that does not break": ("first\u00a0.csv", 400, NAME),
    "a wide space": ("a\u3000b.csv", 400, NAME),
    "half a pair": ("a\ud800.csv", 400, NAME),
    "private use": ("a\ue000.csv", 400, NAME),
    "a space before": (" a.csv", 400, NAME),
    "a space behind": ("a.csv ", 400, NAME),
    "one letter too long": ("x" * 197 + ".csv", 400, NAME),
    "far too long": ("x" * 60_000 + ".csv", 400, NAME),
    "too long in bytes": ("æ" * 196 + ".csv", 400, EVERYWHERE),
    "far too long in bytes": ("\U0001f600" * 196 + ".csv", 400, EVERYWHERE),
    "a device": ("CON.csv", 400, EVERYWHERE),
    "a device in small letters": ("nul.txt", 400, EVERYWHERE),
    "a device with a number": ("com1.csv", 400, EVERYWHERE),
    "a device with a raised number": ("LPT¹.csv", 400, EVERYWHERE),
    "a device and two endings": ("aux.tar.csv", 400, EVERYWHERE),
    "a second stream": ("a.csv:hidden.txt", 400, EVERYWHERE),
    "a star": ("*.csv", 400, EVERYWHERE),
    "a question": ("a?.csv", 400, EVERYWHERE),
    "a quote": ('a".csv', 400, EVERYWHERE),
    "a pipe": ("a|b.csv", 400, EVERYWHERE),
    "brackets of pages": ("<b>.csv", 400, EVERYWHERE),
    "a program behind": ("a.csv.exe", 400, KIND),
    "a program behind, hidden by spaces": ("a.csv" + " " * 100 + ".exe", 400, KIND),
    "no ending": ("table", 400, KIND),
    "a point at the end": ("a.csv.", 400, KIND),
    "an ending with a wide letter": ("a.\uff43sv", 400, KIND),
    "an ending with a Cyrillic letter": ("a.\u0441sv", 400, KIND),
    "a link": ("a.lnk", 400, KIND),
    "a link of elsewhere": ("a.url", 400, KIND),
    "a link of a desktop": ("a.desktop", 400, KIND),
    "a packed table": ("a.csv.gz", 400, "archive"),
    "a spreadsheet": ("a.xlsx", 400, "each sheet"),
    "a page": ("a.html", 400, "Save it as PNG"),
    "a page in capitals": ("a.HTML", 400, "Save it as PNG"),
    "a saved object": ("a.pkl", 400, "saved objects"),
    "the same name": ("first.csv", 400, THERE),
    "the same name in capitals": ("FIRST.csv", 400, THERE),
    "the same name with one letter of two": ("\ufb01rst.csv", 400, THERE),
    "the same name in wide letters": ("\uff46irst.csv", 400, THERE),
    "the same name in bold": ("\U0001d41f\U0001d422rst.csv", 400, THERE),
}

WORDS: dict[str, tuple[Mapping[str, Any], int, str]] = {
    "ordinary words": ({"description": "Antal pr. region – se tabel 2"}, 201, ""),
    "several lines": ({"purpose": "First.\n\tSecond.\r\n"}, 201, ""),
    "a space that does not break": ({"population": "5\u00a0000 persons"}, 201, ""),
    "the longest description": ({"description": "x" * 4_000}, 201, ""),
    "no description": ({"description": ""}, 400, MISSING),
    "a description of spaces": ({"description": " \n\t "}, 400, MISSING),
    "a description of wide spaces": ({"description": "\u2003\u3000"}, 400, MISSING),
    "no purpose": ({"purpose": ""}, 400, MISSING),
    "no population": ({"population": " "}, 400, MISSING),
    "a description too long": ({"description": "x" * 4_001}, 400, MISSING),
    "a purpose too long": ({"purpose": "x" * 4_001}, 400, MISSING),
    "a population too long": ({"population": "x" * 2_001}, 400, MISSING),
    "bytes in selectors": ({"description": "a" + "\U000e0150" * 50}, 400, UNSEEN),
    "a word in tags": ({"purpose": "ok\U000e0041\U000e0042"}, 400, UNSEEN),
    "a word backwards": ({"population": "a\u202eb"}, 400, UNSEEN),
    "a zero-width space": ({"description": "a\u200bb"}, 400, UNSEEN),
    "NUL": ({"description": "a\0b"}, 400, UNSEEN),
    "an escape": ({"description": "a\x1b[31m"}, 400, UNSEEN),
    "half a pair": ({"description": "a\ud800"}, 400, UNSEEN),
    "blank Braille": ({"purpose": "a\u2800b"}, 400, UNSEEN),
    "a line separator": ({"purpose": "a\u2028b"}, 400, UNSEEN),
    "a description that is a list": ({"description": [TOKEN]}, 400, "description"),
    "a description that is nothing": ({"description": None}, 400, "description"),
    "a description that is a number": ({"description": 5}, 400, "description"),
    "a name that is an object": ({"name": {"x": TOKEN}}, 400, "name"),
    "a field more": ({"approved": True}, 400, "approved"),
    "the state of a file": ({"state": "ready"}, 400, "state"),
    "a hash": ({"canonical_sha256": "0" * 64}, 400, "canonical_sha256"),
    "a field named by half a pair": ({"\ud800": 1}, 400, "unicode"),
    "another round": ({"round": 2}, 400, "round"),
}

TITLES: dict[str, tuple[Any, int, str]] = {
    "an ordinary title": ("Table 1", 201, ""),
    "the longest title": ("x" * 200, 201, ""),
    "no title": ("", 400, MISSING),
    "a title of spaces": ("  ", 400, MISSING),
    "a title too long": ("x" * 201, 400, MISSING),
    "a title backwards": ("a\u202eb", 400, UNSEEN),
    "a title of selectors": ("a\ufe01", 400, UNSEEN),
    "a title with NUL": ("a\0", 400, UNSEEN),
    "a title that is a number": (5, 400, "title"),
    "a title that is a list": (["x"], 400, "title"),
}

NUMBERS: dict[str, tuple[Mapping[str, Any], int, str]] = {
    "no persons": ({"persons": None}, 201, ""),
    "a number of persons": ({"persons": 12}, 201, ""),
    "none": ({"persons": 0}, 201, ""),
    "the largest number": ({"persons": 2**63 - 1}, 201, ""),
    "a data set of the project": ({"data_sets": ["registers", "registers"]}, 201, ""),
    "fewer than none": ({"persons": -1}, 400, "whole number"),
    "more than a column holds": ({"persons": 2**63}, 400, "whole number"),
    "more than any column holds": ({"persons": 10**30}, 400, "whole number"),
    "half a person": ({"persons": 1.5}, 400, "persons"),
    "persons in words": ({"persons": "many"}, 400, "persons"),
    "persons in a list": ({"persons": [1]}, 400, "persons"),
    "no number of persons": ({"persons": float("nan")}, 400, "persons"),
    "persons without end": ({"persons": float("inf")}, 400, "persons"),
    "a data set of nobody": ({"data_sets": ["none"]}, 400, "no data set"),
    "a data set of another project": ({"data_sets": ["elsewhere"]}, 400, "no data set"),
    "a data set on a path": ({"data_sets": ["../registers"]}, 400, "no data set"),
    "a data set with NUL": ({"data_sets": ["registers\0"]}, 400, "no data set"),
    "a data set in capitals": ({"data_sets": ["Registers"]}, 400, "no data set"),
    "a data set with half a pair": ({"data_sets": ["\ud800"]}, 400, "no data set"),
    "a data set with places to fill": ({"data_sets": ["{name.__class__}"]}, 400, "{name.__class__}"),
    "data sets that are a text": ({"data_sets": "registers"}, 400, "data_sets"),
    "data sets that are numbers": ({"data_sets": [1]}, 400, "data_sets"),
    "data sets that are nothing": ({"data_sets": None}, 400, "data_sets"),
}

PATHS: dict[str, tuple[str, int, str]] = {
    "the request itself": ("/{request}", 200, "announced"),
    "no such request": ("/999999", 404, "no request"),
    "request 0": ("/0", 404, "no request"),
    "a request below 0": ("/-1", 404, "no request"),
    "a request beyond four bytes": (f"/{2**31}", 404, "no request"),
    "a request beyond eight bytes": (f"/{2**63}", 404, "no request"),
    "a request beyond all": (f"/{10**30}", 404, "no request"),
    "a request of too many digits": ("/" + "9" * 5_000, 400, "number"),
    "a request that is a word": ("/first", 400, "number"),
    "a request in hexadecimal": ("/0x1", 400, "number"),
    "half a request": ("/1.5", 400, "number"),
    "a request in Arabic digits": ("/%D9%A1", 400, "number"),
    "a request with NUL": ("/1%00", 400, "number"),
    "a request and a query": ("/{request}?room=x", 200, "announced"),
    "a request with SQL": ("/1%20OR%201=1", 400, "number"),
    "a folder above": ("/..%2F..%2Flogin", 404, ""),
}

TABLE = b"region,persons\nNord,120\n"
LENGTHS: dict[str, Ask] = {
    "an ordinary file": Ask("", "", UPLOAD, 200, "sha256", TABLE, method="PUT"),
    "one byte": Ask("", "", UPLOAD, 200, "sha256", b"x", method="PUT"),
    "nothing": Ask("", "", UPLOAD, 400, LENGTH, b"", method="PUT", headers={"Content-Length": "0"}),
    "no length": Ask("", "", UPLOAD, 411, "Content-Length", TABLE, method="PUT", stream=True),
    "a length below nothing": Ask("", "", UPLOAD, 411, "", TABLE, method="PUT", headers={"Content-Length": "-24"}),
    "a length with a plus": Ask("", "", UPLOAD, 411, "", TABLE, method="PUT", headers={"Content-Length": "+24"}),
    "half a byte": Ask("", "", UPLOAD, 411, "", TABLE, method="PUT", headers={"Content-Length": "24.5"}),
    "a length in hexadecimal": Ask("", "", UPLOAD, 411, "", TABLE, method="PUT", headers={"Content-Length": "0x18"}),
    "a length in E": Ask("", "", UPLOAD, 411, "", TABLE, method="PUT", headers={"Content-Length": "1e2"}),
    "a raised length": Ask("", "", UPLOAD, 411, "", TABLE, method="PUT", headers={"Content-Length": "\u00b2"}),
    "a length in words": Ask("", "", UPLOAD, 411, "", TABLE, method="PUT", headers={"Content-Length": "all"}),
    "two lengths": Ask("", "", UPLOAD, 411, "", TABLE, method="PUT", headers={"Content-Length": "24, 24"}),
    "a length of nothing": Ask("", "", UPLOAD, 411, "", TABLE, method="PUT", headers={"Content-Length": ""}),
    "a length with a line below": Ask("", "", UPLOAD, 411, "", TABLE, method="PUT", headers={"Content-Length": "2_4"}),
    "one byte too large": Ask("", "", UPLOAD, 400, LENGTH, b"", method="PUT", headers={"Content-Length": "16777217"}),
    "far too large": Ask("", "", UPLOAD, 400, LENGTH, b"", method="PUT", headers={"Content-Length": "9" * 15}),
    "larger than any number": Ask("", "", UPLOAD, 411, "", b"", method="PUT", headers={"Content-Length": "9" * 5_000}),
    "more bytes than were said": Ask("", "", UPLOAD, 400, "did not have", TABLE, method="PUT",
                                     headers={"Content-Length": "5"}),
    "fewer bytes than were said": Ask("", "", UPLOAD, 400, "did not have", TABLE, method="PUT",
                                      headers={"Content-Length": "500"}),
    "many more bytes than were said": Ask("", "", UPLOAD, 400, "did not have", b"x" * 200_000, method="PUT",
                                          headers={"Content-Length": "5"}),
    "a file that came already": Ask("", "", UPLOAD, 403, "here already", TABLE, method="PUT", state="frozen"),
    "a file too many bytes for the request": Ask("", "", UPLOAD, 400, "100 MB in all", TABLE, method="PUT",
                                                 state="full"),
    "a file more than a request holds": Ask("", "", FILES, 400, "at most 500 files", json.dumps(FILE).encode(),
                                            state="crowded"),
    "no such file": Ask("", "", "/{request}/files/999999", 404, "no such file", TABLE, method="PUT"),
    "file 0": Ask("", "", "/{request}/files/0", 404, "no such file", TABLE, method="PUT"),
    "a file beyond all": Ask("", "", f"/{{request}}/files/{10**30}", 404, "no such file", TABLE, method="PUT"),
    "a file of an earlier round": Ask("", "", UPLOAD, 404, "no such file", TABLE, method="PUT", state="revised"),
    "a file of somebody else": Ask("", "", "/{request}/files/{others_file}", 404, "no such file", TABLE, method="PUT"),
    "a request more than may be under way": Ask("", "", "", 403, "under way", b'{"title": "T"}', state="busy"),
    "a body that is no JSON": Ask("", "", FILES, 400, "", b"{"),
    "a body that is nothing": Ask("", "", FILES, 400, "", b""),
    "a body of a number beyond all": Ask("", "", FILES, 400, "", b'{"persons": ' + b"9" * 5_000 + b"}"),
    "a body that is deep": Ask("", "", FILES, 400, "", b"[" * 60_000),
    "a body in UTF-16": Ask("", "", FILES, 201, "", json.dumps(FILE).encode("utf-16")),
    "a body in no encoding": Ask("", "", FILES, 400, "", b'{"name": "\xff\xfe"}'),
}  # fmt: skip

ACTIONS = ("files", "put", "submit", "revise", "give-up", "withdraw")
ALLOWED: dict[str, tuple[str, ...]] = {
    "draft": ("files", "give-up", "withdraw"),
    "announced": ("files", "put", "give-up", "withdraw"),
    "frozen": ("files", "submit", "give-up", "withdraw"),
    "submitted": ("withdraw",),
    "in_review": ("withdraw",),
    "returned": ("revise", "withdraw"),
    "approved": (),
    "rejected": (),
    "withdrawn": (),
    "released": (),
    "recalled": (),
    "quarantined": (),
}
"""What a request's author may do in each state."""
UNFINISHED = {("draft", "submit"): 400, ("announced", "submit"): 400, ("draft", "put"): 404}
"""What is refused for another reason than the state."""


def acted(action: str) -> tuple[str, str, bytes]:
    """A method, a path and a body."""
    if action == "files":
        return "POST", FILES, json.dumps(FILE).encode()
    return ("PUT", UPLOAD, TABLE) if action == "put" else ("POST", f"/{{request}}/{action}", b"")


def in_state(state: str, action: str) -> Ask:
    method, path, body = acted(action)
    status = 200 if action in ALLOWED[state] else UNFINISHED.get((state, action), 403)
    if action == "files" and status == 200:
        status = 201
    return Ask("wrong states", f"{action} when {state}", path, status, "", body, state=state, method=method)


STRANGERS: dict[str, tuple[str, int, str]] = {
    "another person of the project": ("bob", 404, "no request"),
    "the same person in another project": ("ada elsewhere", 404, "no request"),
    "a room that was closed": ("closed", 403, "no open room"),
    "a person who left the project": ("left", 403, "no open room"),
    "a person whose account is closed": ("gone", 403, "no open room"),
    "a person without training": ("untrained", 403, "no open room"),
    "a room whose project's permit ended": ("ended", 403, "no open room"),
    "an address of no room": ("nobody", 403, "no open room"),
    "an address of elsewhere": ("elsewhere", 403, "no open room"),
    "an address of version 6": ("six", 403, "no open room"),
    "no address": ("testclient", 403, "no open room"),
}
HEADERS = ("X-Forwarded-For", "X-Real-IP", "Forwarded", "X-Datasluse-Room", "Cookie", "Authorization")


def strangers() -> list[Ask]:
    """Each who is not the author, doing what the author may."""
    asks = [
        Ask("other people's requests", f"{action} by {name}", path, status, words, body, "frozen", method, who)
        for name, (who, status, words) in STRANGERS.items()
        for action in ("show", "files", "put", "submit", "withdraw")
        for method, path, body in [("GET", "/{request}", b"") if action == "show" else acted(action)]
    ]
    spoofed = [
        Ask("other people's requests", f"a header {name}", "/{request}", 404, "no request", b"", "frozen", "GET", "bob",
            {name: "for={address}" if name == "Forwarded" else "{address}"})
        for name in HEADERS
    ]  # fmt: skip
    own = Ask("other people's requests", "the author's own", "/{request}", 200, "frozen", state="frozen", method="GET")
    return [own, *asks, *spoofed]


ASKS = [
    *(announced("names", case, status, words, name=name) for case, (name, status, words) in NAMES.items()),
    *(announced("words", case, status, words, **said) for case, (said, status, words) in WORDS.items()),
    *(
        Ask("words", f"{case}, of a request", "", status, words, json.dumps({"title": title}).encode())
        for case, (title, status, words) in TITLES.items()
    ),
    *(announced("numbers and paths", case, status, words, **said) for case, (said, status, words) in NUMBERS.items()),
    *(
        Ask("numbers and paths", case, path, status, words, method="GET")
        for case, (path, status, words) in PATHS.items()
    ),
    *(
        Ask(
            "lengths and bodies", case, a.path, a.status, a.words, a.body, a.state, a.method, a.who, a.headers, a.stream
        )
        for case, a in LENGTHS.items()
    ),
    *(in_state(state, action) for state in ALLOWED for action in ACTIONS),
    *strangers(),
]
HARMLESS = {ask.family for ask in ASKS if ask.status < 300}
