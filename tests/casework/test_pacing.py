"""No letter about danger waits; every other wait ends; and no hour, night or case sees more than was agreed."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from casework.local_time import instant_of
from casework.pacing import (
    BREAKER,
    CAP,
    DIGEST,
    HOUR,
    LONGEST_QUIET,
    QUIET,
    History,
    LetterFacts,
    Pace,
    becomes_digest,
    decide,
    next_turn,
    quiet_until,
)
from casework.policy_base import Source
from casework.policy_mail import Breaker, DigestRule, MailException, MailLimits, MailPolicy, OwnAddresses, QuietHours
from casework.vocabulary import Recipient

NOW = datetime(2026, 4, 1, 6, 0, tzinfo=UTC)
"""A Wednesday, eleven in the morning in Almaty."""
SOURCE = Source(ref="unsourced")
NIGHT = QuietHours(zone="Asia/Almaty", begins="20:00", ends="08:00")
GO = Pace(True)
PROVEN = settings(max_examples=200, derandomize=True, deadline=None)
PLAIN = LetterFacts(urgent=False)


def limits(**changes: object) -> MailLimits:
    values = {
        "per_hour": 6,
        "digest": DigestRule(over=5, within_minutes=60),
        "breaker": Breaker(letters=4, hours=24),
        "source": SOURCE,
    }
    return MailLimits.model_validate({**values, **changes})


def almaty(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 4, day, hour, minute, tzinfo=ZoneInfo("Asia/Almaty"))


instants = st.datetimes(datetime(2024, 1, 1), datetime(2027, 12, 31)).map(lambda at: at.replace(tzinfo=UTC))
ago = st.integers(0, 7_200).map(lambda seconds: timedelta(seconds=seconds))
places = st.sampled_from(["Asia/Almaty", "Europe/Berlin", "Australia/Sydney", "America/St_Johns", "UTC"])
days = st.lists(st.sampled_from(["monday", "wednesday", "saturday", "sunday"]), unique=True).map(tuple)
hours_of_day = st.times().map(lambda at: at.replace(second=0, microsecond=0))


@st.composite
def quiet_hours(draw: st.DrawFn) -> QuietHours:
    begins, ends = draw(st.lists(hours_of_day, min_size=2, max_size=2, unique=True))
    holidays = draw(st.sampled_from([None, "KZ", "DE", "AU"]))
    return QuietHours(zone=draw(places), begins=begins, ends=ends, all_day=draw(days), holidays_of=holidays)


@st.composite
def histories(draw: st.DrawFn, now: datetime) -> History:
    def moments(sign: int) -> list[datetime]:
        return [now + sign * step for step in draw(st.lists(ago, max_size=12))]

    digest = draw(st.one_of(st.none(), ago))
    return History(moments(-1), moments(1), draw(st.integers(0, 9)), None if digest is None else now - digest)


any_letter = st.builds(
    LetterFacts, st.just(False), st.booleans(), st.booleans(), st.booleans(), st.booleans()
)  # fmt: skip


@PROVEN
@given(st.data(), instants, quiet_hours(), any_letter)
def test_an_urgent_letter_is_never_held_back_by_anything(
    data: st.DataObject, now: datetime, quiet: QuietHours, letter: LetterFacts
) -> None:
    history = data.draw(histories(now))
    urgent = LetterFacts(True, letter.child_safety, letter.digestible, letter.is_digest, letter.released)
    assert decide(urgent, history, limits(quiet=quiet, per_hour=1), now) == GO


@PROVEN
@given(st.data(), instants, st.none() | quiet_hours(), any_letter)
def test_every_wait_ends_except_for_the_breaker_which_waits_for_a_person(
    data: st.DataObject, now: datetime, quiet: QuietHours | None, letter: LetterFacts
) -> None:
    history = data.draw(histories(now))
    found = decide(letter, history, limits(quiet=quiet), now)
    if found.go:
        assert found == GO
    elif found.because == BREAKER:
        assert found.until is None
        assert not letter.released
        assert history.about_case >= 4
    else:
        assert found.because in (QUIET, CAP, DIGEST)
        assert found.until is not None
        assert now < found.until <= now + max(LONGEST_QUIET, timedelta(hours=4))


@PROVEN
@given(instants, st.lists(ago, max_size=30), st.integers(1, 8))
def test_no_hour_sees_more_than_the_cap_and_each_waits_no_longer_than_it_must(
    now: datetime, gone: list[timedelta], per_hour: int
) -> None:
    sent = [now - step for step in gone]
    turn = next_turn(sent, (), per_hour, now)
    if sum(now - HOUR < at <= now for at in sent) < per_hour:
        assert turn == now
        return
    assert turn > now

    def in_hour_before(at: datetime) -> int:
        return sum(at - HOUR < moment <= at for moment in sent)

    assert in_hour_before(turn) < per_hour, "half-open: what went exactly an hour ago does not count"
    assert in_hour_before(turn - timedelta.resolution) >= per_hour


@PROVEN
@given(instants, st.integers(1, 8), st.integers(1, 60))
def test_turns_given_one_after_the_other_keep_the_cap(now: datetime, per_hour: int, letters: int) -> None:
    sent: list[datetime] = []
    planned: list[datetime] = []
    for _ in range(letters):
        turn = next_turn(sent, planned, per_hour, now)
        (sent if turn <= now else planned).append(turn)
    turns = sorted([*sent, *planned])
    for at in turns:
        assert sum(at - HOUR < other <= at for other in turns) <= per_hour
    assert turns[-1] == now + ((letters - 1) // per_hour) * HOUR, "nobody waits longer than the cap demands"


def test_a_cap_of_six_an_hour_lets_twenty_go_in_four_hours() -> None:
    sent = [NOW] * 6
    planned: list[datetime] = []
    for _ in range(14):
        planned.append(next_turn(sent, planned, 6, NOW))
    assert [planned.count(NOW + count * HOUR) for count in (1, 2, 3)] == [6, 6, 2]


@pytest.mark.parametrize(("minutes", "goes"), [(59, False), (60, True), (61, True)])
def test_the_hour_of_the_cap_is_half_open(minutes: int, goes: bool) -> None:
    history = History(sent=[NOW - timedelta(minutes=minutes)])
    assert decide(PLAIN, history, limits(per_hour=1), NOW).go is goes


@pytest.mark.parametrize(("minutes", "goes"), [(59, False), (60, True)])
def test_within_the_window_of_the_last_digest_what_could_be_a_line_waits_for_the_next(minutes: int, goes: bool) -> None:
    history = History(last_digest=NOW - timedelta(minutes=minutes))
    found = decide(LetterFacts(False, digestible=True), history, limits(), NOW)
    assert found == (GO if goes else Pace(False, NOW + timedelta(minutes=1), DIGEST))
    assert decide(PLAIN, history, limits(), NOW) == GO, "a letter that is no line waits for no digest"


def test_a_digest_may_pass_the_cap_and_keeps_the_quiet_hours() -> None:
    full = History(sent=[NOW] * 6)
    digest = LetterFacts(False, is_digest=True)
    assert decide(digest, full, limits(), NOW) == GO
    late = almaty(1, 23)
    assert decide(digest, History(), limits(quiet=NIGHT), late) == Pace(False, almaty(2, 8).astimezone(UTC), QUIET)


def test_a_letter_of_the_child_safety_lane_waits_for_no_cap_and_no_digest() -> None:
    history = History(sent=[NOW] * 6, last_digest=NOW)
    assert decide(LetterFacts(False, child_safety=True, digestible=True), history, limits(), NOW) == GO
    assert not decide(LetterFacts(False, digestible=True), history, limits(), NOW).go


def test_the_breaker_stops_a_case_until_a_person_lets_the_letter_go() -> None:
    history = History(about_case=4)
    assert decide(PLAIN, history, limits(), NOW) == Pace(False, None, BREAKER)
    assert decide(PLAIN, History(about_case=3), limits(), NOW) == GO
    assert decide(LetterFacts(False, released=True), history, limits(), NOW) == GO


@pytest.mark.parametrize(
    ("waiting", "recent", "one"),
    [(5, 0, False), (6, 0, True), (2, 4, True), (2, 3, False), (1, 99, False), (0, 9, False)],
)
def test_more_than_so_many_within_the_window_become_one_and_one_letter_never_does(
    waiting: int, recent: int, one: bool
) -> None:
    assert becomes_digest(waiting, recent, limits()) is one


# Quiet hours


@pytest.mark.parametrize(
    ("at", "until"),
    [
        (almaty(1, 19, 59), None),
        (almaty(1, 20), almaty(2, 8)),
        (almaty(1, 23, 59), almaty(2, 8)),
        (almaty(2, 0), almaty(2, 8)),
        (almaty(2, 7, 59), almaty(2, 8)),
        (almaty(2, 8), None),
    ],
)
def test_quiet_hours_over_midnight_are_half_open(at: datetime, until: datetime | None) -> None:
    assert quiet_until(NIGHT, at) == until


def test_quiet_hours_within_a_day_end_on_it() -> None:
    noon = QuietHours(zone="Asia/Almaty", begins="12:00", ends="14:00")
    assert [quiet_until(noon, almaty(1, hour)) for hour in (11, 12, 13, 14)] == [
        None,
        almaty(1, 14),
        almaty(1, 14),
        None,
    ]


def test_a_weekend_and_the_nights_beside_it_are_one_quiet_time() -> None:
    quiet = NIGHT.model_copy(update={"all_day": ("saturday", "sunday")})
    assert quiet_until(quiet, almaty(3, 21)) == almaty(6, 8), "from Friday evening to Monday morning"
    assert quiet_until(quiet, almaty(3, 19)) is None


def test_public_holidays_are_quiet_where_the_pack_names_the_country() -> None:
    nauryz = datetime(2026, 3, 23, 12, tzinfo=ZoneInfo("Asia/Almaty"))
    assert quiet_until(NIGHT, nauryz) is None
    quiet = NIGHT.model_copy(update={"holidays_of": "KZ"})
    until = quiet_until(quiet, nauryz)
    assert until is not None
    assert until.astimezone(ZoneInfo("Asia/Almaty")).isoformat() == "2026-03-26T08:00:00+05:00"


def test_on_the_days_the_clocks_change_quiet_hours_end_when_the_wall_clock_says_so() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    quiet = QuietHours(zone="Europe/Berlin", begins="22:00", ends="06:00")
    for evening, length in ((datetime(2026, 3, 28, 22), 7), (datetime(2026, 10, 24, 22), 9)):
        began = evening.replace(tzinfo=berlin).astimezone(UTC)
        assert quiet_until(quiet, began) == began + timedelta(hours=length)


def test_an_hour_that_the_clock_skips_is_not_quiet_and_one_that_comes_twice_is_quiet_both_times() -> None:
    quiet = QuietHours(zone="Europe/Berlin", begins="02:00", ends="03:00")
    skipped = datetime(2026, 3, 29, 1, 0, tzinfo=UTC)
    assert quiet_until(quiet, skipped) is None
    twice = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert quiet_until(quiet, twice) == quiet_until(quiet, twice + HOUR) == datetime(2026, 10, 25, 2, tzinfo=UTC)


@PROVEN
@given(quiet_hours(), instants)
@example(QuietHours(zone="Europe/Berlin", begins="22:00", ends="21:59"), datetime(2026, 3, 28, 20, 59, tzinfo=UTC))
def test_when_a_quiet_time_ends_it_is_over_and_until_then_it_lasts(quiet: QuietHours, at: datetime) -> None:
    until = quiet_until(quiet, at)
    zone = ZoneInfo(quiet.zone)
    wall = at.astimezone(zone).time().replace(tzinfo=None, fold=0)
    inside = (
        quiet.begins <= wall < quiet.ends if quiet.begins < quiet.ends else wall >= quiet.begins or wall < quiet.ends
    )
    plain = not _changes_that_day(at, zone)
    if inside and plain:
        assert until is not None
    if until is None:
        return
    assert at < until <= at + LONGEST_QUIET
    if until < at + LONGEST_QUIET:
        assert quiet_until(quiet, until) is None
        assert quiet_until(quiet, until - timedelta(microseconds=1)) == until


def _changes_that_day(at: datetime, zone: ZoneInfo) -> bool:
    day = at.astimezone(zone).date()
    steps = [instant_of(day + timedelta(days=count), time.min, zone) for count in (-1, 0, 1, 2)]
    return any(later - earlier != timedelta(days=1) for earlier, later in pairwise(steps))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"ends": "20:00"}, "begins and ends are the same: it would be quiet all day, every day"),
        (
            {"all_day": ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")},
            "all_day names all seven days: it would be quiet all day, every day",
        ),
        ({"zone": "+05:00"}, "name a place, such as Asia/Almaty, never an offset"),
        ({"begins": 1200}, 'write the time in quotes, as in "20:00"'),
        ({"holidays_of": "ZZ"}, "ZZ"),
    ],
)
def test_quiet_hours_that_cannot_be_are_refused(change: dict[str, object], said: str) -> None:
    values: dict[str, object] = {"zone": "Asia/Almaty", "begins": "20:00", "ends": "08:00", **change}
    with pytest.raises(ValidationError) as refused:
        QuietHours.model_validate(values)
    assert said in str(refused.value)


# The pack's file


def _policy(*exceptions: MailException) -> MailPolicy:
    return MailPolicy(default=limits(quiet=NIGHT), exceptions=exceptions, ours=OwnAddresses(source=SOURCE))


def test_an_exception_changes_what_it_names_and_leaves_the_rest() -> None:
    rule = MailException(recipients=(Recipient.LIAISON,), per_hour=2, source=SOURCE)
    found = _policy(rule).limits(Recipient.LIAISON)
    assert (found.per_hour, found.digest, found.quiet) == (2, limits().digest, NIGHT)
    assert _policy(rule).limits(Recipient.POLICE) == limits(quiet=NIGHT)


def test_an_exception_can_take_the_quiet_hours_away() -> None:
    rule = MailException(recipients=(Recipient.UNIT,), quiet=None, source=SOURCE)
    assert _policy(rule).limits(Recipient.UNIT).quiet is None


def test_a_recipient_in_two_exceptions_is_refused() -> None:
    rule = MailException(recipients=(Recipient.UNIT,), per_hour=2, source=SOURCE)
    with pytest.raises(ValidationError, match="exceptions name 'unit' twice"):
        _policy(rule, rule)
