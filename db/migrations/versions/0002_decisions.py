"""People, the holding pen, reviews, notices, outcomes, letters and escalations."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import db.base

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "letter",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False, comment="internal id"),
        sa.Column("case_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False, comment="the case"),
        sa.Column("kind", sa.String(length=48), nullable=False, comment="letter of the registry"),
        sa.Column("recipient", sa.String(length=16), nullable=False, comment="Recipient role"),
        sa.Column("contact", sa.String(length=80), nullable=False, comment="party:ID, or a contact of the policy pack; never an address"),
        sa.Column("language", sa.String(length=8), nullable=False, comment="language it is written in"),
        sa.Column("once_key", sa.String(length=160), nullable=False, comment="one letter per key, whoever asks again"),
        sa.Column("promise", sa.String(length=16), nullable=False, comment="at_least_once or at_most_once"),
        sa.Column("urgent", sa.Boolean(), nullable=False, comment="goes before all others"),
        sa.Column("context", sa.JSON(), nullable=False, comment="facts frozen when it was intended; no person, no link"),
        sa.Column("state", sa.String(length=16), nullable=False, comment="DeliveryState"),
        sa.Column("reason", sa.Text(), nullable=False, comment="why it was dropped or refused"),
        sa.Column("attempts", sa.Integer(), nullable=False, comment="attempts made"),
        sa.Column("next_attempt_at", db.base.UtcDateTime(timezone=True), nullable=True, comment="not before"),
        sa.Column("lease_until", db.base.UtcDateTime(timezone=True), nullable=True, comment="until when one process tries; longer than a send"),
        sa.Column("message_id", sa.String(length=255), nullable=True, comment="Message-ID, fixed before the first attempt"),
        sa.Column("template_version", sa.String(length=64), nullable=True, comment="SHA-256 of the templates it was made from"),
        sa.Column("message_sha256", sa.String(length=64), nullable=True, comment="SHA-256 of the message as sent"),
        sa.Column("message_sealed", sa.LargeBinary(), nullable=True, comment="the message as sent, sealed"),
        sa.Column("server_answer", sa.Text(), nullable=False, comment="the mail server's last words"),
        sa.Column("created_at", db.base.UtcDateTime(timezone=True), nullable=False, comment="when it was intended"),
        sa.Column("sent_at", db.base.UtcDateTime(timezone=True), nullable=True, comment="when the server said yes"),
        sa.ForeignKeyConstraint(["case_id"], ["case_file.id"], name=op.f("fk_letter_case_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_letter")),
        sa.UniqueConstraint("once_key", name=op.f("uq_letter_once_key")),
    )
    with op.batch_alter_table("letter", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_letter_case_id"), ["case_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_letter_state_next_attempt_at"), ["state", "next_attempt_at"], unique=False)

    op.create_table(
        "priority_change",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False, comment="internal id"),
        sa.Column("case_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False, comment="the case"),
        sa.Column("from_rank", sa.Integer(), nullable=False, comment="rank before"),
        sa.Column("to_rank", sa.Integer(), nullable=False, comment="rank after"),
        sa.Column("floor_rank", sa.Integer(), nullable=False, comment="rank as computed"),
        sa.Column("proposed_by", sa.String(length=64), nullable=False, comment="who asked for it"),
        sa.Column("confirmed_by", sa.String(length=64), nullable=True, comment="the second person, when it goes below the floor"),
        sa.Column("reason", sa.Text(), nullable=False, comment="why"),
        sa.Column("changed_at", db.base.UtcDateTime(timezone=True), nullable=False, comment="when"),
        sa.CheckConstraint("to_rank <= floor_rank OR (confirmed_by IS NOT NULL AND confirmed_by <> proposed_by)", name=op.f("ck_priority_change_two_people")),
        sa.ForeignKeyConstraint(["case_id"], ["case_file.id"], name=op.f("fk_priority_change_case_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_priority_change")),
    )
    with op.batch_alter_table("priority_change", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_priority_change_case_id"), ["case_id"], unique=False)

    op.create_table(
        "review",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False, comment="internal id"),
        sa.Column("case_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False, comment="the case"),
        sa.Column("intake_by", sa.String(length=64), nullable=False, comment="who took the report in, tied to the case by a key"),
        sa.Column("reviewer_id", sa.String(length=64), nullable=False, comment="who decided"),
        sa.Column("reviewer_name", sa.String(length=200), nullable=False, comment="the name at that time"),
        sa.Column("verdict", sa.String(length=16), nullable=False, comment="Verdict"),
        sa.Column("reason", sa.Text(), nullable=False, comment="the reviewer's reasons"),
        sa.Column("basis", sa.JSON(), nullable=False, comment="provisions cited, by code of the policy pack"),
        sa.Column("policy_line", sa.Text(), nullable=False, comment="line of the platform's policy"),
        sa.Column("proportionality", sa.Text(), nullable=False, comment="necessity and proportionality, for sensitive categories"),
        sa.Column("policy_version", sa.String(length=80), nullable=False, comment="policy version decided under"),
        sa.Column("decided_at", db.base.UtcDateTime(timezone=True), nullable=False, comment="when"),
        sa.CheckConstraint("verdict = 'returned' OR reviewer_id <> intake_by", name=op.f("ck_review_four_eyes")),
        sa.CheckConstraint("length(reason) > 0", name=op.f("ck_review_reasons_given")),
        sa.ForeignKeyConstraint(["case_id", "intake_by"], ["case_file.id", "case_file.intake_by"], name=op.f("fk_review_case_id_intake_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_review")),
    )
    with op.batch_alter_table("review", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_review_case_id"), ["case_id"], unique=False)

    op.create_table(
        "approved_payload",
        sa.Column("review_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False, comment="the review"),
        sa.Column("payload_sha256", sa.String(length=64), nullable=False, comment="SHA-256 of the notice's bytes"),
        sa.ForeignKeyConstraint(["review_id"], ["review.id"], name=op.f("fk_approved_payload_review_id")),
        sa.PrimaryKeyConstraint("review_id", "payload_sha256", name=op.f("pk_approved_payload")),
    )
    op.create_table(
        "held_item",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False, comment="internal id"),
        sa.Column("report_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True, comment="the report, if it is one"),
        sa.Column("source", sa.String(length=255), nullable=False, comment="where it came from"),
        sa.Column("part", sa.String(length=64), nullable=False, comment="report, or the part that was left out"),
        sa.Column("reason", sa.String(length=64), nullable=False, comment="HoldReason"),
        sa.Column("message", sa.Text(), nullable=False, comment="what is wrong, without personal data or links"),
        sa.Column("next_step", sa.Text(), nullable=False, comment="what a person can do"),
        sa.Column("sealed", sa.LargeBinary(), nullable=True, comment="the thing itself where it is no report, sealed"),
        sa.Column("received_at", db.base.UtcDateTime(timezone=True), nullable=False, comment="when it was held"),
        sa.Column("state", sa.String(length=16), nullable=False, comment="held or settled"),
        sa.Column("settled_at", db.base.UtcDateTime(timezone=True), nullable=True, comment="when it was settled"),
        sa.Column("settled_by", sa.String(length=64), nullable=False, comment="who settled it"),
        sa.Column("resolution", sa.Text(), nullable=False, comment="how it was settled"),
        sa.ForeignKeyConstraint(["report_id"], ["report.id"], name=op.f("fk_held_item_report_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_held_item")),
    )
    with op.batch_alter_table("held_item", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_held_item_report_id"), ["report_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_held_item_state"), ["state"], unique=False)

    op.create_table(
        "party",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False, comment="internal id"),
        sa.Column("report_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False, comment="the report that named the person"),
        sa.Column("case_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False, comment="the case"),
        sa.Column("role", sa.String(length=16), nullable=False, comment="PartyRole"),
        sa.Column("language", sa.String(length=8), nullable=False, comment="language of letters to this person"),
        sa.Column("reachable", sa.Boolean(), nullable=False, comment="whether an e-mail address is inside"),
        sa.Column("sealed", sa.LargeBinary(), nullable=False, comment="name, address and phone, sealed with the vault key"),
        sa.ForeignKeyConstraint(["case_id"], ["case_file.id"], name=op.f("fk_party_case_id")),
        sa.ForeignKeyConstraint(["report_id"], ["report.id"], name=op.f("fk_party_report_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_party")),
    )
    with op.batch_alter_table("party", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_party_case_id"), ["case_id"], unique=False)

    op.create_table(
        "submission",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False, comment="internal id"),
        sa.Column("case_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False, comment="the case"),
        sa.Column("number", sa.String(length=40), nullable=False, comment="as in KZ-2026-000123/S1"),
        sa.Column("platform", sa.String(length=64), nullable=False, comment="platform code"),
        sa.Column("channel", sa.String(length=16), nullable=False, comment="api or portal"),
        sa.Column("environment", sa.String(length=16), nullable=False, comment="practice or production; checked again when sending"),
        sa.Column("kind", sa.String(length=16), nullable=False, comment="notice, or answer to the platform's question"),
        sa.Column("in_reply_to", sa.String(length=200), nullable=True, comment="the platform's reference that is answered"),
        sa.Column("item_ids", sa.JSON(), nullable=False, comment="items it is about"),
        sa.Column("review_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False, comment="the review that approved these bytes"),
        sa.Column("payload", sa.LargeBinary(), nullable=False, comment="the exact bytes; triggers refuse a change"),
        sa.Column("payload_sha256", sa.String(length=64), nullable=False, comment="their SHA-256, as approved"),
        sa.Column("idempotency_key", sa.String(length=64), nullable=False, comment="equal for the same notice"),
        sa.Column("state", sa.String(length=16), nullable=False, comment="DeliveryState"),
        sa.Column("platform_reference", sa.String(length=200), nullable=True, comment="the platform's reference"),
        sa.Column("reference_by", sa.String(length=64), nullable=True, comment="who recorded the reference"),
        sa.Column("attempts", sa.Integer(), nullable=False, comment="attempts made"),
        sa.Column("next_attempt_at", db.base.UtcDateTime(timezone=True), nullable=True, comment="not before"),
        sa.Column("lease_until", db.base.UtcDateTime(timezone=True), nullable=True, comment="until when one process tries"),
        sa.Column("last_error", sa.Text(), nullable=False, comment="the other side's last words, without content"),
        sa.Column("created_at", db.base.UtcDateTime(timezone=True), nullable=False, comment="when it was intended"),
        sa.Column("sent_at", db.base.UtcDateTime(timezone=True), nullable=True, comment="when the platform accepted it"),
        sa.ForeignKeyConstraint(["case_id"], ["case_file.id"], name=op.f("fk_submission_case_id")),
        sa.ForeignKeyConstraint(["review_id", "payload_sha256"], ["approved_payload.review_id", "approved_payload.payload_sha256"], name=op.f("fk_submission_review_id_payload_sha256")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_submission")),
        sa.UniqueConstraint("idempotency_key", name=op.f("uq_submission_idempotency_key")),
        sa.UniqueConstraint("number", name=op.f("uq_submission_number")),
    )
    with op.batch_alter_table("submission", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_submission_case_id"), ["case_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_submission_platform_platform_reference"), ["platform", "platform_reference"], unique=False)
        batch_op.create_index(batch_op.f("ix_submission_state_next_attempt_at"), ["state", "next_attempt_at"], unique=False)

    op.create_table(
        "escalation",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False, comment="internal id"),
        sa.Column("case_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False, comment="the case"),
        sa.Column("submission_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False, comment="the notice nobody answered"),
        sa.Column("clock_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False, comment="the clock whose breach raised it"),
        sa.Column("ladder", sa.String(length=64), nullable=False, comment="ladder of the policy pack"),
        sa.Column("rung", sa.Integer(), nullable=False, comment="rung, from 1"),
        sa.Column("recipient", sa.String(length=16), nullable=False, comment="Recipient role"),
        sa.Column("letter", sa.String(length=48), nullable=False, comment="letter of the registry"),
        sa.Column("raised_at", db.base.UtcDateTime(timezone=True), nullable=False, comment="when it was raised"),
        sa.Column("acknowledged_at", db.base.UtcDateTime(timezone=True), nullable=True, comment="when somebody acknowledged it"),
        sa.Column("acknowledged_by", sa.String(length=64), nullable=True, comment="who recorded the acknowledgement"),
        sa.Column("acknowledged_via", sa.String(length=32), nullable=True, comment="phone, mail, portal or meeting"),
        sa.ForeignKeyConstraint(["case_id"], ["case_file.id"], name=op.f("fk_escalation_case_id")),
        sa.ForeignKeyConstraint(["clock_id"], ["clock.id"], name=op.f("fk_escalation_clock_id")),
        sa.ForeignKeyConstraint(["submission_id"], ["submission.id"], name=op.f("fk_escalation_submission_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_escalation")),
        sa.UniqueConstraint("submission_id", "ladder", "rung", name=op.f("uq_escalation_submission_id_ladder_rung")),
    )
    with op.batch_alter_table("escalation", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_escalation_case_id"), ["case_id"], unique=False)

    op.create_table(
        "item_outcome",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False, comment="internal id"),
        sa.Column("item_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False, comment="the item"),
        sa.Column("submission_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False, comment="the notice it answers"),
        sa.Column("answer_id", sa.String(length=100), nullable=False, comment="the platform's id of the answer; makes repeats harmless"),
        sa.Column("outcome", sa.String(length=24), nullable=False, comment="Outcome"),
        sa.Column("ground", sa.String(length=24), nullable=False, comment="on what ground the platform acted"),
        sa.Column("territories", sa.JSON(), nullable=False, comment="where it holds"),
        sa.Column("reason", sa.Text(), nullable=False, comment="the platform's reason"),
        sa.Column("decided_at", db.base.UtcDateTime(timezone=True), nullable=False, comment="when the platform decided"),
        sa.Column("recorded_at", db.base.UtcDateTime(timezone=True), nullable=False, comment="when we learned it"),
        sa.ForeignKeyConstraint(["item_id"], ["content_item.id"], name=op.f("fk_item_outcome_item_id")),
        sa.ForeignKeyConstraint(["submission_id"], ["submission.id"], name=op.f("fk_item_outcome_submission_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_item_outcome")),
        sa.UniqueConstraint("submission_id", "answer_id", name=op.f("uq_item_outcome_submission_id_answer_id")),
    )
    with op.batch_alter_table("item_outcome", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_item_outcome_item_id"), ["item_id"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("item_outcome", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_item_outcome_item_id"))

    op.drop_table("item_outcome")
    with op.batch_alter_table("escalation", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_escalation_case_id"))

    op.drop_table("escalation")
    with op.batch_alter_table("submission", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_submission_state_next_attempt_at"))
        batch_op.drop_index(batch_op.f("ix_submission_platform_platform_reference"))
        batch_op.drop_index(batch_op.f("ix_submission_case_id"))

    op.drop_table("submission")
    with op.batch_alter_table("party", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_party_case_id"))

    op.drop_table("party")
    with op.batch_alter_table("held_item", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_held_item_state"))
        batch_op.drop_index(batch_op.f("ix_held_item_report_id"))

    op.drop_table("held_item")
    op.drop_table("approved_payload")
    with op.batch_alter_table("review", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_review_case_id"))

    op.drop_table("review")
    with op.batch_alter_table("priority_change", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_priority_change_case_id"))

    op.drop_table("priority_change")
    with op.batch_alter_table("letter", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_letter_state_next_attempt_at"))
        batch_op.drop_index(batch_op.f("ix_letter_case_id"))

    op.drop_table("letter")
