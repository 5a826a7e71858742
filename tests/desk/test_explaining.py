"""'qorgan explain' on a real case file: why a date, a level, a next step, a letter; and still after a new policy."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from casework.letters import LETTERS
from casework.pack_reader import read_pack
from casework.vocabulary import Action
from tasks import runtime
from tasks.policies import Policies, adopt
from tasks.runtime import pack_texts
from tests.desk.conftest import GOLDEN, AtTheDesk, assert_golden
from tests.stories import REVIEWER, in_danger

REASONS = "The experts need the platform's log; see https://www.tiktok.com/@practice/video/1 for it."
LINK = re.compile(r"https?://")


def silent(desk: AtTheDesk) -> str:
    """A case whose platform has not answered in time."""
    number = desk.in_review()
    desk.story.move(number, Action.APPROVE, REVIEWER)
    assert desk.story.drive(number).name == "Awaiting platform"
    desk.story.clock.advance(hours=49)
    return number


def bullying(desk: AtTheDesk) -> str:
    """A case that an expert group considers by law within three working days."""
    return desk.in_review(category="cyberbullying_child", age_band="13_17", expert_decision="12-1")


@contextmanager
def another_policy(desk: AtTheDesk, **replaced: tuple[str, str]) -> Iterator[str]:
    """The installation goes on under a new text; its version. ``replaced`` names files: what is put for what."""
    old = desk.story.runtime
    texts = dict(pack_texts(old.settings.pack_folder))
    texts["regime"] = re.sub(r"(?m)^id: .*$", "id: kz-ministry/2029-01", texts["regime"])
    for file, (what, by) in replaced.items():
        assert what in texts[file], f"{file} has no {what}"
        texts[file] = texts[file].replace(what, by)
    pack = read_pack(old.pack.folder, texts)
    adopt(old.sessions, pack, texts, old.now())
    with runtime.use(replace(old, pack=pack, policies=Policies(pack))):
        yield pack.version


def test_explanations_at_the_desk_read_as_before(desk: AtTheDesk) -> None:
    number = silent(desk)
    version = desk.story.runtime.pack.version
    for topic in ("due", "priority", "next", "why-not"):
        said = desk.says("explain", topic, number).replace(version, "POLICY")
        assert_golden(said, GOLDEN / f"explain-{topic}.txt")


ROUTINE_REVIEW = "limit: {amount: 3, unit: working_days}\n    warn_at: [80%]\n    statutory: false"


@pytest.mark.parametrize(
    ("what", "by"),
    [
        pytest.param(ROUTINE_REVIEW, ROUTINE_REVIEW.replace("3", "9"), id="another time"),
        pytest.param("Legal review, P3–P4", "Another name", id="another name"),
        pytest.param("kz.internal.review.routine", "kz.internal.review.other", id="the rule is gone"),
        pytest.param("ref: Internal target of the unit", "ref: Order 7", id="another source"),
    ],
)
def test_a_new_policy_changes_no_word_of_how_a_clock_came_about(desk: AtTheDesk, what: str, by: str) -> None:
    """Name, time, source and version are those that it started with."""
    number = desk.in_review()
    before = desk.says("explain", "due", number, "--all")
    assert "Legal review, P3–P4 [kz.internal.review.routine]" in before
    with another_policy(desk, sla=(what, by)) as version:
        assert desk.says("explain", "due", number, "--all") == before
        assert version not in before


def test_a_day_that_is_closed_later_is_told_beside_the_date_and_does_not_move_it(desk: AtTheDesk) -> None:
    number = desk.in_review()
    before = desk.says("explain", "due", number)
    closed = """overrides:
      - {day: 2026-03-19, kind: closed, name: Closed for repairs, source: {ref: Decision 1, verified_on: null}}
"""
    with another_policy(desk, calendar=("overrides: []\n", closed)):
        after = desk.says("explain", "due", number)
        [clock] = desk.tells("explain", "due", number)["clocks"]
    assert before.replace("\n", "") != after.replace("\n", "")
    assert "By today's calendar it would be" in after
    assert clock["due_by_todays_calendar"] > clock["due_at"]
    assert [step for step in clock["steps"] if "Closed for repairs" in step["text"]] == []


def test_a_version_that_is_not_on_record_is_said_and_the_clock_is_still_explained(desk: AtTheDesk) -> None:
    number = desk.in_review()
    due = desk.tells("explain", "due", number)["clocks"][0]["due_at"]
    desk.story.execute("UPDATE clock SET policy_version = 'kz-ministry/2020-01+00000000'")
    said = desk.says("explain", "due", number)
    assert "Policy kz-ministry/2020-01+00000000. That version is not on record here." in said
    [clock] = desk.tells("explain", "due", number)["clocks"]
    assert (clock["policy_on_record"], clock["due_at"], clock["due_by_todays_calendar"]) == (False, due, None)
    assert clock["steps"]


def test_a_version_that_cannot_be_read_any_more_is_said(desk: AtTheDesk) -> None:
    number = desk.in_review()
    desk.story.allow_changes("policy_version")
    desk.story.execute("UPDATE policy_version SET texts = '{}'")
    another = desk.story.runtime.pack.model_copy(update={"digest": "0" * 64})
    with runtime.use(replace(desk.story.runtime, policies=Policies(another))):
        assert "this program cannot read it any more" in " ".join(desk.says("explain", "due", number).split())


def test_an_extension_is_explained_with_reasons_and_ceiling_and_no_link_can_be_clicked(desk: AtTheDesk) -> None:
    number = bullying(desk)
    said = desk.run(
        "clock", "extend", number, "kz.expert_group", "--until", "2026-03-30 18:30", "--as", "gulnara",
        "--reason", REASONS,
    )  # fmt: skip
    assert said.exit_code == 0, said.output
    [clock] = [one for one in desk.tells("explain", "due", number)["clocks"] if one["rule"] == "kz.expert_group"]
    assert clock["due_local"] == "2026-03-30T18:30:00+05:00"
    [extension] = clock["extensions"]
    assert extension["ceiling_at"] == "2026-04-02T19:00:00+00:00"
    text = " ".join(desk.says("explain", "due", number).split())
    assert "ceiling 15 calendar days from the start" in text
    assert "The experts need the platform's log" in text
    assert not LINK.search(text + desk.says("explain", "due", number, "--json"))
    told = {line["letter"]: line for line in desk.tells("explain", "why-not", number)["letters"]}
    assert told["extension_notice"]["fate"] == "waits"
    assert told["overdue_reminder"]["fate"] == "not yet"
    upcoming = " ".join(desk.says("explain", "next", number).split())
    assert "Then the reporter is told of the extension, which ends that duty." in upcoming


def test_stopped_clocks_are_told_only_when_asked_for(desk: AtTheDesk) -> None:
    number = desk.in_review()
    running = {clock["rule"] for clock in desk.tells("explain", "due", number)["clocks"]}
    every = {clock["rule"]: clock["state"] for clock in desk.tells("explain", "due", number, "--all")["clocks"]}
    assert running == {rule for rule, state in every.items() if state == "running"}
    assert every["kz.internal.triage.p3"] == "met"


def test_a_clock_that_another_priority_began_is_not_said_to_run_since_the_report(desk: AtTheDesk) -> None:
    number = desk.in_review()
    desk.story.clock.advance(hours=1)
    desk.says("case", "priority", number, "P1", "--as", "aigerim", "--reason", "The child can be found.")
    clocks = {clock["rule"]: clock for clock in desk.tells("explain", "due", number)["clocks"]}
    assert clocks["kz.internal.review.p1"]["start"] == "priority.changed"


def test_what_would_change_the_level_is_told_by_the_rules_in_use(desk: AtTheDesk) -> None:
    number = desk.story.take_in(**{key: value for key, value in in_danger().items() if key != "links"})
    told = desk.tells("explain", "priority", number)
    version = desk.story.runtime.pack.version
    assert (told["computed_under"], told["would_change"]["policy_version"]) == (version, version)
    lost = {change["value"]: change["level"] for change in told["would_change"]["without"]}
    assert lost["threat_to_life_of_child"] == "P2"
    assert told["would_change"]["raising"] == []


def test_a_case_that_has_ended_says_how_long_it_is_kept(desk: AtTheDesk) -> None:
    number = desk.in_review()
    desk.story.move(number, Action.DECLINE, REVIEWER)
    kept = {row["record"]: row["until"] for row in desk.tells("explain", "next", number)["kept_until"]}
    assert kept["case_file"] == "2031-03-18"
    assert "case file: until 2031-03-18, 60 months. Source: unsourced (unverified)." in desk.says(
        "explain", "next", number
    )


def test_why_no_letter_went_is_answered_for_each_letter(desk: AtTheDesk) -> None:
    number = desk.in_review(reporter={})
    told = {line["letter"]: line for line in desk.tells("explain", "why-not", number)["letters"]}
    assert set(told) == {line.name for line in LETTERS.values() if line.about == "case"}
    assert told["receipt"]["fate"] == "not intended"
    assert told["police_referral"]["fate"] == "not intended"
    assert told["platform_reminder"]["fate"] == "not yet"
    assert {line["fate"] for line in told.values()} == {"not intended", "not yet"}
    desk.story.move(number, Action.DECLINE, REVIEWER)
    assert "was dropped:" in desk.says("explain", "why-not", number, "--letter", "decline")


def test_a_case_in_danger_has_told_the_police_and_the_duty_officer(desk: AtTheDesk) -> None:
    number = desk.story.take_in(**{key: value for key, value in in_danger().items() if key != "links"})
    desk.story.send_letters()
    for kind in ("police_referral", "duty_alert", "receipt"):
        [line] = desk.tells("explain", "why-not", number, "--letter", kind)["letters"]
        assert line["fate"] == "sent", line


def test_without_a_mail_server_a_letter_waits_and_says_so(desk: AtTheDesk) -> None:
    number = desk.in_review()
    built = desk.story.runtime
    with runtime.use(replace(built, mailer=replace(built.mailer, host=None))):
        assert "no mail server is set" in desk.says("explain", "why-not", number, "--letter", "receipt")


def test_a_letter_that_does_not_exist_is_refused_with_those_that_do(desk: AtTheDesk) -> None:
    number = desk.in_review()
    said = desk.refuses("explain", "why-not", number, "--letter", "birthday_card")
    assert said.startswith(f"{number}: there is no letter 'birthday_card' [letter.no_such_kind] One of: ")
    assert "liaison_escalation" in said


@pytest.mark.parametrize("topic", ["due", "why-not", "next", "priority"])
def test_no_answer_names_the_reporter_a_link_or_the_text(desk: AtTheDesk, topic: str) -> None:
    said_by_reporter = "Обещают удвоить вклад. https://evil.example/x"
    number = desk.in_review(description=said_by_reporter, quote=said_by_reporter)
    desk.story.send_letters()
    told = desk.says("explain", topic, number) + desk.says("explain", topic, number, "--json")
    for secret in ("Practice Reporter", "mail.example", "evil.example", "удвоить", "tiktok.com", "http"):
        assert secret not in told
