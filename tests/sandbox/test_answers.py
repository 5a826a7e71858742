"""Answers: item by item, in their time, once; and every way in which a platform gets that wrong."""

from __future__ import annotations

from datetime import timedelta

import pytest

from sandbox.behaviour import Behaviour
from sandbox.practice_platform import PlatformSettings
from sandbox.running import RunningPlatform
from tests.sandbox.conversation import MONDAY_MORNING, NEXT_WEEK, Authority, notice


def set_answer_delay(platform: RunningPlatform, least: float, most: float) -> None:
    platform.behaviour(answer_delay_hours={"min": least, "max": most})


def test_nothing_is_answered_before_its_time(platform: RunningPlatform, authority: Authority) -> None:
    set_answer_delay(platform, 2, 2)
    authority.accepted(notice())

    platform.set_clock(MONDAY_MORNING + timedelta(hours=2, seconds=-1))
    assert authority.answers() == []

    platform.set_clock(MONDAY_MORNING + timedelta(hours=2))
    assert [answer["decided_at"] for answer in authority.answers()] == ["2026-03-02T11:00:00Z"]


def test_each_item_is_answered_in_its_own_time(platform: RunningPlatform, authority: Authority) -> None:
    set_answer_delay(platform, 1, 100)
    authority.accepted(notice(*["fraud"] * 20))

    platform.set_clock(MONDAY_MORNING + timedelta(hours=50))
    early = authority.answers()
    platform.set_clock(MONDAY_MORNING + timedelta(hours=100))
    all_of_them = authority.answers()

    assert 0 < len(early) < 20
    assert all_of_them[: len(early)] == early
    assert {answer["item"] for answer in all_of_them} == {str(number) for number in range(1, 21)}
    assert [answer["decided_at"] for answer in all_of_them] == sorted(a["decided_at"] for a in all_of_them)


def test_a_reader_who_follows_the_cursor_misses_nothing(platform: RunningPlatform, authority: Authority) -> None:
    authority.accepted(notice(*["drugs"] * 30))
    seen: list[str] = []
    cursor = 0
    for hour in range(0, 80, 4):
        platform.set_clock(MONDAY_MORNING + timedelta(hours=hour))
        while (page := authority.http.get("/v1/answers", params={"after": cursor, "limit": 2}).json())["answers"]:
            seen += [answer["answer_id"] for answer in page["answers"]]
            cursor = page["next"]

    assert seen == [f"A-{number:07d}" for number in range(1, 31)]


@pytest.mark.parametrize(
    ("outcome", "ground", "territories"),
    [
        ("removed_globally", "platform_policy", []),
        ("restricted_locally", "local_law", ["KZ"]),
        ("age_restricted", "platform_policy", []),
        ("account_actioned", "platform_policy", []),
        ("already_unavailable", None, []),
        ("no_action", None, []),
    ],
)
def test_an_answer_says_on_what_ground_and_where(
    platform: RunningPlatform, authority: Authority, outcome: str, ground: str | None, territories: list[str]
) -> None:
    platform.behaviour(outcome_overrides={"fraud": outcome})
    reference = authority.accepted(notice("fraud"))
    platform.set_clock(NEXT_WEEK)

    [answer] = authority.answers()

    assert answer["reason"]
    assert {**answer, "reason": "", "decided_at": ""} == {
        "cursor": 1,
        "answer_id": "A-0000001",
        "reference": reference,
        "submission": "KZ-2026-000123/S1",
        "item": "1",
        "outcome": outcome,
        "ground": ground,
        "territories": territories,
        "reason": "",
        "decided_at": "",
    }


def test_the_notice_follows_its_answers(platform: RunningPlatform, authority: Authority) -> None:
    platform.behaviour(outcome_overrides={"fraud": "no_action"}, silent_categories=["drugs"])
    reference = authority.accepted(notice("fraud", "drugs"))
    platform.set_clock(NEXT_WEEK)

    shown = authority.http.get(f"/v1/notices/{reference}").json()

    assert shown["status"] == "received"
    assert shown["items"] == [
        {"item": "1", "status": "decided", "outcome": "no_action"},
        {"item": "2", "status": "pending"},
    ]


def test_a_question_waits_for_our_answer_and_is_asked_once(platform: RunningPlatform, authority: Authority) -> None:
    platform.behaviour(more_info_share=1.0)
    body = notice("csam", "fraud")
    reference = authority.accepted(body)
    platform.set_clock(NEXT_WEEK)
    assert authority.outcomes() == {"1": "more_info_needed", "2": "more_info_needed"}
    assert authority.statuses(reference) == ["more_info_needed"] * 2

    platform.set_clock(NEXT_WEEK + timedelta(days=30))
    assert len(authority.answers()) == 2

    authority.reply(reference, body, "key-2")
    assert authority.statuses(reference) == ["pending"] * 2
    platform.set_clock(NEXT_WEEK + timedelta(days=60))

    assert authority.statuses(reference) == ["decided"] * 2
    assert "more_info_needed" not in authority.outcomes().values()
    assert {answer["reference"] for answer in authority.answers()} == {reference}


def test_a_question_stays_open_for_the_items_we_did_not_answer_for(
    platform: RunningPlatform, authority: Authority
) -> None:
    platform.behaviour(outcome_overrides={"csam": "more_info_needed"})
    body = notice("csam", "csam")
    reference = authority.accepted(body)
    platform.set_clock(NEXT_WEEK)
    authority.outcomes()

    authority.reply(reference, {**body, "items": body["items"][1:]}, "key-2")
    platform.set_clock(NEXT_WEEK + timedelta(days=7))

    assert authority.statuses(reference) == ["more_info_needed", "decided"]


def test_our_answer_shows_how_the_items_of_the_matter_stand(platform: RunningPlatform, authority: Authority) -> None:
    platform.behaviour(more_info_share=1.0)
    body = notice("csam")
    reference = authority.accepted(body)
    platform.set_clock(NEXT_WEEK)
    authority.outcomes()

    reply = authority.reply(reference, body, "key-2")

    assert authority.statuses(reply) == ["pending"]
    platform.force_answer(reply, "1", "removed_globally")
    assert authority.statuses(reply) == ["decided"]
    assert platform.state()["items"] == 1


def test_a_silent_category_gets_no_answer_until_it_is_no_longer_silent(
    platform: RunningPlatform, authority: Authority
) -> None:
    platform.behaviour(silent_categories=["csam"])
    authority.accepted(notice("csam", "drugs"))
    platform.set_clock(NEXT_WEEK)
    assert set(authority.outcomes()) == {"2"}
    assert platform.state()["items_kept_silent"] == 1

    platform.behaviour(silent_categories=[])

    assert set(authority.outcomes()) == {"2", "1"}
    assert authority.answers()[-1]["decided_at"] == "2026-03-09T09:00:00Z"


def test_a_lost_answer_never_shows(platform: RunningPlatform, authority: Authority) -> None:
    platform.behaviour(lose_answer_next=1)
    reference = authority.accepted(notice("drugs", "drugs"))
    platform.set_clock(NEXT_WEEK)

    assert len(authority.answers()) == 1
    assert sorted(set(authority.statuses(reference))) != ["decided"]
    assert platform.state()["happened"] == {"lose_answer": 1}


def test_a_repeated_answer_comes_twice_under_one_id(platform: RunningPlatform, authority: Authority) -> None:
    platform.behaviour(repeat_answers=True)
    authority.accepted(notice("drugs"))
    platform.set_clock(NEXT_WEEK)

    first, second = authority.answers()

    assert (first["cursor"], second["cursor"]) == (1, 2)
    assert {**first, "cursor": 2} == second


def test_a_stray_answer_fits_no_item_or_no_reference(platform: RunningPlatform, authority: Authority) -> None:
    reference = authority.accepted(notice("drugs"))
    platform.behaviour(stray_answer_next=2)

    unknown_item, unknown_reference = authority.answers()

    assert (unknown_item["reference"], unknown_item["item"]) == (reference, "999")
    assert authority.http.get(f"/v1/notices/{unknown_reference['reference']}").status_code == 404


def test_a_forced_answer_comes_at_once_and_in_place_of_the_other(
    platform: RunningPlatform, authority: Authority
) -> None:
    reference = authority.accepted(notice("csam"))

    forced = authority.http.post(
        "/practice/force-answer",
        json={"reference": reference, "item": "1", "outcome": "partial", "reason": "Half."},
    )
    platform.set_clock(NEXT_WEEK)

    assert forced.status_code == 200
    assert [(a["outcome"], a["reason"]) for a in authority.answers()] == [("partial", "Half.")]


def test_a_whole_notice_can_be_answered_at_once(platform: RunningPlatform, authority: Authority) -> None:
    reference = authority.accepted(notice("csam", "fraud"))

    platform.force_answer(reference, None, "removed_globally")

    assert [answer["item"] for answer in authority.answers()] == [None]
    assert authority.statuses(reference) == ["decided", "decided"]


def test_what_does_not_exist_cannot_be_answered(authority: Authority) -> None:
    reference = authority.accepted(notice())

    def force(**wanted: str) -> int:
        return authority.http.post("/practice/force-answer", json=wanted).status_code

    assert force(reference="PP-2026-0000042", item="1", outcome="no_action") == 404
    assert force(reference=reference, item="42", outcome="no_action") == 404
    assert force(reference=reference, item="1", outcome="abolished") == 422


def test_equal_seeds_give_equal_answers(platform: RunningPlatform, authority: Authority) -> None:
    def told(seed: int) -> list[dict[str, object]]:
        platform.reset(PlatformSettings(seed=seed, now=MONDAY_MORNING))
        authority.accepted(notice(*["csam"] * 40))
        platform.set_clock(NEXT_WEEK)
        return authority.answers()

    assert told(1) == told(1)
    assert told(1) != told(2)


def test_the_clock_is_set_over_http_and_runs_again_when_let_go(authority: Authority) -> None:
    set_to = authority.http.post("/practice/clock", json={"now": "2026-03-02T14:00:00+05:00"})
    assert set_to.json() == {"now": "2026-03-02T09:00:00Z"}
    assert authority.http.post("/practice/clock", json={"now": "2026-03-02T14:00:00"}).status_code == 422

    authority.http.post("/practice/clock", json={"now": None})

    assert authority.http.get("/practice/state").json()["clock"] == "real"


def test_a_naive_time_is_refused(platform: RunningPlatform) -> None:
    with pytest.raises(ValueError, match="offset"):
        platform.set_clock(MONDAY_MORNING.replace(tzinfo=None))


def test_knobs_are_turned_one_by_one(authority: Authority) -> None:
    authority.http.post("/practice/behaviour", json={"fail_next": 3})
    shown = authority.http.post("/practice/behaviour", json={"more_info_share": 0.5}).json()

    assert (shown["fail_next"], shown["more_info_share"]) == (3, 0.5)


@pytest.mark.parametrize(
    "impossible",
    [
        {"fail_nxt": 1},
        {"fail_next": -1},
        {"more_info_share": 1.5},
        {"answer_delay_hours": {"min": 3, "max": 2}},
        {"outcome_overrides": {"csam": "abolished"}},
    ],
)
def test_an_impossible_knob_changes_nothing(authority: Authority, impossible: dict[str, object]) -> None:
    refused = authority.http.post("/practice/behaviour", json={"repeat_answers": True, **impossible})

    assert refused.status_code == 422
    assert authority.http.get("/practice/state").json()["behaviour"] == Behaviour().model_dump(mode="json")
