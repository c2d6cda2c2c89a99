"""findings, and what was left out of files, as data

What was said in words before stays so: as the part of a file, and as the evidence.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

KIND_AND_SEVERITY = {
    "cpr": ("identifier", "block"),
    "rows": ("row-level", "block"),
    "small_count": ("small-count", "decide"),
    "formula": ("type", "decide"),
    "invisible": ("hidden-data", "decide"),
    "encoded": ("hidden-data", "decide"),
}


def upgrade() -> None:
    files = sa.table(
        "request_files", sa.column("id", sa.Integer), sa.column("findings", sa.JSON), sa.column("dropped", sa.JSON)
    )
    connection = op.get_bind()
    for number, findings, dropped in connection.execute(sa.select(files.c.id, files.c.findings, files.c.dropped)).all():
        if findings or dropped:
            said = {"findings": [_finding(one) for one in findings], "dropped": [_dropped(one) for one in dropped]}
            connection.execute(sa.update(files).where(files.c.id == number).values(**said))


def _finding(said: dict[str, str]) -> dict[str, Any]:
    kind, severity = KIND_AND_SEVERITY.get(said["rule"], ("type", "note"))
    return {
        "check": said["rule"],
        "version": 0,
        "kind": kind,
        "severity": severity,
        "confidence": "high",
        "place": {"part": said["place"]},
        "said": "value",
        "values": {"value": said["evidence"]},
    }


def _dropped(said: dict[str, str]) -> dict[str, Any]:
    return {"what": said["what"], "place": {"part": said["place"]}, "values": {}}
