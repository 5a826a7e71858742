"""What must come before an instrument: a fact of the case, and the time that must have passed since."""

from __future__ import annotations

from datetime import datetime

from casework.facts import CaseFacts
from casework.limits import due_at
from casework.policy_pack import Pack
from casework.policy_regime import Precondition


def precondition_of(case: CaseFacts, pack: Pack) -> Precondition | None:
    """The precondition of the case's instrument, or None."""
    instrument = pack.instrument(case.instrument, case.category)
    return None if instrument is None else instrument.precondition


def usable_from(rule: Precondition, case: CaseFacts, pack: Pack) -> datetime | None:
    """The first instant at which the instrument may be used; None while the fact itself is not known."""
    if case.provider_told_at is None:
        return None
    return due_at(rule.wait.limit, case.provider_told_at, pack.working_calendar())
