"""Notices to platforms and what the platforms did."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, ForeignKeyConstraint, Index, Integer, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from db.base import Base, Data, Id, UtcDateTime


class Submission(Base):
    """One notice to one platform: intent first, then attempts, then the platform's word."""

    __tablename__ = "submission"
    __table_args__ = (
        ForeignKeyConstraint(
            ["review_id", "payload_sha256"], ["approved_payload.review_id", "approved_payload.payload_sha256"]
        ),
        Index(None, "case_id"),
        Index(None, "state", "next_attempt_at"),
        Index(None, "platform", "platform_reference"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True, comment="internal id")
    case_id: Mapped[int] = mapped_column(Id, ForeignKey("case_file.id"), comment="the case")
    number: Mapped[str] = mapped_column(String(40), unique=True, comment="as in KZ-2026-000123/S1")
    platform: Mapped[str] = mapped_column(String(64), comment="platform code")
    channel: Mapped[str] = mapped_column(String(16), comment="api or portal")
    environment: Mapped[str] = mapped_column(String(16), comment="practice or production; checked again when sending")
    kind: Mapped[str] = mapped_column(String(16), comment="notice, or answer to the platform's question")
    in_reply_to: Mapped[str | None] = mapped_column(String(200), comment="the platform's reference that is answered")
    item_ids: Mapped[list[int]] = mapped_column(Data, comment="items it is about")
    review_id: Mapped[int] = mapped_column(Id, comment="the review that approved these bytes")
    payload: Mapped[bytes] = mapped_column(LargeBinary, comment="the exact bytes; triggers refuse a change")
    payload_sha256: Mapped[str] = mapped_column(String(64), comment="their SHA-256, as approved")
    idempotency_key: Mapped[str] = mapped_column(String(64), unique=True, comment="equal for the same notice")
    state: Mapped[str] = mapped_column(String(16), comment="DeliveryState")
    platform_reference: Mapped[str | None] = mapped_column(String(200), comment="the platform's reference")
    reference_by: Mapped[str | None] = mapped_column(String(64), comment="who recorded the reference")
    attempts: Mapped[int] = mapped_column(Integer, default=0, comment="attempts made")
    next_attempt_at: Mapped[datetime | None] = mapped_column(UtcDateTime, comment="not before")
    lease_until: Mapped[datetime | None] = mapped_column(UtcDateTime, comment="until when one process tries")
    last_error: Mapped[str] = mapped_column(Text, default="", comment="the other side's last words, without content")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, comment="when it was intended")
    sent_at: Mapped[datetime | None] = mapped_column(UtcDateTime, comment="when the platform accepted it")


class ItemOutcome(Base):
    """One answer about one item. History is kept; the item carries the one in force."""

    __tablename__ = "item_outcome"
    __table_args__ = (UniqueConstraint("submission_id", "answer_id"), Index(None, "item_id"))

    id: Mapped[int] = mapped_column(Id, primary_key=True, comment="internal id")
    item_id: Mapped[int] = mapped_column(Id, ForeignKey("content_item.id"), comment="the item")
    submission_id: Mapped[int] = mapped_column(Id, ForeignKey("submission.id"), comment="the notice it answers")
    answer_id: Mapped[str] = mapped_column(
        String(100), comment="the platform's id of the answer; makes repeats harmless"
    )
    outcome: Mapped[str] = mapped_column(String(24), comment="Outcome")
    ground: Mapped[str] = mapped_column(String(24), default="", comment="on what ground the platform acted")
    territories: Mapped[list[str]] = mapped_column(Data, comment="where it holds")
    reason: Mapped[str] = mapped_column(Text, default="", comment="the platform's reason")
    decided_at: Mapped[datetime] = mapped_column(UtcDateTime, comment="when the platform decided")
    recorded_at: Mapped[datetime] = mapped_column(UtcDateTime, comment="when we learned it")


class ChannelCursor(Base):
    """How far the answers of a channel were read."""

    __tablename__ = "channel_cursor"

    name: Mapped[str] = mapped_column(String(64), primary_key=True, comment="the channel")
    position: Mapped[int] = mapped_column(Id, comment="last answer read")
