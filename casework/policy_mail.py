"""The part of a policy pack that says how much mail an address gets, when it rests, and which addresses are ours.

None of it delays a letter about danger: what is urgent, and every letter of a P0 or P1 case, goes at once.
"""

from __future__ import annotations

from datetime import time
from functools import cached_property
from typing import Annotated

from pydantic import BeforeValidator, Field, StringConstraints, model_validator

from casework.local_time import place_zone
from casework.policy_base import UNSOURCED, Country, Email, PackModel, Source
from casework.policy_calendar import WEEKDAY
from casework.public_days import public_days_of_year
from casework.vocabulary import Recipient

Domain = Annotated[str, StringConstraints(pattern=r"^[a-z0-9.\-]{1,253}$")]


def _as_written(value: object) -> object:
    # YAML reads 20:00 without quotes as the number 1200, which would be twenty past midnight.
    if isinstance(value, int | float):
        raise ValueError('write the time in quotes, as in "20:00"')
    return "00:00" if value == "24:00" else value


WallTime = Annotated[time, BeforeValidator(_as_written)]


class QuietHours(PackModel):
    """When a recipient is left in peace; what waits goes out when it ends. Apart from every clock's calendar."""

    zone: str
    """A place of the time zone database, such as Asia/Almaty; never an offset."""
    begins: WallTime
    """Local time from which nothing is sent."""
    ends: WallTime
    """Local time from which letters go out again; at or before ``begins``, it is that of the next day."""
    all_day: tuple[WEEKDAY, ...] = ()
    """Weekdays that are quiet from midnight to midnight."""
    holidays_of: Country | None = None
    """Whose public holidays are quiet from midnight to midnight; null: none."""
    holidays_in: Annotated[str, StringConstraints(pattern=r"^[A-Z0-9\-]{1,6}$")] | None = None
    """A part of that country with holidays of its own."""

    @model_validator(mode="after")
    def _leaves_time(self) -> QuietHours:
        # Naming the place and the country raises for those that do not exist.
        place_zone(self.zone)
        if self.holidays_of is not None:
            public_days_of_year(self.holidays_of, self.holidays_in, 2026)
        if self.begins == self.ends:
            raise ValueError("begins and ends are the same: it would be quiet all day, every day")
        if len(set(self.all_day)) == 7:
            raise ValueError("all_day names all seven days: it would be quiet all day, every day")
        return self


class DigestRule(PackModel):
    """From how many letters on one address gets a digest instead."""

    over: Annotated[int, Field(ge=1, le=1_000)]
    """So many letters still go out one by one; more become one digest."""
    within_minutes: Annotated[int, Field(ge=1, le=1_440)]
    """The window in which they are counted, and the least time between two digests."""


class Breaker(PackModel):
    """When letters about one case to one address stop until a person has looked."""

    letters: Annotated[int, Field(ge=1, le=1_000)]
    """So many go out."""
    hours: Annotated[int, Field(ge=1, le=720)]
    """Within so many hours."""


class MailLimits(PackModel):
    """How much mail one address gets."""

    per_hour: Annotated[int, Field(ge=1, le=10_000)]
    """Letters an hour; more wait for their turn. A digest and a letter of the child-safety lane do not."""
    digest: DigestRule
    breaker: Breaker
    quiet: QuietHours | None = None
    source: Source


class MailException(PackModel):
    """What differs for some recipients; what is left out is as in the default. ``quiet: null`` is no quiet hours."""

    recipients: Annotated[tuple[Recipient, ...], Field(min_length=1)]
    per_hour: Annotated[int, Field(ge=1, le=10_000)] | None = None
    digest: DigestRule | None = None
    breaker: Breaker | None = None
    quiet: QuietHours | None = None
    source: Source

    def over(self, default: MailLimits) -> MailLimits:
        """The limits of its recipients."""
        said = {name: getattr(self, name) for name in self.model_fields_set - {"recipients"}}
        return default.model_copy(update={key: value for key, value in said.items() if key == "quiet" or value})


class OwnAddresses(PackModel):
    """Addresses and domains that are ours, beside those of authority.yaml. No letter to others ever goes there."""

    addresses: tuple[Email, ...] = ()
    domains: tuple[Domain, ...] = ()
    """Domains on which every mailbox is ours; nobody there can be a reporter or a liaison."""
    source: Source


class MailPolicy(PackModel):
    """Caps, digests, quiet hours, breaker and own addresses."""

    default: MailLimits
    exceptions: tuple[MailException, ...] = ()
    ours: OwnAddresses

    @model_validator(mode="after")
    def _each_once(self) -> MailPolicy:
        named = [recipient for rule in self.exceptions for recipient in rule.recipients]
        twice = next((recipient for place, recipient in enumerate(named) if recipient in named[:place]), None)
        if twice is not None:
            raise ValueError(f"exceptions name '{twice}' twice")
        return self

    def limits(self, recipient: Recipient) -> MailLimits:
        """What holds for letters to a role."""
        return self._limits.get(recipient, self.default)

    @cached_property
    def _limits(self) -> dict[Recipient, MailLimits]:
        return {recipient: rule.over(self.default) for rule in self.exceptions for recipient in rule.recipients}


_OURS = Source(ref=UNSOURCED, note="The engine's own numbers, for a pack without mail.yaml.")

WITHOUT_FILE = MailPolicy(
    default=MailLimits(
        per_hour=60,
        digest=DigestRule(over=10, within_minutes=60),
        breaker=Breaker(letters=20, hours=24),
        source=_OURS,
    ),
    ours=OwnAddresses(source=_OURS),
)
"""For a pack that has no mail.yaml, as those recorded before there was one."""
