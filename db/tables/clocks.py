"""Clocks and heartbeats."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Boolean, CheckConstraint, ForeignKey, Index, Integer, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from db.base import Base, Data, Id, UtcDateTime


class Clock(Base):
    """One duty with a time. The sweep reads ``next_check_at`` only: its cost follows what is due."""

    __tablename__ = "clock"
    __table_args__ = (
        CheckConstraint("case_id IS NOT NULL OR subject_kind = 'hold'", name="belongs_somewhere"),
        # Small whatever the number of clocks: it holds those that still have a threshold ahead.
        Index("ix_clock_next_check", "next_check_at",
              sqlite_where=text("next_check_at IS NOT NULL"), postgresql_where=text("next_check_at IS NOT NULL")),
        Index(None, "case_id"),
    )  # fmt: skip

    id: Mapped[int] = mapped_column(Id, primary_key=True, comment="internal id")
    case_id: Mapped[int | None] = mapped_column(Id, ForeignKey("case_file.id"), comment="the case, if it is one's")
    subject_kind: Mapped[str] = mapped_column(String(16), comment="case, submission or hold")
    subject_id: Mapped[int] = mapped_column(Id, comment="id of what it is about")
    rule_id: Mapped[str] = mapped_column(String(96), comment="rule of the policy pack")
    policy_version: Mapped[str] = mapped_column(String(80), comment="policy version it started with and keeps")
    duty: Mapped[str] = mapped_column(String(16), comment="Duty: whose it is")
    statutory: Mapped[bool] = mapped_column(Boolean, comment="set by law; otherwise our own target")
    source: Mapped[str] = mapped_column(Text, comment="where the rule comes from")
    verified: Mapped[bool] = mapped_column(Boolean, comment="whether a person has checked the source")
    limit_spec: Mapped[dict[str, object]] = mapped_column(Data, comment="amount, unit and how days are counted")
    calendar: Mapped[str | None] = mapped_column(String(64), comment="calendar it follows; null: the pack's first")
    qualitative: Mapped[str] = mapped_column(
        Text, default="", server_default="", comment="the law's words, where it sets a duty without a number"
    )
    history: Mapped[list[dict[str, object]]] = mapped_column(
        Data, default=list, server_default="[]", comment="pauses and extensions since the start, in order"
    )
    started_at: Mapped[datetime] = mapped_column(UtcDateTime, comment="the start event's time")
    due_at: Mapped[datetime] = mapped_column(UtcDateTime, comment="when the duty is due")
    thresholds: Mapped[list[list[str]]] = mapped_column(
        Data, comment="[[UTC time, level], …] in order; the last is breach"
    )
    fired: Mapped[int] = mapped_column(Integer, default=0, comment="how many thresholds were acted on")
    next_check_at: Mapped[datetime | None] = mapped_column(
        UtcDateTime, comment="time of the next threshold; null: none left"
    )
    stop_on: Mapped[list[str]] = mapped_column(Data, comment="moments that stop it")
    ladder: Mapped[str | None] = mapped_column(String(64), comment="ladder to climb on breach")
    next_rung: Mapped[int | None] = mapped_column(Integer, comment="rung to raise on breach")
    lapse: Mapped[bool] = mapped_column(Boolean, default=False, comment="on breach the case lapses")
    state: Mapped[str] = mapped_column(String(16), comment="ClockState")
    breached_at: Mapped[datetime | None] = mapped_column(
        UtcDateTime, comment="the breach's own time, also when found late"
    )
    late_detected: Mapped[bool] = mapped_column(
        Boolean, default=False, comment="the breach was found long after its time"
    )
    stopped_at: Mapped[datetime | None] = mapped_column(UtcDateTime, comment="when the duty was done or fell away")
    stopped_by: Mapped[str | None] = mapped_column(String(32), comment="the moment that stopped it")


class Heartbeat(Base):
    """When a scheduled job last succeeded: a dead man's switch that does not need Prefect."""

    __tablename__ = "heartbeat"

    name: Mapped[str] = mapped_column(String(64), primary_key=True, comment="the job")
    succeeded_at: Mapped[datetime] = mapped_column(UtcDateTime, comment="its last success")
    detail: Mapped[dict[str, object]] = mapped_column(Data, comment="counts of that run")
