"""Public days come from the package once, and from the policy version ever after."""

from __future__ import annotations

import pickle
from datetime import date, time
from typing import Any

import pytest

from casework.public_days import PublicDay, PublicDaysUnknown, public_days, public_days_of_year
from casework.working_time import DayOverride, DayReason, WorkingCalendar
from casework.working_time_errors import CalendarInvalid

NINE_TO_SIX = ((time(9), time(18)),)


def calendar(**changes: Any) -> WorkingCalendar:
    said = {"id": "office", "zone": "Europe/Berlin", "windows": NINE_TO_SIX, "first_year": 2025, "last_year": 2026}
    return WorkingCalendar(**(said | changes))


def test_a_moved_sunday_is_worked_and_its_friday_is_not() -> None:
    days = public_days("KZ", None, [2025])
    assert days[date(2025, 1, 3)] == PublicDay("Day off (substituted from 2025-01-05)", works=False)
    assert days[date(2025, 1, 5)] == PublicDay("worked in exchange for 2025-01-03", works=True)


def test_the_years_asked_for_come_in_order_and_no_other() -> None:
    days = list(public_days("KZ", None, [2026, 2025, 2026]))
    assert days == sorted(days)
    assert {on.year for on in days} == {2025, 2026}


def test_a_part_of_a_country_has_holidays_of_its_own() -> None:
    epiphany = date(2026, 1, 6)
    assert calendar(country="DE").day(epiphany).is_working
    bavarian = calendar(country="DE", subdivision="BY").day(epiphany)
    assert (bavarian.reason, bavarian.name) == (DayReason.HOLIDAY, "Epiphany")


@pytest.mark.parametrize(("country", "subdivision"), [("XX", None), ("DE", "XX")])
def test_a_country_or_part_that_nobody_knows_is_refused(country: str, subdivision: str | None) -> None:
    with pytest.raises(PublicDaysUnknown, match="XX"):
        public_days(country, subdivision, [2026])
    with pytest.raises(CalendarInvalid, match=r"'office': unknown zone or country: .*XX"):
        calendar(country=country, subdivision=subdivision)


def test_a_policy_version_keeps_the_days_it_was_adopted_with() -> None:
    """A holiday decreed later moves no due date of a case that runs under the older version."""
    adopted = {
        date(2026, 4, 15): PublicDay("Founding Day", works=False),
        date(2026, 4, 18): PublicDay("worked in exchange for 2026-04-15", works=True),
    }
    kept = calendar(country="DE", public_days=adopted)
    assert kept.day(date(2026, 4, 15)).name == "Founding Day"
    assert kept.day(date(2026, 4, 18)).reason is DayReason.MOVED_WORKING_DAY
    assert kept.day(date(2026, 12, 25)).is_working
    assert not calendar(country="DE").day(date(2026, 12, 25)).is_working
    assert calendar(country="DE", public_days={}).day(date(2026, 12, 25)).is_working


def test_an_override_wins_over_a_kept_day_too() -> None:
    on = date(2026, 4, 15)
    kept = calendar(
        public_days={on: PublicDay("Founding Day", works=False)}, overrides={on: DayOverride("open", "duty")}
    )
    assert kept.day(on).reason is DayReason.OPENED_BY_OVERRIDE


def test_kept_days_cannot_be_changed_behind_the_calendar_and_make_it_another_one() -> None:
    on = date(2026, 4, 15)
    days = {on: PublicDay("Founding Day", works=False)}
    kept = calendar(public_days=days)
    days.clear()
    assert not kept.day(on).is_working
    assert kept != calendar()
    assert hash(kept) == hash(calendar())
    assert pickle.loads(pickle.dumps(kept)) == kept


def test_what_is_kept_in_memory_is_bounded_and_cannot_be_written_to() -> None:
    assert public_days_of_year.cache_info().maxsize == 512
    year = public_days_of_year("KZ", None, 2026)
    with pytest.raises(TypeError):
        year[date(2026, 4, 15)] = PublicDay("x", works=False)  # type: ignore[index]
