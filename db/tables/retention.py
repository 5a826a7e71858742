"""Legal holds, and what was erased: runs, acts and tombstones."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from db.base import Base, Id, UtcDateTime


class LegalHold(Base):
    """Keeps every record of a case while it is open, whatever the policy pack says. Lifted by a second person."""

    __tablename__ = "legal_hold"
    __table_args__ = (
        CheckConstraint("lifted_by IS NULL OR lifted_by <> placed_by", name="two_people"),
        Index(None, "case_id"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True, comment="internal id")
    case_id: Mapped[int] = mapped_column(Id, ForeignKey("case_file.id"), comment="the case")
    placed_by: Mapped[str] = mapped_column(String(64), comment="who placed it")
    placed_at: Mapped[datetime] = mapped_column(UtcDateTime, comment="when")
    reason: Mapped[str] = mapped_column(Text, comment="why")
    lifted_by: Mapped[str | None] = mapped_column(String(64), comment="who lifted it; never who placed it")
    lifted_at: Mapped[datetime | None] = mapped_column(UtcDateTime, comment="when; null: it holds")


class ErasureRun(Base):
    """One undertaking to erase what is due: may be done in several goes, and may wait for a person's word."""

    __tablename__ = "erasure_run"

    id: Mapped[int] = mapped_column(Id, primary_key=True, comment="internal id")
    begun_at: Mapped[datetime] = mapped_column(UtcDateTime, comment="when it was first found due")
    state: Mapped[str] = mapped_column(String(16), comment="waiting for a person, running or done")
    due: Mapped[int] = mapped_column(Integer, comment="how many cases and single records it may erase from")
    erased: Mapped[int] = mapped_column(Integer, default=0, comment="from how many it has erased")
    confirmed_by: Mapped[str | None] = mapped_column(String(64), comment="who confirmed it, where a person had to")
    confirmed_at: Mapped[datetime | None] = mapped_column(UtcDateTime, comment="when")
    done_at: Mapped[datetime | None] = mapped_column(UtcDateTime, comment="when nothing of it was left")


class Erasure(Base):
    """One class of records of one case, erased; or single records that belong to no case. Never changed."""

    __tablename__ = "erasure"
    __table_args__ = (Index(None, "case_id", "record"), Index(None, "event_seq"))

    id: Mapped[int] = mapped_column(Id, primary_key=True, comment="internal id")
    run_id: Mapped[int] = mapped_column(Id, ForeignKey("erasure_run.id"), comment="the run")
    case_id: Mapped[int | None] = mapped_column(Id, ForeignKey("case_file.id"), comment="the case, if it is one's")
    record: Mapped[str] = mapped_column(String(16), comment="class of records, as the policy pack names it")
    rule: Mapped[str] = mapped_column(String(300), comment="period and source, as the policy pack says")
    policy_version: Mapped[str] = mapped_column(String(80), comment="policy version the rule stands in")
    rows: Mapped[int] = mapped_column(Integer, comment="how many rows; may be none")
    erased_at: Mapped[datetime] = mapped_column(UtcDateTime, comment="when")
    event_seq: Mapped[int] = mapped_column(Id, ForeignKey("event.seq"), comment="the event that tells of it")


class Tombstone(Base):
    """Stands for one row of which something was erased. Without it the database refuses the erasure."""

    __tablename__ = "tombstone"
    __table_args__ = (UniqueConstraint("table_name", "row_id"), Index(None, "erasure_id"), Index(None, "case_id"))

    id: Mapped[int] = mapped_column(Id, primary_key=True, comment="internal id")
    erasure_id: Mapped[int] = mapped_column(
        Id, ForeignKey("erasure.id"), comment="the erasure: when, which rule, which run"
    )
    case_id: Mapped[int | None] = mapped_column(Id, comment="the case; one under a legal hold is refused")
    table_name: Mapped[str] = mapped_column(String(32), comment="table of the row")
    row_id: Mapped[int] = mapped_column(Id, comment="its id")
    content_hash: Mapped[str] = mapped_column(
        String(64), comment="keyed hash of what was erased: shows that a copy is it, and nothing to who lacks the key"
    )
