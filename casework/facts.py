"""What the rules look at: plain values read from the case file by tasks/, never a session or a row."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from casework.vocabulary import AgeBand, Outcome, Priority, Role, Status


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts. The name is copied into every event, so that the log outlives the user list."""

    id: str
    name: str
    roles: frozenset[Role]

    def has(self, *roles: Role) -> bool:
        return not self.roles.isdisjoint(roles)


SYSTEM = Actor("system", "Qorgan", frozenset({Role.SYSTEM}))


@dataclass(frozen=True, slots=True)
class ItemFacts:
    """One content item. ``key`` identifies it across spellings of its link."""

    id: int
    number: int
    key: str
    url: str
    kind: str
    platform: str | None
    account: str | None
    exact: bool
    opaque: bool
    observed_at: datetime | None
    outcome: Outcome = Outcome.PENDING
    reason: str = ""


@dataclass(frozen=True, slots=True)
class CaseFacts:
    """A case as the rules see it.

    ``official``: it began with a letter of another authority, which must argue itself.
    """

    id: int
    number: str
    status: Status
    priority: Priority
    category: str
    political: bool
    child: bool
    age_band: AgeBand
    language: str
    instrument: str
    ground: str
    requested_action: str
    intake_by: str
    received_at: datetime
    indicators: frozenset[str] = frozenset()
    quote: str = ""
    translation: str = ""
    description: str = ""
    why_unlawful: str = ""
    policy_line: str = ""
    cited_basis: tuple[str, ...] = ()
    expert_decision: str = ""
    opinion: OpinionFacts | None = None
    provider_told_at: datetime | None = None
    territories: tuple[str, ...] = ()
    items: tuple[ItemFacts, ...] = ()
    reporters: int = 1
    reporter_is_child: bool = False
    anonymous: bool = False
    official: bool = False
    endorsed_by: frozenset[str] = frozenset()
    declined_by: frozenset[str] = frozenset()
    urgent_by: str | None = None
    submissions: tuple[SubmissionFacts, ...] = ()
    missing: tuple[str, ...] = ()

    @property
    def platforms(self) -> tuple[str, ...]:
        """Codes of the platforms that host an item, in order of first item."""
        return tuple(dict.fromkeys(item.platform for item in self.items if item.platform))


@dataclass(frozen=True, slots=True)
class OpinionFacts:
    """What an expert group decided about the case: whether it confirmed it, and the record's number."""

    group: str
    confirmed: bool
    reference: str
    decided_at: datetime


@dataclass(frozen=True, slots=True)
class SubmissionFacts:
    """One notice to one platform."""

    id: int
    number: str
    platform: str
    kind: str
    state: str
    reference: str | None = None
    item_ids: frozenset[int] = field(default_factory=frozenset)
