"""A paused clock stands still, spends nothing and keeps its start; an extended one is due when a person said."""

from __future__ import annotations

from datetime import date, datetime, time
from zoneinfo import ZoneInfo

import pytest

from casework.derivation import StepKind, derive, render
from casework.interruptions import Extension, InterruptionInvalid, Pause
from casework.limits import DueAt, Limit, Unit, due_at, threshold_at
from casework.working_time import WorkingCalendar
from casework.working_time_errors import CalendarMissing, NaiveTime

WITH_LUNCH = ((time(9), time(13)), (time(14, 30), time(18, 30)))
KZ = WorkingCalendar("kz", "Asia/Almaty", WITH_LUNCH, 2024, 2027, "KZ")
BERLIN = WorkingCalendar("de", "Europe/Berlin", WITH_LUNCH, 2024, 2027, "DE")

DAY = Limit(24, Unit.HOURS)
TEN_HOURS = Limit(10, Unit.WORKING_HOURS)
THREE_DAYS = Limit(3, Unit.WORKING_DAYS, due_at=DueAt.END_OF_WORKING_DAY)
WEEK = Limit(7, Unit.CALENDAR_DAYS, due_at=DueAt.END_OF_DAY)
MONTH = Limit(1, Unit.MONTHS, due_at=DueAt.END_OF_DAY)
SAME_TIME = Limit(2, Unit.WORKING_DAYS)


def at(text: str, cal: WorkingCalendar = KZ) -> datetime:
    """A local time of the calendar; a text with an offset keeps it."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(cal.zone))


def pause(began: str, ended: str, *, restarts: bool = False, reason: str = "awaiting_applicant") -> Pause:
    return Pause(at(began), at(ended), reason, restarts)


@pytest.mark.parametrize(
    ("limit", "start", "began", "ended", "due"),
    [
        # Real time: an hour of pause is an hour more, whenever it comes.
        (DAY, "2026-04-15T10:00", "2026-04-15T12:00", "2026-04-15T13:00", "2026-04-16T11:00"),
        (DAY, "2026-04-15T10:00", "2026-04-15T09:00", "2026-04-15T11:00", "2026-04-16T11:00"),
        (DAY, "2026-04-15T10:00", "2026-04-15T08:00", "2026-04-15T10:00", "2026-04-16T10:00"),
        (DAY, "2026-04-15T10:00", "2026-04-16T10:00", "2026-04-19T10:00", "2026-04-16T10:00"),
        (DAY, "2026-04-15T10:00", "2026-04-16T09:59", "2026-04-19T10:00", "2026-04-19T10:01"),
        # Working hours: a pause outside them costs nothing, not even over a weekend.
        (TEN_HOURS, "2026-04-15T10:00", "2026-04-15T18:30", "2026-04-16T09:00", "2026-04-16T12:00"),
        (TEN_HOURS, "2026-04-15T10:00", "2026-04-15T12:00", "2026-04-15T15:00", "2026-04-16T15:00"),
        (TEN_HOURS, "2026-04-17T10:00", "2026-04-18T00:00", "2026-04-19T23:00", "2026-04-20T12:00"),
        (TEN_HOURS, "2026-04-15T10:00", "2026-04-16T12:00", "2026-04-17T12:00", "2026-04-16T12:00"),
        # Working days: only a close of work that falls into the pause is lost.
        (THREE_DAYS, "2026-04-13T10:00", "2026-04-14T10:00", "2026-04-14T18:29", "2026-04-16T18:30"),
        (THREE_DAYS, "2026-04-13T10:00", "2026-04-14T10:00", "2026-04-14T18:30", "2026-04-16T18:30"),
        (THREE_DAYS, "2026-04-13T10:00", "2026-04-14T10:00", "2026-04-14T18:31", "2026-04-17T18:30"),
        (THREE_DAYS, "2026-04-13T10:00", "2026-04-14T18:30", "2026-04-14T18:31", "2026-04-17T18:30"),
        (THREE_DAYS, "2026-04-13T10:00", "2026-04-16T18:30", "2026-04-23T10:00", "2026-04-16T18:30"),
        (THREE_DAYS, "2026-04-13T10:00", "2026-04-16T18:29", "2026-04-23T10:00", "2026-04-23T18:30"),
        (THREE_DAYS, "2026-04-13T10:00", "2026-04-10T10:00", "2026-04-15T19:00", "2026-04-20T18:30"),
        # At the start's time of day, the day's moment is what may be lost.
        (SAME_TIME, "2026-04-13T11:00", "2026-04-14T10:59", "2026-04-14T11:00", "2026-04-15T11:00"),
        (SAME_TIME, "2026-04-13T11:00", "2026-04-14T11:00", "2026-04-14T11:01", "2026-04-16T11:00"),
        # Calendar days and months lose the midnights.
        (WEEK, "2026-03-06T12:00", "2026-03-07T12:00", "2026-03-09T12:00", "2026-03-16T00:00"),
        (WEEK, "2026-03-06T12:00", "2026-03-07T00:01", "2026-03-07T23:59", "2026-03-14T00:00"),
        (MONTH, "2026-01-31T12:00", "2026-02-10T12:00", "2026-02-13T12:00", "2026-03-04T00:00"),
        (MONTH, "2026-01-31T12:00", "2026-03-01T00:00", "2026-03-13T12:00", "2026-03-01T00:00"),
    ],
)  # fmt: skip
def test_a_pause_costs_exactly_the_time_that_would_have_counted(
    limit: Limit, start: str, began: str, ended: str, due: str
) -> None:
    assert due_at(limit, at(start), KZ, [pause(began, ended)]) == at(due)


def test_pauses_that_overlap_count_once_in_any_order() -> None:
    two = [pause("2026-04-15T13:00", "2026-04-15T15:00"), pause("2026-04-15T12:00", "2026-04-15T14:00")]
    assert due_at(DAY, at("2026-04-15T10:00"), KZ, two) == at("2026-04-16T13:00")
    assert due_at(DAY, at("2026-04-15T10:00"), KZ, two[::-1]) == at("2026-04-16T13:00")


def test_a_budget_used_up_where_two_pauses_meet_is_due_there() -> None:
    met = [pause("2026-04-16T10:00", "2026-04-16T18:30"), pause("2026-04-16T18:30", "2026-04-20T10:00")]
    assert due_at(THREE_DAYS, at("2026-04-13T10:00"), KZ, met) == at("2026-04-16T18:30")


def test_a_pause_over_an_hour_that_comes_twice_is_as_long_as_it_really_was() -> None:
    twice = Pause(at("2026-10-25T02:15+02:00"), at("2026-10-25T02:15+01:00"), "force_majeure")
    assert due_at(DAY, at("2026-10-24T12:00", BERLIN), BERLIN, [twice]) == at("2026-10-25T12:00", BERLIN)
    berlin = ZoneInfo("Europe/Berlin")
    by_wall = [datetime(2026, 10, 25, 2, 15, fold=fold, tzinfo=berlin) for fold in (0, 1)]
    assert Pause(by_wall[0], by_wall[1], "force_majeure") == twice


@pytest.mark.parametrize(
    ("limit", "start", "pauses", "due"),
    [
        (DAY, "2026-04-15T10:00", [("12:00", "15:00")], "2026-04-16T15:00"),
        (DAY, "2026-04-15T10:00", [("12:00", "12:00")], "2026-04-16T12:00"),
        (DAY, "2026-04-15T10:00", [("12:00", "15:00"), ("16:00", "17:00")], "2026-04-16T17:00"),
        (TEN_HOURS, "2026-04-15T10:00", [("12:00", "15:30")], "2026-04-16T17:30"),
        (THREE_DAYS, "2026-04-13T10:00", [("11:00", "12:00")], "2026-04-20T18:30"),
    ],
)
def test_a_limit_that_restarts_runs_in_full_from_the_end_of_the_pause(
    limit: Limit, start: str, pauses: list[tuple[str, str]], due: str
) -> None:
    """A removal order with an error: the hour of the law begins when the clarification arrives."""
    stops = [pause(f"2026-04-15T{began}", f"2026-04-15T{ended}", restarts=True) for began, ended in pauses]
    assert due_at(limit, at(start), KZ, stops) == at(due)
    assert due_at(limit, at(start), KZ, stops[::-1]) == at(due)


def test_after_a_restart_earlier_pauses_do_not_matter_and_later_ones_do() -> None:
    restart = pause("2026-04-15T12:00", "2026-04-15T15:00", restarts=True)
    before = pause("2026-04-15T10:30", "2026-04-15T11:30")
    after = pause("2026-04-15T16:00", "2026-04-15T18:00")
    overlapping = pause("2026-04-15T14:00", "2026-04-15T15:30")
    start = at("2026-04-15T10:00")
    assert due_at(DAY, start, KZ, [before, restart]) == at("2026-04-16T15:00")
    assert due_at(DAY, start, KZ, [before, restart, after]) == at("2026-04-16T17:00")
    assert due_at(DAY, start, KZ, [restart, overlapping]) == at("2026-04-16T15:30")


def test_a_restart_within_a_longer_one_does_not_bring_the_due_time_forward() -> None:
    outer = pause("2026-04-15T11:00", "2026-04-17T10:00", restarts=True)
    inner = pause("2026-04-15T12:00", "2026-04-15T13:00", restarts=True)
    assert due_at(DAY, at("2026-04-15T10:00"), KZ, [inner, outer]) == at("2026-04-18T10:00")
    # Day zero is the date on which the longer one ended.
    assert due_at(WEEK, at("2026-04-15T10:00"), KZ, [inner, outer]) == at("2026-04-25T00:00")


def test_a_restart_before_the_start_changes_nothing() -> None:
    early = pause("2026-04-15T08:00", "2026-04-15T09:00", restarts=True)
    assert due_at(DAY, at("2026-04-15T10:00"), KZ, [early]) == at("2026-04-16T10:00")


def test_a_restart_after_time_was_up_changes_nothing() -> None:
    late = pause("2026-04-16T10:00", "2026-04-18T10:00", restarts=True)
    assert due_at(DAY, at("2026-04-15T10:00"), KZ, [late]) == at("2026-04-16T10:00")


ROLLING = Limit(24, Unit.HOURS, roll_forward=True)


def test_a_due_date_that_rolls_forward_does_so_after_the_pauses() -> None:
    start = at("2026-04-16T11:00")
    assert due_at(ROLLING, start, KZ, [pause("2026-04-16T12:00", "2026-04-17T12:00")]) == at("2026-04-20T18:30")
    # The budget ends on Saturday; on Monday the clock stands still, so that nobody can be late then.
    weekend = pause("2026-04-19T12:00", "2026-04-21T12:00")
    assert due_at(ROLLING, at("2026-04-17T11:00"), KZ, [weekend]) == at("2026-04-21T18:30")


def test_a_close_of_work_is_what_calendar_days_end_with_if_the_law_says_so() -> None:
    limit = Limit(3, Unit.CALENDAR_DAYS, due_at=DueAt.END_OF_WORKING_DAY, roll_forward=True)
    start = at("2026-04-13T10:00")
    assert due_at(limit, start, KZ, [pause("2026-04-16T20:00", "2026-04-17T10:00")]) == at("2026-04-16T18:30")
    assert due_at(limit, start, KZ, [pause("2026-04-16T18:00", "2026-04-17T10:00")]) == at("2026-04-17T18:30")
    # Work had closed when the period began, and so had the pause: neither takes a day away.
    counted = Limit(2, Unit.CALENDAR_DAYS, True, DueAt.END_OF_WORKING_DAY, True)
    before = pause("2026-04-16T18:00", "2026-04-16T18:45")
    assert due_at(counted, at("2026-04-16T19:00"), KZ, [before]) == at("2026-04-17T18:30")


@pytest.mark.parametrize(
    ("limit", "until", "pauses", "due"),
    [
        (DAY, "2026-04-20T12:00", [], "2026-04-20T12:00"),
        (DAY, "2026-04-20T12:00", [("2026-04-17T10:00", "2026-04-18T10:00")], "2026-04-21T12:00"),
        (DAY, "2026-04-20T12:00", [("2026-04-15T12:00", "2026-04-15T13:00")], "2026-04-20T12:00"),
        (DAY, "2026-04-20T12:00", [("2026-04-20T12:00", "2026-04-22T13:00")], "2026-04-20T12:00"),
        (
            DAY,
            "2026-04-20T12:00",
            [("2026-04-19T12:00", "2026-04-20T11:00"), ("2026-04-20T12:00", "2026-04-20T13:00")],
            "2026-04-21T12:00",
        ),
        (TEN_HOURS, "2026-04-20T12:00", [("2026-04-17T18:00", "2026-04-20T10:00")], "2026-04-20T15:00"),
        (TEN_HOURS, "2026-04-20T12:00", [("2026-04-18T00:00", "2026-04-20T09:00")], "2026-04-20T12:00"),
        (THREE_DAYS, "2026-04-20T18:30", [("2026-04-20T18:00", "2026-04-21T08:00")], "2026-04-21T09:30"),
        (ROLLING, "2026-04-18T12:00", [], "2026-04-20T18:30"),
        (Limit(7, Unit.CALENDAR_DAYS, False, DueAt.END_OF_DAY, True), "2026-04-18T00:00", [], "2026-04-18T00:00"),
    ],
)  # fmt: skip
def test_an_extension_is_due_when_it_says_and_later_pauses_push_it_on(
    limit: Limit, until: str, pauses: list[tuple[str, str]], due: str
) -> None:
    extension = Extension(at("2026-04-15T16:00"), at(until), "Two experts are abroad.")
    assert due_at(limit, at("2026-04-15T10:00"), KZ, [pause(*stop) for stop in pauses], extension) == at(due)


def test_a_naive_or_backward_interruption_is_refused_by_name() -> None:
    aware, earlier = at("2026-04-15T10:00"), at("2026-04-15T09:00")
    naive = datetime(2026, 4, 15, 10)
    with pytest.raises(NaiveTime, match="began_at"):
        Pause(naive, aware, "x")
    with pytest.raises(NaiveTime, match="ended_at"):
        Pause(aware, naive, "x")
    with pytest.raises(NaiveTime, match="granted_at"):
        Extension(naive, aware, "x")
    with pytest.raises(NaiveTime, match="until"):
        Extension(aware, naive, "x")
    with pytest.raises(InterruptionInvalid, match=r"ends at 2026-04-15T04:00.*before it begins at 2026-04-15T05:00"):
        Pause(aware, earlier, "x")
    with pytest.raises(InterruptionInvalid, match="granted later"):
        Extension(aware, earlier, "x")


def test_a_pause_into_a_year_without_calendar_is_an_error_only_if_that_year_is_needed() -> None:
    start, long = at("2027-12-27T10:00"), pause("2027-12-28T10:00", "2028-02-01T10:00")
    with pytest.raises(CalendarMissing, match="2028"):
        due_at(THREE_DAYS, start, KZ, [long])
    with pytest.raises(CalendarMissing, match="2028"):
        due_at(TEN_HOURS, start, KZ, [long])
    assert due_at(Limit(1, Unit.WORKING_HOURS), start, KZ, [long]) == at("2027-12-27T11:00")
    assert due_at(WEEK, start, KZ, [long]) == at("2028-02-08T00:00")


def test_half_of_the_time_is_half_of_what_counted() -> None:
    stop = [pause("2026-04-15T12:00", "2026-04-16T12:00")]
    start = at("2026-04-15T10:00")
    due = due_at(DAY, start, KZ, stop)
    assert threshold_at(start, due, 0.5, DAY, KZ, stop) == at("2026-04-16T22:00")
    # Used up at the instant at which the pause begins, not when it ends.
    assert threshold_at(start, due, 1 / 12, DAY, KZ, stop) == at("2026-04-15T12:00")
    assert threshold_at(start, due, 0, DAY, KZ, [pause("2026-04-15T09:00", "2026-04-15T11:00")]) == start
    due = due_at(TEN_HOURS, start, KZ, stop)
    assert threshold_at(start, due, 0.5, TEN_HOURS, KZ, stop) == at("2026-04-16T16:30")


def test_a_lawyer_can_follow_a_pause_a_restart_and_an_extension() -> None:
    pauses = [
        pause("2026-04-14T10:00", "2026-04-15T09:00", restarts=True, reason="clarification_received"),
        pause("2026-04-16T16:00", "2026-04-16T19:00"),
        pause("2026-04-21T10:00", "2026-04-21T12:00", reason="court_suspension"),
    ]
    extension = Extension(at("2026-04-17T12:00"), at("2026-04-22T18:30"), "Two experts are abroad.")
    assert (
        render(derive(THREE_DAYS, at("2026-04-13T10:00"), KZ, pauses, extension))
        == """\
3 working days, calendar kz, local time of Asia/Almaty
  Started Monday 2026-04-13 10:00:00+05:00 (2026-04-13 05:00:00 UTC).
  Paused from Tuesday 2026-04-14 10:00:00+05:00 (2026-04-14 05:00:00 UTC) to Wednesday 2026-04-15 09:00:00+05:00 \
(2026-04-15 04:00:00 UTC), not counted: clarification received.
  Begun anew Wednesday 2026-04-15 09:00:00+05:00 (2026-04-15 04:00:00 UTC): clarification received. \
What had passed before does not count.
  The start date, Wednesday 2026-04-15, is day zero and does not count.
  Paused from Thursday 2026-04-16 16:00:00+05:00 (2026-04-16 11:00:00 UTC) to Thursday 2026-04-16 19:00:00+05:00 \
(2026-04-16 14:00:00 UTC), not counted: awaiting applicant.
  Not counted: Thursday 2026-04-16, the clock stood still at the close of work.
  Working day 1 of 3: Friday 2026-04-17, 09:00 to 13:00, 14:30 to 18:30.
  Not counted: Saturday 2026-04-18, weekend.
  Not counted: Sunday 2026-04-19, weekend.
  Working day 2 of 3: Monday 2026-04-20, 09:00 to 13:00, 14:30 to 18:30.
  Working day 3 of 3: Tuesday 2026-04-21, 09:00 to 13:00, 14:30 to 18:30.
  By the limit itself it was due Tuesday 2026-04-21 18:30:00+05:00 (2026-04-21 13:30:00 UTC).
  Extended on Friday 2026-04-17 12:00:00+05:00 (2026-04-17 07:00:00 UTC) until Wednesday 2026-04-22 18:30:00+05:00 \
(2026-04-22 13:30:00 UTC): Two experts are abroad.
  Paused from Tuesday 2026-04-21 10:00:00+05:00 (2026-04-21 05:00:00 UTC) to Tuesday 2026-04-21 12:00:00+05:00 \
(2026-04-21 07:00:00 UTC), not counted: court suspension.
  Pauses moved it on by 2 h of working time.
  Due Thursday 2026-04-23 11:00:00+05:00 (2026-04-23 06:00:00 UTC)."""
    )


def test_counted_hours_are_told_outside_the_pause() -> None:
    told = derive(TEN_HOURS, at("2026-04-15T10:00"), KZ, [pause("2026-04-15T12:00", "2026-04-15T15:00")])
    counted = [step.text for step in told.steps if step.kind is StepKind.COUNTED]
    assert counted == [
        "Counted Wednesday 2026-04-15, 10:00:00 to 12:00:00: 2 h, in all 2 h.",
        "Counted Wednesday 2026-04-15, 15:00:00 to 18:30:00: 3 h 30 min, in all 5 h 30 min.",
        "Counted Thursday 2026-04-16, 09:00:00 to 13:00:00: 4 h, in all 9 h 30 min.",
        "Counted Thursday 2026-04-16, 14:30:00 to 15:00:00: 30 min, in all 10 h.",
    ]
    assert [step.kind for step in told.steps][1:4] == [StepKind.COUNTED, StepKind.PAUSED, StepKind.COUNTED]


def test_told_hours_add_up_although_a_pause_begins_within_a_second() -> None:
    within = pause("2026-04-15T12:00:00.700000", "2026-04-15T12:30")
    told = derive(TEN_HOURS, at("2026-04-15T10:00"), KZ, [within])
    assert sum(step.seconds or 0 for step in told.steps) == TEN_HOURS.seconds


def test_a_pause_that_begins_when_the_time_is_up_is_not_told() -> None:
    told = derive(THREE_DAYS, at("2026-04-13T10:00"), KZ, [pause("2026-04-16T18:30", "2026-04-23T10:00")])
    kinds = [step.kind for step in told.steps]
    assert kinds.count(StepKind.COUNTED) == 3
    assert StepKind.PAUSED not in kinds


def test_days_that_a_pause_added_to_calendar_days_are_told() -> None:
    text = render(derive(WEEK, at("2026-03-06T12:00"), KZ, [pause("2026-03-07T12:00", "2026-03-09T12:00")]))
    assert "7 calendar days, closed days included, and 2 days during which it was paused; last date Sunday" in text
    text = render(derive(DAY, at("2026-04-15T10:00"), KZ, [pause("2026-04-15T12:00", "2026-04-15T13:00")]))
    assert "24 hours of real time, closed days included, pauses left out, until Thursday 2026-04-16 11:00:00" in text


def test_the_first_day_of_a_pause_is_told_by_its_date() -> None:
    told = derive(THREE_DAYS, at("2026-04-13T10:00"), KZ, [pause("2026-04-14T10:00", "2026-04-14T19:00")])
    lost = next(step for step in told.steps if step.kind is StepKind.SKIPPED)
    assert lost.local_from is not None
    assert lost.local_from.date() == date(2026, 4, 14)
