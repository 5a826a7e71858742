"""What operating the installation needs to remember: open cases by the hour, and indexes of what the board asks for."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from db.base import UtcDateTime

revision = "0010"
down_revision = "0009"

OPEN = "status NOT IN ('closed', 'declined', 'merged', 'withdrawn')"


def upgrade() -> None:
    op.create_table(
        "stage_count",
        sa.Column("counted_at", UtcDateTime, nullable=False, comment="when they were counted"),
        sa.Column("status", sa.String(24), nullable=False, comment="Status"),
        sa.Column("lane", sa.String(16), nullable=False, comment="Lane"),
        sa.Column("cases", sa.Integer, nullable=False, comment="how many"),
        sa.PrimaryKeyConstraint("counted_at", "status", "lane", name="pk_stage_count"),
    )
    for name, columns, where in (
        ("ix_case_file_open", ["status", "lane", "priority", "received_at", "next_due_at"], OPEN),
        ("ix_case_file_failing", ["priority_rank", "id"], "failures > 0"),
    ):
        op.create_index(name, "case_file", columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))


def downgrade() -> None:
    op.drop_index("ix_case_file_failing", "case_file")
    op.drop_index("ix_case_file_open", "case_file")
    op.drop_table("stage_count")
