"""More time for a duty of ours: by whom the law names, once, within the ceiling, and the applicant hears of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from casework.clock_changes import ClockChangeRefused
from casework.errors import NotAllowed
from tasks.clock_changes import extend_clock
from tasks.sla_sweep import sweep
from tests.stories import CHAIR, HEAD, SQLITE_ONLY, Story, bullied, link

GROUP = "kz.expert_group"
FIRST_DUE = datetime(2026, 3, 26, 13, 30, tzinfo=UTC)
"""Three working days from Wednesday the 18th, past Nauryz: Thursday the 26th, when work ends in Almaty."""
UNTIL = datetime(2026, 3, 30, 13, 30, tzinfo=UTC)
CEILING = datetime(2026, 4, 2, 19, 0, tzinfo=UTC)
"""The end of the fifteenth calendar day in Almaty."""
REASONS = "The group waits for a psychologist's opinion on the posts."


def _extend(story: Story, number: str, until: datetime = UNTIL, by: str = CHAIR, reason: str = REASONS) -> datetime:
    return extend_clock(story.runtime, number, GROUP, until, by, reason)


def test_the_chair_gives_more_time_and_the_applicant_is_told_why_and_how_it_was_counted(story: Story) -> None:
    number = story.to_review(**bullied())
    [clock] = story.clocks(number, GROUP)
    assert clock.due_at == FIRST_DUE
    story.clock.advance(days=1)
    assert _extend(story, number) == UNTIL
    [clock] = story.clocks(number, GROUP)
    assert (clock.due_at, clock.state) == (UNTIL, "running")
    assert [mark for mark in clock.thresholds if mark[1] == "breach"] == [[UNTIL.isoformat(), "breach"]]
    [event] = story.events(number, "clock.extended")
    assert (event.actor_id, event.reason, event.at) == (CHAIR, REASONS, story.clock())
    assert (event.data["due_before"], event.data["due_at"]) == (FIRST_DUE.isoformat(), UNTIL.isoformat())
    [notice] = story.clocks(number, "kz.extension_notice")
    assert (notice.state, notice.statutory) == ("running", True)
    assert notice.due_at == datetime(2026, 3, 26, 13, 30, tzinfo=UTC), "two working days after the 19th, past Nauryz"
    story.send_letters()
    [notice] = story.clocks(number, "kz.extension_notice")
    assert (notice.state, notice.stopped_by) == ("met", "extension.notified")
    [letter] = [
        kept for kept in story.mail("reporter@mail.example")
        if kept.message["X-Qorgan-Letter"] == str(story.letters(number, "extension_notice")[0].id)
    ]  # fmt: skip
    text = " ".join(letter.message.get_body(("plain",)).get_content().split())  # type: ignore[union-attr]
    assert letter.message["Content-Language"] == "ru"
    assert REASONS in text
    assert "Начало отсчёта: 18.03.2026 09:00 (UTC+05:00, Asia/Almaty)." in text
    assert "Срок: 3 раб. дн.; день начала не считается." in text
    assert "Не считаются дни: 21.03.2026, 22.03.2026, 23.03.2026, 24.03.2026, 25.03.2026." in text
    assert "Срок продлён решением от 19.03.2026 09:00" in text
    assert "Срок истекает: 30.03.2026 18:30 (UTC+05:00, Asia/Almaty)." in text
    assert "562-НҚ of 26 November 2024 (не проверено)" in text, "nobody has read the official text yet"
    story.assert_sound()


@SQLITE_ONLY
def test_the_duty_to_tell_is_over_at_once_where_nobody_can_be_told(story: Story) -> None:
    number = story.to_review(**bullied(reporter={}))
    _extend(story, number)
    [notice] = story.clocks(number, "kz.extension_notice")
    assert (notice.state, notice.stopped_by) == ("met", "extension.notified")
    [letter] = story.letters(number, "extension_notice")
    assert (letter.state, letter.reason) == ("dropped", "the reporter is anonymous")
    [told] = story.events(number, "extension.notified")
    assert "nobody left an address" in told.reason
    story.assert_sound()


@SQLITE_ONLY
def test_a_notice_of_the_extension_that_nobody_sends_is_a_breach_of_its_own(story: Story) -> None:
    number = story.to_review(**bullied())
    _extend(story, number)
    [notice] = story.clocks(number, "kz.extension_notice")
    story.clock.set(notice.due_at)
    sweep(story.runtime)
    [notice] = story.clocks(number, "kz.extension_notice")
    assert notice.breached_at == notice.due_at
    [clock] = story.clocks(number, GROUP)
    assert clock.breached_at is None, "the extended duty itself has time left"


REFUSED = {
    "by nobody the law names": ({"by": HEAD}, "clock.extension_role", "expert_chair"),
    "past the ceiling": ({"until": CEILING + timedelta(minutes=1)}, "clock.extension_ceiling", "2026-04-02 19:00 UTC"),
    "without reasons": ({"reason": "Needed."}, "clock.extension_reason", "reasons"),
    "to an earlier time": ({"until": FIRST_DUE}, "clock.extension_shorter", "has that time already"),
}


@pytest.mark.parametrize("asked", REFUSED.values(), ids=REFUSED.keys())
def test_more_time_is_refused_and_nothing_is_written(story: Story, asked: tuple[dict[str, object], str, str]) -> None:
    said, rule, sentence = asked
    number = story.to_review(**bullied())
    before = story.counts()
    with pytest.raises(ClockChangeRefused, match=sentence) as refused:
        _extend(story, number, **said)  # type: ignore[arg-type]
    assert refused.value.rule == rule
    assert str(number) in str(refused.value)
    assert story.counts() == before
    assert [clock.due_at for clock in story.clocks(number, GROUP)] == [FIRST_DUE]


@SQLITE_ONLY
def test_the_ceiling_itself_may_be_given_and_once_only(story: Story) -> None:
    number = story.to_review(**bullied())
    assert _extend(story, number, CEILING - timedelta(days=1)) == CEILING - timedelta(days=1)
    before = story.counts()
    with pytest.raises(ClockChangeRefused, match=r"extended 1 time") as refused:
        _extend(story, number, CEILING)
    assert refused.value.rule == "clock.extension_times"
    assert story.counts() == before
    other = story.to_review(**bullied())
    assert _extend(story, other, CEILING) == CEILING


@SQLITE_ONLY
@pytest.mark.parametrize("swept", [True, False], ids=["found by the sweep", "not found yet"])
def test_a_time_that_has_run_out_cannot_be_extended(story: Story, swept: bool) -> None:
    number = story.to_review(**bullied())
    story.clock.set(FIRST_DUE)
    if swept:
        sweep(story.runtime)
    with pytest.raises(ClockChangeRefused, match="ran out before"):
        _extend(story, number)
    sweep(story.runtime)
    assert [clock.breached_at for clock in story.clocks(number, GROUP)] == [FIRST_DUE]


@SQLITE_ONLY
def test_only_a_running_clock_that_knows_extensions_is_extended(story: Story) -> None:
    number = story.to_review(**bullied())
    with pytest.raises(ClockChangeRefused, match="knows no extension"):
        extend_clock(story.runtime, number, "kz.internal.review.p2", UNTIL, CHAIR, REASONS)
    with pytest.raises(
        ClockChangeRefused, match=r"no clock 'kz\.platform_24h' is running.*Running: kz\.expert_group, "
    ):
        extend_clock(story.runtime, number, "kz.platform_24h", UNTIL, CHAIR, REASONS)
    with pytest.raises(NotAllowed):
        extend_clock(story.runtime, number, GROUP, UNTIL, "stranger", REASONS)


@SQLITE_ONLY
def test_after_more_time_the_warnings_are_given_again_by_the_new_time(story: Story) -> None:
    number = story.to_review(**bullied())
    story.clock.set(FIRST_DUE - timedelta(minutes=1))
    sweep(story.runtime)
    _extend(story, number)
    assert story.case(number).next_due_at == min(
        clock.due_at for clock in story.clocks(number) if clock.state == "running"
    )
    story.clock.set(UNTIL)
    sweep(story.runtime)
    levels = [
        event.data["level"] for event in story.events(number)
        if event.kind in ("clock.warned", "clock.breached") and event.data["rule"] == GROUP
    ]  # fmt: skip
    assert levels == ["50%", "80%", "80%", "breach"]
    [clock] = story.clocks(number, GROUP)
    assert clock.breached_at == UNTIL
    story.assert_sound()


@SQLITE_ONLY
def test_where_one_clock_runs_for_each_notice_it_is_said_which_one_gets_more_time(story: Story) -> None:
    under = story.with_settings(pack="au-esafety")
    number = under.to_review(category="csam", age_band="child", links=[link(), "https://youtu.be/abcdefghijk"])
    under.approve(number, HEAD)
    under.drive(number)
    rule, until, reason = (
        "au.removal_24h",
        under.clock() + timedelta(hours=30),
        "The provider asked for six hours more.",
    )
    first, _second = under.clocks(number, rule)
    before = under.counts()
    with pytest.raises(ClockChangeRefused, match="runs for several notices") as refused:
        extend_clock(under.runtime, number, rule, until, HEAD, reason)
    assert f"{number}/S1, {number}/S2" in str(refused.value)
    with pytest.raises(ClockChangeRefused, match=f"for notice {number}/S3"):
        extend_clock(under.runtime, number, rule, until, HEAD, reason, f"{number}/S3")
    assert under.counts() == before
    extend_clock(under.runtime, number, rule, until, HEAD, reason, f"{number}/S2")
    assert [clock.due_at for clock in under.clocks(number, rule)] == [first.due_at, until]
    under.close()
