"""Legal review. The constraints here hold for bulk work, scripts and mistakes alike."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    String,
    Text,
    UniqueConstraint,
)
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


class ExpertOpinion(Base):
    """What an expert group decided about a case. Members are named by ids of the group's own list."""

    __tablename__ = "expert_opinion"
    __table_args__ = (
        CheckConstraint("length(reasons) > 0", name="reasons_given"),
        CheckConstraint("in_favour >= 0 AND against >= 0", name="votes_counted"),
        CheckConstraint("confirmed = (in_favour > against)", name="majority"),
        UniqueConstraint("case_id", "group_id", "reference"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True, comment="internal id")
    case_id: Mapped[int] = mapped_column(Id, ForeignKey("case_file.id"), comment="the case")
    group_id: Mapped[str] = mapped_column(String(64), comment="the group, by its id in the policy pack")
    reference: Mapped[str] = mapped_column(String(80), comment="number of the group's record")
    present: Mapped[list[str]] = mapped_column(Data, comment="members present")
    conflicted: Mapped[list[str]] = mapped_column(Data, comment="members present who had a conflict of interest")
    in_favour: Mapped[int] = mapped_column(Integer, comment="votes that confirm")
    against: Mapped[int] = mapped_column(Integer, comment="votes that do not")
    confirmed: Mapped[bool] = mapped_column(Boolean, comment="whether the group confirmed the case")
    reasons: Mapped[str] = mapped_column(Text, comment="the group's reasons")
    dissent: Mapped[list[str]] = mapped_column(Data, comment="dissenting opinions, one text each")
    recorded_by: Mapped[str] = mapped_column(String(64), comment="who entered it")
    policy_version: Mapped[str] = mapped_column(String(80), comment="policy version it was recorded under")
    decided_at: Mapped[datetime] = mapped_column(UtcDateTime, comment="when the group decided")
    recorded_at: Mapped[datetime] = mapped_column(UtcDateTime, comment="when it was entered")
