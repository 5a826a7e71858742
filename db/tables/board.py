"""What the operators' board remembers from hour to hour."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from db.base import Base, UtcDateTime


class StageCount(Base):
    """How many open cases of a lane a stage held at one moment; counted once an hour, for the board's picture."""

    __tablename__ = "stage_count"

    counted_at: Mapped[datetime] = mapped_column(UtcDateTime, primary_key=True, comment="when they were counted")
    status: Mapped[str] = mapped_column(String(24), primary_key=True, comment="Status")
    lane: Mapped[str] = mapped_column(String(16), primary_key=True, comment="Lane")
    cases: Mapped[int] = mapped_column(Integer, comment="how many")
