"""Reports as they came, the people in them, and what could not be read."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Boolean, ForeignKey, Index, Integer, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from db.base import Base, Id, UtcDateTime


class Report(Base):
    """A report, stored before anything in it is read. Never changed, except for what became of it."""

    __tablename__ = "report"
    __table_args__ = (Index(None, "raw_sha256"), Index(None, "state"), Index(None, "case_id"))

    id: Mapped[int] = mapped_column(Id, primary_key=True, comment="internal id")
    authority: Mapped[str] = mapped_column(String(64), comment="authority it was handed to")
    source: Mapped[str] = mapped_column(String(255), comment="name of the file or mailbox it came from")
    row: Mapped[int] = mapped_column(Integer, comment="row inside the source, from 1")
    format: Mapped[str] = mapped_column(String(16), comment="jsonl, json, csv or eml")
    header: Mapped[str] = mapped_column(Text, default="", comment="the table's header, for a row of a CSV")
    raw_sealed: Mapped[bytes] = mapped_column(LargeBinary, comment="the bytes as they came, sealed: they name people")
    raw_sha256: Mapped[str] = mapped_column(String(64), comment="SHA-256 of the bytes as they came")
    raw_bytes: Mapped[int] = mapped_column(Integer, comment="how many bytes came")
    received_at: Mapped[datetime] = mapped_column(UtcDateTime, comment="when it was stored")
    taken_in_by: Mapped[str] = mapped_column(String(64), comment="who took it in")
    state: Mapped[str] = mapped_column(String(16), comment="ReportState: what became of it")
    reason: Mapped[str] = mapped_column(String(64), default="", comment="why it is a duplicate or held")
    case_id: Mapped[int | None] = mapped_column(Id, ForeignKey("case_file.id"), comment="the case it opened or joined")
    duplicate_of: Mapped[int | None] = mapped_column(Id, ForeignKey("report.id"), comment="the same bytes, earlier")
    read_at: Mapped[datetime | None] = mapped_column(UtcDateTime, comment="when it was read")


class Party(Base):
    """The party vault: who a person is, sealed. Opened with a purpose and an event."""

    __tablename__ = "party"
    __table_args__ = (Index(None, "case_id"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True, comment="internal id")
    report_id: Mapped[int] = mapped_column(Id, ForeignKey("report.id"), comment="the report that named the person")
    case_id: Mapped[int] = mapped_column(Id, ForeignKey("case_file.id"), comment="the case")
    role: Mapped[str] = mapped_column(String(16), comment="PartyRole")
    language: Mapped[str] = mapped_column(String(8), comment="language of letters to this person")
    reachable: Mapped[bool] = mapped_column(Boolean, comment="whether an e-mail address is inside")
    sealed: Mapped[bytes] = mapped_column(LargeBinary, comment="name, address and phone, sealed with the vault key")


class HeldItem(Base):
    """The holding pen: what could not be used, why, since when, and how it was settled."""

    __tablename__ = "held_item"
    __table_args__ = (Index(None, "state"), Index(None, "report_id"))

    id: Mapped[int] = mapped_column(Id, primary_key=True, comment="internal id")
    report_id: Mapped[int | None] = mapped_column(Id, ForeignKey("report.id"), comment="the report, if it is one")
    source: Mapped[str] = mapped_column(String(255), comment="where it came from")
    part: Mapped[str] = mapped_column(String(64), default="report", comment="report, or the part that was left out")
    reason: Mapped[str] = mapped_column(String(64), comment="HoldReason")
    message: Mapped[str] = mapped_column(Text, comment="what is wrong, without personal data or links")
    next_step: Mapped[str] = mapped_column(Text, default="", comment="what a person can do")
    sealed: Mapped[bytes | None] = mapped_column(LargeBinary, comment="the thing itself where it is no report, sealed")
    received_at: Mapped[datetime] = mapped_column(UtcDateTime, comment="when it was held")
    state: Mapped[str] = mapped_column(String(16), comment="held or settled")
    settled_at: Mapped[datetime | None] = mapped_column(UtcDateTime, comment="when it was settled")
    settled_by: Mapped[str] = mapped_column(String(64), default="", comment="who settled it")
    resolution: Mapped[str] = mapped_column(Text, default="", comment="how it was settled")
