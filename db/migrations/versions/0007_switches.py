"""Switches that people set: sending muted, and why."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from db.base import Data, UtcDateTime

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_table(
        "switch",
        sa.Column("name", sa.String(32), nullable=False, comment="the switch"),
        sa.Column("is_on", sa.Boolean, nullable=False, comment="whether what it names goes on by itself"),
        sa.Column("reason", sa.Text, nullable=False, comment="why it was set so"),
        sa.Column("set_by", sa.String(64), nullable=False, comment="who set it"),
        sa.Column("set_at", UtcDateTime, nullable=False, comment="when"),
        sa.Column("detail", Data, nullable=False, comment="what it follows from, such as the backup restored from"),
        sa.PrimaryKeyConstraint("name", name="pk_switch"),
    )


def downgrade() -> None:
    raise RuntimeError("evidence stays: restore a backup instead of going back")
