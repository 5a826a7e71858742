"""The part of a policy pack that is about time: clocks, ladders, working hours."""

from __future__ import annotations

from datetime import date, time
from functools import cached_property
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from casework.letters import LETTERS
from casework.limits import DueAt, Limit, Unit
from casework.policy_base import UNSOURCED, Code, Country, PackModel, Source, Texts
from casework.vocabulary import Duty, Instrument, Priority, Recipient
from casework.working_time import DayOverride, WorkingCalendar


class LimitSpec(PackModel):
    """The length of a duty, as written in YAML."""

    amount: Annotated[int, Field(gt=0, le=100_000)]
    unit: Unit
    count_start_day: bool = False
    due_at: DueAt | None = None
    roll_forward: bool = False

    @model_validator(mode="after")
    def _limit_is_possible(self) -> LimitSpec:
        # Reading it raises for a limit that cannot be counted.
        _ = self.limit
        return self

    @cached_property
    def limit(self) -> Limit:
        default = DueAt.END_OF_WORKING_DAY if self.unit is Unit.WORKING_DAYS else DueAt.INSTANT
        return Limit(self.amount, self.unit, self.count_start_day, self.due_at or default, self.roll_forward)


class Applies(PackModel):
    """Which cases a clock is for; an empty tuple means any."""

    priority: tuple[Priority, ...] = ()
    category: tuple[Code, ...] = ()
    instrument: tuple[Instrument, ...] = ()


Moment = Literal[
    "case.received",
    "case.triaged",
    "case.returned",
    "case.supplied",
    "review.opened",
    "review.approved",
    "review.urgent",
    "review.confirmed",
    "submission.sent",
    "platform.asked",
    "platform.answered_us",
    "platform.decided",
    "case.answered",
    "case.ended",
    "report.held",
    "hold.settled",
    "rung.raised",
    "rung.acknowledged",
    "outcome.recorded",
]
"""Named moments that start and stop clocks. A clock never starts 'now'."""


class ClockRule(PackModel):
    """One duty with a time. ``on_breach`` names a ladder, or what to do."""

    id: Code
    name: Texts
    duty: Duty
    start: Moment
    stop: Annotated[tuple[Moment, ...], Field(min_length=1)]
    applies: Applies = Applies()
    limit: LimitSpec
    warn_at: tuple[Annotated[str, StringConstraints(pattern=r"^(\d{1,2}%|-\d{1,4}(m|h|d))$")], ...] = ()
    ladder: Code | None = None
    lapse: bool = False
    statutory: bool
    source: Source

    @model_validator(mode="after")
    def _statutory_needs_source(self) -> ClockRule:
        if self.statutory and self.source.ref == UNSOURCED:
            raise ValueError(f"clock {self.id} is statutory but has no source")
        return self


class Rung(PackModel):
    """One step of a ladder: a letter, to whom, and how long we wait for an acknowledgement."""

    rung: Annotated[int, Field(ge=1, le=9)]
    name: Texts
    letter: str
    recipient: Recipient
    acknowledge_within: LimitSpec
    after_acknowledgement: LimitSpec

    @model_validator(mode="after")
    def _letter_exists(self) -> Rung:
        if self.letter not in LETTERS:
            raise ValueError(f"rung {self.rung} names letter '{self.letter}', and no template has it")
        return self


class Ladder(PackModel):
    """Rungs in order; the last one must go to somebody who is always there."""

    id: Code
    rungs: Annotated[tuple[Rung, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _ordered_with_last_resort(self) -> Ladder:
        if [rung.rung for rung in self.rungs] != list(range(1, len(self.rungs) + 1)):
            raise ValueError(f"ladder {self.id}: rungs must be numbered 1, 2, 3 without gaps")
        if self.rungs[-1].recipient not in (Recipient.AUTHORITY, Recipient.UNIT):
            raise ValueError(f"ladder {self.id} has no last resort: its last rung must go to authority or unit")
        return self


class Sla(PackModel):
    """All clocks and ladders."""

    clocks: Annotated[tuple[ClockRule, ...], Field(min_length=1)]
    ladders: tuple[Ladder, ...]

    @model_validator(mode="after")
    def _ladders_exist_and_ids_differ(self) -> Sla:
        known = {ladder.id for ladder in self.ladders}
        for rule in self.clocks:
            if rule.ladder is not None and rule.ladder not in known:
                raise ValueError(f"clock {rule.id} names ladder '{rule.ladder}', which does not exist")
        ids = [rule.id for rule in self.clocks]
        if len(ids) != len(set(ids)):
            raise ValueError(f"clock ids must differ: {sorted({i for i in ids if ids.count(i) > 1})}")
        return self

    def clock(self, rule_id: str) -> ClockRule:
        return next(rule for rule in self.clocks if rule.id == rule_id)

    def ladder(self, ladder_id: str) -> Ladder:
        return next(ladder for ladder in self.ladders if ladder.id == ladder_id)


class Window(PackModel):
    """Half-open local working window: ``opens`` counts, ``closes`` does not."""

    opens: time
    closes: time


class Override(PackModel):
    """One day that differs from the public calendar."""

    day: date
    kind: Literal["closed", "open"]
    name: str
    windows: tuple[Window, ...] | None = None
    source: Source


class CalendarPolicy(PackModel):
    """Working hours, public holidays of a country, and an override list."""

    id: Code
    zone: str
    country: Country | None
    windows: Annotated[tuple[Window, ...], Field(min_length=1)]
    covers: Annotated[tuple[int, ...], Field(min_length=1)]
    overrides: tuple[Override, ...] = ()
    source: Source

    @cached_property
    def calendar(self) -> WorkingCalendar:
        return WorkingCalendar(
            id=self.id,
            zone=self.zone,
            windows=tuple((window.opens, window.closes) for window in self.windows),
            country=self.country,
            overrides={
                override.day: DayOverride(
                    kind=override.kind,
                    name=override.name,
                    windows=None if override.windows is None else tuple((w.opens, w.closes) for w in override.windows),
                    source=override.source.ref,
                )
                for override in self.overrides
            },
            first_year=min(self.covers),
            last_year=max(self.covers),
        )
