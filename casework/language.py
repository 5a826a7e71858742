"""Which language a text is written in.

Letters of authorities are often bilingual and often short. The statistical model alone mistakes
a line of Kazakh for Kyrgyz and a greeting for anything, so two things are added: scripts and
letters that only some languages have are read first, and a short text is never called certain.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

_CODES = (
    "ar az be bg ca cs da de el en es et fi fr gl he hi hr hu hy id it ja ka kk ko ky lt lv mn ms nl no pl pt"
    " ro ru sk sl sr sv tg th tk tr tt ug uk ur uz vi zh"
)
KNOWN_LANGUAGES: frozenset[str] = frozenset(_CODES.split())
"""ISO 639-1 codes a text may be declared to be in."""

_GUESSED = "ar be bg ca cs de el en es fr he hi hu hy id it ja ka kk ko ky mn nl pl pt ro ru sv th tr uk ur uz vi zh"
# The model knows 97 languages; each one that no letter here is written in is one more way to be wrong.
# Tatar, Bashkir and Uyghur share most letters with Kazakh and would win on short Kazakh lines.

_SHORT = 20
_SAMPLE = 3000
_SURE = 0.85

_KAZAKH_ONLY = re.compile("[ғқұіәҒҚҰІӘ]")
_TURKIC_SHARED = re.compile("[ңөүһҢӨҮҺ]")
_UKRAINIAN_ONLY = re.compile("[їєґЇЄҐ]")
_BELARUSIAN_ONLY = re.compile("[ўЎ]")
_CYRILLIC = re.compile("[\u0400-\u04ff]")
_HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff]")
_KANA = re.compile("[\u3041-\u30ff]")
_HANGUL = re.compile("[\uac00-\ud7a3]")
_LETTER = re.compile(r"[^\W\d_]")


class UnknownLanguage(ValueError):
    """The code is not an ISO 639-1 code that Qorgan knows; the message says which codes it may be."""

    rule = "language.unknown"


@dataclass(frozen=True, slots=True)
class LanguageGuess:
    """A language and whether the text was long and clear enough to rely on it."""

    code: str
    certain: bool


class _Identifier(Protocol):
    def classify(self, text: str) -> tuple[str, float]: ...


def check_language(code: str) -> str:
    """The code in lower case. Raises :class:`UnknownLanguage` when it is not in :data:`KNOWN_LANGUAGES`."""
    cleaned = code.strip().lower()
    if cleaned not in KNOWN_LANGUAGES:
        shown = cleaned if re.fullmatch("[a-z]{1,8}", cleaned) else "the given value"
        raise UnknownLanguage(f"{shown} is no known language code; use ISO 639-1, for example kk, ru or en.")
    return cleaned


def detect_language(text: str) -> LanguageGuess:
    """Guess the language of a text. Never raises; an empty text is English and not certain."""
    sample = text[:_SAMPLE]
    letters = len(_LETTER.findall(sample))
    if letters == 0:
        return LanguageGuess("en", certain=False)
    by_letters = _language_by_letters(sample, letters)
    if by_letters is not None:
        return LanguageGuess(by_letters, certain=letters >= _SHORT)
    code, confidence = _identifier().classify(sample)
    if code in {"kk", "ky", "mn"} and not _KAZAKH_ONLY.search(sample) and not _TURKIC_SHARED.search(sample):
        # Cyrillic without one Turkic or Mongolian letter: such a text is Russian far more often.
        return LanguageGuess("ru", certain=letters >= 3 * _SHORT)
    return LanguageGuess(code, certain=letters >= _SHORT and confidence >= _SURE)


def _language_by_letters(sample: str, letters: int) -> str | None:
    """The language that the letters alone decide, or nothing."""
    han = len(_HAN.findall(sample))
    if han * 3 >= letters:
        return "ja" if len(_KANA.findall(sample)) * 10 >= han else "zh"
    if len(_HANGUL.findall(sample)) * 2 >= letters:
        return "ko"
    cyrillic = len(_CYRILLIC.findall(sample))
    if cyrillic * 2 < letters:
        return None
    # One foreign name must not turn a page over: the telling letters are about one in seven of
    # Kazakh, one in thirty of Ukrainian.
    kazakh = len(_KAZAKH_ONLY.findall(sample))
    ukrainian = len(_UKRAINIAN_ONLY.findall(sample))
    if len(_BELARUSIAN_ONLY.findall(sample)) * 100 >= cyrillic:
        return "be" if not re.search("[ғқҒҚҳҲ]", sample) else "uz"
    if ukrainian * 50 >= cyrillic:
        return "uk"
    if kazakh * 25 >= cyrillic and re.search("[әғқұӘҒҚҰңҢ]", sample):
        return "kk"
    return None


@lru_cache(maxsize=1)
def _identifier() -> _Identifier:
    """The model, loaded at the first need: it takes a third of a second that most commands never use."""
    from py3langid import langid

    library: Any = langid.LanguageIdentifier
    identifier = library.from_model_file(langid.MODEL_FILE, norm_probs=True)
    identifier.set_languages(_GUESSED.split())
    checked: _Identifier = identifier
    return checked
