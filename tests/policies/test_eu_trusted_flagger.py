"""The hotline's policy pack says what the Digital Services Act says, calls nothing law that is its own target, and
says where it does not know."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel

from casework.limits import due_at
from casework.pack_checks import claimed_ids
from casework.pack_reader import FILES, OVERRIDES, read_pack
from casework.platform_links import platform_of_host
from casework.policy_base import UNSOURCED, Source
from casework.policy_clocks import ClockRule
from casework.policy_pack import Pack
from casework.priority import Assessment, PriorityFacts, assess
from casework.safeguards import CHILD_SIGNS, IMMINENT
from casework.vocabulary import AgeBand, Duty, Instrument, Lane, Priority, Role
from casework.working_time import DayReason
from tasks.letterpress import Letterpress

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "policies" / "eu-trusted-flagger"
MINISTRY = ROOT / "policies" / "kz-ministry"

NOTICE, REPORT = Instrument.TRUSTED_FLAGGER_NOTICE, Instrument.PLATFORM_REPORT
POLITICAL = ("terrorism_extremism", "false_information", "political_events")
YEARS = (2024, 2025, 2026, 2027)


def texts() -> dict[str, str]:
    """The files of the pack, keyed as the reader wants them."""
    found = {path.stem: path.read_text("utf-8") for path in FOLDER.glob("*.yaml")}
    return found | {OVERRIDES: (FOLDER / OVERRIDES).read_text("utf-8")}


@cache
def pack() -> Pack:
    return read_pack(FOLDER.name, texts())


def ministry(file: str) -> Any:
    return yaml.safe_load((MINISTRY / f"{file}.yaml").read_text("utf-8"))


def judged(category: str, *indicators: str, age: AgeBand = AgeBand.UNKNOWN, **facts: Any) -> Assessment:
    return assess(PriorityFacts(category, age, frozenset(indicators), **facts), pack())


def sources(node: Any, path: str = "pack") -> Iterator[tuple[str, Source]]:
    """Every source in the pack, with the way to it."""
    if isinstance(node, Source):
        yield path, node
    elif isinstance(node, BaseModel):
        for name in type(node).model_fields:
            yield from sources(getattr(node, name), f"{path}.{name}")
    elif isinstance(node, tuple):
        for position, part in enumerate(node):
            yield from sources(part, f"{path}[{position}]")


def platform_clock(instrument: Instrument, priority: Priority) -> ClockRule:
    """The one clock of the platform that such a notice starts."""
    (rule,) = (
        rule
        for rule in pack().sla.clocks
        if rule.start == "submission.sent"
        and instrument in rule.applies.instrument
        and priority in rule.applies.priority
    )
    return rule


def due(rule: ClockRule, start: str) -> datetime:
    at = datetime.fromisoformat(start)
    return due_at(rule.limit.limit, at, pack().working_calendar(rule.calendar))


# --- Reading and honesty ---------------------------------------------------------------------------------


def test_the_pack_reads_without_a_fault() -> None:
    assert set(FILES) <= set(texts())
    assert pack().version.startswith("eu-trusted-flagger/2026-11+")


def test_every_rule_id_is_the_packs_own_so_that_packs_can_stand_side_by_side() -> None:
    ids = [code for _, _, code in claimed_ids(pack())]
    assert len(ids) > 40
    assert [code for code in ids if not code.startswith("eu.")] == []


def test_nobody_has_verified_anything_yet_and_nothing_says_so() -> None:
    found = list(sources(pack()))
    assert len(found) > 80
    assert [path for path, source in found if source.verified] == []


def test_every_source_names_an_act_with_a_place_an_internal_rule_or_says_that_none_was_seen() -> None:
    for path, source in sources(pack()):
        internal = source.ref.startswith("Internal")
        assert source.ref == UNSOURCED or internal or source.url, f"{path} cites '{source.ref}' without a place"


def test_every_address_of_the_practice_pack_is_reserved_and_reaches_nobody() -> None:
    hosts = re.findall(r"[\w.+-]+@([\w.-]+)", "".join(texts().values()))
    assert len(hosts) > 15
    assert [host for host in hosts if not host.endswith(".example")] == []


def test_the_material_is_never_called_pornography() -> None:
    assert "pornograph" not in "".join(texts().values()).lower()


# --- The law ---------------------------------------------------------------------------------------------


def test_a_hotline_reports_and_notifies_and_orders_nothing() -> None:
    assert {rule.instrument for rule in pack().regime.instruments} == {NOTICE, REPORT}


def test_a_notice_carries_what_article_16_demands_point_by_point() -> None:
    rule = pack().instrument(NOTICE, "csam")
    assert rule is not None and rule.statement is not None
    demanded = {point: {e.check for e in rule.elements if f"16(2)({point})" in e.ref} for point in "abc"}
    assert demanded == {
        "a": {"why_unlawful", "legal_basis", "quote"},
        "b": {"exact_link", "post_not_profile"},
        "c": {"signatory"},
    }
    assert "good faith" in rule.statement.en and "accurate and complete" in rule.statement.en


def test_who_reports_child_sexual_abuse_need_not_be_named() -> None:
    rule = pack().instrument(NOTICE, "csam")
    assert rule is not None
    (submitter,) = (element for element in rule.elements if element.check == "signatory")
    assert "not demanded for offences of Arts 3 to 7 of Directive 2011/93/EU" in submitter.ref


def test_a_report_under_a_platforms_own_rules_claims_no_law() -> None:
    rule = pack().instrument(REPORT, "fraud")
    assert rule is not None and rule.statement is None
    assert [e.ref for e in rule.elements if "Art." in e.ref] == []
    assert [c.code for c in pack().categories if c.instrument == REPORT and c.basis] == []


def test_redress_that_nobody_has_read_is_marked_in_the_text_itself() -> None:
    for rule in pack().regime.instruments:
        cited = re.findall(r"Art\. (?:20|21)[^)]*", rule.redress.en)
        assert cited and all("not verified" in words for words in cited), rule.instrument


def test_action_is_asked_for_where_the_reasons_carry_and_no_further() -> None:
    assert pack().regime.territorial_scope == ("DE",)


def test_nothing_goes_out_before_review() -> None:
    assert pack().regime.before_review == ()


# --- Categories ------------------------------------------------------------------------------------------


def test_every_kind_of_harm_of_the_ministry_has_a_place_here_so_that_figures_compare() -> None:
    codes = {category["code"] for category in ministry("categories")}
    assert len(codes) == 18
    assert codes <= {category.code for category in pack().categories}


def test_an_image_of_a_childs_abuse_is_never_an_image_shared_without_consent() -> None:
    csam = pack().category("csam")
    assert csam.dsa_keyword == "KEYWORD_CHILD_SEXUAL_ABUSE_MATERIAL"
    assert [c.code for c in pack().categories if "NON_CONSENSUAL" in (c.dsa_keyword or "")] == []


@pytest.mark.parametrize("code", ["csam", "grooming_or_sexual_extortion_of_minor"])
def test_sexual_abuse_is_notified_with_priority_told_to_the_police_and_preserved(code: str) -> None:
    category = pack().category(code)
    assert (category.child, category.instrument) == ("always", NOTICE)
    assert category.police_referral and category.preserve
    assert {"eu.csa_directive.3_to_7", "eu.dsa.22"} <= set(category.basis)


def test_exactly_the_speech_categories_are_political_and_none_claims_a_flaggers_priority() -> None:
    political = [c for c in pack().categories if c.political]
    assert tuple(c.code for c in political) == POLITICAL
    assert {c.instrument for c in political} == {REPORT}


# --- Priority --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("indicator", sorted(IMMINENT))
def test_each_imminent_danger_is_p0_in_the_childrens_lane_even_before_it_is_classified(indicator: str) -> None:
    result = judged("unclassified", indicator)
    assert (result.priority, result.lane, result.child) == (Priority.P0, Lane.CHILD_SAFETY, True)


def test_every_indicator_means_the_same_level_as_at_the_ministry() -> None:
    levels = {
        code: rule["level"]
        for rule in reversed(ministry("priority")["rules"])
        for code in rule.get("any_indicator", ())
    }
    assert set(levels) >= CHILD_SIGNS
    for code, level in levels.items():
        assert judged("unclassified", code).priority == level, code


@pytest.mark.parametrize("category", POLITICAL)
def test_no_sign_of_a_child_lifts_a_political_report(category: str) -> None:
    signs = CHILD_SIGNS - {"school_attack_threat"}
    result = judged(category, *signs, age=AgeBand.UNDER_13, reports=50, platforms=4)
    assert (result.priority, result.lane) == (Priority.P3, Lane.ROUTINE)


def test_an_attack_announced_on_a_school_is_imminent_whatever_its_category() -> None:
    assert judged("terrorism_extremism", "school_attack_threat").priority is Priority.P0


def test_every_category_but_what_nobody_has_sorted_falls_under_a_rule() -> None:
    by_default = {
        category.code
        for category in pack().categories
        if "default" in {fired.rule for fired in judged(category.code, age=AgeBand.ADULT).trace}
    }
    assert by_default == {"unclassified"}


# --- Clocks ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("instrument", "priority"), list(product((NOTICE, REPORT), Priority)))
def test_one_notice_starts_one_clock_of_the_platform(instrument: Instrument, priority: Priority) -> None:
    rule = platform_clock(instrument, priority)
    assert rule.duty is Duty.PLATFORM and rule.ladder == "eu.platform_silence"
    assert rule.statutory is (instrument is NOTICE)


def test_no_number_of_this_pack_is_a_number_of_law() -> None:
    """The act says 'without undue delay'; every hour and day here is the hotline's own expectation."""
    assert [rule.id for rule in pack().sla.clocks if rule.statutory and rule.qualitative is None] == []


def test_the_platforms_duty_to_decide_is_law_in_words_with_a_place_where_they_were_read() -> None:
    worded = [rule for rule in pack().sla.clocks if rule.statutory]
    assert len(worded) == 3
    for rule in worded:
        assert rule.qualitative is not None and "without undue delay" in rule.qualitative.en
        assert rule.source.url and "no number" in (rule.source.note or "")


def test_no_clock_stands_still_because_the_act_provides_no_pause() -> None:
    assert [rule.id for rule in pack().sla.clocks if rule.pause or rule.extension] == []


@pytest.mark.parametrize("start", ["case.received", "review.opened", "platform.asked"])
def test_every_priority_has_exactly_one_internal_time_for_each_of_our_duties(start: str) -> None:
    rules = [r for r in pack().sla.clocks if r.start == start]
    assert sorted(p for rule in rules for p in rule.applies.priority) == sorted(Priority)


@pytest.mark.parametrize(
    ("priority", "expected"),
    [
        (Priority.P0, "2026-03-29T03:30:00+02:00"),
        (Priority.P1, "2026-03-29T03:30:00+02:00"),
        (Priority.P2, "2026-03-29T23:30:00+02:00"),
    ],
)
def test_urgent_expectations_are_real_hours_in_the_night_when_the_clock_is_put_forward(
    priority: Priority, expected: str
) -> None:
    """Sent on Saturday 28 March 2026 at 22:30; at 2:00 the clock jumps to 3:00 on Sunday."""
    rule = platform_clock(NOTICE, priority)
    assert due(rule, "2026-03-28T22:30:00+01:00") == datetime.fromisoformat(expected)


def test_three_working_days_of_the_platform_pass_over_irelands_holiday_and_not_over_berlins() -> None:
    """Sent on Thursday 7 March 2024: Berlin is closed on the 8th, Dublin works."""
    rule = platform_clock(NOTICE, Priority.P3)
    assert due(rule, "2024-03-07T10:00:00+01:00") == datetime(2024, 3, 12, 17, 30, tzinfo=UTC)
    # Sent on Friday 13 March 2026: Tuesday the 17th is Saint Patrick's Day.
    assert due(rule, "2026-03-13T10:00:00+01:00") == datetime(2026, 3, 19, 17, 30, tzinfo=UTC)


def test_our_own_working_day_passes_over_the_eighth_of_march() -> None:
    """Received on Thursday 7 March 2024; Friday the 8th is a holiday in Berlin, so Monday counts."""
    rule = pack().sla.clock("eu.internal.triage.p3")
    assert due(rule, "2024-03-07T10:00:00+01:00") == datetime.fromisoformat("2024-03-11T17:30:00+01:00")


def test_four_working_hours_pass_over_lunch_and_stop_at_noon_on_christmas_eve() -> None:
    """From 11:00 on 24 December 2025 one hour is left; the 25th and 26th are holidays, then a weekend."""
    rule = pack().sla.clock("eu.internal.triage.p2")
    assert due(rule, "2025-12-24T11:00:00+01:00") == datetime.fromisoformat("2025-12-29T12:00:00+01:00")
    assert due(rule, "2025-12-22T11:00:00+01:00") == datetime.fromisoformat("2025-12-22T16:00:00+01:00")


def test_silence_climbs_from_the_platform_to_its_liaison_its_head_and_the_coordinator() -> None:
    rungs = pack().sla.ladder("eu.platform_silence").rungs
    assert [rung.recipient for rung in rungs] == ["platform", "liaison", "liaison_head", "authority"]
    assert "Digital Services Coordinator" in pack().liaisons.authority.name.en


# --- Calendar --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("year", [2024, 2027])
def test_the_eighth_of_march_is_a_holiday_in_berlin_and_a_working_day_in_dublin(year: int) -> None:
    """In 2025 and 2026 it falls on a weekend."""
    day = date(year, 3, 8)
    assert pack().working_calendar("eu-berlin").day(day).reason is DayReason.HOLIDAY
    assert pack().working_calendar("eu-dublin").day(day).is_working


@pytest.mark.parametrize(("year", "day"), list(product(YEARS, (24, 31))))
def test_work_ends_at_noon_on_the_last_days_before_the_feasts(year: int, day: int) -> None:
    plan = pack().working_calendar("eu-berlin").day(date(year, 12, day))
    assert [f"{opens:%H:%M}-{closes:%H:%M}" for opens, closes in plan.windows] == ["09:00-12:00"]
    assert plan.source is not None and plan.source.startswith("Internal decision")
    assert pack().working_calendar("eu-dublin").day(date(year, 12, day)).spans[-1][1].hour == 17


def test_the_holiday_that_berlin_kept_once_is_kept_once() -> None:
    berlin = pack().working_calendar("eu-berlin")
    assert not berlin.day(date(2025, 5, 8)).is_working
    assert berlin.day(date(2026, 5, 8)).is_working


# --- People and platforms --------------------------------------------------------------------------------


def test_the_hotline_works_in_berlin_writes_english_and_reads_german_too() -> None:
    assert pack().working_calendar().zone == pack().authority.zone == "Europe/Berlin"
    assert (pack().authority.languages, pack().authority.reads) == (("en",), ("en", "de"))


def test_the_same_platforms_are_reached_as_by_the_ministry_in_the_same_way() -> None:
    theirs = {platform["code"]: platform["channel"] for platform in ministry("platforms")["platforms"]}
    assert {p.code: p.channel for p in pack().platforms.platforms} == theirs
    for platform in pack().platforms.platforms:
        assert platform_of_host(f"{platform.code}.example") == platform.code
        assert platform.environment == "practice"


def test_a_notice_to_tiktok_goes_to_its_company_for_europe() -> None:
    tiktok = pack().platform("tiktok")
    assert tiktok is not None and tiktok.legal_entity == "TikTok Technology Limited, Dublin"


@pytest.mark.parametrize("platform", ["facebook", "instagram", "tiktok", "youtube"])
def test_each_large_platform_has_a_liaison_and_a_head_above(platform: str) -> None:
    liaison, head = pack().liaison(platform, "liaison"), pack().liaison(platform, "head")
    assert liaison is not None and head is not None and liaison.email != head.email


def test_who_takes_in_does_not_approve_and_a_platforms_liaison_does_nothing_else_here() -> None:
    roles = pack().roles
    held = {entry.role for entry in roles.roles}
    assert roles.clash(frozenset({Role.SPECIALIST, Role.LEGAL_REVIEWER})) is not None
    for other in held - {Role.LIAISON}:
        assert roles.clash(frozenset({Role.LIAISON, other})) is not None, other


def test_records_that_name_people_go_before_the_case_file() -> None:
    keep = {rule.record: rule.keep.amount for rule in pack().retention.rules}
    assert keep["party"] < keep["case_file"] and keep["raw_report"] < keep["case_file"]
    assert {rule.source.ref for rule in pack().retention.rules} == {UNSOURCED}


# --- Wording ---------------------------------------------------------------------------------------------


def test_only_the_trusted_flaggers_form_is_called_one() -> None:
    """Making the press checks every passage of the pack's wording."""
    press = Letterpress(ROOT / "templates", wording=pack().wording)
    assert "trusted flagger under Arts 16 and 22" in press.word("instrument", NOTICE, "en")
    assert "flagger" not in press.word("instrument", REPORT, "en")
    heading = pack().wording["passages"]["platform_notice"]["heading"]["en"]
    assert "{{ instrument }}" in heading and "flagger" not in heading
    assert [press.word("country", country, "en") for country in pack().regime.territorial_scope] == ["Germany"]
