"""Switches that people set, such as that nothing is sent."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Boolean, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from db.base import Base, Data, JsonDict, UtcDateTime


class Switch(Base):
    """How one switch stands. Without a row it is on. The event log has its history."""

    __tablename__ = "switch"

    name: Mapped[str] = mapped_column(String(32), primary_key=True, comment="the switch")
    is_on: Mapped[bool] = mapped_column(Boolean, comment="whether what it names goes on by itself")
    reason: Mapped[str] = mapped_column(Text, comment="why it was set so")
    set_by: Mapped[str] = mapped_column(String(64), comment="who set it")
    set_at: Mapped[datetime] = mapped_column(UtcDateTime, comment="when")
    detail: Mapped[JsonDict] = mapped_column(Data, comment="what it follows from, such as the backup restored from")
