"""stops of projects and of the site; what rooms have shown, and how far gates have counted"""

import sqlalchemy as sa
from alembic import op

import governance.tables

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    moment = governance.tables.Instant(timezone=True)
    op.create_table(
        "egress_days",
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("shown", sa.BigInteger(), nullable=False),
        sa.Column("granted", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["persons.id"], name=op.f("fk_egress_days_person_id_persons")),
        sa.PrimaryKeyConstraint("person_id", "day", name=op.f("pk_egress_days")),
    )
    op.create_table(
        "meters",
        sa.Column("room_id", sa.String(length=10), nullable=False),
        sa.Column("gate", sa.String(length=32), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("acts", sa.BigInteger(), nullable=False),
        sa.Column("active_at", moment, nullable=False),
        sa.ForeignKeyConstraint(["room_id"], ["rooms.id"], name=op.f("fk_meters_room_id_rooms")),
        sa.PrimaryKeyConstraint("room_id", name=op.f("pk_meters")),
    )
    op.create_table(
        "stops",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=True),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("by", sa.Integer(), nullable=True),
        sa.Column("at", moment, nullable=False),
        sa.Column("lifted_at", moment, nullable=True),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name=op.f("fk_stops_project_id_projects")),
        sa.ForeignKeyConstraint(["by"], ["persons.id"], name=op.f("fk_stops_by_persons")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stops")),
    )
    with op.batch_alter_table("stops", schema=None) as batch_op:
        batch_op.create_index(op.f("ix_stops_project_id"), ["project_id"], unique=False)
