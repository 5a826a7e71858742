"""What the law wants first, such as a complaint to the provider and two days for it, is waited for to the instant."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import pytest

from casework.errors import MoveRefused
from casework.policy_pack import Pack
from casework.policy_regime import Precondition
from casework.preconditions import precondition_of, usable_from
from casework.vocabulary import Action, Instrument, Status
from tests.casework.building import (
    BULLYING_BASIS,
    DANIYAR,
    NOW,
    a_bullying_case,
    a_case,
    move,
    pack_with_form,
    the_pack,
)

FORTY_EIGHT_HOURS = timedelta(hours=48)


def told_first(wait: dict[str, Any] | None = None) -> Precondition:
    values = {
        "id": "test.told_first",
        "name": dict.fromkeys(("kk", "ru", "en"), "the provider is told first"),
        "fact": "provider_told",
        "wait": wait or {"amount": 48, "unit": "hours"},
        "source": {"ref": "An act made up for a test"},
    }
    return Precondition.model_validate(values)


@cache
def waiting_pack() -> Pack:
    """The ministry's pack, if a prescription needed 48 hours at the provider first."""
    return pack_with_form("prescription", precondition=told_first())


def approve(told_at: datetime | None, pack: Pack | None = None) -> Any:
    case = a_bullying_case(provider_told_at=told_at)
    return move(case, Action.APPROVE, DANIYAR, basis=BULLYING_BASIS, pack=pack or waiting_pack())


def test_a_form_of_notice_without_a_precondition_waits_for_nothing() -> None:
    assert precondition_of(a_bullying_case(), the_pack()) is None
    assert precondition_of(a_case(), waiting_pack()) is None, "it is the prescription's and not the report's"
    assert approve(None, the_pack()).to is Status.APPROVED


def test_a_form_that_the_authority_may_not_use_has_no_precondition_either() -> None:
    assert precondition_of(a_case(instrument=Instrument.COURT_ORDER), waiting_pack()) is None


def test_nothing_goes_out_while_nobody_knows_whether_the_provider_was_told() -> None:
    with pytest.raises(MoveRefused) as refusal:
        approve(None)
    assert refusal.value.rule == "review.precondition_missing"
    assert "'test.told_first' is not met: the provider is told first; when that was is not recorded" in str(
        refusal.value
    )
    assert "Return the case to the reporter" in refusal.value.next_step
    assert usable_from(told_first(), a_bullying_case(provider_told_at=None), waiting_pack()) is None


@pytest.mark.parametrize("missing", [timedelta(seconds=1), timedelta(hours=1), FORTY_EIGHT_HOURS, timedelta(days=30)])
def test_nothing_goes_out_before_the_time_has_passed(missing: timedelta) -> None:
    with pytest.raises(MoveRefused) as refusal:
        approve(NOW - FORTY_EIGHT_HOURS + missing)
    assert refusal.value.rule == "review.precondition_early"
    assert "48 hours must have passed" in str(refusal.value)
    assert f"{NOW + missing:%Y-%m-%d %H:%M} UTC" in refusal.value.next_step


@pytest.mark.parametrize("more", [timedelta(0), timedelta(seconds=1), timedelta(days=400)])
def test_it_goes_out_from_that_very_instant_on(more: timedelta) -> None:
    assert approve(NOW - FORTY_EIGHT_HOURS - more).to is Status.APPROVED


def test_a_case_may_be_declined_without_waiting() -> None:
    assert move(a_bullying_case(), Action.DECLINE, DANIYAR, pack=waiting_pack()).to is Status.DECLINED


def test_the_time_may_be_counted_in_working_days() -> None:
    """Told on Wednesday, 18 March 2026: Thursday is one, Friday two; the holidays of Nauryz follow."""
    rule = told_first({"amount": 3, "unit": "working_days"})
    case = a_bullying_case(provider_told_at=datetime(2026, 3, 18, 4, 0, tzinfo=UTC))
    assert usable_from(rule, case, the_pack()) == datetime(2026, 3, 26, 13, 30, tzinfo=UTC)
