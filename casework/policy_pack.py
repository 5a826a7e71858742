"""The schema of a policy pack: everything that differs between authorities, as data.

A pack is a folder of YAML files, one per model below. Reading files is not done here;
:mod:`casework.pack_reader` turns their texts into a :class:`Pack`.
"""

from __future__ import annotations

from datetime import date
from functools import cached_property
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from casework.policy_base import Code, Country, Email, PackModel, Source, Texts
from casework.policy_clocks import CalendarPolicy, Sla
from casework.vocabulary import AgeBand, Ground, Instrument, Lane, Priority, RequestedAction


class NamePeriod(PackModel):
    """The authority's name over a period; names of ministries change."""

    name: Texts
    valid_from: date
    valid_to: date | None = None
    source: Source


class Signatory(PackModel):
    name: Texts
    position: Texts
    valid_from: date
    valid_to: date | None = None


class Authority(PackModel):
    """Who reports: names by period, contact, languages."""

    id: Code
    country: Country
    zone: str
    number_prefix: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2,6}$")]
    names: Annotated[tuple[NamePeriod, ...], Field(min_length=1)]
    unit: Texts
    address: Texts
    email: Email
    phone: str
    duty_phone: str
    signatories: Annotated[tuple[Signatory, ...], Field(min_length=1)]
    default_language: Literal["kk", "ru", "en"]
    authentic_language: Texts
    emergency_numbers: dict[Literal["kk", "ru", "en"], tuple[str, ...]]
    unit_mailbox: Email
    source: Source

    def name_on(self, on: date) -> NamePeriod:
        """The name in force on a day; LookupError when the pack has none for it."""
        for period in self.names:
            if period.valid_from <= on and (period.valid_to is None or on <= period.valid_to):
                return period
        raise LookupError(f"authority {self.id} has no name for {on.isoformat()}")

    def signatory_on(self, on: date) -> Signatory:
        """Who signs on a day; LookupError when nobody may."""
        for person in self.signatories:
            if person.valid_from <= on and (person.valid_to is None or on <= person.valid_to):
                return person
        raise LookupError(f"authority {self.id} has no signatory for {on.isoformat()}")


class LegalBasis(PackModel):
    """One provision that a notice may cite."""

    code: Code
    citation: Texts
    title: Texts
    source: Source


class InstrumentRule(PackModel):
    """A form of notice this authority may use, and on what grounds."""

    instrument: Instrument
    grounds: Annotated[tuple[Ground, ...], Field(min_length=1)]
    redress: Texts
    requires_expert_decision: bool = False
    source: Source


class BeforeReview(PackModel):
    """A case in which the law lets a notice go out before legal review."""

    priority: Priority
    instrument: Instrument
    source: Source


class Regime(PackModel):
    """The law this authority works under, with its date of effect."""

    id: Annotated[str, StringConstraints(pattern=r"^[a-z0-9\-]+/[0-9]{4}-[0-9]{2}(-[0-9]+)?$")]
    valid_from: date
    valid_to: date | None = None
    territorial_scope: tuple[Country, ...]
    instruments: Annotated[tuple[InstrumentRule, ...], Field(min_length=1)]
    before_review: tuple[BeforeReview, ...] = ()
    legal_basis: tuple[LegalBasis, ...]
    appeal: Texts


class Category(PackModel):
    """A kind of harm in national terms, mapped to the DSA's public vocabulary."""

    code: Code
    name: Texts
    plain_name: Texts
    child: Literal["always", "if_minor", "never"]
    political: bool = False
    dsa_category: Annotated[str, StringConstraints(pattern=r"^STATEMENT_CATEGORY_[A-Z_]+$")]
    dsa_keyword: Annotated[str, StringConstraints(pattern=r"^KEYWORD_[A-Z_]+$")] | None = None
    basis: tuple[Code, ...] = ()
    instrument: Instrument
    ground: Ground
    requested_action: RequestedAction
    police_referral: bool = False
    preserve: bool = False
    source: Source

    def concerns_child(self, age_band: str) -> bool:
        """Whether a case of this category is a child's case."""
        if self.child == "always":
            return True
        return self.child == "if_minor" and age_band in (AgeBand.UNDER_13, AgeBand.TEEN, AgeBand.CHILD)


class PriorityRule(PackModel):
    """Fires when any named indicator is present, or the category matches (and the child flag, if given).

    In a politically sensitive case a rule on indicators is withheld, unless it says
    ``even_if_political``: for an attack announced with place and time, never as a boost.
    """

    id: Code
    level: Priority
    any_indicator: tuple[Code, ...] = ()
    any_category: tuple[Code, ...] = ()
    child: bool | None = None
    even_if_political: bool = False
    why: str
    source: Source


class Modifier(PackModel):
    """Raises by one level, never above the limit and never down. Not for political categories."""

    id: Code
    any_indicator: tuple[Code, ...] = ()
    age_bands: tuple[AgeBand, ...] = ()
    reports_over: int | None = None
    platforms_over: int | None = None
    reporter_is_child: bool = False
    why: str
    source: Source


class PriorityPolicy(PackModel):
    """Ordered rules: the first that fires sets the floor."""

    rules: Annotated[tuple[PriorityRule, ...], Field(min_length=1)]
    modifiers: tuple[Modifier, ...]
    highest_by_modifier: Priority
    default: Priority
    child_safety_lane: tuple[Priority, ...]
    child_indicators: tuple[Code, ...]

    def lane(self, priority: Priority, *, child: bool, political: bool) -> Lane:
        """The queue that drives such a case."""
        if child and not political and priority in self.child_safety_lane:
            return Lane.CHILD_SAFETY
        return Lane.ROUTINE


class Contact(PackModel):
    """Somebody who receives letters; a role, not necessarily a named person."""

    name: Texts
    email: Email
    language: Literal["kk", "ru", "en"]


class InfoHistory(PackModel):
    """How often this platform found requests of a category too thin to act on."""

    category: Code
    items: Annotated[int, Field(gt=0)]
    not_enough_info: Annotated[int, Field(ge=0)]
    source: Source


class Platform(PackModel):
    """How one platform is reached, and who answers for it."""

    code: Code
    name: str
    legal_entity: str
    legal_entity_source: Source
    channel: Literal["api", "portal"]
    environment: Literal["practice", "production"]
    contact: Contact
    liaison: Contact | None = None
    liaison_head: Contact | None = None
    max_items: Annotated[int, Field(gt=0, le=500)] = 100
    history: tuple[InfoHistory, ...] = ()
    source: Source


class Platforms(PackModel):
    platforms: Annotated[tuple[Platform, ...], Field(min_length=1)]
    police: Contact
    authority: Contact


class Pack(PackModel):
    """One authority's policy, complete and checked. ``version`` is recorded on everything it decides."""

    folder: str
    digest: str
    authority: Authority
    regime: Regime
    categories: tuple[Category, ...]
    priority: PriorityPolicy
    sla: Sla
    calendar: CalendarPolicy
    platforms: Platforms

    @property
    def version(self) -> str:
        """Regime id and the first eight digits of the files' SHA-256: same id, same text."""
        return f"{self.regime.id}+{self.digest[:8]}"

    def category(self, code: str) -> Category:
        """KeyError when the pack has no such category."""
        return self._categories[code]

    @cached_property
    def _categories(self) -> dict[str, Category]:
        return {category.code: category for category in self.categories}

    @cached_property
    def _platforms(self) -> dict[str, Platform]:
        return {platform.code: platform for platform in self.platforms.platforms}

    def platform(self, code: str | None) -> Platform | None:
        """The platform, or None when the pack does not reach it."""
        return self._platforms.get(code or "")

    def basis(self, code: str) -> LegalBasis:
        """KeyError when the pack does not cite such a provision."""
        return self._basis[code]

    @cached_property
    def _basis(self) -> dict[str, LegalBasis]:
        return {basis.code: basis for basis in self.regime.legal_basis}

    @property
    def basis_codes(self) -> frozenset[str]:
        """Codes of every provision a notice may cite."""
        return frozenset(self._basis)

    def instrument(self, instrument: str) -> InstrumentRule | None:
        return next((rule for rule in self.regime.instruments if rule.instrument == instrument), None)

    def allows_before_review(self, priority: str, instrument: str) -> BeforeReview | None:
        """The rule that lets such a notice go out before review, or None."""
        for rule in self.regime.before_review:
            if rule.priority == priority and rule.instrument == instrument:
                return rule
        return None

    @cached_property
    def indicators(self) -> frozenset[str]:
        """Every indicator that some rule of this pack looks at."""
        rules = [rule.any_indicator for rule in self.priority.rules]
        modifiers = [modifier.any_indicator for modifier in self.priority.modifiers]
        return frozenset(code for codes in (*rules, *modifiers) for code in codes)
