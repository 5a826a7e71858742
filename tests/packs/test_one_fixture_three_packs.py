"""One set of reports under every authority's law: only the packs differ, and every rule that protects people holds."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from casework.errors import MoveRefused
from casework.vocabulary import Action
from db.tables import Letter
from tasks.collect_outcomes import collect
from tasks.settings import Settings
from tasks.sla_sweep import sweep
from tests.packs.every_pack import FOLDERS
from tests.stories import (
    HEAD,
    NECESSITY,
    OTHER_REVIEWER,
    REVIEWER,
    SQLITE_ONLY,
    START,
    Story,
    bullied,
    in_danger,
    link,
    report,
)  # fmt: skip

pytestmark = SQLITE_ONLY

TOLD = (START - timedelta(hours=49)).isoformat()

REPORTS: dict[str, dict[str, Any]] = {
    "danger": in_danger(language="en"),
    "abuse": report(category="csam", age_band="child", language="en", policy_line="Child safety"),
    "bullying": report(**bullied(language="en", provider_told_at=TOLD)),
    "fraud": report(),
    "political": report(category="political_events", language="en", indicators=["repeat_victim"]),
    "privacy": report(category="privacy_personal_data", language="en"),
    "incomplete": report(language="en", observed_at=None, why_unlawful="", description="", quote=""),
    "unreachable": report(language="en", links=["https://forum.example.org/topic/5"]),
}

LEVELS = {
    "danger": "P0", "abuse": "P1", "bullying": "P2", "fraud": "P3", "political": "P3", "privacy": "P3",
    "incomplete": "P3", "unreachable": "P3",
}  # fmt: skip

PREFIXES = {"kz-ministry": "KZ", "eu-trusted-flagger": "TF", "au-esafety": "AU"}

LAST_RESORTS = {
    "kz-ministry": "reception@prosecutor.example",
    "eu-trusted-flagger": "complaints@coordinator.example",
    "au-esafety": "enforcement@commissioner.example",
}


@pytest.fixture(params=FOLDERS)
def pack(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def settings(settings: Settings, pack: str) -> Settings:
    """Nothing is chosen but the folder."""
    return settings.model_copy(update={"pack": pack})


def _taken_in(story: Story) -> dict[str, str]:
    """The numbers of the cases that the reports became, all driven as far as they go without a person."""
    fields = [{**one, "links": [link()] if "tiktok" in one["links"][0] else one["links"]} for one in REPORTS.values()]
    numbers = {name: str(taken.case_number) for name, taken in zip(REPORTS, story.hand_in(*fields), strict=True)}
    for number in numbers.values():
        story.drive(number)
    return numbers


def _who_decides(story: Story, number: str) -> str:
    """A reviewer, or the head where the pack says that only the head decides."""
    case = story.case(number)
    rule = story.runtime.pack.instrument(case.instrument, case.category)
    assert rule is not None
    return REVIEWER if "legal_reviewer" in rule.decided_by else HEAD


def _approved(story: Story, number: str) -> None:
    """As the pack asks: with a group's opinion, by whom it names, with two reviewers where speech is touched."""
    case = story.case(number)
    decides = _who_decides(story, number)
    if story.runtime.pack.expert_group(case.instrument, case.category) is not None:
        story.confirmed_by_experts(number)
    said: dict[str, Any] = {}
    if case.political:
        said["proportionality"] = NECESSITY
        basis = tuple(story.runtime.pack.category(case.category).basis)
        story.move(number, Action.ENDORSE, OTHER_REVIEWER, basis=basis, **said)
    story.approve(number, decides, **said)
    story.drive(number)
    assert story.status(number) == "submitted"


def test_every_report_comes_to_its_end_under_each_law(story: Story, pack: str) -> None:
    numbers = _taken_in(story)
    assert {number.partition("-")[0] for number in numbers.values()} == {PREFIXES[pack]}
    assert {name: story.case(number).priority for name, number in numbers.items()} == LEVELS
    assert {name: story.case(number).policy_version for name, number in numbers.items()} == dict.fromkeys(
        numbers, story.runtime.pack.version
    )
    assert story.status(numbers["incomplete"]) == "returned"
    for name in ("danger", "abuse", "bullying", "fraud", "political", "privacy"):
        _approved(story, numbers[name])
        for item in story.items(numbers[name]):
            story.answer(numbers[name], "removed_globally", item.number)
    collect(story.runtime)
    for number in numbers.values():
        story.drive(number)
    story.move(numbers["unreachable"], Action.DECLINE, _who_decides(story, numbers["unreachable"]))
    [waiting] = [row for row in story.clocks(numbers["incomplete"]) if row.duty == "reporter"]
    story.later(seconds=(waiting.due_at - story.clock()).total_seconds())
    sweep(story.runtime)
    story.send_letters()
    ended = {name: (story.case(number).status, story.case(number).disposition) for name, number in numbers.items()}
    assert ended == {
        **dict.fromkeys(numbers, ("closed", "action_taken")),
        "incomplete": ("closed", "incomplete"),
        "unreachable": ("declined", story.case(numbers["unreachable"]).disposition),
    }
    assert not [row for number in numbers.values() for row in story.clocks(number) if row.state == "running"]
    letters = [row for number in numbers.values() for row in story.letters(number)]
    assert _not_sent(letters) <= NEEDED_NO_MORE
    story.assert_sound()


def test_danger_to_a_child_reaches_the_police_and_our_own_officer_before_any_review(story: Story, pack: str) -> None:
    numbers = _taken_in(story)
    story.send_letters(urgent_only=True)
    assert [row.kind for row in story.letters(numbers["danger"]) if row.urgent and row.state == "sent"] == [
        "police_referral", "duty_alert",
    ]  # fmt: skip
    assert story.status(numbers["danger"]) == "in_legal_review"
    assert story.mail("duty@police.example")
    assert [row.kind for row in story.letters(numbers["political"]) if row.urgent] == []


def test_nobody_decides_on_what_they_took_in_and_speech_takes_two(story: Story, pack: str) -> None:
    numbers = _taken_in(story)
    political = numbers["political"]
    assert story.case(political).lane == "routine", "no rise for a child where speech is touched"
    before = story.counts()
    with pytest.raises(MoveRefused, match="no note on necessity and proportionality"):
        story.approve(political, _who_decides(story, political))
    with pytest.raises(MoveRefused, match="a second reviewer must have endorsed it"):
        story.approve(political, _who_decides(story, political), proportionality=NECESSITY)
    with pytest.raises(MoveRefused, match="on no platform that this pack reaches"):
        story.approve(numbers["unreachable"], _who_decides(story, numbers["unreachable"]))
    assert story.counts() == before
    story.execute("UPDATE case_file SET intake_by = :who", who=_who_decides(story, numbers["bullying"]))
    with pytest.raises(MoveRefused, match="took the report in and cannot decide it"):
        story.approve(numbers["bullying"], _who_decides(story, numbers["bullying"]))


NEEDED_NO_MORE = {
    ("dropped", "the case is 'closed' meanwhile"),
    ("dropped", "the expert group has given its opinion"),
}
"""A letter that waits until it makes no sense any more is not sent, and says so."""


def _not_sent(letters: list[Letter]) -> set[tuple[str, str]]:
    return {(row.state, row.reason) for row in letters if row.state != "sent"}


def test_letters_exist_in_the_authoritys_languages_only(story: Story, pack: str) -> None:
    numbers = _taken_in(story)
    for name in ("fraud", "bullying"):
        _approved(story, numbers[name])
    story.send_letters()
    languages = set(story.runtime.pack.authority.languages)
    written = [row for number in numbers.values() for row in story.letters(number)]
    assert {row.language for row in written} <= languages
    assert _not_sent(written) <= NEEDED_NO_MORE
    [receipt] = story.letters(numbers["fraud"], "receipt")
    assert receipt.language == ("ru" if "ru" in languages else story.runtime.pack.authority.default_language)
    name = story.runtime.pack.authority.name_on(START.date()).name.in_language("en")
    assert all(
        name in kept.message.get_body(("plain",)).get_content()  # type: ignore[union-attr]
        for kept in story.mail("notices@tiktok.example")
    )


SAID_OF_THE_TIME = {
    "kz-ministry": "Statutory deadline",
    "eu-trusted-flagger": "The law sets no date. It says: “with priority and without undue delay”",
    "au-esafety": "Statutory deadline",
}
OWN = "not set by law"


def test_what_is_law_and_what_is_our_own_target_is_never_mixed_in_what_a_platform_reads(
    story: Story, pack: str
) -> None:
    numbers = _taken_in(story)
    for name in ("bullying", "fraud"):
        _approved(story, numbers[name])
    story.send_letters()
    told = {
        name: " ".join(kept.message.get_body(("plain",)).get_content().split())  # type: ignore[union-attr]
        for name in ("bullying", "fraud")
        for kept in story.mail("notices@tiktok.example")
        if numbers[name] in kept.subject
    }
    assert SAID_OF_THE_TIME[pack] in told["bullying"]
    assert "(not verified)" in told["bullying"], "nobody has read the official text yet"
    assert "Statutory deadline" not in told["fraud"]
    assert OWN in told["fraud"]
    clocks = {name: [row for row in story.clocks(numbers[name]) if row.ladder] for name in told}
    assert [[row.statutory for row in clocks[name]] for name in ("bullying", "fraud")] == [[True], [False]]


def test_silence_climbs_to_the_last_resort_of_the_pack_and_the_platforms_answer_ends_it(
    story: Story, pack: str
) -> None:
    numbers = _taken_in(story)
    number = numbers["bullying"]
    _approved(story, number)
    ladder = story.runtime.pack.sla.ladders[0]
    while len(story.escalations(number)) < len(ladder.rungs):
        waiting = [row for row in story.clocks(number) if row.ladder and row.state == "running" and not row.breached_at]
        story.later(seconds=(min(row.due_at for row in waiting) - story.clock()).total_seconds())
        sweep(story.runtime)
        story.send_letters()
    rungs = story.escalations(number)
    assert [rung.letter for rung in rungs] == [rung.letter for rung in ladder.rungs]
    [last] = [kept for kept in story.mail(LAST_RESORTS[pack]) if number in kept.subject]
    text = " ".join(last.message.get_body(("plain",)).get_content().split())  # type: ignore[union-attr]
    for rung in ladder.rungs[:-1]:
        assert rung.name.in_language(str(last.message["Content-Language"])) in text
    story.answer(number, "restricted_locally")
    collect(story.runtime)
    story.drive(number)
    assert story.status(number) == "closed"
    assert not [row for row in story.clocks(number) if row.state == "running"]
    story.assert_sound()
