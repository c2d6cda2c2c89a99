"""The list of packages: what is on it, and what only looks like it."""

from __future__ import annotations

from pathlib import Path

import pytest

from governance import settings as settings_module
from governance.errors import Invalid
from mirror import allowed
from mirror.allowed import Allowed, AllowedFile


@pytest.fixture
def some() -> Allowed:
    return Allowed.parse("# ours\nlifelines\nScikit_Learn >=1.4,<2  # kept below 2\n\n", "some.txt")


@pytest.mark.parametrize(
    ("asked", "package"),
    [
        ("lifelines", "lifelines"),
        ("LifeLines", "lifelines"),
        ("scikit.learn", "scikit-learn"),
        ("lifeline", None),
        ("lifelines-secret-message", None),
        ("..", None),
        ("", None),
        ("lifelines\n", None),
        ("ｌifelines", None),
    ],
)
def test_a_name_is_on_the_list_or_not(some: Allowed, asked: str, package: str | None) -> None:
    assert some.package(asked) == package


@pytest.mark.parametrize(
    ("package", "filename", "has"),
    [
        ("lifelines", "lifelines-0.30.0-py3-none-any.whl", True),
        ("lifelines", "lifelines-0.30.0-py3-none-any.whl.metadata", True),
        ("lifelines", "lifelines-0.30.0.tar.gz", True),
        ("scikit-learn", "scikit_learn-1.9.1-cp311-cp311-manylinux2014_x86_64.whl", True),
        ("scikit-learn", "scikit_learn-2.0-cp311-cp311-manylinux2014_x86_64.whl", False),
        ("scikit-learn", "scikit-learn-1.3.tar.gz", False),
        ("lifelines", "scikit_learn-1.9.1-cp311-cp311-manylinux2014_x86_64.whl", False),
        ("lifelines", "lifelines_more-0.30.0-py3-none-any.whl", False),
        ("lifelines", "lifelines-0.30.0.tar.gz.metadata", False),
        ("lifelines", "lifelines-0.30.0-py3-none-any.whl.asc", False),
        ("lifelines", "lifelines-0.30.0-py3.11.egg", False),
        ("lifelines", "../lifelines-0.30.0.tar.gz", False),
        ("pandas", "pandas-3.0-py3-none-any.whl", False),
    ],
)
def test_a_file_is_of_a_package_and_a_version_on_the_list(
    some: Allowed, package: str, filename: str, has: bool
) -> None:
    assert some.has(package, filename) is has


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("no such line", "line 2: 'no such line' is not a package's name with versions, such as pandas >=2,<4"),
        ("x @ https://elsewhere.example/x.whl", "is not a package's name"),
        ("dask[complete]", "is not a package's name"),
        ("x; python_version < '4'", "is not a package's name"),
        ("Lifelines >1", "line 2: lifelines stands there twice"),
    ],
)
def test_a_list_that_cannot_be_read_is_refused(line: str, words: str) -> None:
    with pytest.raises(Invalid) as refused:
        Allowed.parse(f"lifelines\n{line}\n", "own.txt")
    assert str(refused.value).startswith("own.txt, ")
    assert words in str(refused.value)


def test_the_list_that_comes_with_the_platform_can_be_read() -> None:
    every = AllowedFile("main").now()
    assert {"scikit-learn", "openpyxl", "lifelines", "setuptools"} <= every.versions.keys()


def test_an_operators_own_list_stands_in_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (settings_module, allowed):
        monkeypatch.setattr(module, "CONFIGURATION", tmp_path)
    own, listed = tmp_path / "main-packages.txt", AllowedFile("main")
    assert listed.now().package("lifelines")
    own.write_text("openpyxl\n")
    assert listed.now().versions.keys() == {"openpyxl"}
    own.write_text("openpyxl and more\n")
    with pytest.raises(Invalid, match="main-packages"):
        listed.now()
    with pytest.raises(Invalid, match="main-packages"):  # not what was read before it was spoiled
        listed.now()
