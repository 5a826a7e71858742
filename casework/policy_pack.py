"""The schema of a policy pack: everything that differs between authorities, as data.

A pack is a folder of YAML files, one per model. Reading files is not done here;
:mod:`casework.pack_reader` turns their texts into a :class:`Pack`.
"""

from __future__ import annotations

from bisect import bisect_right
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Annotated, Any, Literal, TypeVar
from zoneinfo import ZoneInfo

from pydantic import Field, model_validator

from casework.harm_vocabulary import KEYWORDS, STATEMENT_CATEGORIES
from casework.policy_base import Code, Dated, PackModel, Source, Texts
from casework.policy_calendar import Calendars
from casework.policy_clocks import Sla
from casework.policy_letters import WITHOUT_LETTERS, LetterPolicy
from casework.policy_mail import WITHOUT_FILE, MailPolicy
from casework.policy_people import Authority, Contact, Liaisons, Retention, Roles
from casework.policy_regime import BeforeReview, ExpertGroup, InstrumentRule, LegalBasis, Regime
from casework.public_days import PublicDay
from casework.vocabulary import AgeBand, Ground, Instrument, Lane, Priority, RequestedAction
from casework.working_time import WorkingCalendar

D = TypeVar("D", bound=Dated)


class Category(PackModel):
    """A kind of harm in national terms, mapped to the public vocabulary of statements of reasons."""

    code: Code
    name: Texts
    plain_name: Texts
    child: Literal["always", "if_minor", "never"]
    political: bool = False
    dsa_category: str
    """The kind of harm in the public vocabulary of statements of reasons."""
    dsa_keyword: str | None = None
    """The narrower word of the same vocabulary."""
    basis: tuple[Code, ...] = ()
    instrument: Instrument
    ground: Ground
    requested_action: RequestedAction
    """The narrowest that works for this kind; never an account, which only a person may ask for."""
    police_referral: bool = False
    preserve: bool = False
    source: Source

    @model_validator(mode="after")
    def _known_and_narrow(self) -> Category:
        if self.dsa_category not in STATEMENT_CATEGORIES:
            raise ValueError(f"category {self.code}: '{self.dsa_category}' is no category of statements of reasons")
        if self.dsa_keyword is not None and self.dsa_keyword not in KEYWORDS:
            raise ValueError(f"category {self.code}: '{self.dsa_keyword}' is no keyword of statements of reasons")
        if self.requested_action is RequestedAction.SUSPEND_ACCOUNT:
            raise ValueError(f"category {self.code} asks for an account by default: the item comes before the account")
        return self


class PriorityRule(Dated):
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


class Modifier(Dated):
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


class InfoHistory(PackModel):
    """How often this platform found requests of a category too thin to act on."""

    category: Code
    items: Annotated[int, Field(gt=0)]
    not_enough_info: Annotated[int, Field(ge=0)]
    source: Source


class Platform(PackModel):
    """How one platform is reached."""

    code: Code
    name: str
    legal_entity: str
    """Who a notice is addressed to."""
    legal_entity_source: Source
    channel: Literal["api", "portal"]
    """``api``: a notice goes out by itself after approval; ``portal``: an officer enters it by hand."""
    environment: Literal["practice", "production"]
    contact: Contact
    max_items: Annotated[int, Field(gt=0, le=500)] = 100
    history: tuple[InfoHistory, ...] = ()
    source: Source


class Platforms(PackModel):
    """Every platform that this authority reaches."""

    platforms: Annotated[tuple[Platform, ...], Field(min_length=1)]


class Pack(PackModel):
    """One authority's policy, complete and checked. ``version`` is recorded on everything it decides."""

    folder: str
    digest: str
    authority: Authority
    roles: Roles
    regime: Regime
    categories: tuple[Category, ...]
    priority: PriorityPolicy
    sla: Sla
    calendars: Calendars
    platforms: Platforms
    liaisons: Liaisons
    retention: Retention
    mail: MailPolicy = WITHOUT_FILE
    letters: LetterPolicy = WITHOUT_LETTERS
    wording: dict[str, Any] = Field(default_factory=dict)
    """The pack's own words for letters, over those of templates/words.yaml."""
    known_days: dict[str, dict[date, PublicDay]] | None = None
    """Public days by calendar as they were known when this version was recorded; None: as known today."""

    @property
    def version(self) -> str:
        """Regime id and the first eight digits of the content's SHA-256: same id, same text."""
        return f"{self.regime.id}+{self.digest[:8]}"

    def local_date(self, at: datetime) -> date:
        """The authority's date at an instant; dates of effect are its dates."""
        return at.astimezone(ZoneInfo(self.authority.zone)).date()

    def at(self, at: datetime) -> Pack:
        """The pack with the rules in force at an instant."""
        return self.on(self.local_date(at))

    def on(self, day: date) -> Pack:
        """The pack with the rules in force on a day; itself where no rule has dates of its own."""
        if not self.changes:
            return self
        period = bisect_right(self.changes, day)
        if period not in self._views:
            self._views[period] = self._view(day)
        return self._views[period]

    def in_force_on(self, day: date) -> bool:
        """Whether the regime as a whole is in force."""
        return self.regime.in_force_on(day)

    @cached_property
    def _views(self) -> dict[int, Pack]:
        return {}

    @cached_property
    def changes(self) -> tuple[date, ...]:
        """The days on which a rule comes into force or the first day after it was."""
        days: set[date] = set()
        for rule in self._dated():
            if rule.valid_from is not None:
                days.add(rule.valid_from)
            if rule.valid_to is not None and rule.valid_to < date.max:
                days.add(rule.valid_to + timedelta(days=1))
        return tuple(sorted(days))

    def _dated(self) -> tuple[Dated, ...]:
        law, order = self.regime, self.priority
        return (
            *law.instruments, *law.before_review, *law.legal_basis, *order.rules, *order.modifiers,
            *self.sla.clocks, *self.liaisons.liaisons, *self.retention.rules,
        )  # fmt: skip

    def _view(self, day: date) -> Pack:
        def kept(rules: tuple[D, ...]) -> tuple[D, ...]:
            return tuple(rule for rule in rules if rule.in_force_on(day))

        law, order = self.regime, self.priority
        return self.model_copy(
            update={
                "regime": law.model_copy(
                    update={
                        "instruments": kept(law.instruments),
                        "before_review": kept(law.before_review),
                        "legal_basis": kept(law.legal_basis),
                    }
                ),
                "priority": order.model_copy(update={"rules": kept(order.rules), "modifiers": kept(order.modifiers)}),
                "sla": self.sla.model_copy(update={"clocks": kept(self.sla.clocks)}),
                "liaisons": self.liaisons.model_copy(update={"liaisons": kept(self.liaisons.liaisons)}),
                "retention": self.retention.model_copy(update={"rules": kept(self.retention.rules)}),
            }
        )

    def working_calendar(self, code: str | None = None) -> WorkingCalendar:
        """A calendar by its id, the pack's first by default; KeyError for one that the pack lacks."""
        return self._working[code or self.calendars.calendars[0].id]

    @cached_property
    def _working(self) -> dict[str, WorkingCalendar]:
        known = self.known_days
        return {
            policy.id: policy.calendar if known is None else policy.with_public_days(known[policy.id])
            for policy in self.calendars.calendars
        }

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

    def liaison(self, platform: str | None, role: Literal["liaison", "head"]) -> Contact | None:
        """The platform's liaison, or None when there is none; ask a pack of the day for who it is that day."""
        for entry in self.liaisons.liaisons:
            if entry.platform == platform and entry.role == role:
                return entry.contact
        return None

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

    def instrument(self, instrument: str, category: str) -> InstrumentRule | None:
        """The rule of a form of notice for a kind of harm, or None when this authority may not use it."""
        rules = [rule for rule in self.regime.instruments if rule.instrument == instrument]
        named = next((rule for rule in rules if category in rule.categories), None)
        return named or next((rule for rule in rules if not rule.categories), None)

    def ground_for(self, category: Category, wanted: Ground | None) -> Ground:
        """The ground a report asks for, where the category's form of notice may rest on it; else the category's own."""
        rule = self.instrument(category.instrument, category.code)
        return wanted if wanted is not None and rule is not None and wanted in rule.grounds else category.ground

    def expert_group(self, instrument: str, category: str) -> ExpertGroup | None:
        """The group whose opinion a form of notice needs for a kind of harm, or None."""
        rule = self.instrument(instrument, category)
        if rule is None or rule.expert_group is None:
            return None
        return next(group for group in self.regime.expert_groups if group.id == rule.expert_group)

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
