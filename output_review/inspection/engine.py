"""One file in, its inspection out. What is done with each kind is here."""

from __future__ import annotations

from collections.abc import Callable

from output_review.inspection import images, json_files, kinds, notebooks, tables, text
from output_review.inspection.report import Dropped, Finding, Inspected, NoCanonicalForm

MOST = 100

KINDS: dict[str, Callable[[str, bytes], Inspected]] = {
    ".csv": tables.inspect,
    ".ipynb": notebooks.inspect,
    ".jpeg": images.inspect,
    ".jpg": images.inspect,
    ".json": json_files.inspect,
    ".md": text.inspect,
    ".png": images.inspect,
    ".txt": text.inspect,
}
"""What is done with each kind that `kinds.ACCEPTED` names; it proves from the contents that it is what it says."""
MAGIC = {".png": images.MAGIC["png"], ".jpg": images.MAGIC["jpeg"], ".jpeg": images.MAGIC["jpeg"]}


def inspect(name: str, raw: bytes) -> Inspected:
    """Inspect one file; raises NoCanonicalForm when it cannot leave as it is."""
    ending = kinds.ending(name)
    kind = KINDS.get(ending)
    if kind is None:
        raise NoCanonicalForm(kinds.refusal(name), ending)
    is_image = raw.startswith(tuple(MAGIC.values()))
    if is_image != (ending in MAGIC) or not raw.startswith(MAGIC.get(ending, b"")):
        raise NoCanonicalForm("not_what_its_name_says")
    try:
        inspected = kind(name, raw)
    except RecursionError:
        raise NoCanonicalForm("failed", "nested too deep") from None
    except UnicodeEncodeError as e:  # JSON can name half of a character, which no text can hold
        raise NoCanonicalForm("encoding", str(e)) from None
    inspected.findings = _shortened(inspected.findings)
    if len(inspected.dropped) > MOST:
        more = Dropped(f"{len(inspected.dropped) - MOST} more", "elsewhere")
        inspected.dropped = [*inspected.dropped[:MOST], more]
    return inspected


def _shortened(findings: list[Finding]) -> list[Finding]:
    """At most MOST of each rule, with a line that says how many more there are: nothing is cut in silence."""
    shown: list[Finding] = []
    for rule in dict.fromkeys(finding.rule for finding in findings):
        of_rule = [finding for finding in findings if finding.rule == rule]
        shown += of_rule[:MOST]
        if len(of_rule) > MOST:
            shown.append(Finding(rule, "elsewhere", f"{len(of_rule) - MOST} more"))
    return shown
