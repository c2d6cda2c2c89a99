"""what a project's permit is for"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("projects", schema=None) as batch_op:
        batch_op.add_column(sa.Column("purpose", sa.String(length=2000), nullable=False, server_default=""))
    with op.batch_alter_table("projects", schema=None) as batch_op:
        batch_op.alter_column("purpose", server_default=None)
