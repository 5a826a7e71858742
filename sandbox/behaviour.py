"""How the practice platform behaves: the knobs of ``POST /practice/behaviour``.

A knob that ends in ``_next`` counts down: it is used up by the next so many notices or answers.
"""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from sandbox.outcomes import Outcome

Count = Annotated[int, Field(ge=0)]
Hours = Annotated[float, Field(ge=0, le=24 * 365)]
Seconds = Annotated[float, Field(ge=0, le=3_600)]
Share = Annotated[float, Field(ge=0, le=1)]


class AnswerDelay(BaseModel):
    """How long an answer takes, in hours after the notice or after our reply to a question."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    min: Hours = 2.0
    max: Hours = 72.0

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.max < self.min:
            raise ValueError("answer_delay_hours: max is smaller than min")
        return self


class Behaviour(BaseModel):
    """Every knob with its quiet default. Unknown knobs are refused.

    Delays are fixed when a notice arrives. Outcome, silence, loss and repetition are settled when an answer
    is due, so a change also reaches the notices that still wait. The ledger's lock guards the one in use.
    """

    model_config = ConfigDict(extra="forbid")

    latency_seconds: Seconds = 0.0
    """Every call under /v1 waits this long."""
    fail_next: Count = 0
    """So many notices are answered 500 and not recorded."""
    rate_limit_next: Count = 0
    """So many notices are answered 429 with Retry-After and not recorded."""
    retry_after_seconds: Count = 1
    """What Retry-After says."""
    fail_after_accept_next: Count = 0
    """So many notices are recorded and then answered 500."""
    close_after_accept_next: Count = 0
    """So many notices are recorded, and then the connection closes in the middle of the answer."""
    timeout_next: Count = 0
    """So many notices are recorded and answered only after ``timeout_seconds``."""
    timeout_seconds: Seconds = 30.0
    lose_answer_next: Count = 0
    """So many answers never become visible; their items stay pending."""
    repeat_answers: bool = False
    """Every answer is served twice under one answer_id, with two cursors."""
    stray_answer_next: Count = 0
    """So many answers about item "999" or about an unknown reference, taking turns."""
    outcome_overrides: dict[str, Outcome] = {}
    """Category to the outcome that all its items get."""
    more_info_share: Share | None = None
    """Share of items about which the platform asks first; None follows the real rates."""
    answer_delay_hours: AnswerDelay = AnswerDelay()
    silent_categories: set[str] = set()
    """No answer for these, until they are taken off the list."""

    def changed(self, changes: dict[str, Any]) -> Behaviour:
        """A copy with ``changes``; pydantic.ValidationError for an unknown knob or an impossible value."""
        return Behaviour.model_validate({**self.model_dump(), **changes})

    def use_up(self, knob: str) -> bool:
        """True, and one less left, if the counting ``knob`` is above zero."""
        left: int = getattr(self, knob)
        if left:
            setattr(self, knob, left - 1)
        return left > 0
