"""who had a role in a project, and until when"""

import sqlalchemy as sa
from alembic import op

import governance.tables

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "former_members",
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("until", governance.tables.Instant(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["persons.id"], name=op.f("fk_former_members_person_id_persons")),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name=op.f("fk_former_members_project_id_projects")),
        sa.PrimaryKeyConstraint("project_id", "person_id", name=op.f("pk_former_members")),
    )
    op.execute(
        "INSERT INTO former_members (project_id, person_id, until)"
        " SELECT project_id, person_id, MAX(at) FROM audit_events"
        " WHERE kind = 'member.removed' GROUP BY project_id, person_id"
    )
