"""whose a job is, and when it was last taken: they take turns"""

import sqlalchemy as sa
from alembic import op

import governance.tables

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("jobs", schema=None) as batch_op:
        batch_op.add_column(sa.Column("whose", sa.String(length=40), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("taken_at", governance.tables.Instant(timezone=True), nullable=True))
    with op.batch_alter_table("jobs", schema=None) as batch_op:
        batch_op.alter_column("whose", server_default=None)
        batch_op.create_index(op.f("ix_jobs_whose"), ["whose"])
