"""the latest time that anything was recorded at"""

import sqlalchemy as sa
from alembic import op

import governance.tables

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("audit_head", sa.Column("latest_at", governance.tables.Instant(timezone=True), nullable=True))
    op.execute("UPDATE audit_head SET latest_at = (SELECT max(at) FROM audit_events)")
