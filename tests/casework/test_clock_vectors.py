"""Due dates worked out by hand: what a person with a calendar and a pencil gets, the engine gets.

Each line says how. Offsets are written out, so that nothing here depends on how the engine reads a zone.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import NamedTuple

import pytest

from casework.interruptions import Extension, Pause
from casework.limits import DueAt, Limit, Unit, due_at, threshold_at
from casework.working_time import DayOverride, Windows, WorkingCalendar

LUNCH: Windows = ((time(9), time(13)), (time(14, 30), time(18, 30)))
NINE_TO_FIVE: Windows = ((time(9), time(17)),)
NIGHT: Windows = ((time(22), time(6)),)
KZ = WorkingCalendar("kz", "Asia/Almaty", LUNCH, 2024, 2027, "KZ")
NIGHT_SHIFT = WorkingCalendar("night", "Asia/Almaty", NIGHT, 2024, 2027)


def office(zone: str, first: int = 2023, last: int = 2028) -> WorkingCalendar:
    """Monday to Friday, nine to five, no public holidays."""
    return WorkingCalendar("office", zone, NINE_TO_FIVE, first, last)


def nights(zone: str) -> WorkingCalendar:
    """Every night from ten to six."""
    return WorkingCalendar("nights", zone, NIGHT, 2024, 2027, weekly_windows=dict.fromkeys(range(7), NIGHT))


BERLIN, SYDNEY, NEW_YORK = office("Europe/Berlin"), office("Australia/Sydney"), office("America/New_York")
KOLKATA, JAKARTA = office("Asia/Kolkata"), office("Asia/Jakarta")
ISTANBUL, MOSCOW = office("Europe/Istanbul"), office("Europe/Moscow")


def minutes(amount: int) -> Limit:
    return Limit(amount, Unit.MINUTES)


def hours(amount: int) -> Limit:
    return Limit(amount, Unit.HOURS)


def working_hours(amount: int) -> Limit:
    return Limit(amount, Unit.WORKING_HOURS)


def working_days(amount: int, *, counted: bool = False, end: DueAt = DueAt.END_OF_WORKING_DAY) -> Limit:
    return Limit(amount, Unit.WORKING_DAYS, counted, end)


def days(amount: int, *, rolls: bool = False) -> Limit:
    return Limit(amount, Unit.CALENDAR_DAYS, due_at=DueAt.END_OF_DAY, roll_forward=rolls)


def months(amount: int, *, counted: bool = False) -> Limit:
    return Limit(amount, Unit.MONTHS, counted, DueAt.END_OF_DAY)


class Vector(NamedTuple):
    """A start and the due instant that follows, with the offsets of then."""

    about: str
    cal: WorkingCalendar
    limit: Limit
    start: str
    due: str


REGIMES = [
    # 24 hours run on through Nauryz: nothing but 24 hours.
    Vector("KZ Art. 9(4)(2), considered", KZ, hours(24), "2026-03-20T18:00+05:00", "2026-03-21T18:00+05:00"),
    # 12:00+06 is 06:00 UTC; a day later 06:00 UTC is 11:00+05, because the zone moved in that night.
    Vector("KZ cyberbullying, removed", KZ, hours(24), "2024-02-29T12:00+06:00", "2024-03-01T11:00+05:00"),
    # Nauryz is 21 to 23 March; 21 and 22 are a weekend, so 24 and 25 are off too. Then 26, 27, 30.
    Vector("KZ expert group", KZ, working_days(3), "2026-03-20T10:00+05:00", "2026-03-30T18:30+05:00"),
    # 6 + 15 = 21 March, until its midnight.
    Vector("KZ extension ceiling", KZ, days(15), "2026-03-06T12:00+05:00", "2026-03-22T00:00+05:00"),
    # Monday is day zero; Tuesday 31 March, Wednesday 1 April.
    Vector("KZ extension, tell applicant", KZ, working_days(2), "2026-03-30T15:00+05:00", "2026-04-01T18:30+05:00"),
    # 30 and 31 December; 1 and 2 January are New Year, 3 and 4 a weekend; 5, 6; 7 is Christmas; 8.
    Vector("KZ Art. 6(5), recommendation", KZ, working_days(5), "2025-12-29T10:00+05:00", "2026-01-08T18:30+05:00"),
    # Over midnight.
    Vector("KZ Art. 41-1 operators, 2 h", KZ, hours(2), "2026-10-10T23:00+05:00", "2026-10-11T01:00+05:00"),
    Vector("KZ Art. 41-1 operators, 3 h", KZ, hours(3), "2026-10-10T23:00+05:00", "2026-10-11T02:00+05:00"),
    # The hour from two to three comes twice; one hour after the first 02:30 is the second 02:30.
    Vector("EU TCO Art. 3(3)", BERLIN, hours(1), "2026-10-25T02:30+02:00", "2026-10-25T02:30+01:00"),
    # 19:00 UTC + 12 = 07:00 UTC = 09:00+02.
    Vector("EU TCO Art. 3(2)", BERLIN, hours(12), "2026-03-28T20:00+01:00", "2026-03-29T09:00+02:00"),
    # Three days with one hour missing: 09:00 becomes 10:00.
    Vector("EU TCO Art. 4", BERLIN, hours(72), "2026-03-27T09:00+01:00", "2026-03-30T10:00+02:00"),
    # February has no 31st: its last day, until midnight.
    Vector("EU TCO Art. 6", BERLIN, months(6), "2025-08-31T10:00+02:00", "2026-03-01T00:00+01:00"),
    # September has no 31st: its 30th, until midnight.
    Vector("EU DSA Art. 20(1)", BERLIN, months(6), "2026-03-31T10:00+02:00", "2026-10-01T00:00+02:00"),
    # A day of 25 hours: 12:00 becomes 11:00.
    Vector("DE NetzDG, manifestly unlawful", BERLIN, hours(24), "2023-10-28T12:00+02:00", "2023-10-29T11:00+01:00"),
    # 23 February + 7, with a 29th: 1 March, until midnight.
    Vector("DE NetzDG, not manifest", BERLIN, days(7), "2024-02-23T15:00+01:00", "2024-03-02T00:00+01:00"),
    # Sydney's clock goes back on 5 April: 25 hours in the day.
    Vector("AU s65, removed", SYDNEY, hours(24), "2026-04-04T12:00+11:00", "2026-04-05T11:00+10:00"),
    # It goes forward on 4 October: 09:00 becomes 10:00 two days later.
    Vector("AU s65, provider first", SYDNEY, hours(48), "2026-10-03T09:00+10:00", "2026-10-05T10:00+11:00"),
    # A weekend counts like any day.
    Vector("AU s88, provider first", SYDNEY, hours(48), "2026-01-30T17:00+11:00", "2026-02-01T17:00+11:00"),
    Vector("AU s88, removed", SYDNEY, hours(24), "2026-02-01T17:00+11:00", "2026-02-02T17:00+11:00"),
    # Over the turn of the year.
    Vector("AU s89, end-user", SYDNEY, hours(24), "2026-12-31T20:00+11:00", "2027-01-01T20:00+11:00"),
    # 2028 has a 29 February.
    Vector("AU s109, class 1", SYDNEY, hours(24), "2028-02-28T10:00+11:00", "2028-02-29T10:00+11:00"),
    # New York goes back on 1 November: 09:00 becomes 08:00.
    Vector("US TAKE IT DOWN", NEW_YORK, hours(48), "2026-10-31T09:00-04:00", "2026-11-02T08:00-05:00"),
    # No change of clock in India; half an hour is part of its offset.
    Vector("IN order", KOLKATA, hours(3), "2026-02-28T22:30+05:30", "2026-03-01T01:30+05:30"),
    Vector("IN order, before 2026", KOLKATA, hours(36), "2026-02-13T20:00+05:30", "2026-02-15T08:00+05:30"),
    Vector("IN imagery", KOLKATA, hours(2), "2026-12-31T23:15+05:30", "2027-01-01T01:15+05:30"),
    Vector("IN imagery, before 2026", KOLKATA, hours(24), "2026-02-13T20:00+05:30", "2026-02-14T20:00+05:30"),
    # One year from a leap day: the last day of February, until midnight.
    Vector("US 18 USC 2258A", NEW_YORK, months(12), "2024-02-29T08:00-05:00", "2025-03-01T00:00-05:00"),
    # 15:00 UTC to 15:00 UTC; New York went forward in that night.
    Vector("NCMEC, after opening", NEW_YORK, hours(24), "2026-03-07T10:00-05:00", "2026-03-08T11:00-04:00"),
    # 06:30 UTC + 1 = 07:30 UTC; at 07:00 UTC New York went forward.
    Vector("NCMEC, after modification", NEW_YORK, hours(1), "2026-03-08T01:30-05:00", "2026-03-08T03:30-04:00"),
    Vector("ID MR5/2020", JAKARTA, hours(24), "2026-06-30T12:00+07:00", "2026-07-01T12:00+07:00"),
    Vector("ID MR5/2020, urgent", JAKARTA, hours(4), "2026-06-30T22:00+07:00", "2026-07-01T02:00+07:00"),
    Vector("TR 5651, 24 h", ISTANBUL, hours(24), "2026-05-01T10:00+03:00", "2026-05-02T10:00+03:00"),
    Vector("TR 5651, 48 h", ISTANBUL, hours(48), "2026-05-01T10:00+03:00", "2026-05-03T10:00+03:00"),
    Vector("TR 5651, 4 h", ISTANBUL, hours(4), "2026-05-01T22:00+03:00", "2026-05-02T02:00+03:00"),
    Vector("RU 149-FZ", MOSCOW, hours(24), "2026-12-31T15:00+03:00", "2027-01-01T15:00+03:00"),
]

INSTANT_DAY = Limit(1, Unit.CALENDAR_DAYS)
CALENDARS = [
    # Republic Day, Sunday 25 October, is observed on Monday 26. Then 23, 27, 28.
    Vector("a holiday on a Sunday", KZ, working_days(3), "2026-10-22T10:00+05:00", "2026-10-28T18:30+05:00"),
    # Sunday 5 January 2025 is worked in exchange for Friday 3.
    Vector("a moved Sunday", KZ, working_days(1), "2025-01-04T10:00+05:00", "2025-01-05T18:30+05:00"),
    # 2 January is New Year, 3 is moved away, 4 a Saturday: Sunday 5, Monday 6; 7 is Christmas; 8.
    Vector("New Year and the moved Sunday", KZ, working_days(3), "2025-01-02T10:00+05:00", "2025-01-08T18:30+05:00"),
    # The leap day is a Thursday like another.
    Vector("a leap day", KZ, working_days(1), "2024-02-28T10:00+06:00", "2024-02-29T18:30+06:00"),
    # 31 December is day zero; 1 and 2 January off, a weekend; 5 and 6 January.
    Vector("the year's end", KZ, working_days(2), "2025-12-31T10:00+05:00", "2026-01-06T18:30+05:00"),
    # Two hours on the old offset, two on the new one; the close and the opening are wall times.
    Vector("Almaty's change at work", KZ, working_hours(4), "2024-02-29T16:30+06:00", "2024-03-01T11:00+05:00"),
    # Three before lunch, four after it, one on Monday.
    Vector("lunch and a weekend", KZ, working_hours(8), "2026-04-17T10:00+05:00", "2026-04-20T10:00+05:00"),
    # Four hours before lunch end when lunch begins, not when it is over.
    Vector("the last hour before lunch", KZ, working_hours(4), "2026-04-17T09:00+05:00", "2026-04-17T13:00+05:00"),
    # Friday's shift gives seven hours, until Saturday 06:00; the eighth is Monday's first.
    Vector("a night shift", NIGHT_SHIFT, working_hours(8), "2026-04-17T23:00+05:00", "2026-04-20T23:00+05:00"),
    # Monday's shift closes on Tuesday.
    Vector(
        "a day that ends on the next", NIGHT_SHIFT, working_days(1), "2026-04-17T23:00+05:00", "2026-04-21T06:00+05:00"
    ),
    # Counted while a minute of work is left, else from the next working day on.
    Vector("the last minute", KZ, working_days(1, counted=True), "2026-04-15T18:29+05:00", "2026-04-15T18:30+05:00"),
    Vector("after the close", KZ, working_days(1, counted=True), "2026-04-15T18:30+05:00", "2026-04-16T18:30+05:00"),
    # 31 January + 1, + 3; 2024 has a 29th.
    Vector("one month from 31 January", KZ, months(1), "2026-01-31T10:00+05:00", "2026-03-01T00:00+05:00"),
    Vector("one month in a leap year", KZ, months(1), "2024-01-31T10:00+06:00", "2024-03-01T00:00+05:00"),
    Vector("three months from 31 January", KZ, months(3), "2026-01-31T10:00+05:00", "2026-05-01T00:00+05:00"),
    # The day before the 15th; the 28th, where there is no 31st to come before.
    Vector(
        "a month with its first day", KZ, months(1, counted=True), "2026-01-15T10:00+05:00", "2026-02-15T00:00+05:00"
    ),
    Vector("a short month", KZ, months(1, counted=True), "2026-01-31T10:00+05:00", "2026-03-01T00:00+05:00"),
    # 21 March is a Saturday and Nauryz: Thursday 26 is the next on which work is done, until its midnight.
    Vector("rolled over Nauryz", KZ, days(1, rolls=True), "2026-03-20T10:00+05:00", "2026-03-27T00:00+05:00"),
]

LOCAL_CLOCKS = [
    # 22 to 6 is seven real hours when the clock goes forward, nine when it goes back.
    Vector(
        "Berlin forward", nights("Europe/Berlin"), working_hours(7), "2026-03-28T22:00+01:00", "2026-03-29T06:00+02:00"
    ),
    Vector(
        "Berlin back", nights("Europe/Berlin"), working_hours(9), "2026-10-24T22:00+02:00", "2026-10-25T06:00+01:00"
    ),
    Vector(
        "Sydney back", nights("Australia/Sydney"), working_hours(9), "2026-04-04T22:00+11:00", "2026-04-05T06:00+10:00"
    ),
    Vector(
        "Sydney forward",
        nights("Australia/Sydney"),
        working_hours(7),
        "2026-10-03T22:00+10:00",
        "2026-10-04T06:00+11:00",
    ),
    # Four hours on Friday, four on Monday, on another offset.
    Vector("Sydney's weekend", SYDNEY, working_hours(8), "2026-10-02T13:00+10:00", "2026-10-05T13:00+11:00"),
    # 02:30 does not exist on that day: the clock jumps from 02:00 to 03:00.
    Vector("a time that does not exist", BERLIN, INSTANT_DAY, "2026-03-28T02:30+01:00", "2026-03-29T03:00+02:00"),
    # 02:30 exists twice: the first.
    Vector("a time that exists twice", BERLIN, INSTANT_DAY, "2026-10-24T02:30+02:00", "2026-10-25T02:30+02:00"),
    # Half an hour: 01:30 UTC + 24 hours = 01:30 UTC = 12:30+11.
    Vector("Lord Howe", office("Australia/Lord_Howe"), hours(24), "2026-10-03T12:00+10:30", "2026-10-04T12:30+11:00"),
    # The midnight that ends 3 November is skipped: 00:00 reads 01:00.
    Vector(
        "a midnight that does not exist",
        office("America/Sao_Paulo", 2017, 2019),
        days(1),
        "2018-11-02T10:00-03:00",
        "2018-11-04T01:00-02:00",
    ),
    # After Thursday 29 December came Saturday 31; the next working day is Monday.
    Vector(
        "a date that does not exist",
        office("Pacific/Apia", 2011, 2012),
        working_days(1),
        "2011-12-29T10:00-10:00",
        "2012-01-02T17:00+14:00",
    ),
    # 23:50 + 20 minutes, into the hour that comes twice for those who look at the wall.
    Vector("Almaty's repeated hour", KZ, minutes(20), "2024-02-29T23:50+06:00", "2024-02-29T23:10+05:00"),
]
VECTORS = [*REGIMES, *CALENDARS, *LOCAL_CLOCKS]


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector.about)
def test_the_engine_gets_what_a_person_gets(vector: Vector) -> None:
    found = due_at(vector.limit, at(vector.start), vector.cal)
    assert found == at(vector.due)
    assert found.tzinfo is UTC


PAUSED = [
    # 24 hours and the two in which it stood still.
    ("hours", hours(24), "2026-04-15T10:00", [("2026-04-15T12:00", "2026-04-15T14:00")], "2026-04-16T12:00"),
    # Two pauses that overlap stand still from 12:00 to 15:00, three hours in all.
    (
        "overlapping",
        hours(24),
        "2026-04-15T10:00",
        [("2026-04-15T12:00", "2026-04-15T14:00"), ("2026-04-15T13:00", "2026-04-15T15:00")],
        "2026-04-16T13:00",
    ),
    # A pause while nobody works takes no working time: one hour is left on Monday, as without it.
    ("a weekend", working_hours(8), "2026-04-17T10:00", [("2026-04-17T18:30", "2026-04-20T09:00")], "2026-04-20T10:00"),
    # Of the pause from 12:00 to 15:00 an hour and a half is work: 8 hours end at 11:30 on Monday, not at 10:00.
    ("lunch", working_hours(8), "2026-04-17T10:00", [("2026-04-17T12:00", "2026-04-17T15:00")], "2026-04-20T11:30"),
    # Tuesday and Wednesday close while it stands still: Thursday, Friday, Monday.
    ("days", working_days(3), "2026-04-13T10:00", [("2026-04-14T12:00", "2026-04-16T12:00")], "2026-04-20T18:30"),
    # It runs again at the very close of Tuesday, so Tuesday counts: Tuesday, Wednesday, Thursday.
    ("the close", working_days(3), "2026-04-13T10:00", [("2026-04-14T12:00", "2026-04-14T18:30")], "2026-04-16T18:30"),
    # It was due at the very instant at which the pause begins.
    ("too late", hours(24), "2026-04-15T10:00", [("2026-04-16T10:00", "2026-04-18T10:00")], "2026-04-16T10:00"),
    # Saturday moves to Monday, but on Monday's midnight it stands still: Tuesday's.
    ("rolled", days(1, rolls=True), "2026-04-17T10:00", [("2026-04-20T12:00", "2026-04-21T09:00")], "2026-04-22T00:00"),
    # The midnights that end 10, 11 and 12 February: 28 February and three days, until midnight.
    ("a month", months(1), "2026-01-31T10:00", [("2026-02-10T12:00", "2026-02-13T12:00")], "2026-03-04T00:00"),
]


@pytest.mark.parametrize(("about", "limit", "start", "pauses", "due"), PAUSED, ids=[each[0] for each in PAUSED])
def test_a_pause_adds_what_it_took_and_no_more(
    about: str, limit: Limit, start: str, pauses: list[tuple[str, str]], due: str
) -> None:
    taken = [Pause(almaty(begin), almaty(end), "awaiting_applicant") for begin, end in pauses]
    assert due_at(limit, almaty(start), KZ, taken) == almaty(due)


def almaty(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}+05:00")


def test_after_force_majeure_the_removal_hour_begins_anew() -> None:
    """EU TCO Art. 3(7): twenty minutes had gone; resumed it would be 08:40, restarted it is 09:00."""
    start, begin, end = at("2026-06-12T10:00+02:00"), at("2026-06-12T10:20+02:00"), at("2026-06-13T08:00+02:00")
    restarted = due_at(hours(1), start, BERLIN, [Pause(begin, end, "force_majeure", restarts=True)])
    resumed = due_at(hours(1), start, BERLIN, [Pause(begin, end, "force_majeure")])
    assert (restarted, resumed) == (at("2026-06-13T09:00+02:00"), at("2026-06-13T08:40+02:00"))


def test_an_unfinished_report_is_kept_until_the_later_of_two_clocks() -> None:
    """NCMEC: 24 hours after opening or one hour after the last change, whichever is later; both run by themselves."""
    opened, changed = at("2026-03-07T10:00-05:00"), at("2026-03-08T10:45-04:00")
    clocks = {due_at(hours(24), opened, NEW_YORK), due_at(hours(1), changed, NEW_YORK)}
    assert clocks == {at("2026-03-08T11:00-04:00"), at("2026-03-08T11:45-04:00")}


def test_an_extension_names_the_new_end_and_a_later_pause_moves_it() -> None:
    extension = Extension(almaty("2026-04-15T10:00"), almaty("2026-04-24T18:30"), "reasoned_decision")
    before = Pause(almaty("2026-04-14T10:00"), almaty("2026-04-14T12:00"), "awaiting_applicant")
    after = Pause(almaty("2026-04-16T12:00"), almaty("2026-04-16T15:00"), "awaiting_applicant")
    start = almaty("2026-04-13T10:00")
    assert due_at(working_days(3), start, KZ, [before], extension) == almaty("2026-04-24T18:30")
    # An hour and a half of work were lost: Monday at half past ten.
    assert due_at(working_days(3), start, KZ, [before, after], extension) == almaty("2026-04-27T10:30")
    # A pause that begins when it is due comes too late.
    late = Pause(extension.until, almaty("2026-04-28T09:00"), "awaiting_applicant")
    assert due_at(working_days(3), start, KZ, [late], extension) == almaty("2026-04-24T18:30")
    assert due_at(hours(72), start, KZ, [late], extension) == almaty("2026-04-24T18:30")
    # Three real hours were lost.
    assert due_at(hours(72), start, KZ, [before, after], extension) == almaty("2026-04-24T21:30")


def test_half_of_the_time_leaves_the_pause_out() -> None:
    start, due = almaty("2026-04-15T10:00"), almaty("2026-04-16T12:00")
    pause = Pause(almaty("2026-04-15T12:00"), almaty("2026-04-15T14:00"), "awaiting_applicant")
    # Twelve of 24 hours: two before the pause, ten from 14:00 on.
    assert threshold_at(start, due, 0.5, hours(24), KZ, [pause]) == almaty("2026-04-16T00:00")


def test_after_a_restart_half_of_the_time_is_half_of_the_new_time() -> None:
    start, due = almaty("2026-04-15T10:00"), almaty("2026-04-21T08:00")
    pause = Pause(almaty("2026-04-16T06:00"), almaty("2026-04-20T08:00"), "force_majeure", restarts=True)
    assert due_at(hours(24), start, KZ, [pause]) == due
    # Everything begins anew on the 20th at 08:00, so twelve hours later half is used; the first 20 hours are void.
    assert threshold_at(start, due, 0.5, hours(24), KZ, [pause]) == almaty("2026-04-20T20:00")


def test_a_half_day_and_a_closure_are_counted_as_they_are() -> None:
    overrides = {
        date(2026, 4, 16): DayOverride("open", "half day", ((time(9), time(13)),)),
        date(2026, 4, 17): DayOverride("closed", "burst pipe"),
    }
    cal = WorkingCalendar("kz", "Asia/Almaty", LUNCH, 2026, 2026, "KZ", overrides=overrides)
    # One hour on Wednesday, four on Thursday, none on Friday, three on Monday.
    assert due_at(working_hours(8), almaty("2026-04-15T17:30"), cal) == almaty("2026-04-20T12:00")
    # The half day ends at one.
    assert due_at(working_days(1), almaty("2026-04-15T17:30"), cal) == almaty("2026-04-16T13:00")
