"""Cases, items, reports, clocks and the event log."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import db.base

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "case_file",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False, comment="internal id, never shown"),
        sa.Column("number", sa.String(length=32), nullable=False, comment="case number, as in KZ-2026-000123"),
        sa.Column("authority", sa.String(length=64), nullable=False, comment="authority the case belongs to"),
        sa.Column("status", sa.String(length=24), nullable=False, comment="Status: where the case is"),
        sa.Column("disposition", sa.String(length=24), nullable=True, comment="Disposition: how it ended"),
        sa.Column("priority", sa.String(length=2), nullable=False, comment="Priority in force, P0 to P4"),
        sa.Column("priority_rank", sa.Integer(), nullable=False, comment="0 to 4, for ordering"),
        sa.Column("priority_floor", sa.String(length=2), nullable=False, comment="Priority as computed; going below needs two people"),
        sa.Column("priority_trace", sa.JSON(), nullable=False, comment="rules that fired, with their source"),
        sa.Column("lane", sa.String(length=16), nullable=False, comment="Lane that drives it"),
        sa.Column("category", sa.String(length=64), nullable=False, comment="harm category of the policy pack"),
        sa.Column("political", sa.Boolean(), nullable=False, comment="politically sensitive: two reviewers, no boost"),
        sa.Column("child", sa.Boolean(), nullable=False, comment="a child is concerned"),
        sa.Column("age_band", sa.String(length=16), nullable=False, comment="AgeBand of the person harmed"),
        sa.Column("language", sa.String(length=8), nullable=False, comment="language of the report"),
        sa.Column("instrument", sa.String(length=32), nullable=False, comment="Instrument of the notice"),
        sa.Column("ground", sa.String(length=16), nullable=False, comment="Ground of the notice"),
        sa.Column("requested_action", sa.String(length=32), nullable=False, comment="RequestedAction"),
        sa.Column("territories", sa.JSON(), nullable=False, comment="countries the action is asked for"),
        sa.Column("indicators", sa.JSON(), nullable=False, comment="indicator codes stated by the reporter or a specialist"),
        sa.Column("quote", sa.Text(), nullable=False, comment="the content's own words"),
        sa.Column("translation", sa.Text(), nullable=False, comment="translation of the words"),
        sa.Column("description", sa.Text(), nullable=False, comment="the reporter's description; never leaves as it is"),
        sa.Column("why_unlawful", sa.Text(), nullable=False, comment="how the content meets the law"),
        sa.Column("policy_line", sa.Text(), nullable=False, comment="line of the platform's policy"),
        sa.Column("cited_basis", sa.JSON(), nullable=False, comment="provisions the reporter cited"),
        sa.Column("expert_decision", sa.String(length=200), nullable=False, comment="number of the expert group's decision"),
        sa.Column("issuing_authority", sa.String(length=300), nullable=False, comment="the authority that wrote, for an official letter"),
        sa.Column("anonymous", sa.Boolean(), nullable=False, comment="the reporter gave no name"),
        sa.Column("reporter_is_child", sa.Boolean(), nullable=False, comment="the reporter is a child"),
        sa.Column("reporters", sa.Integer(), nullable=False, comment="how many reports this case gathers"),
        sa.Column("missing", sa.JSON(), nullable=False, comment="codes the completeness gate missed last"),
        sa.Column("question", sa.Text(), nullable=False, comment="the platform's question, while one is open"),
        sa.Column("intake_by", sa.String(length=64), nullable=False, comment="who took the report in; may not approve it"),
        sa.Column("received_at", db.base.UtcDateTime(timezone=True), nullable=False, comment="when the first report was stored"),
        sa.Column("policy_version", sa.String(length=80), nullable=False, comment="policy version it was opened under"),
        sa.Column("merged_into", sa.String(length=32), nullable=True, comment="case number it lives on in"),
        sa.Column("drive_at", db.base.UtcDateTime(timezone=True), nullable=True, comment="when the system may go on; null: it waits"),
        sa.Column("next_due_at", db.base.UtcDateTime(timezone=True), nullable=True, comment="earliest due time of its running clocks"),
        sa.Column("lease_owner", sa.String(length=80), nullable=True, comment="the drive that holds it"),
        sa.Column("lease_until", db.base.UtcDateTime(timezone=True), nullable=True, comment="until when it is held"),
        sa.Column("failures", sa.Integer(), nullable=False, comment="drives in a row that failed"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_file")),
        sa.UniqueConstraint("id", "intake_by", name=op.f("uq_case_file_id_intake_by")),
        sa.UniqueConstraint("number", name=op.f("uq_case_file_number")),
    )
    with op.batch_alter_table("case_file", schema=None) as batch_op:
        batch_op.create_index("ix_case_file_drive", ["lane", "drive_at", "priority_rank"], unique=False, sqlite_where=sa.text("drive_at IS NOT NULL"), postgresql_where=sa.text("drive_at IS NOT NULL"))
        batch_op.create_index(batch_op.f("ix_case_file_status"), ["status"], unique=False)

    op.create_table(
        "chain_head",
        sa.Column("id", sa.Integer(), nullable=False, comment="always 1"),
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False, comment="position of the newest event"),
        sa.Column("hash", sa.String(length=64), nullable=False, comment="hash of the newest event"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_chain_head")),
    )
    op.create_table(
        "channel_cursor",
        sa.Column("name", sa.String(length=64), nullable=False, comment="the channel"),
        sa.Column("position", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False, comment="last answer read"),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_channel_cursor")),
    )
    op.create_table(
        "event",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False, comment="position in the chain, from 1"),
        sa.Column("case_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True, comment="the case; null for what concerns none"),
        sa.Column("at", db.base.UtcDateTime(timezone=True), nullable=False, comment="when it happened"),
        sa.Column("kind", sa.String(length=48), nullable=False, comment="what happened"),
        sa.Column("actor_id", sa.String(length=64), nullable=False, comment="who did it"),
        sa.Column("actor_name", sa.String(length=200), nullable=False, comment="the name at that time"),
        sa.Column("from_status", sa.String(length=24), nullable=True, comment="status before, for a move"),
        sa.Column("to_status", sa.String(length=24), nullable=True, comment="status after, for a move"),
        sa.Column("reason", sa.Text(), nullable=False, comment="why, as the actor said it"),
        sa.Column("policy_version", sa.String(length=80), nullable=False, comment="policy version in force for the case"),
        sa.Column("data", sa.JSON(), nullable=False, comment="codes, numbers, times; no person, link or letter text"),
        sa.Column("previous", sa.String(length=64), nullable=False, comment="hash of the event before"),
        sa.Column("hash", sa.String(length=64), nullable=False, comment="SHA-256 of this content and the hash before"),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_event")),
    )
    with op.batch_alter_table("event", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_event_case_id_seq"), ["case_id", "seq"], unique=False)
        batch_op.create_index(batch_op.f("ix_event_kind"), ["kind"], unique=False)

    op.create_table(
        "heartbeat",
        sa.Column("name", sa.String(length=64), nullable=False, comment="the job"),
        sa.Column("succeeded_at", db.base.UtcDateTime(timezone=True), nullable=False, comment="its last success"),
        sa.Column("detail", sa.JSON(), nullable=False, comment="counts of that run"),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_heartbeat")),
    )
    op.create_table(
        "number_sequence",
        sa.Column("authority", sa.String(length=64), nullable=False, comment="authority"),
        sa.Column("year", sa.Integer(), nullable=False, comment="calendar year in the authority's zone"),
        sa.Column("last", sa.Integer(), nullable=False, comment="last number given"),
        sa.PrimaryKeyConstraint("authority", "year", name=op.f("pk_number_sequence")),
    )
    op.create_table(
        "clock",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False, comment="internal id"),
        sa.Column("case_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True, comment="the case, if it is one's"),
        sa.Column("subject_kind", sa.String(length=16), nullable=False, comment="case, submission or hold"),
        sa.Column("subject_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False, comment="id of what it is about"),
        sa.Column("rule_id", sa.String(length=96), nullable=False, comment="rule of the policy pack"),
        sa.Column("policy_version", sa.String(length=80), nullable=False, comment="policy version it started with and keeps"),
        sa.Column("duty", sa.String(length=16), nullable=False, comment="Duty: whose it is"),
        sa.Column("statutory", sa.Boolean(), nullable=False, comment="set by law; otherwise our own target"),
        sa.Column("source", sa.Text(), nullable=False, comment="where the rule comes from"),
        sa.Column("verified", sa.Boolean(), nullable=False, comment="whether a person has checked the source"),
        sa.Column("limit_spec", sa.JSON(), nullable=False, comment="amount, unit and how days are counted"),
        sa.Column("started_at", db.base.UtcDateTime(timezone=True), nullable=False, comment="the start event's time"),
        sa.Column("due_at", db.base.UtcDateTime(timezone=True), nullable=False, comment="when the duty is due"),
        sa.Column("thresholds", sa.JSON(), nullable=False, comment="[[UTC time, level], …] in order; the last is breach"),
        sa.Column("fired", sa.Integer(), nullable=False, comment="how many thresholds were acted on"),
        sa.Column("next_check_at", db.base.UtcDateTime(timezone=True), nullable=True, comment="time of the next threshold; null: none left"),
        sa.Column("stop_on", sa.JSON(), nullable=False, comment="moments that stop it"),
        sa.Column("ladder", sa.String(length=64), nullable=True, comment="ladder to climb on breach"),
        sa.Column("next_rung", sa.Integer(), nullable=True, comment="rung to raise on breach"),
        sa.Column("lapse", sa.Boolean(), nullable=False, comment="on breach the case lapses"),
        sa.Column("state", sa.String(length=16), nullable=False, comment="ClockState"),
        sa.Column("breached_at", db.base.UtcDateTime(timezone=True), nullable=True, comment="the breach's own time, also when found late"),
        sa.Column("late_detected", sa.Boolean(), nullable=False, comment="the breach was found long after its time"),
        sa.Column("stopped_at", db.base.UtcDateTime(timezone=True), nullable=True, comment="when the duty was done or fell away"),
        sa.Column("stopped_by", sa.String(length=32), nullable=True, comment="the moment that stopped it"),
        sa.CheckConstraint("case_id IS NOT NULL OR subject_kind = 'hold'", name=op.f("ck_clock_belongs_somewhere")),
        sa.ForeignKeyConstraint(["case_id"], ["case_file.id"], name=op.f("fk_clock_case_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_clock")),
    )
    with op.batch_alter_table("clock", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_clock_case_id"), ["case_id"], unique=False)
        batch_op.create_index("ix_clock_next_check", ["next_check_at"], unique=False, sqlite_where=sa.text("next_check_at IS NOT NULL"), postgresql_where=sa.text("next_check_at IS NOT NULL"))

    op.create_table(
        "report",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False, comment="internal id"),
        sa.Column("authority", sa.String(length=64), nullable=False, comment="authority it was handed to"),
        sa.Column("source", sa.String(length=255), nullable=False, comment="name of the file or mailbox it came from"),
        sa.Column("row", sa.Integer(), nullable=False, comment="row inside the source, from 1"),
        sa.Column("format", sa.String(length=16), nullable=False, comment="jsonl, json, csv or eml"),
        sa.Column("header", sa.Text(), nullable=False, comment="the table's header, for a row of a CSV"),
        sa.Column("raw_sealed", sa.LargeBinary(), nullable=False, comment="the bytes as they came, sealed: they name people"),
        sa.Column("raw_sha256", sa.String(length=64), nullable=False, comment="SHA-256 of the bytes as they came"),
        sa.Column("raw_bytes", sa.Integer(), nullable=False, comment="how many bytes came"),
        sa.Column("received_at", db.base.UtcDateTime(timezone=True), nullable=False, comment="when it was stored"),
        sa.Column("taken_in_by", sa.String(length=64), nullable=False, comment="who took it in"),
        sa.Column("state", sa.String(length=16), nullable=False, comment="ReportState: what became of it"),
        sa.Column("reason", sa.String(length=64), nullable=False, comment="why it is a duplicate or held"),
        sa.Column("case_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True, comment="the case it opened or joined"),
        sa.Column("duplicate_of", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True, comment="the same bytes, earlier"),
        sa.Column("read_at", db.base.UtcDateTime(timezone=True), nullable=True, comment="when it was read"),
        sa.ForeignKeyConstraint(["case_id"], ["case_file.id"], name=op.f("fk_report_case_id")),
        sa.ForeignKeyConstraint(["duplicate_of"], ["report.id"], name=op.f("fk_report_duplicate_of")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_report")),
    )
    with op.batch_alter_table("report", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_report_case_id"), ["case_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_report_raw_sha256"), ["raw_sha256"], unique=False)
        batch_op.create_index(batch_op.f("ix_report_state"), ["state"], unique=False)

    op.create_table(
        "content_item",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False, comment="internal id"),
        sa.Column("case_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False, comment="the case"),
        sa.Column("number", sa.Integer(), nullable=False, comment="number inside the case, from 1"),
        sa.Column("report_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False, comment="the report that named it"),
        sa.Column("url_original", sa.Text(), nullable=False, comment="link exactly as received"),
        sa.Column("url_canonical", sa.Text(), nullable=False, comment="link without noise; what the platform is given"),
        sa.Column("key", sa.Text(), nullable=False, comment="platform:kind:id; equal for the same item under other links"),
        sa.Column("kind", sa.String(length=16), nullable=False, comment="content kind"),
        sa.Column("platform", sa.String(length=64), nullable=True, comment="platform code, null when unknown"),
        sa.Column("account", sa.String(length=255), nullable=True, comment="account, where the link shows it"),
        sa.Column("locator", sa.String(length=255), nullable=True, comment="place inside the item, such as a time"),
        sa.Column("exact", sa.Boolean(), nullable=False, comment="points at exactly one item or account"),
        sa.Column("opaque", sa.Boolean(), nullable=False, comment="a short link nobody resolved"),
        sa.Column("observed_at", db.base.UtcDateTime(timezone=True), nullable=True, comment="when it was seen"),
        sa.Column("outcome", sa.String(length=24), nullable=False, comment="Outcome in force"),
        sa.Column("outcome_at", db.base.UtcDateTime(timezone=True), nullable=True, comment="when the platform decided"),
        sa.ForeignKeyConstraint(["case_id"], ["case_file.id"], name=op.f("fk_content_item_case_id")),
        sa.ForeignKeyConstraint(["report_id"], ["report.id"], name=op.f("fk_content_item_report_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_content_item")),
        sa.UniqueConstraint("case_id", "key", name=op.f("uq_content_item_case_id_key")),
        sa.UniqueConstraint("case_id", "number", name=op.f("uq_content_item_case_id_number")),
    )
    with op.batch_alter_table("content_item", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_content_item_key"), ["key"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("content_item", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_content_item_key"))

    op.drop_table("content_item")
    with op.batch_alter_table("report", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_report_state"))
        batch_op.drop_index(batch_op.f("ix_report_raw_sha256"))
        batch_op.drop_index(batch_op.f("ix_report_case_id"))

    op.drop_table("report")
    with op.batch_alter_table("clock", schema=None) as batch_op:
        batch_op.drop_index("ix_clock_next_check", sqlite_where=sa.text("next_check_at IS NOT NULL"), postgresql_where=sa.text("next_check_at IS NOT NULL"))
        batch_op.drop_index(batch_op.f("ix_clock_case_id"))

    op.drop_table("clock")
    op.drop_table("number_sequence")
    op.drop_table("heartbeat")
    with op.batch_alter_table("event", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_event_kind"))
        batch_op.drop_index(batch_op.f("ix_event_case_id_seq"))

    op.drop_table("event")
    op.drop_table("channel_cursor")
    op.drop_table("chain_head")
    with op.batch_alter_table("case_file", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_case_file_status"))
        batch_op.drop_index("ix_case_file_drive", sqlite_where=sa.text("drive_at IS NOT NULL"), postgresql_where=sa.text("drive_at IS NOT NULL"))

    op.drop_table("case_file")
