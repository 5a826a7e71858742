"""The context of any letter: the sample case, with whatever a test wants otherwise."""

from __future__ import annotations

from typing import cast

from casework.letter_context import LetterContext, empty_context
from casework.letters import LETTERS
from casework.sample_case import ACK_LINK, CASE_NUMBER, LINKS, moment, sample_letter

__all__ = ["ACK_LINK", "CASE_NUMBER", "LINKS", "context", "moment", "sparse"]


def context(letter: str, language: str, **overrides: object) -> LetterContext:
    """The context of one letter in one language; any key may be overridden."""
    unknown = overrides.keys() - LetterContext.__annotations__.keys()
    if unknown:
        raise KeyError(f"not in LetterContext: {', '.join(sorted(unknown))}")
    child = cast("bool | None", overrides.get("child"))
    return cast(LetterContext, {**sample_letter(letter, language, child=child), **overrides})


_ALWAYS = (
    *("letter_number", "case_number", "written", "authority", "reply_to", "emergency_numbers"),
    *("platform", "disposition_code"),
)
"""What a real letter always has."""


def sparse(letter: str, language: str) -> LetterContext:
    """The emptiest context that a real letter can have: what every letter has, and what this one must state."""
    built = context(letter, language)
    needed = {key.partition(".")[0] for key in LETTERS[letter].must_contain}
    kept = {key: value for key, value in built.items() if key in {*_ALWAYS, *needed}}
    return cast(LetterContext, {**empty_context(language), **kept})
