"""When the records of an ended case may be erased, and what keeps them.

A period runs from the end of the case, or of the last to end of those that hang together with it. A legal hold, an
open case, a running clock, something that is still on its way or waits for a person keeps every record of all of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from casework.limits import Unit, due_at
from casework.policy_people import RetentionRule
from casework.vocabulary import OPEN_STATUSES, Status
from casework.working_time import WorkingCalendar
from casework.working_time_errors import WorkingTimeError

RECORDS = ("raw_report", "party", "letter", "case_file")
"""The order in which the classes of a case are erased: what names people first, the file itself last."""

ERASED_TEXT = "erased"
"""What stands in place of a text that a constraint does not let be empty."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Whatever of one case may keep its records: counts of what is still open, and when it ended."""

    number: str
    status: Status
    ended_at: datetime
    holds: int = 0
    running_clocks: int = 0
    letters_under_way: int = 0
    notices_under_way: int = 0
    waiting_for_a_person: int = 0
    open_appeals: int = 0


def kept_because(together: Sequence[Standing]) -> str | None:
    """What keeps the records of cases that hang together; None when nothing does."""
    for case in together:
        for stands, because in (
            (case.holds > 0, "is under a legal hold"),
            (case.status in OPEN_STATUSES, "is open"),
            (case.running_clocks > 0, "has a running clock"),
            (case.letters_under_way > 0, "has a letter that is under way or unknown"),
            (case.notices_under_way > 0, "has a notice that is under way or unknown"),
            (case.open_appeals > 0, "has an appeal that nobody answered"),
            (case.waiting_for_a_person > 0, "has something held that waits for a person"),
        ):
            if stands:
                return f"{case.number} {because}"
    return None


def ended(together: Sequence[Standing]) -> datetime:
    """From when on the periods of cases that hang together run."""
    return max(case.ended_at for case in together)


def kept_until(rule: RetentionRule, since: datetime, calendar: WorkingCalendar) -> datetime:
    """The instant until which a rule keeps a record whose period began at ``since``."""
    return due_at(rule.keep.limit, since, calendar)


def kept_at_least(rule: RetentionRule) -> timedelta:
    """A time that no period of a rule is shorter than: what is younger need not be looked at."""
    return rule.keep.amount * _AT_LEAST.get(rule.keep.unit, timedelta(0))


_AT_LEAST = {
    Unit.MONTHS: timedelta(days=28),
    Unit.CALENDAR_DAYS: timedelta(hours=12),
    Unit.WORKING_DAYS: timedelta(hours=12),
    Unit.HOURS: timedelta(hours=1),
}
"""Of one unit, with room for a first day that counts whole and for a clock that is put forward."""


def rule_due(
    rules: Iterable[RetentionRule], record: str, since: datetime, now: datetime, calendar: WorkingCalendar
) -> RetentionRule | None:
    """The rule under which records of a class may go now; None while one keeps them, or where there is none.

    Of several rules for a class the longest counts. A period that cannot be counted, because the calendar lacks the
    years, is not over.
    """
    try:
        found = [(kept_until(rule, since, calendar), rule) for rule in rules if rule.record == record]
    except WorkingTimeError:
        return None
    if not found:
        return None
    until, rule = max(found, key=lambda pair: pair[0])
    return rule if until <= now else None


def rule_text(rule: RetentionRule) -> str:
    """A rule as a tombstone names it: its class, its period and where it comes from."""
    checked = "" if rule.source.verified else " (not verified)"
    return f"{rule.record}: {rule.keep.limit.text}; source: {rule.source.ref}{checked}"[:300]
