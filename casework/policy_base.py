"""What every part of a policy pack is made of: codes, texts in three languages, sources."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints

Code = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_.\-]{0,63}$")]
Email = Annotated[str, StringConstraints(pattern=r"^[^@\s<>,;]{1,64}@[A-Za-z0-9.\-]{1,253}$")]
Country = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]


class PackModel(BaseModel):
    """Unknown keys are refused: a typo in a rule must never read as 'no rule'."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Texts(PackModel):
    """One text in every language a letter may be written in."""

    kk: str
    ru: str
    en: str

    def in_language(self, language: str) -> str:
        return {"kk": self.kk, "ru": self.ru}.get(language, self.en)


class Source(PackModel):
    """Where a rule comes from. ``verified_on`` is null until a person has checked the text in force."""

    ref: str
    url: str | None = None
    verified_on: date | None = None
    note: str | None = None

    @property
    def verified(self) -> bool:
        return self.verified_on is not None


UNSOURCED = "unsourced"
"""What ``Source.ref`` says where no source was seen; printed wherever the rule is printed."""
