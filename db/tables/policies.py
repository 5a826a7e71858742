"""Policy versions: the full text of every policy a case was ever decided under."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from db.base import Base, Data, UtcDateTime


class PolicyVersion(Base):
    """One version of a policy pack as it was when it was first used here. Never changed: decisions refer to it."""

    __tablename__ = "policy_version"
    # An id means one text for good: another text under the same id is refused by the database too.
    __table_args__ = (UniqueConstraint("regime_id"),)

    version: Mapped[str] = mapped_column(String(80), primary_key=True, comment="regime id and digest")
    regime_id: Mapped[str] = mapped_column(String(64), comment="immutable id of the text")
    folder: Mapped[str] = mapped_column(String(64), comment="the pack's folder")
    digest: Mapped[str] = mapped_column(String(64), comment="SHA-256 of the pack's content")
    texts: Mapped[dict[str, str]] = mapped_column(Data, comment="the pack's files")
    public_days: Mapped[dict[str, dict[str, list[object]]]] = mapped_column(
        Data, comment="public holidays and moved working days by calendar, as known then"
    )
    adopted_at: Mapped[datetime] = mapped_column(UtcDateTime, comment="when it was first used here")
