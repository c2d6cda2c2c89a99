"""rounds of a request; purpose and data sets of each file"""

import sqlalchemy as sa
from alembic import op

import governance.tables

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "earlier_rounds",
        sa.Column("request_id", sa.Integer(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("words", sa.Text(), nullable=True),
        sa.Column("data_versions", sa.JSON(), nullable=False),
        sa.Column("returned_at", governance.tables.Instant(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["request_id"], ["release_requests.id"], name=op.f("fk_earlier_rounds_request_id_release_requests")
        ),
        sa.PrimaryKeyConstraint("request_id", "round", name=op.f("pk_earlier_rounds")),
    )
    with op.batch_alter_table("release_requests", schema=None) as batch_op:
        batch_op.add_column(sa.Column("round", sa.Integer(), nullable=False, server_default="1"))
    with op.batch_alter_table("request_files", schema=None) as batch_op:
        batch_op.add_column(sa.Column("round", sa.Integer(), nullable=False, server_default="1"))
        batch_op.add_column(sa.Column("purpose", sa.Text(), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("data_sets", sa.JSON(), nullable=False, server_default="[]"))
        batch_op.drop_constraint(op.f("uq_request_files_request_id"), type_="unique")
        batch_op.create_unique_constraint(op.f("uq_request_files_request_id"), ["request_id", "round", "name"])
    op.execute(
        "UPDATE request_files SET purpose ="
        " (SELECT purpose FROM release_requests WHERE release_requests.id = request_files.request_id)"
    )
    with op.batch_alter_table("release_requests", schema=None) as batch_op:
        batch_op.drop_column("purpose")
        batch_op.alter_column("round", server_default=None)
    with op.batch_alter_table("request_files", schema=None) as batch_op:
        for column in ("round", "purpose", "data_sets"):
            batch_op.alter_column(column, server_default=None)
