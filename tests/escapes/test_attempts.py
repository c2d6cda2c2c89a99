"""The register of attempts itself; these take no stack."""

from __future__ import annotations

from tests.escapes import attempts

CONTROLS = {
    "test_door.py::test_a_good_ticket_opens_the_door",
    "test_gate.py::test_a_researcher_sees_the_budget",
    "test_walls.py::test_the_doctor_finds_every_wall_standing_and_tries_them",
}
"""Show that something does work; the others try what must not."""


def test_every_case_says_what_it_tries() -> None:
    assert {
        case for case in attempts.unregistered() if not case.startswith(("test_attempts.py", "test_rotation.py"))
    } == CONTROLS


def test_the_document_has_every_attempt() -> None:
    assert attempts.documented() == attempts.table()
