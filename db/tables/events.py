"""The event log: append-only (triggers refuse change and removal) and hash-chained."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from db.base import Base, Data, Id, JsonDict, UtcDateTime


class Event(Base):
    """One thing that happened. No foreign key cascades into it; the actor's name is copied in."""

    __tablename__ = "event"
    __table_args__ = (Index(None, "case_id", "seq"), Index(None, "kind"))

    seq: Mapped[int] = mapped_column(Id, primary_key=True, autoincrement=False, comment="position in the chain, from 1")
    case_id: Mapped[int | None] = mapped_column(Id, comment="the case; null for what concerns none")
    at: Mapped[datetime] = mapped_column(UtcDateTime, comment="when it happened")
    kind: Mapped[str] = mapped_column(String(48), comment="what happened")
    actor_id: Mapped[str] = mapped_column(String(64), comment="who did it")
    actor_name: Mapped[str] = mapped_column(String(200), comment="the name at that time")
    from_status: Mapped[str | None] = mapped_column(String(24), comment="status before, for a move")
    to_status: Mapped[str | None] = mapped_column(String(24), comment="status after, for a move")
    reason: Mapped[str] = mapped_column(Text, comment="why, as the actor said it")
    policy_version: Mapped[str] = mapped_column(String(80), comment="policy version in force for the case")
    data: Mapped[JsonDict] = mapped_column(Data, comment="codes, numbers, times; no person, link or letter text")
    previous: Mapped[str] = mapped_column(String(64), comment="hash of the event before")
    hash: Mapped[str] = mapped_column(String(64), comment="SHA-256 of this content and the hash before")


class ChainHead(Base):
    """One row: the newest event. Locked while events are appended, so that the chain is one line."""

    __tablename__ = "chain_head"

    id: Mapped[int] = mapped_column(Integer, primary_key=True, comment="always 1")
    seq: Mapped[int] = mapped_column(Id, comment="position of the newest event")
    hash: Mapped[str] = mapped_column(String(64), comment="hash of the newest event")
