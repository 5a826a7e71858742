"""The part of a policy pack that is about time: clocks with their pauses and extensions, and ladders."""

from __future__ import annotations

from functools import cached_property
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from casework.letters import LETTERS
from casework.limits import DueAt, Limit, Unit
from casework.moments import Moment
from casework.policy_base import UNSOURCED, Code, Dated, PackModel, Source, Texts
from casework.vocabulary import Duty, Instrument, PauseReason, Priority, Recipient, Role

WarnAt = Annotated[str, StringConstraints(pattern=r"^(\d{1,2}%|-\d{1,4}(m|h|d))$")]


class LimitSpec(PackModel):
    """The length of a duty: how many of which unit, and how days are counted."""

    amount: Annotated[int, Field(gt=0, le=100_000)]
    """How many."""
    unit: Unit
    """Minutes and hours are real time, day and night; working units follow the calendar."""
    count_start_day: bool = False
    """Whether the day of the start event is the first day; otherwise it is day zero."""
    due_at: DueAt | None = None
    """The instant, the close of work or the midnight that ends the last day; working days end with work by default."""
    roll_forward: bool = False
    """Whether a due day on which nobody works moves to the next working day."""

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
    """Which cases a clock is for; an empty list means any."""

    priority: tuple[Priority, ...] = ()
    category: tuple[Code, ...] = ()
    except_category: tuple[Code, ...] = ()
    instrument: tuple[Instrument, ...] = ()


class PauseRule(PackModel):
    """A reason for which a clock may stand still. A reason that no rule lists never stops a clock."""

    reason: PauseReason
    begins: tuple[Moment, ...] = ()
    """Moments at which the pause begins by itself."""
    ends: tuple[Moment, ...] = ()
    """Moments at which it ends by itself."""
    ordered_by: tuple[Role, ...] = ()
    """Roles that may begin and end it by hand, with a reason."""
    at_most: LimitSpec
    """The longest pause; after it the clock goes on, whatever happened."""
    then: Literal["resume", "restart"] = "resume"
    """Whether the clock goes on where it stood, or begins anew."""
    source: Source

    @model_validator(mode="after")
    def _somebody_begins_it(self) -> PauseRule:
        if not self.begins and not self.ordered_by:
            raise ValueError(f"pause '{self.reason}' never begins: name a moment in 'begins' or a role in 'ordered_by'")
        if self.begins and not self.ends:
            raise ValueError(f"pause '{self.reason}' begins by itself and never ends: name a moment in 'ends'")
        return self


class ExtensionRule(PackModel):
    """Who may give a duty more time, how much at most, and the duty to tell the reporter."""

    roles: Annotated[tuple[Role, ...], Field(min_length=1)]
    """Who may decide it; a reason is always written."""
    ceiling: LimitSpec
    """The latest due time, however often it is extended."""
    counted_from: Literal["start", "grant"] = "start"
    """From which instant the ceiling is counted."""
    times: Annotated[int, Field(ge=1, le=9)] = 1
    """How often."""
    notice: str | None = None
    """The letter that tells the reporter."""
    notice_clock: Code | None = None
    """The clock of the duty to tell; it starts at ``extension.granted``."""
    source: Source

    @model_validator(mode="after")
    def _letter_exists(self) -> ExtensionRule:
        if self.notice is not None and self.notice not in LETTERS:
            raise ValueError(f"the extension names letter '{self.notice}', and no template has it")
        return self


class RepeatRule(PackModel):
    """What is repeated while a breached duty is still owed. It ends with the clock, or after ``at_most``."""

    every: LimitSpec
    at_most: Annotated[int, Field(ge=1, le=30)]
    letter: str | None = None
    """A letter to its recipient of the registry, each time."""

    @model_validator(mode="after")
    def _letter_exists(self) -> RepeatRule:
        if self.letter is not None and self.letter not in LETTERS:
            raise ValueError(f"the repeat names letter '{self.letter}', and no template has it")
        return self


class ClockRule(Dated):
    """One duty with a time."""

    id: Code
    name: Texts
    duty: Duty
    """Whose duty it is."""
    start: Moment
    starts_again: tuple[Moment, ...] = ()
    """Moments at which it begins once more, after it has stopped, such as our answer to a question."""
    stop: tuple[Moment, ...] = ()
    """Moments at which it is done or falls away."""
    applies: Applies = Applies()
    limit: LimitSpec
    qualitative: Texts | None = None
    """The law's own words where it sets a duty without a number; ``limit`` is then the unit's target."""
    calendar: Code | None = None
    """A calendar of calendar.yaml; by default its first."""
    warn_at: tuple[WarnAt, ...] = ()
    """Shares of the time used, or distances before the due time."""
    warn_letter: str | None = None
    """A letter at each of them, beside the warning to our own unit where the duty is ours."""
    breach_letter: str | None = None
    """A letter when the time is up, beside the notice to our own head of unit where the duty is ours."""
    pause: tuple[PauseRule, ...] = ()
    extension: ExtensionRule | None = None
    repeat: RepeatRule | None = None
    ladder: Code | None = None
    """The ladder that is climbed when the time is up."""
    lapse: bool = False
    """Whether a returned case is closed as incomplete when the time is up."""
    statutory: bool
    """Whether a law sets the duty; otherwise it is our own target and never shown outside as law."""
    source: Source

    @model_validator(mode="after")
    def _holds_together(self) -> ClockRule:
        if not self.stop:
            raise ValueError(f"clock {self.id} has no end: name in 'stop' what ends it")
        if self.statutory and self.source.ref == UNSOURCED:
            raise ValueError(f"clock {self.id} is statutory but has no source")
        if self.qualitative is not None and not self.statutory:
            raise ValueError(f"clock {self.id} quotes a duty in words: only a law has those, say statutory: true")
        for key, letter in (("warn_letter", self.warn_letter), ("breach_letter", self.breach_letter)):
            if letter is not None and letter not in LETTERS:
                raise ValueError(f"{key} of clock {self.id} names letter '{letter}', and no template has it")
        reasons = [rule.reason for rule in self.pause]
        if len(reasons) != len(set(reasons)):
            raise ValueError(f"clock {self.id} lists a reason to pause twice")
        return self


class Rung(PackModel):
    """One step of a ladder: a letter, to whom, and how long we wait for an acknowledgement."""

    rung: Annotated[int, Field(ge=1, le=9)]
    name: Texts
    letter: str
    recipient: Recipient
    acknowledge_within: LimitSpec
    after_acknowledgement: LimitSpec
    calendar: Code | None = None
    """A calendar of calendar.yaml for both waits; by default its first."""

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
    ladders: tuple[Ladder, ...] = ()

    @model_validator(mode="after")
    def _ladders_exist_and_ids_differ(self) -> Sla:
        known = {ladder.id for ladder in self.ladders}
        if len(known) != len(self.ladders):
            raise ValueError("ladder ids must differ")
        for rule in self.clocks:
            if rule.ladder is not None and rule.ladder not in known:
                raise ValueError(f"clock {rule.id} names ladder '{rule.ladder}', which does not exist")
        return self

    def clock(self, rule_id: str) -> ClockRule:
        """The clock of this id; StopIteration for one that is not there."""
        return next(rule for rule in self.clocks if rule.id == rule_id)

    def ladder(self, ladder_id: str) -> Ladder:
        return next(ladder for ladder in self.ladders if ladder.id == ladder_id)
