"""which findings an approval answers"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("file_votes", schema=None) as batch_op:
        batch_op.add_column(sa.Column("answered", sa.JSON(), nullable=False, server_default="[]"))
    with op.batch_alter_table("file_votes", schema=None) as batch_op:
        batch_op.alter_column("answered", server_default=None)
