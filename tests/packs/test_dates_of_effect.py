"""A new text stands beside the old one: each day has its rule, by the date where the authority is."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from casework.clocks import RuleNotInForce, Subject, start_clock, start_clocks
from casework.errors import MoveRefused
from casework.facts import CaseFacts
from casework.policy_pack import Pack
from casework.vocabulary import Action, Ground, Instrument, Priority, Status
from tests.casework.building import (
    DANIYAR,
    NOTE,
    OLZHAS,
    SPEECH_BASIS,
    a_case,
    a_speech_case,
    move_at,
    pack_with_clock,
    pack_with_form,
    the_pack,
    urgent_pack,
)

RULE = "kz.internal.platform_follow_up"
OLD = {"valid_to": date(2026, 5, 31)}
NEW = {"valid_from": date(2026, 6, 1), "limit": {"amount": 6, "unit": "hours"}, "warn_at": ("-1h",)}
NOTICE = Subject("submission", 7)

LAST_OF_MAY = datetime(2026, 5, 31, 18, 59, 59, tzinfo=UTC)
"""One second before midnight in Almaty."""
FIRST_OF_JUNE = datetime(2026, 5, 31, 19, 0, tzinfo=UTC)
"""Midnight in Almaty; in Greenwich it is still May."""


def two_versions() -> Pack:
    """The time of a platform is 48 hours until 31 May 2026, and 6 hours from 1 June on."""
    return pack_with_clock(RULE, OLD, NEW)


def hours(pack: Pack) -> int:
    return pack.sla.clock(RULE).limit.amount


@pytest.mark.parametrize(
    ("day", "amount"), [(date(2025, 1, 28), 48), (date(2026, 5, 31), 48), (date(2026, 6, 1), 6), (date(2030, 1, 1), 6)]
)
def test_each_day_has_the_version_that_is_in_force_on_it(day: date, amount: int) -> None:
    pack = two_versions()
    assert hours(pack.on(day)) == amount
    assert [rule.id for rule in pack.on(day).sla.clocks].count(RULE) == 1
    assert pack.on(day).version == pack.version, "both texts stand in one version of the pack"


@pytest.mark.parametrize(("at", "amount"), [(LAST_OF_MAY, 48), (FIRST_OF_JUNE, 6)])
def test_the_new_text_begins_at_midnight_where_the_authority_is(at: datetime, amount: int) -> None:
    assert hours(two_versions().at(at)) == amount


def test_the_days_on_which_a_rule_changes_are_known() -> None:
    assert two_versions().changes == (date(2026, 6, 1),)
    assert pack_with_clock(RULE, {"valid_to": date(2026, 5, 30)}, NEW).changes == (date(2026, 5, 31), date(2026, 6, 1))


def test_between_two_versions_that_leave_a_gap_there_is_no_rule() -> None:
    pack = pack_with_clock(RULE, {"valid_to": date(2026, 5, 30)}, NEW)
    assert RULE not in [rule.id for rule in pack.on(date(2026, 5, 31)).sla.clocks]


# --- Clocks ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("at", "amount"), [(LAST_OF_MAY, 48), (FIRST_OF_JUNE, 6)])
def test_a_clock_starts_by_the_rule_in_force_at_its_start_and_keeps_it(at: datetime, amount: int) -> None:
    """One second before the change the old time runs on for two days under the new text."""
    for clock in (*start_clocks("submission.sent", NOTICE, at, a_case(), two_versions()),
                  start_clock(RULE, NOTICE, at, two_versions())):  # fmt: skip
        assert (clock.rule_id, clock.limit.amount) == (RULE, amount)
        assert clock.due_at == at + timedelta(hours=amount)


def test_a_clock_does_not_start_before_its_rule_was_in_force() -> None:
    later = pack_with_clock(RULE, NEW)
    with pytest.raises(RuleNotInForce) as refused:
        start_clock(RULE, NOTICE, LAST_OF_MAY, later)
    assert refused.value.rule == "clock.not_in_force"
    said = str(refused.value)
    assert f"clock '{RULE}' cannot start on 2026-05-31" in said
    assert "2026-06-01 to further notice" in said
    assert "Check the start event's date" in said
    assert start_clock(RULE, NOTICE, FIRST_OF_JUNE, later).due_at == FIRST_OF_JUNE + timedelta(hours=6)
    assert start_clocks("submission.sent", NOTICE, LAST_OF_MAY, a_case(), later) == ()


def test_a_clock_does_not_start_after_its_rule_has_ended() -> None:
    ended = pack_with_clock(RULE, OLD)
    with pytest.raises(RuleNotInForce, match="in force from 2025-01-28 to 2026-05-31"):
        start_clock(RULE, NOTICE, FIRST_OF_JUNE, ended)


def test_a_gap_between_two_versions_names_both() -> None:
    gap = pack_with_clock(RULE, {"valid_to": date(2026, 5, 30)}, NEW)
    with pytest.raises(RuleNotInForce, match="2025-01-28 to 2026-05-30, 2026-06-01 to further notice"):
        start_clock(RULE, NOTICE, LAST_OF_MAY, gap)


def test_a_clock_does_not_start_before_the_regime_was_in_force() -> None:
    """On 27 January 2025 the rules on cyberbullying of a child were not in force."""
    eve = datetime(2025, 1, 27, 18, 59, tzinfo=UTC)
    with pytest.raises(RuleNotInForce, match="cannot start on 2025-01-27"):
        start_clock("kz.expert_group", Subject("case", 1), eve, the_pack())
    assert start_clock("kz.expert_group", Subject("case", 1), eve + timedelta(minutes=1), the_pack())


def test_a_clock_that_the_pack_does_not_know_is_refused_with_its_name() -> None:
    with pytest.raises(RuleNotInForce, match=r"has no clock 'kz\.wishful'"):
        start_clock("kz.wishful", NOTICE, FIRST_OF_JUNE, the_pack())


# --- Notices ---------------------------------------------------------------------------------------------


def refused(at: datetime, case: CaseFacts, action: Action = Action.APPROVE, **said: Any) -> MoveRefused:
    actor = OLZHAS if action is Action.APPROVE_URGENTLY else DANIYAR
    with pytest.raises(MoveRefused) as refusal:
        move_at(at, case, action, actor, **said)
    return refusal.value


def ended(pack: Pack) -> Pack:
    return pack.model_copy(update={"regime": pack.regime.model_copy(update={"valid_to": date(2026, 5, 31)})})


@pytest.mark.parametrize("action", [Action.APPROVE, Action.APPROVE_URGENTLY, Action.ENDORSE])
def test_no_notice_goes_out_under_a_law_that_is_not_in_force(action: Action) -> None:
    case = a_case(status=Status.IN_LEGAL_REVIEW, priority=Priority.P0)
    if action is Action.ENDORSE:
        case = a_speech_case()
    refusal = refused(FIRST_OF_JUNE, case, action, pack=ended(urgent_pack()), basis=SPEECH_BASIS, proportionality=NOTE)
    assert refusal.rule == "review.policy_not_in_force"
    assert "in force from 2025-01-28 to 2026-05-31, not on 2026-06-01" in str(refusal)
    assert "Put the policy in force in place" in refusal.next_step
    before = move_at(
        LAST_OF_MAY, case, action, OLZHAS if action is Action.APPROVE_URGENTLY else DANIYAR,
        pack=ended(urgent_pack()), basis=SPEECH_BASIS, proportionality=NOTE,
    )  # fmt: skip
    assert before.to in (Status.APPROVED, Status.IN_LEGAL_REVIEW)


def test_a_case_may_still_be_declined_when_the_law_is_no_longer_in_force() -> None:
    decision = move_at(FIRST_OF_JUNE, a_case(), Action.DECLINE, DANIYAR, pack=ended(the_pack()))
    assert decision.to is Status.DECLINED


def test_a_form_of_notice_is_used_from_its_first_day_on() -> None:
    later = pack_with_form("platform_report", valid_from=date(2026, 6, 1))
    assert refused(LAST_OF_MAY, a_case(), pack=later).rule == "submission.instrument"
    assert move_at(FIRST_OF_JUNE, a_case(), Action.APPROVE, DANIYAR, pack=later).to is Status.APPROVED


def test_a_provision_that_is_no_longer_in_force_cannot_be_cited() -> None:
    regime = the_pack().regime
    cited = "kz.platform_law.9.4.2"
    basis = tuple(
        entry.model_copy(update={"valid_to": date(2026, 5, 31)} if entry.code == cited else {})
        for entry in regime.legal_basis
    )
    pack = the_pack().model_copy(update={"regime": regime.model_copy(update={"legal_basis": basis})})
    case = a_case(instrument=Instrument.REQUEST, ground=Ground.LOCAL_LAW)
    assert move_at(LAST_OF_MAY, case, Action.APPROVE, DANIYAR, pack=pack, basis=(cited,)).details.basis == (cited,)
    refusal = refused(FIRST_OF_JUNE, case, pack=pack, basis=(cited,))
    assert refusal.rule == "review.basis_unknown"
    assert cited not in refusal.next_step, "the provisions offered are those in force"


def test_what_lets_a_notice_out_before_review_ends_with_its_own_day() -> None:
    regime = urgent_pack().regime
    rule = regime.before_review[0].model_copy(update={"valid_to": date(2026, 5, 31)})
    pack = urgent_pack().model_copy(update={"regime": regime.model_copy(update={"before_review": (rule,)})})
    case = a_case(priority=Priority.P0)
    assert move_at(LAST_OF_MAY, case, Action.APPROVE_URGENTLY, OLZHAS, pack=pack).to is Status.APPROVED
    assert refused(FIRST_OF_JUNE, case, Action.APPROVE_URGENTLY, pack=pack).rule == "review.before_review_not_allowed"


def test_a_liaison_is_asked_for_by_the_day() -> None:
    people = the_pack().liaisons
    entry = next(one for one in people.liaisons if one.platform == "tiktok" and one.role == "liaison")
    newer = entry.contact.model_copy(update={"email": "new@tiktok.example"})
    listed = tuple(
        one.model_copy(update={"valid_to": date(2026, 5, 31)}) if one is entry else one for one in people.liaisons
    )
    listed += (entry.model_copy(update={"valid_from": date(2026, 6, 1), "contact": newer}),)
    pack = the_pack().model_copy(update={"liaisons": people.model_copy(update={"liaisons": listed})})
    reached = [pack.at(at).liaison("tiktok", "liaison") for at in (LAST_OF_MAY, FIRST_OF_JUNE)]
    assert [contact and contact.email for contact in reached] == [entry.contact.email, "new@tiktok.example"]
