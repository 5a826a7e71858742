"""Signed heads of the event log and the keys that signed them: append-only (triggers refuse change and removal)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from db.base import Base, Id, UtcDateTime


class SigningKey(Base):
    """A public key. It stays when another follows it: what it signed must still verify."""

    __tablename__ = "signing_key"

    key_id: Mapped[str] = mapped_column(String(32), primary_key=True, comment="first 16 bytes of the key's SHA-256")
    public_key: Mapped[bytes] = mapped_column(LargeBinary, comment="the public key, 32 bytes (Ed25519)")
    first_used_at: Mapped[datetime] = mapped_column(UtcDateTime, comment="when it signed first")


class AuditHead(Base):
    """One signed statement about the event log."""

    __tablename__ = "audit_head"
    __table_args__ = (Index(None, "seq"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True, comment="internal id, in order of signing")
    once_key: Mapped[str] = mapped_column(String(96), unique=True, comment="one a day, and one an export")
    seq: Mapped[int] = mapped_column(Id, comment="position of the newest event at that time")
    hash: Mapped[str] = mapped_column(String(64), comment="its hash")
    root: Mapped[str] = mapped_column(String(64), comment="root of the tree over all event hashes up to it")
    signed_at: Mapped[datetime] = mapped_column(UtcDateTime, comment="when it was signed")
    previous: Mapped[str] = mapped_column(String(64), comment="SHA-256 of the statement before; 64 zeros for the first")
    key_id: Mapped[str] = mapped_column(String(32), ForeignKey("signing_key.key_id"), comment="the key that signed")
    statement: Mapped[str] = mapped_column(Text, comment="the bytes that were signed: canonical JSON")
    signature: Mapped[bytes] = mapped_column(LargeBinary, comment="the signature, 64 bytes (Ed25519)")
