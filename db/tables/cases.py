"""The case file and its content items."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Boolean, CheckConstraint, ForeignKey, Index, Integer, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from db.base import Base, Data, Id, UtcDateTime

OPEN = "status NOT IN ('closed', 'declined', 'merged', 'withdrawn')"
"""Cases in which work is still owed, in the words that an index and its queries share."""


class CaseFile(Base):
    """One case. ``status`` is written by tasks/record.py and by nothing else."""

    __tablename__ = "case_file"
    __table_args__ = (
        # Lets reviews refer to (case, intake person), so that four eyes is a constraint of the database.
        UniqueConstraint("id", "intake_by"),
        Index("ix_case_file_drive", "lane", "drive_at", "priority_rank",
              sqlite_where=text("drive_at IS NOT NULL"), postgresql_where=text("drive_at IS NOT NULL")),
        Index(None, "status"),
        # All that the operators' board counts, of open cases alone: it reads no row.
        Index("ix_case_file_open", "status", "lane", "priority", "received_at", "next_due_at",
              sqlite_where=text(OPEN), postgresql_where=text(OPEN)),
        Index("ix_case_file_failing", "priority_rank", "id",
              sqlite_where=text("failures > 0"), postgresql_where=text("failures > 0")),
    )  # fmt: skip

    id: Mapped[int] = mapped_column(Id, primary_key=True, comment="internal id, never shown")
    number: Mapped[str] = mapped_column(String(32), unique=True, comment="case number, as in KZ-2026-000123")
    authority: Mapped[str] = mapped_column(String(64), comment="authority the case belongs to")
    status: Mapped[str] = mapped_column(String(24), comment="Status: where the case is")
    disposition: Mapped[str | None] = mapped_column(String(24), comment="Disposition: how it ended")
    priority: Mapped[str] = mapped_column(String(2), comment="Priority in force, P0 to P4")
    priority_rank: Mapped[int] = mapped_column(Integer, comment="0 to 4, for ordering")
    priority_floor: Mapped[str] = mapped_column(String(2), comment="Priority as computed; going below needs two people")
    priority_trace: Mapped[list[dict[str, object]]] = mapped_column(Data, comment="rules that fired, with their source")
    lane: Mapped[str] = mapped_column(String(16), comment="Lane that drives it")
    category: Mapped[str] = mapped_column(String(64), comment="harm category of the policy pack")
    political: Mapped[bool] = mapped_column(Boolean, comment="politically sensitive: two reviewers, no boost")
    child: Mapped[bool] = mapped_column(Boolean, comment="a child is concerned")
    age_band: Mapped[str] = mapped_column(String(16), comment="AgeBand of the person harmed")
    language: Mapped[str] = mapped_column(String(8), comment="language of the report")
    instrument: Mapped[str] = mapped_column(String(32), comment="Instrument of the notice")
    ground: Mapped[str] = mapped_column(String(16), comment="Ground of the notice")
    requested_action: Mapped[str] = mapped_column(String(32), comment="RequestedAction")
    territories: Mapped[list[str]] = mapped_column(Data, comment="countries the action is asked for")
    indicators: Mapped[list[str]] = mapped_column(
        Data, comment="indicator codes stated by the reporter or a specialist"
    )
    quote: Mapped[str] = mapped_column(Text, comment="the content's own words")
    translation: Mapped[str] = mapped_column(Text, comment="translation of the words")
    description: Mapped[str] = mapped_column(Text, comment="the reporter's description; never leaves as it is")
    why_unlawful: Mapped[str] = mapped_column(Text, comment="how the content meets the law")
    policy_line: Mapped[str] = mapped_column(Text, comment="line of the platform's policy")
    cited_basis: Mapped[list[str]] = mapped_column(Data, comment="provisions the reporter cited")
    expert_decision: Mapped[str] = mapped_column(String(200), comment="number of the expert group's decision")
    provider_told_at: Mapped[datetime | None] = mapped_column(
        UtcDateTime, comment="when somebody complained to the provider of the service"
    )
    issuing_authority: Mapped[str] = mapped_column(
        String(300), comment="the authority that wrote, for an official letter"
    )
    anonymous: Mapped[bool] = mapped_column(Boolean, comment="the reporter gave no name")
    reporter_is_child: Mapped[bool] = mapped_column(Boolean, comment="the reporter is a child")
    reporters: Mapped[int] = mapped_column(Integer, comment="how many reports this case gathers")
    missing: Mapped[list[str]] = mapped_column(Data, comment="codes the completeness gate missed last")
    question: Mapped[str] = mapped_column(Text, default="", comment="the platform's question, while one is open")
    intake_by: Mapped[str] = mapped_column(String(64), comment="who took the report in; may not approve it")
    received_at: Mapped[datetime] = mapped_column(UtcDateTime, comment="when the first report was stored")
    policy_version: Mapped[str] = mapped_column(String(80), comment="policy version it was opened under")
    merged_into: Mapped[str | None] = mapped_column(String(32), comment="case number it lives on in")
    drive_at: Mapped[datetime | None] = mapped_column(UtcDateTime, comment="when the system may go on; null: it waits")
    next_due_at: Mapped[datetime | None] = mapped_column(UtcDateTime, comment="earliest due time of its running clocks")
    lease_owner: Mapped[str | None] = mapped_column(String(80), comment="the drive that holds it")
    lease_until: Mapped[datetime | None] = mapped_column(UtcDateTime, comment="until when it is held")
    failures: Mapped[int] = mapped_column(Integer, default=0, comment="drives in a row that failed")


class ContentItem(Base):
    """One content item of a case. The link as it was received is evidence and is never changed."""

    __tablename__ = "content_item"
    __table_args__ = (UniqueConstraint("case_id", "number"), UniqueConstraint("case_id", "key"), Index(None, "key"))

    id: Mapped[int] = mapped_column(Id, primary_key=True, comment="internal id")
    case_id: Mapped[int] = mapped_column(Id, ForeignKey("case_file.id"), comment="the case")
    number: Mapped[int] = mapped_column(Integer, comment="number inside the case, from 1")
    report_id: Mapped[int] = mapped_column(Id, ForeignKey("report.id"), comment="the report that named it")
    url_original: Mapped[str] = mapped_column(Text, comment="link exactly as received")
    url_canonical: Mapped[str] = mapped_column(Text, comment="link without noise; what the platform is given")
    key: Mapped[str] = mapped_column(Text, comment="platform:kind:id; equal for the same item under other links")
    kind: Mapped[str] = mapped_column(String(16), comment="content kind")
    platform: Mapped[str | None] = mapped_column(String(64), comment="platform code, null when unknown")
    account: Mapped[str | None] = mapped_column(String(255), comment="account, where the link shows it")
    locator: Mapped[str | None] = mapped_column(String(255), comment="place inside the item, such as a time")
    exact: Mapped[bool] = mapped_column(Boolean, comment="points at exactly one item or account")
    opaque: Mapped[bool] = mapped_column(Boolean, comment="a short link nobody resolved")
    observed_at: Mapped[datetime | None] = mapped_column(UtcDateTime, comment="when it was seen")
    outcome: Mapped[str] = mapped_column(String(24), comment="Outcome in force")
    outcome_at: Mapped[datetime | None] = mapped_column(UtcDateTime, comment="when the platform decided")


class NumberSequence(Base):
    """Last case number given, per authority and year. Numbers may have gaps; none is used twice."""

    __tablename__ = "number_sequence"

    authority: Mapped[str] = mapped_column(String(64), primary_key=True, comment="authority")
    year: Mapped[int] = mapped_column(Integer, primary_key=True, comment="calendar year in the authority's zone")
    last: Mapped[int] = mapped_column(Integer, comment="last number given")


class PriorityChange(Base):
    """A change of priority by people. Below the computed floor it takes two different ones."""

    __tablename__ = "priority_change"
    __table_args__ = (
        CheckConstraint(
            "to_rank <= floor_rank OR (confirmed_by IS NOT NULL AND confirmed_by <> proposed_by)", name="two_people"
        ),
        Index(None, "case_id"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True, comment="internal id")
    case_id: Mapped[int] = mapped_column(Id, ForeignKey("case_file.id"), comment="the case")
    from_rank: Mapped[int] = mapped_column(Integer, comment="rank before")
    to_rank: Mapped[int] = mapped_column(Integer, comment="rank after")
    floor_rank: Mapped[int] = mapped_column(Integer, comment="rank as computed")
    proposed_by: Mapped[str] = mapped_column(String(64), comment="who asked for it")
    confirmed_by: Mapped[str | None] = mapped_column(
        String(64), comment="the second person, when it goes below the floor"
    )
    reason: Mapped[str] = mapped_column(Text, comment="why")
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime, comment="when")
