"""Policy versions with their texts, pauses and extensions of clocks, expert opinions, preconditions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from db.base import Data, Id, UtcDateTime

revision = "0004"
down_revision = "0003"

FIXED = ("policy_version", "expert_opinion")
"""Tables whose rows are evidence: never changed, never removed."""


def upgrade() -> None:
    op.create_table(
        "policy_version",
        sa.Column("version", sa.String(80), nullable=False, comment="regime id and digest"),
        sa.Column("regime_id", sa.String(64), nullable=False, comment="immutable id of the text"),
        sa.Column("folder", sa.String(64), nullable=False, comment="the pack's folder"),
        sa.Column("digest", sa.String(64), nullable=False, comment="SHA-256 of the pack's content"),
        sa.Column("texts", Data, nullable=False, comment="the pack's files"),
        sa.Column(
            "public_days", Data, nullable=False,
            comment="public holidays and moved working days by calendar, as known then",
        ),
        sa.Column("adopted_at", UtcDateTime, nullable=False, comment="when it was first used here"),
        sa.PrimaryKeyConstraint("version", name="pk_policy_version"),
        sa.UniqueConstraint("regime_id", name="uq_policy_version_regime_id"),
    )  # fmt: skip
    op.create_table(
        "expert_opinion",
        sa.Column("id", Id, nullable=False, comment="internal id"),
        sa.Column("case_id", Id, nullable=False, comment="the case"),
        sa.Column("group_id", sa.String(64), nullable=False, comment="the group, by its id in the policy pack"),
        sa.Column("reference", sa.String(80), nullable=False, comment="number of the group's record"),
        sa.Column("present", Data, nullable=False, comment="members present"),
        sa.Column("conflicted", Data, nullable=False, comment="members present who had a conflict of interest"),
        sa.Column("in_favour", sa.Integer, nullable=False, comment="votes that confirm"),
        sa.Column("against", sa.Integer, nullable=False, comment="votes that do not"),
        sa.Column("confirmed", sa.Boolean, nullable=False, comment="whether the group confirmed the case"),
        sa.Column("reasons", sa.Text, nullable=False, comment="the group's reasons"),
        sa.Column("dissent", Data, nullable=False, comment="dissenting opinions, one text each"),
        sa.Column("recorded_by", sa.String(64), nullable=False, comment="who entered it"),
        sa.Column("policy_version", sa.String(80), nullable=False, comment="policy version it was recorded under"),
        sa.Column("decided_at", UtcDateTime, nullable=False, comment="when the group decided"),
        sa.Column("recorded_at", UtcDateTime, nullable=False, comment="when it was entered"),
        sa.CheckConstraint("length(reasons) > 0", name="reasons_given"),
        sa.CheckConstraint("in_favour >= 0 AND against >= 0", name="votes_counted"),
        sa.CheckConstraint("confirmed = (in_favour > against)", name="majority"),
        sa.ForeignKeyConstraint(["case_id"], ["case_file.id"], name="fk_expert_opinion_case_id_case_file"),
        sa.PrimaryKeyConstraint("id", name="pk_expert_opinion"),
        sa.UniqueConstraint("case_id", "group_id", "reference"),
    )
    op.add_column(
        "clock",
        sa.Column("calendar", sa.String(64), nullable=True, comment="calendar it follows; null: the pack's first"),
    )
    op.add_column(
        "clock",
        sa.Column(
            "qualitative", sa.Text, nullable=False, server_default="",
            comment="the law's words, where it sets a duty without a number",
        ),
    )  # fmt: skip
    op.add_column(
        "clock",
        sa.Column(
            "history", Data, nullable=False, server_default="[]",
            comment="pauses and extensions since the start, in order",
        ),
    )  # fmt: skip
    op.add_column(
        "case_file",
        sa.Column(
            "provider_told_at", UtcDateTime, nullable=True,
            comment="when somebody complained to the provider of the service",
        ),
    )  # fmt: skip
    sqlite = op.get_bind().dialect.name == "sqlite"
    for table in FIXED:
        for what in ("UPDATE", "DELETE"):
            name = f"{table}_no_{what.lower()}"
            if sqlite:
                op.execute(
                    f"CREATE TRIGGER {name} BEFORE {what} ON {table} BEGIN "
                    f"SELECT RAISE(ABORT, 'evidence is never changed: {table}'); END"
                )
            else:
                op.execute(
                    f"CREATE TRIGGER {name} BEFORE {what} ON {table} FOR EACH ROW EXECUTE FUNCTION qorgan_refuse()"
                )


def downgrade() -> None:
    raise RuntimeError("evidence stays: restore a backup instead of going back")
