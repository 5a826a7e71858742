"""Letters that danger calls for."""

from __future__ import annotations

from casework.vocabulary import Priority


def danger_letters(priority: Priority, police_referral: bool) -> tuple[str, ...]:
    """Letters that go beside everything else, at once and without review: they ask nobody to remove anything.

    The police hear at once of a life in danger; of any other suspected crime of a category that goes to them, in a
    report. Each goes once a case, so a case that rises brings the referral after the report.
    """
    if priority is Priority.P0:
        return ("police_referral", "duty_alert")
    return ("police_report",) if police_referral else ()
