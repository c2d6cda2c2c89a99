"""Which types of files there are, how each is known, and which can be released. Needs nothing: every door can ask it.

A new type is a row here and a module of `inspection.extract`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath

from inspection.report import NoCanonicalForm


@dataclass(frozen=True, slots=True)
class Type:
    """A type of file."""

    name: str
    endings: tuple[str, ...]
    extractor: str = ""
    """The module of `inspection.extract` that reads it; empty for what cannot be released."""
    refusal: str = ""
    """Why it cannot be: a key of `report.REFUSALS`."""
    magic: bytes = b""
    """What every such file begins with; empty where nothing is, and the extractor proves what it is."""


TYPES = (
    Type("csv", (".csv",), "delimited"),
    Type("tsv", (".tsv", ".tab"), "delimited"),
    Type("json", (".json",), "json_values"),
    Type("markdown", (".md",), "plain"),
    Type("notebook", (".ipynb",), "notebooks"),
    Type("text", (".txt", ".log"), "plain"),
    Type("png", (".png",), "pictures", magic=b"\x89PNG\r\n\x1a\n"),
    Type("jpeg", (".jpeg", ".jpg"), "pictures", magic=b"\xff\xd8\xff"),
    Type("spreadsheet", (".xlsx", ".xls", ".ods"), refusal="spreadsheet"),
    Type(
        "data file",
        (".parquet", ".feather", ".arrow", ".dta", ".sav", ".sas7bdat", ".rds", ".db", ".sqlite"),
        refusal="data",
    ),
    Type(
        "model",
        (".pkl", ".pickle", ".joblib", ".npy", ".npz", ".h5", ".pt", ".onnx", ".rdata"),
        refusal="model",
    ),
    Type(
        "figure",
        (".pdf", ".svg", ".eps", ".ps", ".html", ".htm", ".gif", ".tif", ".tiff", ".webp"),
        refusal="figure",
    ),
    Type("document", (".doc", ".docx", ".odt", ".rtf", ".ppt", ".pptx", ".tex"), refusal="document"),
    Type("archive", (".zip", ".gz", ".tar", ".tgz", ".bz2", ".xz", ".7z", ".zst"), refusal="archive"),
    Type("program", (".py", ".r", ".sql", ".do", ".sas", ".sh", ".jl"), refusal="program"),
)
OTHER = Type("other", (), refusal="type")


def ending(name: str) -> str:
    """The ending of a file's name, in lower case: `.csv`."""
    return PurePosixPath(name).suffix.lower()


def by_name(name: str) -> Type:
    """What a file of this name should be."""
    return next((one for one in TYPES if ending(name) in one.endings), OTHER)


def accepted() -> tuple[str, ...]:
    """The endings of what can be released."""
    return tuple(sorted(ending for one in TYPES if one.extractor for ending in one.endings))


def identify(name: str, raw: bytes) -> Type:
    """What a file is, by its name and its first bytes, which must agree.

    Raises:
        NoCanonicalForm: it cannot be released, or is not what its name says.
    """
    named = by_name(name)
    if named.refusal:
        raise NoCanonicalForm(named.refusal, ending(name))
    begins = next((one for one in TYPES if one.magic and raw.startswith(one.magic)), None)
    if begins is not named and (begins or named.magic):
        raise NoCanonicalForm("not_what_its_name_says")
    return named
