"""The part of a policy pack that says when people work: hours, holidays, moved days, closures."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, time
from functools import cached_property
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, StringConstraints, model_validator

from casework.policy_base import Code, Country, PackModel, Source
from casework.public_days import PublicDay, public_days
from casework.working_time import DayOverride, Windows, WorkingCalendar

WEEKDAY = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
_WEEK: tuple[str, ...] = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def _midnight(value: object) -> object:
    # 24:00 is how people write the end of a day; the window [.., 00:00) ends there.
    return "00:00" if value == "24:00" else value


class Window(PackModel):
    """Half-open local working window: ``opens`` counts, ``closes`` does not. ``closes: "24:00"`` is midnight."""

    opens: time
    closes: Annotated[time, BeforeValidator(_midnight)]


class Override(PackModel):
    """One day that differs from the public calendar: a closure, a half day, a day worked in exchange."""

    day: date
    kind: Literal["closed", "open"]
    name: Annotated[str, StringConstraints(min_length=1, max_length=120)]
    windows: tuple[Window, ...] | None = None
    source: Source


class CalendarPolicy(PackModel):
    """Working hours, the public holidays of a country or a part of it, and an override list."""

    id: Code
    zone: str
    """A place of the time zone database, such as Europe/Berlin; never an offset."""
    country: Country | None
    """Whose public holidays are kept; null: none."""
    subdivision: Annotated[str, StringConstraints(pattern=r"^[A-Z0-9\-]{1,6}$")] | None = None
    """A part of the country with holidays of its own."""
    windows: Annotated[tuple[Window, ...], Field(min_length=1)]
    """The hours of an ordinary day; several windows make a lunch break."""
    week: dict[WEEKDAY, tuple[Window, ...]] | None = None
    """Hours by weekday; a weekday that is left out is closed. By default Monday to Friday with ``windows``."""
    covers: Annotated[tuple[int, ...], Field(min_length=1)]
    """The years whose holidays are known."""
    overrides: tuple[Override, ...] = ()
    source: Source

    @model_validator(mode="after")
    def _makes_a_calendar(self) -> CalendarPolicy:
        years = sorted(self.covers)
        if years != list(range(years[0], years[-1] + 1)):
            raise ValueError(f"calendar {self.id}: 'covers' leaves out a year between {years[0]} and {years[-1]}")
        days = [override.day for override in self.overrides]
        twice = sorted({day for day in days if days.count(day) > 1})
        if twice:
            raise ValueError(f"calendar {self.id}: two overrides for {twice[0]}")
        # Building it raises for hours, a zone or a country that cannot be.
        _ = self.calendar
        return self

    @cached_property
    def calendar(self) -> WorkingCalendar:
        """With the public days as they are known today."""
        return self.with_public_days(None)

    @property
    def public_days(self) -> dict[date, PublicDay]:
        """Every public holiday and moved working day of the years covered, as known today."""
        return public_days(self.country, self.subdivision, self.covers) if self.country else {}

    def with_public_days(self, days: Mapping[date, PublicDay] | None) -> WorkingCalendar:
        """The same with public days of another day's knowledge, as a recorded policy version keeps them."""
        weekly = None
        if self.week is not None:
            weekly = {_WEEK.index(name): _plain(windows) for name, windows in self.week.items()}
        return WorkingCalendar(
            id=self.id,
            zone=self.zone,
            windows=_plain(self.windows),
            weekly_windows=weekly,
            country=self.country,
            subdivision=self.subdivision,
            public_days=days,
            overrides={
                override.day: DayOverride(
                    kind=override.kind,
                    name=override.name,
                    windows=None if override.windows is None else _plain(override.windows),
                    source=override.source.ref,
                )
                for override in self.overrides
            },
            first_year=min(self.covers),
            last_year=max(self.covers),
        )


def _plain(windows: tuple[Window, ...]) -> Windows:
    return tuple((window.opens, window.closes) for window in windows)


class Calendars(PackModel):
    """Every calendar of the pack; a clock without another one follows the first."""

    calendars: Annotated[tuple[CalendarPolicy, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _ids_differ(self) -> Calendars:
        ids = [calendar.id for calendar in self.calendars]
        if len(ids) != len(set(ids)):
            raise ValueError("calendar ids must differ")
        return self
