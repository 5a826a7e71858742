"""What intake hands around: a stored report with its bytes at hand, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from casework.report_formats import RawReport
from casework.vocabulary import ReportState


@dataclass(frozen=True, slots=True)
class Stored:
    """A report in the case file that is about to be read."""

    id: int
    raw: RawReport
    digest: str
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Found:
    """What was read from a report that opened a case. ``missing``: codes that the completeness gate misses."""

    items: int
    category: str
    language: str
    authority: str
    legal_basis: tuple[str, ...]
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TakenIn:
    """What became of one report. ``message`` never repeats what it contained; ``found`` is for new cases."""

    source: str
    row: int
    report_id: int
    state: ReportState
    case_number: str | None = None
    priority: str | None = None
    reason: str = ""
    message: str = ""
    found: Found | None = None

    @classmethod
    def of(
        cls,
        stored: Stored,
        state: ReportState,
        *,
        case_number: str | None = None,
        priority: str | None = None,
        reason: str = "",
        message: str = "",
        found: Found | None = None,
    ) -> TakenIn:
        return cls(stored.raw.source, stored.raw.row, stored.id, state, case_number, priority, reason, message, found)
