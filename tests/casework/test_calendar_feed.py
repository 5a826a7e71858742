"""A calendar feed is a hint: what it lists beyond the legal days is refused, day by day, and nothing is taken over."""

from __future__ import annotations

from datetime import date

import pytest

from casework.calendar_feed import FeedDay, FeedRefused, FeedUnreadable, compare_feed, read_feed, refuse_unlawful_days
from casework.policy_base import Source
from casework.policy_calendar import CalendarPolicy, Override, Window
from casework.working_time_errors import CalendarMissing

BERLIN = CalendarPolicy(
    id="practice.berlin",
    zone="Europe/Berlin",
    country="DE",
    subdivision="BE",
    windows=(Window.model_validate({"opens": "09:00", "closes": "17:00"}),),
    covers=(2026,),
    source=Source(ref="practice"),
)


def ics(*days: tuple[str, str], end: str = "") -> bytes:
    events = "".join(
        f"BEGIN:VEVENT\r\nUID:{number}\r\nDTSTAMP:20260101T000000Z\r\nDTSTART;VALUE=DATE:{day}\r\n{end}"
        f"SUMMARY:{name}\r\nEND:VEVENT\r\n"
        for number, (day, name) in enumerate(days)
    )
    return f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:practice\r\n{events}END:VCALENDAR\r\n".encode()


def test_a_name_day_in_a_feed_is_no_holiday_and_nothing_is_taken_over() -> None:
    """zammad#390: a feed listed St Martin's day, and a 48-hour promise was shown as six days."""
    found = compare_feed(read_feed(ics(("20261003", "Unity"), ("20261111", "St. Martin")), 2026), BERLIN, 2026)
    assert found.agreed == (FeedDay(date(2026, 10, 3), "Unity"),)
    with pytest.raises(FeedRefused, match=r"2026-11-11 St\. Martin.*Nothing was taken over.*overrides\.csv"):
        refuse_unlawful_days(found, BERLIN.id)


def test_the_legal_days_of_the_region_that_a_feed_lacks_are_listed_without_weekends() -> None:
    found = compare_feed(read_feed(ics(("20261225", "Christmas")), 2026), BERLIN, 2026)
    missing = {day.on for day in found.missing}
    assert date(2026, 5, 1) in missing
    # Women's Day is a holiday of Berlin and falls on a Sunday in 2026: no working time is lost.
    assert date(2026, 3, 8) not in missing
    assert date(2026, 12, 25) not in missing


def test_a_day_off_by_decision_agrees_with_a_feed_that_lists_it() -> None:
    closed = Override(day=date(2026, 11, 11), kind="closed", name="As decided", source=Source(ref="Decision 7"))
    decided = BERLIN.model_copy(update={"overrides": (closed,)})
    found = compare_feed(read_feed(ics(("20261111", "St. Martin")), 2026), decided, 2026)
    assert found.not_legal == ()
    refuse_unlawful_days(found, decided.id)


def test_an_event_of_several_days_lists_each_and_a_year_is_not_swallowed_by_one() -> None:
    days = read_feed(ics(("20261224", "Break"), end="DTEND;VALUE=DATE:20261227\r\n"), 2026)
    assert [day.on.day for day in days] == [24, 25, 26]
    assert len(read_feed(ics(("20260101", "Everything"), end="DTEND;VALUE=DATE:20270101\r\n"), 2026)) == 31


@pytest.mark.parametrize("data", [b"", b"no calendar", b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nSUMMARY:x\r\nEND:VEVENT"])
def test_what_is_no_feed_is_refused_with_a_sentence(data: bytes) -> None:
    with pytest.raises(FeedUnreadable, match="cannot be read as a calendar feed"):
        read_feed(data, 2026)


def test_a_year_that_the_calendar_does_not_cover_cannot_be_compared() -> None:
    with pytest.raises(CalendarMissing):
        compare_feed(read_feed(ics(("20270101", "New Year")), 2027), BERLIN, 2027)
