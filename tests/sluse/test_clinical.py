from __future__ import annotations

from sluse import clinical

ARFF = """% a comment
@RELATION DataTable
@ATTRIBUTE age numeric
@ATTRIBUTE gender {0,1}

@DATA
83.0,0
49.5,1
"""


def test_patients_are_read_with_yes_and_no_as_numbers() -> None:
    assert clinical.read(ARFF).to_dicts() == [{"age": 83.0, "gender": 0}, {"age": 49.5, "gender": 1}]


def test_one_package_is_taken_from_a_list_of_wheels() -> None:
    entries = [
        f"{name} \\\n    --hash=sha256:{name}\n" for name in ("numpy==2.0", "scikit-survival==0.28.0", "scipy==1.0")
    ]
    assert clinical._only("".join(entries)) == entries[1]
