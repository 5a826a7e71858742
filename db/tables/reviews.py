"""Legal review. The constraints here hold for bulk work, scripts and mistakes alike."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from db.base import Base, Data, Id, UtcDateTime


class Review(Base):
    """One decision of one reviewer."""

    __tablename__ = "review"
    __table_args__ = (
        CheckConstraint("verdict = 'returned' OR reviewer_id <> intake_by", name="four_eyes"),
        CheckConstraint("length(reason) > 0", name="reasons_given"),
        ForeignKeyConstraint(["case_id", "intake_by"], ["case_file.id", "case_file.intake_by"]),
        Index(None, "case_id"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True, comment="internal id")
    case_id: Mapped[int] = mapped_column(Id, comment="the case")
    intake_by: Mapped[str] = mapped_column(String(64), comment="who took the report in, tied to the case by a key")
    reviewer_id: Mapped[str] = mapped_column(String(64), comment="who decided")
    reviewer_name: Mapped[str] = mapped_column(String(200), comment="the name at that time")
    verdict: Mapped[str] = mapped_column(String(16), comment="Verdict")
    reason: Mapped[str] = mapped_column(Text, comment="the reviewer's reasons")
    basis: Mapped[list[str]] = mapped_column(Data, comment="provisions cited, by code of the policy pack")
    policy_line: Mapped[str] = mapped_column(Text, comment="line of the platform's policy")
    proportionality: Mapped[str] = mapped_column(
        Text, comment="necessity and proportionality, for sensitive categories"
    )
    policy_version: Mapped[str] = mapped_column(String(80), comment="policy version decided under")
    decided_at: Mapped[datetime] = mapped_column(UtcDateTime, comment="when")


class ApprovedPayload(Base):
    """The hash a reviewer approved. A submission refers to it: only those bytes can go out."""

    __tablename__ = "approved_payload"

    review_id: Mapped[int] = mapped_column(Id, ForeignKey("review.id"), primary_key=True, comment="the review")
    payload_sha256: Mapped[str] = mapped_column(String(64), primary_key=True, comment="SHA-256 of the notice's bytes")
