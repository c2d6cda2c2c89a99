"""the digest of what a room, its clusters and its requests were made from; leases of GPUs"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("rooms", "release_requests", "earlier_rounds"):
        column = "image_digest" if table == "rooms" else "image"
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.add_column(sa.Column(column, sa.String(length=71), nullable=True))
    with op.batch_alter_table("clusters", schema=None) as batch_op:
        batch_op.alter_column("image", existing_type=sa.String(length=200), type_=sa.String(length=71), nullable=False)
    with op.batch_alter_table("cluster_containers", schema=None) as batch_op:
        batch_op.add_column(sa.Column("gpus", sa.Integer(), nullable=False, server_default="0"))
    op.create_table(
        "gpu_leases",
        sa.Column("gpu", sa.String(length=40), nullable=False),
        sa.Column("container", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(
            ["container"], ["cluster_containers.name"], name=op.f("fk_gpu_leases_container_cluster_containers")
        ),
        sa.PrimaryKeyConstraint("gpu", name=op.f("pk_gpu_leases")),
    )
    op.create_index(op.f("ix_gpu_leases_container"), "gpu_leases", ["container"])
