"""What the documents say of processes is what their table says."""

from __future__ import annotations

from pathlib import Path

from sluse.processes import PROCESSES

DOCUMENTS = Path(__file__).parents[2] / "docs"


def rows(document: str) -> list[list[str]]:
    """The cells of every row of a document's tables."""
    lines = (DOCUMENTS / document).read_text().splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]


def test_the_documents_name_every_process_that_holds_docker() -> None:
    """It is root on the host."""
    holders = [process.name for process in PROCESSES if process.may.startswith("Docker")]
    [socket] = [cells for cells in rows("threat-model.md") if cells[0].startswith("the Docker socket")]
    assert socket[1].split(", ") == holders
    names = {process.name for process in PROCESSES}
    table = {cells[0]: cells[1] for cells in rows("architecture.md") if cells[0] in names}
    assert set(table) == names
    assert [name for name, docker in table.items() if docker.startswith("yes")] == holders
