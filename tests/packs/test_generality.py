"""Only data differs between authorities: no file of the engine names a pack, a country or a law."""

from __future__ import annotations

import pytest

from tests.packs.engine_words import ROOT, engine_files, forbidden, said_in
from tests.packs.every_pack import FOLDERS, the_pack_in

FILES = [str(path.relative_to(ROOT)) for path in engine_files()]
READS_THE_WORLD = "it reads letters, languages and links as people write them, whoever they are and from wherever"
AN_INVENTED_CASE = "it is an invented case to look at letters with, before there is a real one; no rule reads it"
EXEMPT = {
    "casework/language.py": READS_THE_WORLD,
    "casework/letter_words.py": READS_THE_WORLD,
    "casework/letter_reader.py": READS_THE_WORLD,
    "casework/letter_links.py": READS_THE_WORLD,
    "casework/link_finder.py": READS_THE_WORLD,
    "casework/link_shapes.py": READS_THE_WORLD,
    "casework/links.py": READS_THE_WORLD,
    "casework/platform_links.py": READS_THE_WORLD,
    "casework/mail_answer.py": READS_THE_WORLD,
    "casework/mail_kinds.py": READS_THE_WORLD,
    "casework/sample_case.py": AN_INVENTED_CASE,
    "casework/sample_words.py": AN_INVENTED_CASE,
    "casework/harm_vocabulary.py": "it is the public vocabulary of harm, word for word, and says whose it is",
}
"""Files in which such a word may stand, each with the reason."""

FIELD_NAMES = {"dsa category", "dsa keyword", "dsa"}
"""Names of fields in packs and notices by which the public vocabulary is exchanged."""


def named_in(source: str) -> list[tuple[int, str]]:
    return [
        (line, found[0])
        for line, text in said_in(source)
        if text not in FIELD_NAMES and (found := forbidden().search(text))
    ]


@pytest.mark.parametrize("path", [path for path in FILES if path not in EXEMPT])
def test_no_file_of_the_engine_names_a_pack_a_country_or_a_law(path: str) -> None:
    assert named_in((ROOT / path).read_text("utf-8")) == []


def test_only_files_that_are_there_and_need_it_are_exempt() -> None:
    """But for those that read letters and links, which may come to need it with the next word they learn."""
    assert set(FILES) >= set(EXEMPT)
    assert named_in((ROOT / "casework/harm_vocabulary.py").read_text("utf-8"))


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_search_finds_what_a_pack_calls_itself_its_rules_and_its_law(folder: str) -> None:
    pack = the_pack_in(folder)
    provision = pack.regime.legal_basis[0]
    for word in (
        folder, pack.sla.clocks[0].id, pack.priority.rules[0].id, provision.code, provision.citation.en,
        f"{pack.authority.number_prefix}-2026-000123", pack.authority.country, pack.authority.names[0].name.en,
    ):  # fmt: skip
        for source in ("rule = {!r}\n", "# as in {}\n", '"""Such as {}."""\n', "x = f'a {{y}} {}'\n"):
            assert named_in(source.format(word)), source


def test_the_search_looks_at_names_of_things_too() -> None:
    assert named_in("def australian_holidays() -> None: ...\n")
    assert named_in("class Rule:\n    kz_prefix: str\n")
    assert named_in("from policies.au import rules\n")
    assert not named_in("number = 'QN-2026-000123'  # nobody's number\n")
