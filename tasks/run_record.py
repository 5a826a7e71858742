"""What a run did, as the event log has it: rows for a table on the run's page. Codes, times and case numbers only."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from db.queries.run_events import RunEvent, end_of_log, events_from
from tasks.runtime import Runtime

MOST_ROWS = 200
"""Rows of one table; the event log has them all."""

SWEPT = ("clock.warned", "clock.breached", "clock.repeated", "clock.resumed", "rung.raised", "moved.lapse")
"""Events that a sweep writes."""

Row = dict[str, str]


def begin(runtime: Runtime) -> int:
    """Where the event log ends now; what a run does comes behind it."""
    with runtime.sessions.read() as session:
        return end_of_log(session)


def done_to_case(runtime: Runtime, case_number: str, since: int) -> list[Row]:
    """What has happened to one case since then, in order."""
    with runtime.sessions.read() as session:
        found = events_from(session, since, MOST_ROWS, case_number=case_number)
    return [
        {
            "when": _when(runtime, one),
            "what": _words(one.kind),
            "from": one.from_status or "",
            "to": one.to_status or "",
        }
        for one in found
    ]


def done_by_sweep(runtime: Runtime, since: int) -> list[Row]:
    """What sweeps have done since then, in order."""
    with runtime.sessions.read() as session:
        found = events_from(session, since, MOST_ROWS, kinds=SWEPT)
    return [
        {
            "due": str(one.data.get("due_at") or ""),
            "case": one.case_number or "holding pen",
            "what": _words(one.kind),
            "rule": str(one.data.get("rule") or ""),
            "duty": str(one.data.get("duty") or ""),
        }
        for one in found
    ]


def _when(runtime: Runtime, one: RunEvent) -> str:
    return f"{one.at.astimezone(ZoneInfo(runtime.pack.authority.zone)):%Y-%m-%d %H:%M:%S}"


def _words(kind: str) -> str:
    """An event's kind without its signs: 'moved.triage' reads 'moved: triage'."""
    subject, _, what = kind.partition(".")
    return f"{subject}: {what.replace('_', ' ')}" if what else subject
