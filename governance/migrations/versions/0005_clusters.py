"""clusters of rooms, their containers, and which projects may have them; the image of a room"""

import sqlalchemy as sa
from alembic import op

import governance.tables

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    moment = governance.tables.Instant(timezone=True)
    op.create_table(
        "clusters",
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("room_id", sa.String(length=10), nullable=False),
        sa.Column("profile", sa.String(length=40), nullable=False),
        sa.Column("image", sa.String(length=200), nullable=False),
        sa.Column("started_at", moment, nullable=False),
        sa.Column("active_at", moment, nullable=False),
        sa.Column("ended_at", moment, nullable=True),
        sa.Column("why", sa.JSON(), nullable=True),
        sa.ForeignKeyConstraint(["room_id"], ["rooms.id"], name=op.f("fk_clusters_room_id_rooms")),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_clusters")),
    )
    op.create_index(op.f("ix_clusters_room_id"), "clusters", ["room_id"])
    op.create_table(
        "cluster_containers",
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("cluster", sa.String(length=32), nullable=False),
        sa.Column("part", sa.String(length=32), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("cores", sa.Integer(), nullable=False),
        sa.Column("memory", sa.BigInteger(), nullable=False),
        sa.Column("started_at", moment, nullable=False),
        sa.Column("ended_at", moment, nullable=True),
        sa.Column("why", sa.JSON(), nullable=True),
        sa.ForeignKeyConstraint(["cluster"], ["clusters.name"], name=op.f("fk_cluster_containers_cluster_clusters")),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_cluster_containers")),
    )
    op.create_index(op.f("ix_cluster_containers_cluster"), "cluster_containers", ["cluster"])
    op.create_index(op.f("ix_cluster_containers_started_at"), "cluster_containers", ["started_at"])
    with op.batch_alter_table("projects", schema=None) as batch_op:
        batch_op.add_column(sa.Column("clusters", sa.Boolean(), nullable=False, server_default=sa.false()))
    with op.batch_alter_table("rooms", schema=None) as batch_op:
        batch_op.add_column(sa.Column("image", sa.String(length=31), nullable=False, server_default="base"))
