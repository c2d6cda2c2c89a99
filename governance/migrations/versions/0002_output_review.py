"""output review requests files votes"""

import sqlalchemy as sa
from alembic import op

import governance.tables

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:

    op.create_table(
        "jobs",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("key", sa.String(length=100), nullable=False),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("ready_at", governance.tables.Instant(timezone=True), nullable=False),
        sa.Column("lease_until", governance.tables.Instant(timezone=True), nullable=True),
        sa.Column("done_at", governance.tables.Instant(timezone=True), nullable=True),
        sa.Column("why", sa.String(length=500), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_jobs")),
        sa.UniqueConstraint("key", name=op.f("uq_jobs_key")),
    )
    with op.batch_alter_table("jobs", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_jobs_kind"), ["kind"], unique=False)

    op.create_table(
        "release_requests",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("room_id", sa.String(length=10), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("status", sa.String(length=32), nullable=False),
        sa.Column("words", sa.Text(), nullable=True),
        sa.Column("policy_version", sa.String(length=40), nullable=False),
        sa.Column("data_versions", sa.JSON(), nullable=False),
        sa.Column("created_at", governance.tables.Instant(timezone=True), nullable=False),
        sa.Column("changed_at", governance.tables.Instant(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["persons.id"], name=op.f("fk_release_requests_person_id_persons")),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name=op.f("fk_release_requests_project_id_projects")),
        sa.ForeignKeyConstraint(["room_id"], ["rooms.id"], name=op.f("fk_release_requests_room_id_rooms")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_release_requests")),
    )
    with op.batch_alter_table("release_requests", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_release_requests_project_id"), ["project_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_release_requests_status"), ["status"], unique=False)

    op.create_table(
        "releases",
        sa.Column("request_id", sa.Integer(), nullable=False),
        sa.Column("bundle_sha256", sa.String(length=64), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("released_at", governance.tables.Instant(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["request_id"], ["release_requests.id"], name=op.f("fk_releases_request_id_release_requests")
        ),
        sa.PrimaryKeyConstraint("request_id", name=op.f("pk_releases")),
    )
    op.create_table(
        "request_files",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("request_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("population", sa.Text(), nullable=False),
        sa.Column("persons", sa.BigInteger(), nullable=True),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=True),
        sa.Column("original_sha256", sa.String(length=64), nullable=True),
        sa.Column("kind", sa.String(length=20), nullable=True),
        sa.Column("canonical_sha256", sa.String(length=64), nullable=True),
        sa.Column("canonical_size", sa.BigInteger(), nullable=True),
        sa.Column("view_sha256", sa.String(length=64), nullable=True),
        sa.Column("dropped", sa.JSON(), nullable=False),
        sa.Column("findings", sa.JSON(), nullable=False),
        sa.Column("refusal", sa.JSON(), nullable=True),
        sa.ForeignKeyConstraint(
            ["request_id"], ["release_requests.id"], name=op.f("fk_request_files_request_id_release_requests")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_request_files")),
        sa.UniqueConstraint("request_id", "name", name=op.f("uq_request_files_request_id")),
    )
    with op.batch_alter_table("request_files", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_request_files_request_id"), ["request_id"], unique=False)

    op.create_table(
        "file_votes",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("file_id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("canonical_sha256", sa.String(length=64), nullable=False),
        sa.Column("approve", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("at", governance.tables.Instant(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["file_id"], ["request_files.id"], name=op.f("fk_file_votes_file_id_request_files")),
        sa.ForeignKeyConstraint(["person_id"], ["persons.id"], name=op.f("fk_file_votes_person_id_persons")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_file_votes")),
    )
    with op.batch_alter_table("file_votes", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_file_votes_file_id"), ["file_id"], unique=False)
