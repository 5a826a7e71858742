"""Mails that came in, and what was attached to them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, Integer, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from db.base import Base, Data, Id, UtcDateTime


class InboundMail(Base):
    """One mail as it came in: stored sealed before anybody read it, then classified and matched."""

    __tablename__ = "inbound_mail"
    __table_args__ = (
        UniqueConstraint("mailbox", "message_key"),
        Index(None, "state", "id"),
        Index(None, "case_id"),
        Index(None, "letter_id"),
        Index(None, "body_sha256"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True, comment="internal id")
    mailbox: Mapped[str] = mapped_column(String(80), comment="the mailbox it came from, by its name in the settings")
    message_key: Mapped[str] = mapped_column(
        String(255), comment="its Message-ID; without one, or with one used twice, a hash of its bytes"
    )
    message_id: Mapped[str] = mapped_column(String(255), default="", comment="its Message-ID as it stands, cut")
    raw_sealed: Mapped[bytes] = mapped_column(LargeBinary, comment="the mail as it came, sealed")
    raw_sha256: Mapped[str] = mapped_column(String(64), comment="SHA-256 of the mail as it came")
    raw_bytes: Mapped[int] = mapped_column(Integer, comment="its length")
    body_sha256: Mapped[str] = mapped_column(
        String(64), default="", comment="SHA-256 of all after the headers: equal where only the way here differed"
    )
    stored_at: Mapped[datetime] = mapped_column(UtcDateTime, comment="when it was stored")
    state: Mapped[str] = mapped_column(String(16), comment="MailState")
    kind: Mapped[str] = mapped_column(String(24), default="", comment="MailKind, once read")
    because: Mapped[str] = mapped_column(Text, default="", comment="what in the mail showed its kind")
    matched_by: Mapped[str] = mapped_column(String(24), default="", comment="MatchedBy, once read")
    case_id: Mapped[int | None] = mapped_column(Id, ForeignKey("case_file.id"), comment="the case it belongs to")
    letter_id: Mapped[int | None] = mapped_column(Id, ForeignKey("letter.id"), comment="the letter it answers")
    contact: Mapped[str] = mapped_column(
        String(80), default="", comment="who is taken to have written it: party:ID, or a contact of the policy pack"
    )
    written_at: Mapped[datetime | None] = mapped_column(UtcDateTime, comment="its own date, where it has a usable one")
    read_at: Mapped[datetime | None] = mapped_column(UtcDateTime, comment="when it was read")
    effects: Mapped[list[str]] = mapped_column(
        Data, default=list, server_default="[]", comment="what followed from it, by name"
    )
    reason: Mapped[str] = mapped_column(Text, default="", comment="why it is held, or how it was settled")
    attempts: Mapped[int] = mapped_column(Integer, default=0, server_default="0", comment="attempts to read it")
    settled_by: Mapped[str] = mapped_column(String(64), default="", comment="who settled it")
    settled_at: Mapped[datetime | None] = mapped_column(UtcDateTime, comment="when")


class MailAttachment(Base):
    """One attachment in quarantine: known by its hash, never opened. Its bytes stay in the sealed mail."""

    __tablename__ = "mail_attachment"
    __table_args__ = (UniqueConstraint("mail_id", "part"), Index(None, "sha256"))

    id: Mapped[int] = mapped_column(Id, primary_key=True, comment="internal id")
    mail_id: Mapped[int] = mapped_column(Id, ForeignKey("inbound_mail.id"), comment="the mail")
    part: Mapped[int] = mapped_column(Integer, comment="which part of the mail, from 1")
    sha256: Mapped[str] = mapped_column(String(64), comment="SHA-256 of its bytes")
    length: Mapped[int] = mapped_column(Integer, comment="bytes")
    declared_type: Mapped[str] = mapped_column(String(100), comment="what the mail says it is; nobody has looked")
