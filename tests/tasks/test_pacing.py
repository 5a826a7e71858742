"""No flood and no silence: 500 breaches are one page, a child in danger is a letter at once, and a loop is stopped."""

from __future__ import annotations

from datetime import time, timedelta

from casework.policy_mail import Breaker, DigestRule, QuietHours
from casework.vocabulary import Action
from db.queries.addresses import count_held
from db.tables import Letter
from tasks import sla_sweep
from tasks.contacts import record_absence
from tasks.correspondence import settle_letter
from tasks.pacing import bundle
from tests.stories import DUTY, HEAD, INTAKE, REVIEWER, SQLITE_ONLY, START, Story, in_danger, link, report, together
from tests.tasks.mail_rules import (
    DEPUTY,
    LIAISON,
    UNIT,
    intend,
    letter,
    quiet_outbox,
    with_contact,
    with_deputy,
    with_limits,
)

NIGHT = QuietHours(zone="Asia/Almaty", begins="20:00", ends="08:00")
MANY = DigestRule(over=500, within_minutes=60)


def _states(story: Story, ids: list[int]) -> set[str]:
    return {letter(story, letter_id).state for letter_id in ids}


def _kinds(story: Story, to: str) -> list[str]:
    """The kinds of the letters that an address got, oldest first."""
    kinds = {str(row.id): row.kind for row in story.all(Letter)}
    return [kinds[str(kept.message["X-Qorgan-Letter"])] for kept in story.mail(to)]


def _cases(story: Story, count: int) -> list[str]:
    results = story.hand_in(*[report(reporter={}, anonymous=True) for _ in range(count)])
    return [result.case_number or "" for result in results]


# Many become one


def test_a_sweep_that_breaches_five_hundred_clocks_ends_as_one_digest_and_a_child_in_danger_goes_alone(
    story: Story,
) -> None:
    numbers = _cases(story, 500)
    danger = story.take_in(**in_danger())
    quiet_outbox(story)
    ids = intend(story, *numbers[:250], danger, *numbers[250:])
    alone = ids.pop(250)
    story.send_letters()
    assert sorted(_kinds(story, LIAISON)) == ["digest", "liaison_escalation"]
    assert letter(story, alone).state == "sent"
    assert letter(story, alone).digest_id is None
    digest = letter(story, letter(story, ids[0]).digest_id or 0)
    assert (digest.kind, digest.state, digest.case_id, digest.contact) == ("digest", "sent", None, "liaison:tiktok")
    assert {letter(story, letter_id).digest_id for letter_id in ids} == {digest.id}
    assert len(story.events(numbers[0], "letter.bundled")) == 1
    story.send_letters()
    assert len(story.mail(LIAISON)) == 2, "a second run sends nothing again"
    story.assert_sound()


@SQLITE_ONLY
def test_real_clocks_that_run_out_together_are_one_page_to_the_platform(story: Story) -> None:
    with_limits(story, digest=DigestRule(over=3, within_minutes=60))
    numbers = [story.submitted(category="gambling_advertising") for _ in range(4)]
    quiet_outbox(story)
    story.clock.set(max(row.due_at for number in numbers for row in story.clocks(number) if row.ladder))
    sla_sweep.sweep(story.runtime)
    assert len([row for row in story.all(Letter) if row.kind == "platform_reminder"]) == 4
    story.send_letters()
    digests = [row for row in story.all(Letter) if row.kind == "digest" and row.contact == "platform:tiktok"]
    assert [row.state for row in digests] == ["sent"]
    for number in numbers:
        [reminder] = story.letters(number, "platform_reminder")
        assert reminder.digest_id == digests[0].id


def test_two_who_bundle_at_once_write_one_digest(story: Story) -> None:
    ids = intend(story, *_cases(story, 15))
    first, second = together(lambda: bundle(story.runtime), lambda: bundle(story.runtime))
    assert sorted([first, second], key=len)[0] == []
    [digest] = [*first, *second]
    assert {letter(story, letter_id).digest_id for letter_id in ids} == {digest}
    assert bundle(story.runtime) == []


def test_what_asks_about_a_case_that_has_ended_meanwhile_is_no_line_of_a_digest(story: Story) -> None:
    numbers = _cases(story, 15)
    quiet_outbox(story)
    ids = intend(story, *numbers)
    story.move(numbers[0], Action.WITHDRAW, INTAKE)
    story.send_letters()
    ended = letter(story, ids[0])
    assert (ended.state, ended.digest_id, ended.reason) == ("dropped", None, "the case is 'withdrawn' meanwhile")
    assert _states(story, ids[1:]) == {"sent"}
    assert {letter(story, letter_id).digest_id for letter_id in ids[1:]} != {None}


@SQLITE_ONLY
def test_as_many_letters_as_the_pack_allows_still_go_one_by_one(story: Story) -> None:
    numbers = _cases(story, 11)
    quiet_outbox(story)
    intend(story, *numbers[:10])
    story.send_letters()
    assert _kinds(story, LIAISON) == ["liaison_escalation"] * 10
    intend(story, numbers[10])
    story.send_letters()
    assert len(story.mail(LIAISON)) == 11, "one letter is one letter, in a digest or not"


@SQLITE_ONLY
def test_what_gathers_after_a_digest_waits_for_the_end_of_its_window_and_goes_together(story: Story) -> None:
    numbers = _cases(story, 30)
    quiet_outbox(story)
    intend(story, *numbers[:11])
    story.send_letters()
    for number in numbers[11:23]:
        story.clock.advance(minutes=2)
        intend(story, number)
        story.send_letters()
    assert _kinds(story, LIAISON) == ["digest"]
    story.clock.advance(minutes=40)
    story.send_letters()
    assert _kinds(story, LIAISON) == ["digest", "digest"], "one page an hour, however many sweeps there are"


@SQLITE_ONLY
def test_a_digest_never_mixes_two_addresses_two_languages_or_our_people_and_others(story: Story) -> None:
    numbers = _cases(story, 4)
    with_limits(story, digest=DigestRule(over=1, within_minutes=60))
    tiktok, meta = intend(story, *numbers), intend(story, *numbers, platform="facebook")
    own = intend(story, *numbers, kind="overdue_reminder")
    story.execute("UPDATE letter SET language = 'ru' WHERE id IN (:a, :b)", a=tiktok[0], b=tiktok[1])
    digests = [letter(story, digest_id) for digest_id in bundle(story.runtime)]
    assert [(row.kind, row.contact, row.language) for row in digests] == [
        ("digest", "liaison:tiktok", "ru"),
        ("digest", "liaison:tiktok", "en"),
        ("digest", "liaison:facebook", "en"),
        ("unit_digest", "unit", "ru"),
    ]
    for ids in (tiktok[:2], tiktok[2:], meta, own):
        assert len({letter(story, letter_id).digest_id for letter_id in ids}) == 1


@SQLITE_ONLY
def test_two_platforms_with_one_liaison_are_one_page(story: Story) -> None:
    numbers = _cases(story, 6)
    quiet_outbox(story)
    intend(story, *numbers, platform="facebook")
    intend(story, *numbers, platform="instagram")
    story.send_letters()
    assert _kinds(story, "liaison.kz@meta.example") == ["digest"]


@SQLITE_ONLY
def test_two_platforms_whose_liaisons_are_both_away_are_two_pages_at_the_same_stand_in(story: Story) -> None:
    numbers = _cases(story, 2)
    with_limits(story, digest=DigestRule(over=1, within_minutes=60))
    for platform in ("tiktok", "youtube"):
        with_contact(story, platform, "head", email="both@heads.example")
        record_absence(story.runtime, f"liaison:{platform}", START, START + timedelta(days=1), DUTY, "on leave")
        intend(story, *numbers, platform=platform)
    contacts = {letter(story, digest_id).contact for digest_id in bundle(story.runtime)}
    assert contacts == {"liaison:tiktok", "liaison:youtube"}, "who comes back must not read the other's cases"


@SQLITE_ONLY
def test_a_digest_whose_lines_go_to_two_addresses_since_is_taken_apart_before_it_is_made(story: Story) -> None:
    numbers = _cases(story, 2)
    with_limits(story, digest=DigestRule(over=3, within_minutes=60))
    ids = intend(story, *numbers, platform="facebook") + intend(story, *numbers, platform="instagram")
    [digest] = bundle(story.runtime)
    with_contact(story, "instagram", "liaison", email="new@meta.example")
    assert bundle(story.runtime) == []
    assert letter(story, digest).state == "dropped"
    assert _states(story, ids) == {"queued"}
    quiet_outbox(story)
    assert _states(story, ids) == {"sent"}


@SQLITE_ONLY
def test_a_letter_that_was_tried_already_never_becomes_a_line(story: Story) -> None:
    numbers = _cases(story, 12)
    quiet_outbox(story)
    [tried] = intend(story, numbers[0])
    story.mailbox.defer_recipients = {LIAISON}
    story.send_letters()
    assert letter(story, tried).state == "queued"
    intend(story, *numbers[1:])
    [digest] = bundle(story.runtime)
    assert letter(story, tried).digest_id is None
    assert letter(story, digest).once_key.startswith("digest:")


# Caps


@SQLITE_ONLY
def test_a_cap_of_six_an_hour_spreads_twenty_letters_over_four_hours(story: Story) -> None:
    with_limits(story, per_hour=6, digest=MANY)
    numbers = _cases(story, 20)
    ids = intend(story, *numbers)
    arrived = []
    for _ in range(4):
        story.send_letters()
        arrived.append(len(story.mail(LIAISON)))
        story.clock.advance(hours=1)
    assert arrived == [6, 12, 18, 20]
    assert _states(story, ids) == {"sent"}
    held = story.events(numbers[-1], "letter.held")
    assert [event.data["because"] for event in held] == ["cap"], "told once, not at every look"
    assert letter(story, ids[-1]).attempts == 1, "waiting is no attempt"


@SQLITE_ONLY
def test_a_letter_about_a_child_in_danger_passes_a_full_cap_a_quiet_night_and_the_breaker(story: Story) -> None:
    with_limits(story, per_hour=1, quiet=NIGHT, breaker=Breaker(letters=1, hours=24))
    danger = story.take_in(**in_danger())
    story.clock.advance(hours=15)
    intend(story, danger, times=5)
    story.send_letters()
    assert len(story.mail(LIAISON)) == 5


@SQLITE_ONLY
def test_a_case_that_became_urgent_after_its_letter_was_intended_waits_for_nothing(story: Story) -> None:
    with_limits(story, quiet=NIGHT)
    [number] = _cases(story, 1)
    story.clock.advance(hours=13)
    [waits] = intend(story, number)
    story.execute("UPDATE case_file SET priority = 'P1', priority_rank = 1 WHERE number = :number", number=number)
    story.send_letters()
    assert not letter(story, waits).urgent
    assert letter(story, waits).state == "sent"


# Quiet hours


def test_a_letter_waits_for_the_morning_and_is_the_same_letter_then(story: Story) -> None:
    with_limits(story, quiet=NIGHT)
    [number] = _cases(story, 1)
    story.clock.advance(hours=13)
    [waits] = intend(story, number)
    assert story.send_letters().held == 1
    row = letter(story, waits)
    assert (row.state, row.held_because, row.attempts) == ("queued", "quiet hours", 0)
    assert row.next_attempt_at == START + timedelta(hours=23), "eight in the morning in Almaty"
    story.clock.set(START + timedelta(hours=23, minutes=-1))
    story.send_letters()
    assert story.mail(LIAISON) == []
    story.clock.advance(minutes=1)
    story.send_letters()
    [kept] = story.mail(LIAISON)
    assert kept.message["X-Qorgan-Letter"] == str(waits)
    assert letter(story, waits).held_because == ""


@SQLITE_ONLY
def test_a_wait_that_is_made_longer_is_told_once(story: Story) -> None:
    with_limits(story, quiet=NIGHT)
    [number] = _cases(story, 1)
    story.clock.advance(hours=13)
    [waits] = intend(story, number)
    story.send_letters()
    with_limits(story, quiet=NIGHT.model_copy(update={"ends": time(9)}).model_dump())
    story.clock.set(START + timedelta(hours=23))
    story.send_letters()
    assert letter(story, waits).next_attempt_at == START + timedelta(hours=24)
    assert len(story.events(number, "letter.held")) == 1


@SQLITE_ONLY
def test_what_gathers_in_the_night_is_one_page_in_the_morning(story: Story) -> None:
    with_limits(story, quiet=NIGHT)
    story.clock.advance(hours=13)
    for number in _cases(story, 12):
        story.clock.advance(minutes=10)
        intend(story, number)
        story.send_letters()
    assert story.mail(LIAISON) == []
    story.clock.set(START + timedelta(hours=23))
    story.send_letters()
    assert _kinds(story, LIAISON) == ["digest"]
    assert {row.state for row in story.all(Letter) if row.kind == "liaison_escalation"} <= {"sent", "bundled"}


@SQLITE_ONLY
def test_a_change_of_the_packs_limits_reaches_letters_that_wait_already(story: Story) -> None:
    with_limits(story, quiet=NIGHT)
    story.clock.advance(hours=13)
    ids = intend(story, *_cases(story, 12))
    [other] = intend(story, story.take_in(), kind="authority_escalation")
    story.send_letters()
    assert letter(story, other).state == "queued"
    with_limits(story, quiet=None, digest=DigestRule(over=5, within_minutes=60))
    story.send_letters()
    assert _kinds(story, LIAISON) == ["digest"]
    assert len({letter(story, letter_id).digest_id for letter_id in ids}) == 1
    assert letter(story, other).state == "sent"


# The breaker


def test_the_breaker_stops_one_case_at_one_address_until_a_person_has_looked(story: Story) -> None:
    with_limits(story, breaker=Breaker(letters=3, hours=24), digest=MANY)
    loop, other = _cases(story, 2)
    quiet_outbox(story)
    ids = intend(story, loop, times=4)
    elsewhere = intend(story, loop, platform="youtube") + intend(story, other)
    result = story.send_letters()
    stopped = letter(story, ids[3])
    assert [letter(story, letter_id).state for letter_id in ids] == ["sent", "sent", "sent", "refused"]
    assert _states(story, elsewhere) == {"sent"}, "another address and another case go on"
    assert stopped.reason.startswith("stopped: 3 letters about this case went to this address within 24 h")
    assert result.look_at == [stopped.id]
    assert len(story.events(loop, "letter.stopped")) == 1
    with story.runtime.sessions.read() as session:
        assert [(why, state, count) for why, state, count, _ in count_held(session)] == [("breaker", "refused", 1)]
    settle_letter(story.runtime, stopped.id, DUTY, "again", "the loop is mended")
    story.send_letters()
    assert letter(story, stopped.id).state == "sent"


@SQLITE_ONLY
def test_after_the_breakers_hours_the_case_is_written_about_again(story: Story) -> None:
    with_limits(story, breaker=Breaker(letters=1, hours=24))
    [number] = _cases(story, 1)
    intend(story, number)
    story.send_letters()
    story.clock.advance(hours=24)
    [later] = intend(story, number)
    story.send_letters()
    assert letter(story, later).state == "sent", "half-open: what went exactly 24 hours ago does not count"


# One person, one letter


def test_who_reported_the_same_item_twice_is_told_once_what_became_of_it(story: Story) -> None:
    number = story.take_in(links=[link(77)], reporter={"name": "One", "email": "one@mail.example"})
    story.hand_in(report(links=[link(77, "mirror")], reporter={"name": "One", "email": "One@Mail.example"}))
    story.hand_in(report(links=[link(77, "third")], reporter={"name": "Two", "email": "two@mail.example"}))
    story.drive(number)
    quiet_outbox(story)
    story.move(number, Action.DECLINE, REVIEWER)
    story.send_letters()
    letters = story.letters(number, "decline")
    assert [row.state for row in letters] == ["sent", "dropped", "sent"]
    assert len(story.mail("one@mail.example")) == len(story.mail("two@mail.example")) == 1
    assert "one person reported twice" in letters[1].reason
    assert len(story.events(number, "case.answered")) == 1


@SQLITE_ONLY
def test_the_duty_to_tell_is_done_also_when_the_last_copy_is_the_one_that_is_not_needed(story: Story) -> None:
    number = story.take_in(links=[link(78)], reporter={"name": "One", "email": "one@mail.example"})
    story.hand_in(report(links=[link(78, "mirror")], reporter={"name": "One", "email": "one@mail.example"}))
    story.drive(number)
    quiet_outbox(story)
    story.move(number, Action.DECLINE, REVIEWER)
    story.send_letters()
    assert [row.state for row in story.letters(number, "decline")] == ["sent", "dropped"]
    assert len(story.events(number, "case.answered")) == 1


@SQLITE_ONLY
def test_a_digest_goes_to_the_deputy_of_who_is_away(story: Story) -> None:
    with_deputy(story)
    record_absence(story.runtime, "liaison:tiktok", START, START + timedelta(days=1), HEAD, "on leave")
    numbers = _cases(story, 12)
    quiet_outbox(story)
    intend(story, *numbers)
    story.send_letters()
    assert _kinds(story, DEPUTY) == ["digest"]
    assert story.mail(LIAISON) == []
    assert story.mail(UNIT) == []
