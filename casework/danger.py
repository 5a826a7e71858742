"""Letters that danger calls for."""

from __future__ import annotations

from casework.vocabulary import Priority


def danger_letters(priority: Priority, police_referral: bool) -> tuple[str, ...]:
    """Letters that go beside everything else, at once and without review: they ask nobody to remove anything."""
    if priority is Priority.P0:
        return ("police_referral", "duty_alert")
    return ("police_referral",) if police_referral else ()
