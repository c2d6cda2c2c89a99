"""Which kinds of files can be released, by the ending of the name. Needs nothing, so that every door can ask it."""

from __future__ import annotations

from pathlib import PurePosixPath

ACCEPTED = (".csv", ".ipynb", ".jpeg", ".jpg", ".json", ".md", ".png", ".txt")
"""Each proves from its contents that it is what its name says (`engine.py`)."""

OTHERS = {
    **dict.fromkeys((".xlsx", ".xls", ".ods"), "spreadsheet"),
    **dict.fromkeys((".parquet", ".feather", ".arrow", ".dta", ".sav", ".sas7bdat", ".rds", ".db", ".sqlite"), "data"),
    **dict.fromkeys((".pkl", ".pickle", ".joblib", ".npy", ".npz", ".h5", ".pt", ".onnx", ".rdata"), "model"),
    **dict.fromkeys((".pdf", ".svg", ".eps", ".ps", ".html", ".htm", ".gif", ".tif", ".tiff", ".webp"), "figure"),
    **dict.fromkeys((".doc", ".docx", ".odt", ".rtf", ".ppt", ".pptx", ".tex"), "document"),
    **dict.fromkeys((".zip", ".gz", ".tar", ".tgz", ".bz2", ".xz", ".7z", ".zst"), "archive"),
    **dict.fromkeys((".py", ".r", ".sql", ".do", ".sas", ".sh", ".jl"), "program"),
}
"""Kinds that people try, and the reason in `report.REFUSALS` that tells them what to do instead."""


def ending(name: str) -> str:
    """The ending of a file's name, in lower case: `.csv`."""
    return PurePosixPath(name).suffix.lower()


def accepted(name: str) -> bool:
    """Whether a file of this name may be inspected at all."""
    return ending(name) in ACCEPTED


def refusal(name: str) -> str:
    """Why a file of this name is not accepted: a key of `report.REFUSALS`."""
    return OTHERS.get(ending(name), "type")
