"""What every part of a policy pack is made of: codes, texts by language, sources, dates of effect."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from functools import cached_property
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, RootModel, StringConstraints, model_validator

Code = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_.\-]{0,63}$")]
Email = Annotated[str, StringConstraints(pattern=r"^[^@\s<>,;]{1,64}@[A-Za-z0-9.\-]{1,253}$")]
Country = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}$")]

WORKING_LANGUAGE = "en"
"""The language of the desk: every text of a pack exists in it, whatever languages its letters use."""


class PackModel(BaseModel):
    """Unknown keys are refused: a typo in a rule must never read as 'no rule'."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """A changed copy; what was computed from the old values is computed anew."""
        copied = super().model_copy(update=update, deep=deep)
        for kind in type(self).__mro__:
            for name, member in vars(kind).items():
                if isinstance(member, cached_property):
                    copied.__dict__.pop(name, None)
        return copied


class Texts(RootModel[dict[Language, str]]):
    """One text by language code. English always; the languages of the authority's letters besides."""

    model_config = ConfigDict(frozen=True)

    @model_validator(mode="after")
    def _english_is_there(self) -> Texts:
        if WORKING_LANGUAGE not in self.root:
            raise ValueError("the English text 'en' is missing")
        return self

    @property
    def en(self) -> str:
        return self.root[WORKING_LANGUAGE]

    def in_language(self, language: str) -> str:
        """The text in a language; in English where it does not exist in it."""
        return self.root.get(language, self.en)


class Source(PackModel):
    """Where a rule comes from."""

    ref: str
    """Act and article, or the unit's own rule; ``unsourced`` where no text was seen."""
    url: str | None = None
    """Where the text was seen."""
    verified_on: date | None = None
    """The day on which a person compared it with the text in force; null until then."""
    note: str | None = None
    """What is still open."""

    @property
    def verified(self) -> bool:
        return self.verified_on is not None


UNSOURCED = "unsourced"
"""What ``Source.ref`` says where no source was seen; printed wherever the rule is printed."""


class Dated(PackModel):
    """A rule with its dates of effect. A new text stands beside the old one, under the same id, from its own day on."""

    valid_from: date | None = Field(default=None)
    """First day on which it is in force; null: from the regime's first day."""
    valid_to: date | None = Field(default=None)
    """Last day on which it is in force; null: until further notice."""

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> Dated:
        if self.valid_from and self.valid_to and self.valid_to < self.valid_from:
            raise ValueError(f"valid_to {self.valid_to} lies before valid_from {self.valid_from}")
        return self

    def in_force_on(self, day: date) -> bool:
        """Whether the rule is in force on a local date."""
        return (self.valid_from is None or self.valid_from <= day) and (self.valid_to is None or day <= self.valid_to)

    def overlaps(self, other: Dated) -> bool:
        """Whether there is a day on which both are in force."""
        first, last = date.min, date.max
        return (self.valid_from or first) <= (other.valid_to or last) and (other.valid_from or first) <= (
            self.valid_to or last
        )
