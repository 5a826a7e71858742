"""Public holidays and moved working days of a country or a part of it, as the `holidays` package knows them.

The package changes when a government decides. What it said on the day a policy was adopted is kept with that
policy version as plain ``PublicDay`` values, so that a due date can be counted again years later.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from types import MappingProxyType

import holidays


class PublicDaysUnknown(ValueError):
    """The package knows no public holidays of that country or subdivision; the message names it."""


@dataclass(frozen=True, slots=True)
class PublicDay:
    """A public holiday, or with ``works`` a rest day that is worked in exchange for another date."""

    name: str
    works: bool


def public_days(country: str, subdivision: str | None, years: Iterable[int]) -> dict[date, PublicDay]:
    """Every public holiday and moved working day of the years, by date. Raises PublicDaysUnknown."""
    return {
        on: day for year in sorted(set(years)) for on, day in public_days_of_year(country, subdivision, year).items()
    }


# Some sixty authorities with eight years each; a year read again costs milliseconds.
@lru_cache(maxsize=512)
def public_days_of_year(country: str, subdivision: str | None, year: int) -> Mapping[date, PublicDay]:
    """The public days of one year, read once. Raises PublicDaysUnknown."""
    try:
        found = holidays.country_holidays(country, subdiv=subdivision, years=year, language="en_US")
    except NotImplementedError as error:
        raise PublicDaysUnknown(str(error)) from error
    # Names carry exchanged dates month first, which a European reader would take for day first.
    names = {on: re.sub(r"\b(\d\d)/(\d\d)/(\d{4})\b", r"\3-\1-\2", name) for on, name in found.items()}
    moved = {on: "a day off" for on in found.weekend_workdays if on.year == year}
    moved |= {on: str(free) for on in moved for free, name in names.items() if str(on) in name}
    days = {on: PublicDay(name, works=False) for on, name in names.items()}
    days |= {on: PublicDay(f"worked in exchange for {free}", works=True) for on, free in moved.items()}
    return MappingProxyType(dict(sorted(days.items())))
