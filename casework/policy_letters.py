"""The part of a policy pack that says at which moment which letter is written, and for which cases.

What is not here has a place of its own: letters that a move of the case calls for stand in the lifecycle table, those
that danger calls for in :mod:`casework.danger`, those of a ladder, an extension or a repeat in sla.yaml.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import model_validator

from casework.facts import CaseFacts
from casework.letters import LETTERS
from casework.moments import Moment
from casework.policy_base import UNSOURCED, Code, PackModel, Source
from casework.policy_clocks import ClockRule
from casework.vocabulary import Duty, Instrument, Outcome, Priority, Recipient

if TYPE_CHECKING:
    # A pack is made of these rules, so at run time it imports this module.
    from casework.policy_pack import Pack
    from casework.policy_regime import ExpertGroup

BINDING = frozenset({Instrument.PRESCRIPTION, Instrument.COURT_ORDER, Instrument.REMOVAL_NOTICE})
"""Forms of notice that oblige whoever gets them."""

OF_NOTICE = frozenset({"platform_notice", "platform_prescription", "platform_answer", "preservation_request"})
"""Letters about one notice: only a moment of a notice calls for them."""

COVERING = frozenset({"platform_notice", "platform_prescription"})
"""Letters that go with a notice: one of them, never two."""

CALLED_FOR = OF_NOTICE | {"decision_confirmed", "expert_referral"}
"""Letters that a moment can call for. All others need what a moment does not give: a rung, a threshold, reasons."""

NOTICE_MOMENTS = frozenset({"submission.sent", "answer.sent"})
BEFORE_LETTERS = frozenset({"case.received", "report.held", "hold.settled"})
"""Moments of a report; what is written then, intake knows by itself."""

APPEALABLE = frozenset({Outcome.NO_ACTION, Outcome.PARTIAL})
"""Outcomes at which a platform may be asked to look again."""


class LetterCase(PackModel):
    """Which cases a letter is for; what is left out means any."""

    instrument: tuple[Instrument, ...] = ()
    category: tuple[Code, ...] = ()
    priority: tuple[Priority, ...] = ()
    channel: tuple[Literal["api", "portal"], ...] = ()
    """How the platform of the notice is reached."""
    child: bool | None = None
    police_referral: bool | None = None
    """Whether the category goes to the police."""
    preserve: bool | None = None
    """Whether the category asks to keep the data."""
    expert_group: bool | None = None
    """Whether an expert group must give its opinion and has not."""
    binding: bool | None = None
    """Whether the form of notice obliges the platform."""

    def may_meet(self, other: LetterCase) -> bool:
        """Whether some case may be meant by both: nothing that both ask for excludes the other."""
        return all(
            set(mine) & set(theirs) if isinstance(mine, tuple) else mine == theirs
            for key in type(self).model_fields
            if (mine := getattr(self, key)) not in (None, ()) and (theirs := getattr(other, key)) not in (None, ())
        )


class LetterRule(PackModel):
    """One letter at one moment."""

    letter: str
    at: Moment
    when: LetterCase = LetterCase()
    clock: Code | None = None
    """The clock whose due time the letter states; by default the letter's own choice."""
    source: Source

    @model_validator(mode="after")
    def _can_be_written(self) -> LetterRule:
        if self.letter not in CALLED_FOR:
            known = ", ".join(sorted(CALLED_FOR))
            raise ValueError(f"letter '{self.letter}' is not written at a moment; those that are: {known}")
        if self.at in BEFORE_LETTERS:
            raise ValueError(f"at '{self.at}' no letter of a pack is written: intake writes its own")
        if self.letter in OF_NOTICE and self.at not in NOTICE_MOMENTS:
            known = " or ".join(sorted(NOTICE_MOMENTS))
            raise ValueError(f"at '{self.at}' there is no notice that '{self.letter}' could be about: say {known}")
        if "deadline.due.utc" in LETTERS[self.letter].must_contain and self.clock is None:
            raise ValueError(f"letter '{self.letter}' states a date: name its clock")
        if self.letter not in OF_NOTICE and self.when.channel:
            raise ValueError(f"when names a channel, and '{self.letter}' is about no notice that went through one")
        return self


class LetterPolicy(PackModel):
    """All letters that moments call for."""

    letters: tuple[LetterRule, ...]

    def at(self, moment: str) -> tuple[LetterRule, ...]:
        """The rules of a moment, for whichever case."""
        return tuple(rule for rule in self.letters if rule.at == moment)


_OURS = Source(ref=UNSOURCED, note="The engine's own rule, for a pack without letters.yaml.")

WITHOUT_LETTERS = LetterPolicy(
    letters=(
        LetterRule(letter="platform_notice", at="submission.sent", when=LetterCase(binding=False), source=_OURS),
        LetterRule(letter="platform_prescription", at="submission.sent", when=LetterCase(binding=True), source=_OURS),
    )
)
"""For a pack that has no letters.yaml, as those recorded before there was one: a notice has its covering letter."""


def letters_at(moment: str, case: CaseFacts, pack: Pack, channel: str | None = None) -> tuple[LetterRule, ...]:
    """The letters that a moment calls for in a case, each once; ``channel`` is that of the notice it is about."""
    found: dict[str, LetterRule] = {}
    for rule in pack.letters.at(moment):
        if fits(rule.when, case, pack, channel):
            found.setdefault(rule.letter, rule)
    return tuple(found.values())


def fits(wanted: LetterCase, case: CaseFacts, pack: Pack, channel: str | None = None) -> bool:
    """Whether a rule is for this case: everything that it says must hold."""
    # A pack may have dropped the category of a case that is still open.
    category = next((one for one in pack.categories if one.code == case.category), None)
    asked_and_so = (
        (wanted.child, case.child),
        (wanted.police_referral, category is not None and category.police_referral),
        (wanted.preserve, category is not None and category.preserve),
        (wanted.expert_group, awaited_group(case, pack) is not None),
        (wanted.binding, case.instrument in BINDING),
    )
    return (
        (not wanted.instrument or case.instrument in wanted.instrument)
        and (not wanted.category or case.category in wanted.category)
        and (not wanted.priority or case.priority in wanted.priority)
        and (not wanted.channel or channel in wanted.channel)
        and all(asked is None or asked == so for asked, so in asked_and_so)
    )


def awaited_group(case: CaseFacts, pack: Pack) -> ExpertGroup | None:
    """The expert group whose opinion the case needs and does not have yet, or None."""
    return pack.expert_group(case.instrument, case.category) if case.opinion is None else None


def threshold_letters(duty: str, rule: ClockRule | None, case: CaseFacts, pack: Pack, *, breach: bool) -> list[str]:
    """The letters that a threshold of a clock calls for. Our own people hear of our own duties, and of no other's.

    ``rule`` None: the clock of a rung. An expert group is reminded only while its opinion is awaited.
    """
    found = []
    if duty == Duty.AUTHORITY:
        found.append("breach_notice" if breach else "deadline_warning")
    named = rule and (rule.breach_letter if breach else rule.warn_letter)
    if named and (LETTERS[named].recipient is not Recipient.EXPERT_GROUP or awaited_group(case, pack) is not None):
        found.append(named)
    return found
