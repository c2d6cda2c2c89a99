"""Answers of a sandbox that hostile bytes took over: whatever is not of the one shape makes nothing."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from collections.abc import Mapping
from typing import Any

from tests.output_review.hostile.case import TOKEN, Case, Clean, Expect, Refused, family

REPORT: dict[str, Any] = {"kind": "csv", "policy": "x/1", "dropped": [], "findings": []}
FINDING: dict[str, Any] = {
    "check": "cpr",
    "version": 1,
    "kind": "identifier",
    "severity": "block",
    "confidence": "high",
    "place": {"row": 2},
    "said": "value",
    "values": {"value": "01"},
}
FAILED = Refused("failed")
Member = tuple[tarfile.TarInfo, bytes]
PAIR = {"canonical": b"a,b\n", "view.html": b"<p>"}


def member(
    name: str, content: bytes = b"", kind: bytes = tarfile.REGTYPE, pax: Mapping[str, str] | None = None
) -> Member:
    header = tarfile.TarInfo(name)
    header.size, header.type, header.pax_headers = len(content), kind, dict(pax or {})
    return header, content


def tarred(*members: Member) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for header, content in members:
            tar.addfile(header, io.BytesIO(content))
    return out.getvalue()


def parts_of(report: Any = REPORT, others: Mapping[str, bytes] = PAIR, number: str = "1") -> list[Member]:
    said = report if isinstance(report, bytes) else json.dumps(report).encode()
    return [member(f"{number}/{name}", content) for name, content in {"report.json": said, **others}.items()]


def parts(report: Any = REPORT, others: Mapping[str, bytes] = PAIR, number: str = "1") -> bytes:
    """An answer on one file."""
    return tarred(*parts_of(report, others, number))


def link(name: str, target: str, kind: bytes) -> Member:
    header, content = member(name, kind=kind)
    header.linkname = target
    return header, content


def with_canonical(*instead: Member) -> bytes:
    """An answer whose canonical copy is something special."""
    return tarred(
        member("1/report.json", json.dumps(REPORT).encode()), member("1/view.html", PAIR["view.html"]), *instead
    )


ANSWERS: dict[str, tuple[bytes, Expect]] = {
    "a harmless answer": (parts(), Clean()),
    "a harmless refusal": (parts({"refused": "no_table", "detail": ""}, {}), Refused("no_table")),
    "a reason that there is none of": (parts({"refused": TOKEN, "detail": ""}, {}), Refused(TOKEN)),
    "a harmless answer beside others": (tarred(*parts_of(), member("2/canonical"), member("x")), Clean()),
    "nothing": (b"", FAILED),
    "no tar": (TOKEN.encode() * 100, FAILED),
    "an empty tar": (tarred(), FAILED),
    "a tar that is cut": (parts()[:1_100], FAILED),
    "a packed tar": (gzip.compress(parts(), mtime=0), FAILED),
    "an answer on another file": (parts(number="2"), FAILED),
    "an answer on a path": (parts(number="../1"), FAILED),
    "an answer on a path from the root": (parts(number="/1"), FAILED),
    "an answer on a path with a point": (parts(number="./1"), FAILED),
    "no report": (tarred(*(member(f"1/{name}", content) for name, content in PAIR.items())), FAILED),
    "no copy": (parts(others={"view.html": b"<p>"}), FAILED),
    "no view": (parts(others={"canonical": b"x"}), FAILED),
    "a symbolic link as copy": (with_canonical(link("1/canonical", "/etc/passwd", tarfile.SYMTYPE)), FAILED),
    "a symbolic link to the report as copy": (
        with_canonical(link("1/canonical", "report.json", tarfile.SYMTYPE)), FAILED),
    "a hard link as copy": (with_canonical(link("1/canonical", "1/report.json", tarfile.LNKTYPE)), FAILED),
    "a hard link to nothing as copy": (with_canonical(link("1/canonical", "3", tarfile.LNKTYPE)), FAILED),
    "a folder as copy": (with_canonical(member("1/canonical", kind=tarfile.DIRTYPE)), FAILED),
    "a pipe as copy": (with_canonical(member("1/canonical", kind=tarfile.FIFOTYPE)), FAILED),
    "a device as copy": (with_canonical(member("1/canonical", kind=tarfile.CHRTYPE)), FAILED),
    "a disk as copy": (with_canonical(member("1/canonical", kind=tarfile.BLKTYPE)), FAILED),
    "a copy with holes": (
        with_canonical(member("1/canonical", b"x", pax={"GNU.sparse.map": "0,1", "GNU.sparse.size": str(1 << 40)})),
        FAILED),
    "a copy of a size beyond all": (with_canonical(member("1/canonical", b"x", pax={"size": str(10**30)})), FAILED),
    "a report that is no JSON": (parts(b"{"), FAILED),
    "a report in no UTF-8": (parts(b"\xff\xfe\xfd"), FAILED),
    "a report that is nothing": (parts(None), FAILED),
    "a report that is a list": (parts([REPORT]), FAILED),
    "a report that is a number": (parts(5), FAILED),
    "a report that is a text": (parts("refused"), FAILED),
    "a report that is a list of texts": (parts(["refused"]), FAILED),
    "a report that is deep": (parts(b"[" * 100_000), FAILED),
    "a report without a kind": (parts({"dropped": [], "findings": []}), FAILED),
    "a kind that is a number": (parts(REPORT | {"kind": 5}), FAILED),
    "a kind that is long": (parts(REPORT | {"kind": "x" * 501}), FAILED),
    "a field more": (parts(REPORT | {"approved": True}), FAILED),
    "findings that are a text": (parts(REPORT | {"findings": "none"}), FAILED),
    "a finding that is a text": (parts(REPORT | {"findings": ["x"]}), FAILED),
    "a finding with a field more": (parts(REPORT | {"findings": [FINDING | {"html": "<script>"}]}), FAILED),
    "a finding with a field less": (parts(REPORT | {"findings": [{"check": "cpr"}]}), FAILED),
    "evidence that is long": (parts(REPORT | {"findings": [FINDING | {"said": "x" * 501}]}), FAILED),
    "evidence that is a number": (parts(REPORT | {"findings": [FINDING | {"said": 5}]}), FAILED),
    "values that are long": (parts(REPORT | {"findings": [FINDING | {"values": {"value": "x" * 501}}]}), FAILED),
    "values that are many": (parts(REPORT | {"findings": [FINDING | {"values": dict.fromkeys("abcdef", 1)}]}), FAILED),
    "a value that is a list": (parts(REPORT | {"findings": [FINDING | {"values": {"value": []}}]}), FAILED),
    "a place in words": (parts(REPORT | {"findings": [FINDING | {"place": "row 2"}]}), FAILED),
    "a place before the first": (parts(REPORT | {"findings": [FINDING | {"place": {"row": -1}}]}), FAILED),
    "a place with a field more": (parts(REPORT | {"findings": [FINDING | {"place": {"html": "<b>"}}]}), FAILED),
    "a severity of its own": (parts(REPORT | {"findings": [FINDING | {"severity": "none"}]}), FAILED),
    "something dropped that is a text": (parts(REPORT | {"dropped": ["x"]}), FAILED),
    "something dropped that is long": (
        parts(REPORT | {"dropped": [{"what": "x" * 501, "place": {}, "values": {}}]}), FAILED),
    "a refusal with a field more": (parts({"refused": "type", "detail": "", "advice": "<b>"}), FAILED),
    "a refusal that is a list": (parts({"refused": ["type"], "detail": ""}), FAILED),
    "a refusal with long words": (parts({"refused": "type", "detail": "x" * 501}), FAILED),
    "a refusal and an answer": (parts(REPORT | {"refused": "type"}), FAILED),
}  # fmt: skip

TABLE = {name: ("1", raw, expect) for name, (raw, expect) in ANSWERS.items()}
CASES: list[Case] = family("answers of the sandbox", dict(TABLE))
