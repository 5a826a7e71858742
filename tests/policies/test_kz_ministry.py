"""The ministry's policy pack says what the law and the unit's rules say, and says where it does not know."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator
from datetime import date, datetime
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel

from casework.completeness_checks import CHECKS
from casework.limits import Unit, due_at
from casework.pack_reader import FILES, OPTIONAL, read_pack
from casework.platform_links import platform_of_host
from casework.policy_base import UNSOURCED, Source
from casework.policy_pack import Pack
from casework.priority import Assessment, PriorityFacts, assess
from casework.vocabulary import (
    LANGUAGES,
    AgeBand,
    Disposition,
    Duty,
    Ground,
    Instrument,
    Lane,
    Outcome,
    Priority,
    RequestedAction,
    Role,
)

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "policies" / "kz-ministry"
DATA = ROOT.parent / "shared" / "data"

P0_ROW = (
    "threat_to_life_of_child", "suicide_plan_or_live_self_harm", "live_streamed_abuse",
    "meeting_arranged_with_minor", "abducted_or_missing_child", "sextortion_with_deadline_or_suicidal_victim",
    "sadistic_online_exploitation", "offender_has_current_access", "school_attack_threat",
)  # fmt: skip
P1_ROW = (
    "csam_any", "grooming_ongoing", "sextortion", "trafficking", "csam_deepfake", "infant",
    "severity_category_a", "doxxing_of_child_with_address", "child_victim_identified_and_spreading",
    "self_harm_signals",
)  # fmt: skip
P2_ROW = (
    "cyberbullying_child", "self_harm_promotion_aimed_at_minors", "eating_disorder_promotion_aimed_at_minors",
    "dangerous_challenge", "leak_of_child_personal_data", "sexualised_comments_on_child",
)  # fmt: skip
POLITICAL = ("terrorism_extremism", "false_information", "political_events")


@cache
def pack() -> Pack:
    return read_pack(FOLDER.name, {path.stem: path.read_text("utf-8") for path in FOLDER.glob("*.yaml")})


@cache
def words() -> dict[str, dict[str, dict[str, str]]]:
    text = (ROOT / "templates" / "words.yaml").read_text("utf-8")
    loaded: dict[str, dict[str, dict[str, str]]] = yaml.safe_load(text)
    return loaded


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


def dsa_names(group: str) -> dict[str, str]:
    path = DATA / "dsa-sor-enums.json"
    if not path.exists():
        pytest.skip("the published list of the DSA's terms lies beside the project and is not here")
    names: dict[str, str] = json.loads(path.read_text("utf-8"))[group]
    return names


# --- Reading and honesty ---------------------------------------------------------------------------------


def test_the_pack_reads_without_a_fault() -> None:
    assert {path.stem for path in FOLDER.glob("*.yaml")} | {"wording"} == {*FILES, *OPTIONAL}
    assert pack().version.startswith("kz-ministry/2026-11+")


def test_every_source_names_an_act_an_internal_rule_or_says_that_none_was_seen() -> None:
    for path, source in sources(pack()):
        internal = source.ref.startswith("Internal")
        assert source.ref == UNSOURCED or internal or source.url, f"{path} cites '{source.ref}' without a place"


def test_what_has_no_source_is_never_called_verified() -> None:
    found = list(sources(pack()))
    unsourced = [path for path, source in found if source.ref == UNSOURCED]
    assert unsourced, "the pack is known to have gaps; if they are filled, delete this line"
    assert not [path for path, source in found if source.ref == UNSOURCED and source.verified]


def test_every_statutory_clock_says_where_its_time_was_read() -> None:
    statutory = [clock for clock in pack().sla.clocks if clock.statutory]
    assert {clock.id for clock in statutory} == {
        "kz.expert_group", "kz.extension_notice", "kz.platform_24h", "kz.removal_24h",
    }  # fmt: skip
    for clock in statutory:
        assert clock.source.ref != UNSOURCED and clock.source.url and clock.source.note


def test_nothing_goes_out_before_review_because_no_law_was_seen_that_allows_it() -> None:
    assert pack().regime.before_review == ()


def test_every_address_of_the_practice_pack_is_reserved_and_reaches_nobody() -> None:
    text = "".join(path.read_text("utf-8") for path in FOLDER.glob("*.yaml"))
    hosts = re.findall(r"[\w.+-]+@([\w.-]+)", text)
    assert len(hosts) > 15
    assert [host for host in hosts if not host.endswith(".example")] == []


# --- Authority -------------------------------------------------------------------------------------------


def test_a_letter_of_2022_carries_the_name_of_2022() -> None:
    assert "Social Development" in pack().authority.name_on(date(2022, 9, 6)).name.en
    assert "Culture and Information" in pack().authority.name_on(date(2026, 3, 18)).name.en


def test_no_day_since_2021_is_without_a_name_or_with_two() -> None:
    periods = pack().authority.names
    for earlier, later in pairwise(periods):
        assert earlier.valid_to is not None and (later.valid_from - earlier.valid_to).days == 1
    assert periods[-1].valid_to is None


# --- Categories ------------------------------------------------------------------------------------------


def test_every_category_maps_to_a_published_term_of_the_dsa() -> None:
    categories, keywords = dsa_names("STATEMENT_CATEGORIES"), dsa_names("KEYWORDS")
    for category in pack().categories:
        assert category.dsa_category in categories, category.code
        assert category.dsa_keyword is None or category.dsa_keyword in keywords, category.code


@pytest.mark.parametrize("code", ["csam", "grooming_or_sexual_extortion_of_minor"])
def test_sexual_abuse_goes_to_the_police_and_is_preserved(code: str) -> None:
    category = pack().category(code)
    assert category.child == "always"
    assert category.police_referral and category.preserve


def test_exactly_the_speech_categories_are_political() -> None:
    assert tuple(c.code for c in pack().categories if c.political) == POLITICAL


def test_each_category_uses_a_ground_that_its_instrument_allows() -> None:
    for category in pack().categories:
        rule = pack().instrument(category.instrument, category.code)
        assert rule is not None and category.ground in rule.grounds, category.code


def test_only_cyberbullying_of_a_child_needs_the_expert_group() -> None:
    needing = [c.code for c in pack().categories if pack().expert_group(c.instrument, c.code) is not None]
    assert needing == ["cyberbullying_child"]
    group = pack().expert_group(Instrument.PRESCRIPTION, "cyberbullying_child")
    assert group is not None and Role.EXPERT_CHAIR in group.recorded_by


# --- Priority --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("indicator", P0_ROW)
def test_each_imminent_danger_is_p0_in_the_childrens_lane_even_before_it_is_classified(
    indicator: str,
) -> None:
    result = judged("unclassified", indicator)
    assert (result.priority, result.lane, result.child) == (Priority.P0, Lane.CHILD_SAFETY, True)


@pytest.mark.parametrize(
    ("indicator", "level"),
    [*((code, Priority.P1) for code in P1_ROW), *((code, Priority.P2) for code in P2_ROW)],
)
def test_each_other_indicator_sets_the_floor_that_the_rule_book_gives(indicator: str, level: Priority) -> None:
    assert judged("unclassified", indicator).priority is level


def test_the_pack_knows_no_indicator_beyond_the_rule_book() -> None:
    beside = {"opinion_or_criticism", "out_of_jurisdiction", "already_unavailable", "no_exact_link",
              "repeat_victim", "account_with_prior_confirmed_cases"}  # fmt: skip
    assert pack().indicators == {*P0_ROW, *P1_ROW, *P2_ROW} | beside


@pytest.mark.parametrize(
    ("category", "age", "level"),
    [
        ("csam", AgeBand.UNKNOWN, Priority.P1),
        ("grooming_or_sexual_extortion_of_minor", AgeBand.UNKNOWN, Priority.P1),
        ("cyberbullying_child", AgeBand.TEEN, Priority.P2),
        ("cyberbullying_child", AgeBand.UNDER_13, Priority.P1),
        ("suicide_or_self_harm", AgeBand.TEEN, Priority.P2),
        ("suicide_or_self_harm", AgeBand.ADULT, Priority.P3),
        ("drugs", AgeBand.NOBODY, Priority.P3),
        ("unclassified", AgeBand.UNKNOWN, Priority.P3),
        ("unclassified", AgeBand.CHILD, Priority.P2),
    ],
)
def test_without_indicators_category_and_age_decide(category: str, age: AgeBand, level: Priority) -> None:
    assert judged(category, age=age).priority is level


def test_every_category_but_what_nobody_has_sorted_falls_under_a_rule() -> None:
    by_default = {
        category.code
        for category in pack().categories
        if "default" in {fired.rule for fired in judged(category.code, age=AgeBand.ADULT).trace}
    }
    assert by_default == {"unclassified"}


@pytest.mark.parametrize("category", POLITICAL)
def test_no_sign_of_a_child_lifts_a_political_request(category: str) -> None:
    signs = [indicator for indicator in (*P0_ROW, *P1_ROW) if indicator != "school_attack_threat"]
    result = judged(category, *signs, age=AgeBand.UNDER_13, reports=50, platforms=4)
    assert (result.priority, result.lane) == (Priority.P3, Lane.ROUTINE)
    assert any(fired.effect.startswith("withheld") for fired in result.trace)


def test_an_attack_announced_on_a_school_is_imminent_whatever_its_category() -> None:
    assert judged("terrorism_extremism", "school_attack_threat").priority is Priority.P0


def test_the_rules_stand_in_the_order_of_their_levels() -> None:
    ranks = [rule.level.rank for rule in pack().priority.rules]
    assert ranks == sorted(ranks)


# --- Clocks ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("instrument", "clock"),
    [
        ("platform_report", "kz.internal.platform_follow_up"),
        ("request", "kz.platform_24h"),
        ("prescription", "kz.removal_24h"),
    ],
)
def test_one_notice_starts_one_clock_of_the_platform(instrument: str, clock: str) -> None:
    started = [
        rule for rule in pack().sla.clocks if rule.start == "submission.sent" and instrument in rule.applies.instrument
    ]
    assert [rule.id for rule in started] == [clock]
    assert started[0].duty is Duty.PLATFORM and started[0].ladder == "kz.platform_silence"


@pytest.mark.parametrize("start", ["case.received", "review.opened", "platform.asked"])
def test_every_priority_has_exactly_one_internal_time_for_each_of_our_duties(start: str) -> None:
    rules = [r for r in pack().sla.clocks if r.start == start and r.applies.priority]
    covered = [priority for rule in rules for priority in rule.applies.priority]
    assert sorted(covered) == sorted(Priority)


def test_the_expert_groups_three_working_days_run_over_nauryz() -> None:
    """Received on Friday 20 March 2026; 23 to 25 March are days off, the day of receipt does not count."""
    received = datetime.fromisoformat("2026-03-20T10:00:00+05:00")
    due = due_at(pack().sla.clock("kz.expert_group").limit.limit, received, pack().working_calendar())
    assert due == datetime.fromisoformat("2026-03-30T18:30:00+05:00")


def test_a_platforms_24_hours_are_real_hours_when_the_country_changed_its_clock() -> None:
    sent = datetime.fromisoformat("2024-02-29T12:00:00+06:00")
    due = due_at(pack().sla.clock("kz.platform_24h").limit.limit, sent, pack().working_calendar())
    assert due == datetime.fromisoformat("2024-03-01T11:00:00+05:00")


def test_the_statutory_clock_of_the_expert_group_does_not_stop_while_the_reporter_is_asked() -> None:
    assert set(pack().sla.clock("kz.expert_group").stop) == {"review.approved", "case.ended"}
    assert pack().sla.clock("kz.expert_group").pause == (), "the statute knows no pause"


def test_the_expert_groups_chair_may_extend_once_to_fifteen_days_and_the_applicant_is_told_within_two() -> None:
    extension = pack().sla.clock("kz.expert_group").extension
    assert extension is not None
    assert (extension.roles, extension.times, extension.ceiling.limit.text) == (
        (Role.EXPERT_CHAIR,),
        1,
        "15 calendar days",
    )
    told = pack().sla.clock(extension.notice_clock or "")
    assert (told.start, told.limit.amount, told.limit.unit) == ("extension.granted", 2, Unit.WORKING_DAYS)


def test_silence_climbs_from_the_platform_to_its_region_and_then_to_the_authority() -> None:
    rungs = pack().sla.ladder("kz.platform_silence").rungs
    assert [rung.recipient for rung in rungs] == ["platform", "liaison", "liaison_head", "authority"]


# --- Platforms -------------------------------------------------------------------------------------------


def test_each_platform_is_one_that_links_are_recognised_for() -> None:
    for platform in pack().platforms.platforms:
        assert platform_of_host(f"{platform.code}.example") == platform.code
        assert platform.environment == "practice"


def test_meta_is_reached_by_an_officer_in_the_portal_and_the_others_by_the_practice_interface() -> None:
    portals = {p.code for p in pack().platforms.platforms if p.channel == "portal"}
    assert portals == {"facebook", "instagram"}


def test_each_platform_with_a_liaison_has_a_head_above_the_liaison() -> None:
    codes = [platform.code for platform in pack().platforms.platforms]
    for code in codes:
        assert (pack().liaison(code, "liaison") is None) == (pack().liaison(code, "head") is None), code
    assert len([code for code in codes if pack().liaison(code, "liaison")]) == 5


def test_youtubes_history_is_what_google_published() -> None:
    path = DATA / "google-kz-removal-requests.csv"
    if not path.exists():
        pytest.skip("Google's published figures lie beside the project and are not here")
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["product"] == "YouTube"]
    youtube = pack().platform("youtube")
    assert youtube is not None and youtube.history
    for entry in youtube.history:
        reason = re.search(r"Google's reason '([^']+)'", entry.source.note or "")
        assert reason is not None and pack().category(entry.category)
        told = [row for row in rows if row["reason"] == reason[1]]
        assert entry.items == sum(int(row["items_requested_removal"]) for row in told), reason[1]
        assert entry.not_enough_info == sum(int(row["items_not_enough_info"]) for row in told), reason[1]


# --- Words -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("group", "codes"),
    [
        ("outcome", list(Outcome)),
        ("instrument", list(Instrument)),
        ("ground", list(Ground)),
        ("requested_action", list(RequestedAction)),
        ("disposition", list(Disposition)),
        ("missing", list(CHECKS)),
        ("priority", list(Priority)),
        ("unit", list(Unit)),
        ("duty", list(Duty)),
    ],
)
def test_every_code_has_a_word_and_no_word_is_without_a_code(group: str, codes: list[str]) -> None:
    assert sorted(words()[group]) == sorted(str(code) for code in codes)


def test_every_kind_of_content_that_a_link_may_have_has_a_word() -> None:
    kinds = [
        "post", "comment", "reel", "story", "video", "live", "photo", "album", "profile", "page", "group",
        "channel", "event", "message", "ad", "repository", "file", "issue", "site", "other",
    ]  # fmt: skip
    assert sorted(words()["kind"]) == sorted(kinds)


def test_each_word_stands_in_all_three_languages_and_in_the_right_script() -> None:
    for group, codes in words().items():
        for code, texts in codes.items():
            assert set(texts) == set(LANGUAGES), f"{group}.{code}"
            assert not re.search("[а-яә-ө]", texts["en"], re.IGNORECASE), f"{group}.{code} is not English"
            for language in ("kk", "ru"):
                assert re.search("[а-яё]", texts[language], re.IGNORECASE), f"{group}.{code} {language}"


def test_russian_words_hold_no_kazakh_letter() -> None:
    for group, codes in words().items():
        assert not [code for code, texts in codes.items() if re.search("[әғқңөұүһі]", texts["ru"].lower())], group


def test_the_scope_of_the_pack_can_be_named_in_a_letter() -> None:
    assert isinstance(next(iter(words()["country"])), str)
    assert set(pack().regime.territorial_scope) <= set(words()["country"])
