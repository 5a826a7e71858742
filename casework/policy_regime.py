"""The part of a policy pack that is about the law: provisions, instruments, who decides, what must come first."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from casework.completeness_checks import CHECKS
from casework.policy_base import Code, Country, Dated, PackModel, Source, Texts
from casework.policy_clocks import LimitSpec
from casework.policy_people import Contact
from casework.vocabulary import Ground, Instrument, Priority, Role


class LegalBasis(Dated):
    """One provision that a notice may cite."""

    code: Code
    citation: Texts
    title: Texts
    source: Source


class Precondition(PackModel):
    """What must have happened, and how long ago, before an instrument may be used."""

    id: Code
    name: Texts
    fact: Literal["provider_told"]
    """``provider_told``: somebody has complained to the provider of the service, and the case says when."""
    wait: LimitSpec
    """How long after that the instrument may be used at the earliest."""
    source: Source


class ExpertGroup(PackModel):
    """A group whose opinion an instrument needs, and when its opinion counts."""

    id: Code
    name: Texts
    quorum: Annotated[int, Field(ge=1, le=99)]
    """How many members without a conflict of interest must be present."""
    recorded_by: Annotated[tuple[Role, ...], Field(min_length=1)]
    """Who may enter its opinion in the case file."""
    contact: Contact | None = None
    """Who receives its letters; null: the unit's own mailbox."""
    source: Source


class Element(PackModel):
    """One thing that the law demands of a form of notice, and the check of the gate that looks for it."""

    check: str
    ref: str
    """Article, paragraph and point."""

    @model_validator(mode="after")
    def _check_exists(self) -> Element:
        if self.check not in CHECKS:
            raise ValueError(f"no check is called '{self.check}'; known: {', '.join(sorted(CHECKS))}")
        return self


class InstrumentRule(Dated):
    """A form of notice this authority may use, on what grounds, and what it must contain."""

    instrument: Instrument
    categories: tuple[Code, ...] = ()
    """The kinds of harm this rule is for; empty: all that no other rule of the instrument names."""
    grounds: Annotated[tuple[Ground, ...], Field(min_length=1)]
    elements: tuple[Element, ...] = ()
    """What the law demands of this form, each with the check that looks for it."""
    decided_by: tuple[Role, ...] = (Role.LEGAL_REVIEWER, Role.HEAD_OF_UNIT)
    """Whose approval it takes."""
    expert_group: Code | None = None
    """The group that must have confirmed the case."""
    precondition: Precondition | None = None
    statement: Texts | None = None
    """A statement that the law makes us add, such as that the notice is made in good faith."""
    redress: Texts
    source: Source


class BeforeReview(Dated):
    """A case in which the law lets a notice go out before legal review."""

    priority: Priority
    instrument: Instrument
    source: Source


class Regime(Dated):
    """The law this authority works under, with its date of effect."""

    id: Annotated[str, StringConstraints(pattern=r"^[a-z0-9\-]+/[0-9]{4}-[0-9]{2}(-[0-9]+)?$")]
    """Immutable: another text is another id."""
    territorial_scope: tuple[Country, ...]
    instruments: Annotated[tuple[InstrumentRule, ...], Field(min_length=1)]
    expert_groups: tuple[ExpertGroup, ...] = ()
    before_review: tuple[BeforeReview, ...] = ()
    legal_basis: tuple[LegalBasis, ...]
    appeal: Texts

    @model_validator(mode="after")
    def _begins_and_groups_exist(self) -> Regime:
        if self.valid_from is None:
            raise ValueError("a regime says from which day it is in force: valid_from")
        known = {group.id for group in self.expert_groups}
        for rule in self.instruments:
            if rule.expert_group is not None and rule.expert_group not in known:
                raise ValueError(
                    f"instrument {rule.instrument} needs '{rule.expert_group}', and there is no such group"
                )
        return self
