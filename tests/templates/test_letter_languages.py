"""The language of a letter: the recipient's, else the case's, else the authority's, and nothing else's."""

from __future__ import annotations

import locale
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cache

import pytest

from casework.letters import LETTERS, LanguageOf, language_of
from casework.policy_people import Authority
from tasks.letterpress import Letterpress, Rendered
from tasks.runtime import load_pack
from tasks.settings import ROOT
from tests.templates.built_contexts import context
from tests.templates.rendering import EVERY_LETTER, TEMPLATES


@cache
def authority(pack: str) -> Authority:
    return load_pack(ROOT / "policies" / pack).authority


@pytest.mark.parametrize(
    ("recipient", "case", "written"),
    [
        ("kk", "ru", "kk"),
        ("ru", "kk", "ru"),
        ("en", "ru", "en"),
        ("", "kk", "kk"),
        (None, "kk", "kk"),
        ("de", "kk", "kk"),
        ("de", "fr", "ru"),
        (None, "", "ru"),
        (None, None, "ru"),
    ],
)
@pytest.mark.parametrize("letter", LETTERS)
def test_the_first_of_recipient_case_and_authority_that_we_write_in(
    letter: str, recipient: str | None, case: str | None, written: str
) -> None:
    assert authority("kz-ministry").default_language == "ru"
    assert language_of(LETTERS[letter], recipient, case, authority("kz-ministry")) == written


def test_a_line_may_leave_the_recipient_out() -> None:
    line = replace(LETTERS["closure"], languages=(LanguageOf.CASE, LanguageOf.AUTHORITY))
    assert language_of(line, "en", "kk", authority("kz-ministry")) == "kk"
    line = replace(LETTERS["closure"], languages=(LanguageOf.AUTHORITY,))
    assert language_of(line, "en", "kk", authority("kz-ministry")) == "ru"


def test_an_authority_writes_only_in_its_own_languages() -> None:
    for pack in ("au-esafety", "eu-trusted-flagger", "kz-ministry"):
        for wanted in ("kk", "ru", "en", "de", None):
            assert language_of(LETTERS["receipt"], wanted, wanted, authority(pack)) in authority(pack).languages


def test_every_chain_ends_with_the_authority() -> None:
    assert {line.languages[-1] for line in LETTERS.values()} == {LanguageOf.AUTHORITY}


def test_the_machines_own_language_has_no_say(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LANG", "LC_ALL", "LANGUAGE"):
        monkeypatch.setenv(name, "de_DE.UTF-8")
    before = locale.setlocale(locale.LC_ALL)
    assert language_of(LETTERS["receipt"], None, None, authority("kz-ministry")) == "ru"
    assert locale.setlocale(locale.LC_ALL) == before


def test_letters_made_at_the_same_time_do_not_mix_their_languages() -> None:
    """Subject and bodies are made in one call from the language in their context."""
    press = Letterpress(TEMPLATES)
    wanted = EVERY_LETTER[:45] * 4
    alone = {pair: press.render(pair[0], context(*pair)) for pair in EVERY_LETTER[:45]}

    def make(pair: tuple[str, str]) -> Rendered:
        return press.render(pair[0], context(*pair))

    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(make, wanted))
    assert together == [alone[pair] for pair in wanted]
