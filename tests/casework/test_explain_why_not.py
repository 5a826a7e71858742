"""Why each letter went, waits, or was never intended."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from casework.clock_changes import begin_pause, extend
from casework.explain import ClockOnRecord, LetterOnRecord
from casework.explain_triggers import CaseRecord
from casework.explain_why_not import explain_why_not
from casework.facts import Actor, ItemFacts
from casework.letters import LETTERS
from casework.policy_letters import LetterPolicy
from casework.vocabulary import AgeBand, ClockState, Outcome, PauseReason, Priority, Role, Status
from tests.casework.explaining import (
    ANSWER,
    EXPERTS,
    LADDER,
    NOW,
    PLATFORM,
    REVIEW,
    a_case,
    a_clock,
    assert_golden,
    begun,
    changed,
    practice_pack,
    recorded,
)

HOUR = timedelta(hours=1)


def a_record(*clocks: ClockOnRecord, **fields: Any) -> CaseRecord:
    """A case whose reporter left an address, seen an hour after it came in."""
    case = a_case(**fields.pop("case", {}))
    values = {"reachable": (True,), "now": NOW + HOUR, **fields}
    return CaseRecord(case, practice_pack(), clocks=clocks, **values)


def a_letter(kind: str, state: str, number: int = 1, **fields: Any) -> LetterOnRecord:
    return replace(LetterOnRecord(number, kind, str(LETTERS[kind].recipient), state, NOW), **fields)


def fate(record: CaseRecord, kind: str) -> tuple[str, str]:
    """The fate and the reason of one kind of letter."""
    [told] = explain_why_not(record, [kind]).data["letters"]
    return told["fate"], told["why"]


def stopped(clock: ClockOnRecord, by: str) -> ClockOnRecord:
    return replace(clock, state=ClockState.MET, stopped_at=NOW + HOUR, stopped_by=by)


def test_every_letter_about_a_case_has_one_line() -> None:
    letters = [
        a_letter("receipt", "sent", sent_at=NOW + HOUR),
        a_letter("platform_notice", "queued", 2, attempts=2, not_before=NOW + 3 * HOUR),
    ]
    told = explain_why_not(a_record(a_clock(PLATFORM), letters=letters))
    assert_golden(told, "why-not")
    of_cases = [line.name for line in LETTERS.values() if line.about == "case"]
    assert [line["letter"] for line in told.data["letters"]] == of_cases
    assert len(told.lines) == 1 + len(of_cases)
    assert fate(a_record(), "liaison_weekly") == (
        "not intended", "not intended: it is about several cases, once a week of a recipient.",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("letter", "mail_server", "said"),
    [
        (a_letter("receipt", "sent", sent_at=NOW), True, ("sent", "sent 2026-03-18 09:00 +05:00.")),
        (a_letter("receipt", "queued"), True, ("waits", "goes with the next run")),
        (a_letter("receipt", "queued"), False, ("waits", "no mail server is set")),
        (a_letter("receipt", "queued", not_before=NOW + 2 * HOUR), True, ("waits", "again 2026-03-18 11:00")),
        (a_letter("receipt", "queued", not_before=NOW + 2 * HOUR, held="cap"), True, ("waits", "waits: cap, again")),
        (a_letter("receipt", "bundled", digest=9), True, ("waits", "as a line of digest 9")),
        (a_letter("receipt", "sending"), True, ("sending", "is being sent")),
        (a_letter("receipt", "refused", reason="not made: KeyError"), True, ("refused", "(not made: KeyError)")),
        (a_letter("receipt", "unknown"), True, ("unknown", "a person finds out")),
        (a_letter("receipt", "dropped", reason="the reporter left no address"), True, ("dropped", "left no address")),
    ],
)  # fmt: skip
def test_a_letter_on_record_says_where_it_is(letter: LetterOnRecord, mail_server: bool, said: tuple[str, str]) -> None:
    state, why = fate(a_record(letters=[letter], mail_server=mail_server), "receipt")
    assert state == said[0]
    assert said[1] in why


def test_of_several_letters_of_a_kind_the_one_that_needs_a_person_counts() -> None:
    letters = [
        a_letter("receipt", "sent", 1, sent_at=NOW),
        a_letter("receipt", "sent", 2, sent_at=NOW + HOUR),
        a_letter("receipt", "unknown", 3),
    ]
    state, why = fate(a_record(letters=letters), "receipt")
    assert state == "unknown"
    assert why.startswith("sent 2 times, last 2026-03-18 10:00 +05:00; letter 3 may have arrived")


def test_what_a_person_wrote_about_a_letter_is_not_repeated() -> None:
    told = explain_why_not(a_record(letters=[a_letter("receipt", "sent", reason="Mrs. A. B. rang and has it.")]))
    assert "rang" not in told.text + str(told.data)


@pytest.mark.parametrize(
    ("reachable", "why"), [((), "the reporter is anonymous"), ((False,), "the reporter left no address")]
)
def test_nobody_to_write_to_is_a_reason(reachable: tuple[bool, ...], why: str) -> None:
    record = a_record(reachable=reachable)
    assert fate(record, "receipt") == ("not intended", f"not intended: {why}.")
    assert f"It will be dropped then: {why}." in fate(record, "closure")[1]
    assert "dropped" not in fate(a_record(), "closure")[1]


def test_a_rung_says_which_clock_must_run_out_and_when() -> None:
    record = a_record(a_clock(PLATFORM))
    state, why = fate(record, "platform_reminder")
    assert state == "not yet"
    assert "[practice.platform_24h] about KZ-2026-000001/S1 runs out, 2026-03-19 09:00 +05:00 (in 23 h)" in why
    assert "rung 1 of ladder silence is raised" in why
    state, why = fate(record, "liaison_escalation")
    assert state == "not yet"
    assert why.startswith("not yet: rung 2 of ladder silence comes after rung 1")


def test_a_rung_whose_time_has_come_waits_for_the_sweep() -> None:
    why = fate(a_record(a_clock(PLATFORM), now=NOW + 24 * HOUR), "platform_reminder")[1]
    assert "ran out 2026-03-19 09:00 +05:00 (now): with the next sweep, rung 1 of ladder silence is raised" in why
    assert "next sweep" not in fate(a_record(a_clock(PLATFORM), now=NOW + 23 * HOUR), "platform_reminder")[1]


def test_after_an_acknowledgement_the_next_rung_hangs_on_the_follow_up() -> None:
    """The first clock ran out and runs on; what is next is said by the clock that has not run out."""
    first = a_clock(PLATFORM, breached_at=NOW, fired=2)
    follow_up = a_clock(
        REVIEW, rule=None, rule_id="silence.rung1.follow_up", about="KZ-2026-000001/S1", ladder_id="silence",
        ladder=LADDER, next_rung=2,
    )  # fmt: skip
    record = a_record(first, follow_up)
    state, why = fate(record, "liaison_escalation")
    assert state == "not yet"
    assert "[silence.rung1.follow_up]" in why
    assert fate(record, "platform_reminder")[0] == "not intended"
    last = replace(follow_up, next_rung=None)
    assert fate(a_record(first, last), "authority_escalation") == (
        "not intended",
        "not intended: no rung is left to raise.",
    )


def test_a_ladder_that_was_never_climbed_says_what_stopped_its_clock() -> None:
    record = a_record(stopped(a_clock(PLATFORM), "platform.decided"), case={"status": Status.CLOSED})
    state, why = fate(record, "liaison_escalation")
    assert state == "not sent"
    assert "stopped 2026-03-18 10:00 +05:00, because the platform has decided every item" in why
    assert "rung 2 of ladder silence was not raised" in why


def test_a_ladder_whose_clock_has_not_begun_says_what_begins_it() -> None:
    early = a_record(case={"status": Status.IN_LEGAL_REVIEW})
    state, why = fate(early, "platform_reminder")
    assert state == "not yet"
    assert "[practice.platform_24h] begins when the platform accepts the notice" in why
    other = a_record(case={"status": Status.IN_LEGAL_REVIEW, "instrument": "platform_report"})
    assert fate(other, "platform_reminder")[1] == "not intended: no clock of this case climbs ladder silence."
    ended = a_record(case={"status": Status.DECLINED})
    assert fate(ended, "platform_reminder")[0] == "not intended"


def test_a_rung_that_no_ladder_has_is_not_intended() -> None:
    why = fate(a_record(a_clock(PLATFORM)), "liaison_head_escalation")[1]
    assert why.startswith("not intended: nothing in policy practice/2026-01+")


@pytest.mark.parametrize(
    ("status", "kind", "expected"),
    [
        (Status.IN_LEGAL_REVIEW, "decline", "not yet"),
        (Status.APPROVED, "decline", "not yet"),
        (Status.SUBMITTED, "decline", "not intended"),
        (Status.SUBMITTED, "closure", "not yet"),
        (Status.WITHDRAWN, "closure", "not intended"),
        (Status.RECEIVED, "information_request", "not yet"),
        (Status.DECIDED, "information_request", "not intended"),
        (Status.IN_LEGAL_REVIEW, "platform_notice", "not yet"),
        (Status.DECLINED, "platform_notice", "not intended"),
    ],
)
def test_a_letter_of_a_move_can_come_only_where_the_lifecycle_still_leads_there(
    status: Status, kind: str, expected: str
) -> None:
    assert fate(a_record(case={"status": status}), kind)[0] == expected


def test_a_case_that_lapses_by_itself_says_when_the_closure_goes() -> None:
    record = a_record(a_clock(ANSWER), case={"status": Status.RETURNED})
    [told] = explain_why_not(record, ["closure"]).data["letters"]
    assert told["due_at"] == a_clock(ANSWER).due_at.isoformat()
    assert "the case lapses; that stops when what was missing is supplied" in told["why"]


def test_danger_is_referred_and_a_suspected_crime_is_reported_to_the_police() -> None:
    state, why = fate(a_record(), "police_referral")
    assert state == "not intended"
    assert "the priority is P3, not P0; it goes if the case rises to P0" in why
    assert "rises" not in fate(a_record(case={"status": Status.CLOSED}), "police_referral")[1]
    assert fate(a_record(), "duty_alert")[0] == "not intended"
    assert "category 'fraud' does not go to the police" in fate(a_record(), "police_report")[1]
    in_danger = a_record(case={"category": "abuse", "priority": Priority.P0})
    assert fate(in_danger, "police_report") == (
        "not intended", "not intended: the priority is P0: the police hear of it by the referral.",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "case"),
    [
        ("police_referral", {"priority": Priority.P0}),
        ("police_report", {"category": "abuse", "age_band": AgeBand.TEEN}),
    ],
)
def test_a_letter_to_the_police_that_should_be_there_and_is_not_is_an_alarm(kind: str, case: dict[str, Any]) -> None:
    state, why = fate(a_record(case=case), kind)
    assert state == "missing"
    assert "Tell them now by other means" in why


@pytest.mark.parametrize(
    ("kind", "happened"), [("decline", "moved.decline"), ("platform_notice", "submission.sent"), ("receipt", "")]
)
def test_a_trigger_that_came_without_a_letter_is_never_explained_away(kind: str, happened: str) -> None:
    state, why = fate(a_record(happened=frozenset({happened})), kind)
    assert state == "missing"
    assert why.endswith("Somebody must look why.")


def test_an_extension_that_nobody_granted_sends_no_notice() -> None:
    clock = begun(EXPERTS)
    state, why = fate(a_record(recorded(clock)), "extension_notice")
    assert (state, "is extended by expert chair; nobody has extended it" in why) == ("not yet", True)
    chair = Actor("gulnara", "Gulnara", frozenset({Role.EXPERT_CHAIR}))
    longer = extend(clock, clock.due_at + HOUR, chair, "The experts need one more hour.", NOW + HOUR)
    assert fate(a_record(recorded(changed(clock, longer))), "extension_notice")[0] == "missing"
    assert fate(a_record(stopped(recorded(clock), "case.ended")), "extension_notice")[0] == "not sent"
    assert fate(a_record(a_clock(PLATFORM)), "extension_notice")[0] == "not intended"
    early = a_record(case={"status": Status.RECEIVED, "category": "bullying"})
    assert fate(early, "extension_notice")[0] == "not yet"


def test_a_reminder_of_an_overdue_duty_says_when_it_would_go_first() -> None:
    state, why = fate(a_record(a_clock(EXPERTS)), "overdue_reminder")
    assert state == "not yet"
    assert "it goes 2026-03-27 18:30 +05:00" in why
    assert "if [practice.experts] ran out and is still owed" in why
    repeated = a_clock(EXPERTS, fired=len(begun(EXPERTS).marks))
    assert fate(a_record(repeated), "overdue_reminder")[0] == "missing"
    assert fate(a_record(stopped(a_clock(EXPERTS), "review.approved")), "overdue_reminder")[0] == "not sent"


def test_while_a_clock_stands_still_its_rung_comes_at_the_latest() -> None:
    pausing = PLATFORM.model_copy(update={"pause": EXPERTS.pause})
    clock = begun(pausing)
    still = changed(clock, begin_pause(clock, PauseReason.AWAITING_APPLICANT, NOW))
    assert ", at the latest, rung 1" in fate(a_record(recorded(still)), "platform_reminder")[1]


def test_a_letter_on_record_that_the_registry_has_lost_is_still_told() -> None:
    old = LetterOnRecord(7, "weekly_digest", "liaison", "sent", NOW, NOW)
    told = explain_why_not(a_record(letters=[old]))
    assert told.lines[-1] == "  weekly digest to liaison: sent 2026-03-18 09:00 +05:00."


def test_a_letter_of_a_moment_says_when_it_goes_and_for_which_cases() -> None:
    record = a_record(case={"status": Status.APPROVED, "instrument": "prescription"})
    assert fate(record, "platform_prescription") == (
        "not yet", "not yet: it goes when the platform accepts the notice; the case is 'approved'.",
    )  # fmt: skip
    assert "not for such a case: binding no" in fate(record, "platform_notice")[1]
    ended = a_record(case={"status": Status.DECLINED, "instrument": "prescription"})
    assert "from 'declined' that cannot come" in fate(ended, "platform_prescription")[1]


def test_a_moment_that_a_move_brought_is_known_by_the_move() -> None:
    rules = LetterPolicy.model_validate(
        {"letters": [{"letter": "decision_confirmed", "at": "review.approved", "source": {"ref": "unsourced"}}]}
    )
    record = replace(a_record(), pack=practice_pack().model_copy(update={"letters": rules}))
    assert fate(replace(record, happened=frozenset({"moved.approve"})), "decision_confirmed")[0] == "missing"
    assert fate(record, "decision_confirmed")[0] == "not intended", "it is submitted: no approval comes any more"


def test_a_warning_says_when_it_goes_and_to_whom_it_does_not() -> None:
    state, why = fate(a_record(a_clock(REVIEW)), "deadline_warning")
    assert state == "not yet"
    assert "it goes 2026-03-26 10:36 +05:00" in why
    assert "that stops when a reviewer approves the notice, or the case ends" in why
    assert fate(a_record(a_clock(REVIEW)), "breach_notice")[0] == "not yet"
    assert fate(a_record(a_clock(REVIEW, fired=1)), "deadline_warning")[0] == "missing"
    assert fate(a_record(stopped(a_clock(REVIEW), "review.approved")), "breach_notice")[0] == "not sent"
    assert PLATFORM.id not in fate(a_record(a_clock(PLATFORM)), "deadline_warning")[1], "that duty is not ours"


def test_a_reminder_to_an_expert_group_goes_only_while_its_opinion_is_awaited() -> None:
    reminding = a_clock(EXPERTS.model_copy(update={"warn_letter": "expert_reminder"}))
    state, why = fate(a_record(reminding), "expert_reminder")
    assert state == "not intended"
    assert "only while an expert group's opinion is awaited" in why


@pytest.mark.parametrize(
    ("kind", "outcome", "fates"),
    [
        ("platform_appeal", Outcome.NO_ACTION, "not yet"),
        ("platform_appeal", Outcome.REMOVED_GLOBALLY, "not intended"),
        ("restoration_request", Outcome.RESTRICTED_LOCALLY, "not yet"),
        ("restoration_request", Outcome.NO_ACTION, "not intended"),
    ],
)
def test_what_a_person_may_ask_for_depends_on_what_the_platform_did(kind: str, outcome: Outcome, fates: str) -> None:
    item = ItemFacts(1, 1, "tiktok:video:1", "", "video", "tiktok", None, True, False, None, outcome)
    assert fate(a_record(case={"items": (item,)}), kind)[0] == fates
