"""The pack modelled on Australia's Online Safety Act says what the Act says, and says where it does not know."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from casework.clocks import Subject, start_clock, start_clocks
from casework.completeness import check
from casework.errors import MoveRefused
from casework.facts import Actor, CaseFacts
from casework.letter_context import LetterContext, sample_context
from casework.lifecycle import Decision, decide
from casework.move_guards import MoveDetails
from casework.pack_checks import claimed_ids
from casework.pack_reader import FILES, OPTIONAL, read_pack
from casework.policy_base import UNSOURCED
from casework.policy_pack import Pack
from casework.priority import PriorityFacts, assess
from casework.vocabulary import Action, AgeBand, Duty, Ground, Instrument, Lane, Priority, Role, Status
from tasks.letterpress import Letterpress, Rendered
from tests.casework.building import DANIYAR, MARAT, a_case, the_pack

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "policies" / "au-esafety"

SUBMISSION = Subject("submission", 1)


@cache
def pack() -> Pack:
    texts = {path.stem: path.read_text("utf-8") for path in FOLDER.glob("*.yaml")}
    return read_pack(FOLDER.name, texts | {"overrides.csv": (FOLDER / "overrides.csv").read_text("utf-8")})


def at(local: str) -> datetime:
    return datetime.fromisoformat(local)


def a_bullied_child(**overrides: Any) -> CaseFacts:
    """A complete case of cyber-bullying of a child, in legal review."""
    values: dict[str, Any] = {
        "category": "cyberbullying_child",
        "instrument": Instrument.REMOVAL_NOTICE,
        "ground": Ground.LOCAL_LAW,
        "language": "en",
        "quote": "Words of the post",
        "received_at": at("2026-03-02T09:00:00+11:00"),
    }
    return a_case(**values | overrides)


def approved(case: CaseFacts, when: datetime, by: Actor = MARAT) -> Decision:
    said = MoveDetails(reason="A child is humiliated by name.", basis=("au.osa.65.1",))
    return decide(case, Action.APPROVE, by, when, pack(), said)


def due(clock: str, started: str) -> datetime:
    return start_clock(clock, SUBMISSION, at(started), pack()).due_at


def quoted_sources() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every source as it stands in the files, with its file."""

    def walk(node: Any) -> Iterator[dict[str, Any]]:
        if isinstance(node, dict) and "ref" in node and "check" not in node:
            yield node
        for part in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
            yield from walk(part)

    for path in sorted(FOLDER.glob("*.yaml")):
        for source in walk(yaml.safe_load(path.read_text("utf-8"))):
            yield path.name, source


# --- Reading and honesty ---------------------------------------------------------------------------------


def test_the_pack_reads_without_a_fault() -> None:
    assert {path.stem for path in FOLDER.glob("*.yaml")} == {*FILES, *OPTIONAL}
    assert pack().version.startswith("au-esafety/2026-11+")
    assert pack().authority.number_prefix == "AU"


def test_every_rule_id_says_whose_it_is() -> None:
    ids = [code for _, _, code in claimed_ids(pack())]
    assert len(ids) > 40
    assert [code for code in ids if not code.startswith("au.")] == []


def test_nothing_is_called_verified_and_every_act_says_where_it_was_read() -> None:
    found = list(quoted_sources())
    assert len(found) > 50
    for name, source in found:
        assert "verified_on" in source and source["verified_on"] is None, f"{name}: {source['ref']}"
        internal = source["ref"].startswith("Internal")
        assert source["ref"] == UNSOURCED or internal or source.get("url"), f"{name}: {source['ref']} without a place"


def test_every_text_of_the_act_says_what_is_still_open() -> None:
    acts = [(name, source) for name, source in quoted_sources() if source["ref"].startswith("Online Safety Act")]
    assert len(acts) > 10
    assert [f"{name}: {source['ref']}" for name, source in acts if not source.get("note")] == []


def test_the_offices_own_days_name_the_decision_and_none_is_called_verified() -> None:
    with (FOLDER / "overrides.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows
    assert all(row["source"].startswith("Internal decision") and not row["verified_on"] for row in rows)


def test_every_address_of_the_practice_pack_is_reserved_and_reaches_nobody() -> None:
    text = "".join(path.read_text("utf-8") for path in FOLDER.iterdir())
    hosts = re.findall(r"[\w.+-]+@([\w.-]+)", text)
    assert len(hosts) > 15
    assert [host for host in hosts if not host.endswith(".example")] == []


# --- Kinds of harm ---------------------------------------------------------------------------------------


def test_every_kind_of_harm_of_the_ministrys_pack_has_the_same_code_here() -> None:
    ours = {category.code for category in pack().categories}
    assert {category.code for category in the_pack().categories} - ours == set()


def test_a_child_is_never_filed_under_intimate_images_of_adults() -> None:
    assert pack().category("csam").dsa_keyword == "KEYWORD_CHILD_SEXUAL_ABUSE_MATERIAL"
    assert [c.code for c in pack().categories if "NON_CONSENSUAL" in (c.dsa_keyword or "") and c.child != "never"] == []


@pytest.mark.parametrize("code", ["csam", "grooming_or_sexual_extortion_of_minor"])
def test_sexual_abuse_goes_to_the_police_and_is_preserved(code: str) -> None:
    category = pack().category(code)
    assert category.child == "always" and category.police_referral and category.preserve


def test_only_what_sections_65_88_and_109_name_is_ordered_by_law() -> None:
    ordered = {c.code for c in pack().categories if c.instrument is Instrument.REMOVAL_NOTICE}
    assert ordered == {"csam", "cyberbullying_child", "adult_cyber_abuse"}
    for category in pack().categories:
        if category.code not in ordered:
            assert (category.instrument, category.ground) == (Instrument.PLATFORM_REPORT, Ground.PLATFORM_POLICY)


def test_the_two_packs_look_at_the_same_indicators() -> None:
    assert pack().indicators == the_pack().indicators


@pytest.mark.parametrize("category", ["terrorism_extremism", "false_information", "political_events"])
def test_no_sign_of_a_child_lifts_a_political_case(category: str) -> None:
    signs = frozenset({"threat_to_life_of_child", "csam_any", "repeat_victim"})
    result = assess(PriorityFacts(category, AgeBand.UNDER_13, signs, reports=50, platforms=4), pack())
    assert pack().category(category).political
    assert (result.priority, result.lane) == (Priority.P3, Lane.ROUTINE)


@pytest.mark.parametrize(
    ("age", "level"),
    [(AgeBand.ADULT, Priority.P3), (AgeBand.TEEN, Priority.P2), (AgeBand.UNDER_13, Priority.P1)],
)
def test_abuse_reported_as_an_adults_rises_when_it_hits_a_child(age: AgeBand, level: Priority) -> None:
    assert assess(PriorityFacts("adult_cyber_abuse", age, frozenset()), pack()).priority is level


# --- The provider first ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "told",
    [
        "2026-03-03T10:00:00+11:00",
        # Two local days that are 49 and 47 hours long.
        "2026-04-04T10:00:00+11:00",
        "2026-10-03T10:00:00+10:00",
    ],
)
def test_a_removal_notice_waits_until_the_provider_has_had_48_real_hours(told: str) -> None:
    case = a_bullied_child(provider_told_at=at(told))
    usable = at(told) + timedelta(hours=48)
    with pytest.raises(MoveRefused, match=r"au\.provider_first.* 48 hours must have passed"):
        approved(case, usable - timedelta(minutes=1))
    assert approved(case, usable).to is Status.APPROVED


def test_without_a_complaint_to_the_provider_there_is_no_removal_notice_and_the_reporter_is_asked() -> None:
    case = a_bullied_child(provider_told_at=None)
    with pytest.raises(MoveRefused, match=r"au\.provider_first.*not recorded"):
        approved(case, at("2026-06-01T10:00:00+10:00"))
    assert "provider_told" in check(case, pack(), at("2026-06-01T10:00:00+10:00").date()).for_reporter


def test_only_the_commissioners_delegate_gives_a_removal_notice() -> None:
    case, when = a_bullied_child(provider_told_at=at("2026-03-03T10:00:00+11:00")), at("2026-03-09T10:00:00+11:00")
    with pytest.raises(MoveRefused, match="decided by head_of_unit"):
        approved(case, when, by=DANIYAR)
    assert approved(case, when, by=MARAT).to is Status.APPROVED
    title = pack().roles.title(Role.HEAD_OF_UNIT)
    assert title is not None and title.en == "Delegate of the Commissioner"


def test_abuse_of_a_child_does_not_wait_behind_the_48_hours() -> None:
    category = pack().category("csam")
    case = a_case(
        category="csam", instrument=category.instrument, ground=category.ground, language="en", provider_told_at=None
    )
    said = MoveDetails(reason="A child is abused.", basis=("au.osa.109.1",))
    assert decide(case, Action.APPROVE, MARAT, at("2026-03-03T10:00:00+11:00"), pack(), said).to is Status.APPROVED


def test_each_element_of_a_removal_notice_names_its_place_in_the_act() -> None:
    rule = pack().instrument(Instrument.REMOVAL_NOTICE, "cyberbullying_child")
    assert rule is not None
    places = {element.check: element.ref for element in rule.elements}
    assert set(places) == {"platform", "exact_link", "provider_told", "harmed", "why_unlawful"}
    assert all("65(" in ref and "88(" in ref for ref in places.values())


# --- Clocks ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent", "ends"),
    [
        # Summer time ends on Sunday 5 April 2026 at 03:00, and begins on Sunday 4 October at 02:00.
        ("2026-04-04T12:00:00+11:00", "2026-04-05T11:00:00+10:00"),
        ("2026-10-03T12:00:00+10:00", "2026-10-04T13:00:00+11:00"),
        # Inside the hour that exists twice, the first time and the second.
        ("2026-04-05T02:30:00+11:00", "2026-04-06T01:30:00+10:00"),
        ("2026-04-05T02:30:00+10:00", "2026-04-06T02:30:00+10:00"),
        # Christmas is no excuse.
        ("2026-12-24T20:00:00+11:00", "2026-12-25T20:00:00+11:00"),
    ],
)
def test_the_providers_24_hours_are_real_hours(sent: str, ends: str) -> None:
    assert due("au.removal_24h", sent) == at(ends)


@pytest.mark.parametrize(
    ("instrument", "clock"),
    [("removal_notice", "au.removal_24h"), ("platform_report", "au.internal.platform_follow_up")],
)
def test_one_notice_starts_one_clock_of_the_platform(instrument: str, clock: str) -> None:
    case = a_case(instrument=Instrument(instrument))
    started = start_clocks("submission.sent", SUBMISSION, at("2026-03-03T10:00:00+11:00"), case, pack())
    assert [(start.rule_id, start.duty, start.ladder) for start in started] == [
        (clock, Duty.PLATFORM, "au.platform_silence")
    ]


def test_a_question_of_the_provider_does_not_stop_the_24_hours_because_the_act_does_not_say_so() -> None:
    rule = pack().sla.clock("au.removal_24h")
    assert rule.statutory and rule.qualitative is None
    assert set(rule.stop) == {"platform.decided", "case.ended"} and rule.pause == ()


def test_the_delegate_may_allow_the_provider_longer_and_the_ceiling_is_said_to_be_ours() -> None:
    extension = pack().sla.clock("au.removal_24h").extension
    assert extension is not None and extension.roles == (Role.HEAD_OF_UNIT,)
    assert extension.ceiling.limit.text == "72 hours" and "unit's own" in (extension.source.note or "")


def test_the_notice_of_a_refusal_is_a_duty_in_words_and_its_number_is_never_shown_as_law() -> None:
    rule = pack().sla.clock("au.refusal_notice")
    assert rule.statutory and rule.qualitative is not None
    assert "65(3)" in rule.source.ref


@pytest.mark.parametrize("priority", list(Priority))
@pytest.mark.parametrize("instrument", [Instrument.PLATFORM_REPORT, Instrument.REMOVAL_NOTICE])
def test_every_case_in_review_has_one_internal_target(instrument: Instrument, priority: Priority) -> None:
    case = a_case(instrument=instrument, priority=priority)
    started = start_clocks("review.opened", Subject("case", 1), at("2026-03-03T10:00:00+11:00"), case, pack())
    assert len([start for start in started if not start.statutory]) == 1


def test_no_target_for_a_removal_notice_ends_before_the_act_allows_one() -> None:
    """The provider may be told in the very minute in which review opens."""
    opened = at("2026-03-03T10:00:00+11:00")
    for priority in Priority:
        case = a_bullied_child(priority=priority)
        for start in start_clocks("review.opened", Subject("case", 1), opened, case, pack()):
            assert start.due_at >= opened + timedelta(hours=48), start.rule_id


def test_silence_climbs_from_the_platform_to_its_region_and_then_to_enforcement() -> None:
    rungs = pack().sla.ladder("au.platform_silence").rungs
    assert [rung.recipient for rung in rungs] == ["platform", "liaison", "liaison_head", "authority"]


# --- Calendar --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("held", "ends", "why"),
    [
        ("2026-01-23T12:00:00+11:00", "2026-01-27T17:00:00+11:00", "Australia Day, Monday 26 January"),
        ("2025-01-24T12:00:00+11:00", "2025-01-28T17:00:00+11:00", "a Sunday in 2025, kept on Monday 27 January"),
        ("2026-10-02T12:00:00+10:00", "2026-10-06T17:00:00+11:00", "Labour Day, and the clock changes before it"),
        ("2026-06-05T12:00:00+10:00", "2026-06-09T17:00:00+10:00", "the King's Birthday of New South Wales"),
        ("2026-09-25T12:00:00+10:00", "2026-09-28T17:00:00+10:00", "that day is a holiday in Western Australia only"),
        ("2026-04-02T12:00:00+11:00", "2026-04-07T17:00:00+10:00", "Easter, with the end of summer time in it"),
        ("2026-07-16T12:00:00+10:00", "2026-07-20T17:00:00+10:00", "the office moves on Friday 17 July"),
        ("2026-12-23T12:00:00+11:00", "2026-12-24T12:30:00+11:00", "the last morning before the shutdown"),
        ("2026-12-24T12:00:00+11:00", "2026-12-29T17:00:00+11:00", "Christmas and the substitute for Boxing Day"),
    ],
)
def test_one_working_day_in_sydney(held: str, ends: str, why: str) -> None:
    assert due("au.hold.pen", held) == at(ends), why


def test_four_working_hours_leave_out_lunch() -> None:
    assert due("au.internal.triage.p2", "2026-03-03T11:00:00+11:00") == at("2026-03-03T16:00:00+11:00")


@pytest.mark.parametrize(
    ("returned", "ends", "why"),
    [
        ("2026-03-03T15:00:00+11:00", "2026-03-11T00:00:00+08:00", "seven days later, when the day ends in Perth"),
        ("2026-03-04T01:00:00+11:00", "2026-03-11T00:00:00+08:00", "in Perth it is still Tuesday"),
        ("2026-09-21T15:00:00+10:00", "2026-09-30T00:00:00+08:00", "a holiday there; the day after it is meant"),
    ],
)
def test_a_reporter_has_seven_full_days_wherever_in_australia(returned: str, ends: str, why: str) -> None:
    assert due("au.reporter.answer", returned) == at(ends), why
    assert at(ends) - at(returned) >= timedelta(days=7)


# --- Platforms and people --------------------------------------------------------------------------------


def test_the_platforms_are_those_of_the_ministrys_pack_and_reached_the_same_way() -> None:
    ours = {p.code: (p.channel, p.environment) for p in pack().platforms.platforms}
    assert ours == {p.code: (p.channel, p.environment) for p in the_pack().platforms.platforms}


@pytest.mark.parametrize("platform", ["facebook", "instagram", "tiktok", "youtube"])
def test_each_large_platform_has_a_liaison_and_a_head_above_the_liaison(platform: str) -> None:
    liaison, head = pack().liaison(platform, "liaison"), pack().liaison(platform, "head")
    assert liaison is not None and head is not None and liaison.email != head.email


@pytest.mark.parametrize("other", [Role.LEGAL_REVIEWER, Role.HEAD_OF_UNIT])
def test_an_investigator_never_decides(other: Role) -> None:
    assert pack().roles.clash(frozenset({Role.SPECIALIST, other})) is not None


# --- Letters ---------------------------------------------------------------------------------------------


@cache
def press() -> Letterpress:
    return Letterpress(ROOT / "templates", wording=pack().wording)


def letter(name: str, instrument: Instrument) -> Rendered:
    sample = sample_context("en", filled=True)
    said: LetterContext = {**sample, "instrument": press().word("instrument", instrument, "en"), "redress": ""}
    return press().render(name, said)


def test_the_letter_to_the_platform_calls_the_notice_what_the_act_calls_it() -> None:
    notice = letter("platform_notice", Instrument.REMOVAL_NOTICE).text
    assert "removal notice under the Online Safety Act 2021" in notice
    assert "Online Safety Act" not in letter("platform_notice", Instrument.PLATFORM_REPORT).text


def test_a_refused_removal_notice_is_refused_in_writing_under_the_section_that_demands_it() -> None:
    refused = letter("decline", Instrument.REMOVAL_NOTICE)
    for body in (refused.text, refused.html):
        assert "Notice of refusal" in body and "65(3)" in body and "not verified" in body


def test_a_report_under_the_platforms_own_rules_that_is_not_sent_is_no_refusal_under_the_act() -> None:
    declined = letter("decline", Instrument.PLATFORM_REPORT).text
    assert "Notice of refusal" not in declined and "Online Safety Act" not in declined
    assert "We have decided not to send a notice to the platform." in declined


def test_the_scope_of_the_pack_can_be_named_in_a_letter() -> None:
    assert pack().regime.territorial_scope == ("AU",)
    assert press().word("country", "AU", "en") == "Australia"
