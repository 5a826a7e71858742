"""Every letter in every language with every pack's wording, and what became of each since the last release."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from casework.errors import QorganError
from casework.letter_context import LetterContext
from casework.letters import LETTERS
from casework.payload import sha256
from casework.policy_pack import Pack
from casework.sample_case import sample_letter
from casework.vocabulary import LANGUAGES, Instrument
from tasks.letterpress import Letterpress, Rendered
from tasks.runtime import load_pack
from tasks.settings import ROOT

TEMPLATES = ROOT / "templates"
POLICIES = ROOT / "policies"
RELEASED = TEMPLATES / "released.json"
"""Hashes of the letters as they were last released, by pack, letter and language."""


class CellState(StrEnum):
    """How a letter stands beside its last release."""

    OK = "ok"
    CHANGED = "changed"
    NEW = "new"
    FAULT = "fault"


@dataclass(frozen=True, slots=True)
class Cell:
    """One letter in one language with one pack's wording. ``made`` is None where it cannot be rendered."""

    pack: str
    letter: str
    language: str
    state: CellState
    made: Rendered | None
    sha256: str = ""
    fault: str = ""

    @property
    def key(self) -> str:
        return f"{self.pack}/{self.letter}/{self.language}"


def packs_here() -> list[str]:
    """Names of the packs, the one that is used by default first."""
    first = (POLICIES / "default.txt").read_text(encoding="utf-8").strip()
    return sorted((path.name for path in POLICIES.iterdir() if path.is_dir()), key=lambda name: (name != first, name))


def how_many(packs: list[str]) -> int:
    """How many letters a matrix of these packs has."""
    return len(packs) * len(LETTERS) * len(LANGUAGES)


def matrix(packs: list[str], released: Mapping[str, str]) -> Iterator[Cell]:
    """Render the sample case into every letter, pack by pack. A letter that fails is a cell like any other."""
    for pack in packs:
        try:
            read = load_pack(POLICIES / pack)
            press, fault = Letterpress(TEMPLATES, wording=read.wording), ""
        except QorganError as error:
            press, fault = None, error.message.partition("\n")[0]
        for letter in LETTERS:
            for language in LANGUAGES:
                if press is None:
                    yield Cell(pack, letter, language, CellState.FAULT, None, fault=fault)
                else:
                    yield _cell(pack, read, press, letter, language, released)


def _cell(name: str, pack: Pack, press: Letterpress, letter: str, language: str, released: Mapping[str, str]) -> Cell:
    try:
        made = press.render(letter, sample_under(pack, press, letter, language))
    except QorganError as error:
        return Cell(name, letter, language, CellState.FAULT, None, fault=error.message)
    digest = sha256("\0".join((made.subject, made.text, made.html)).encode())
    before = released.get(f"{name}/{letter}/{language}")
    state = CellState.NEW if before is None else CellState.OK if before == digest else CellState.CHANGED
    return Cell(name, letter, language, state, made, digest)


def sample_under(pack: Pack, press: Letterpress, letter: str, language: str) -> LetterContext:
    """The sample case, with the form of notice that is the pack's own, in the pack's words for it."""
    sample = sample_letter(letter, language)
    if LETTERS[letter].about == "several" or letter == "platform_prescription":
        return sample
    forms = [rule.instrument for rule in pack.regime.instruments]
    code = next((form for form in forms if form is not Instrument.PLATFORM_REPORT), forms[0])
    return {**sample, "instrument": press.word("instrument", code, language), "instrument_code": code}


def read_released() -> dict[str, str]:
    """The hashes of the last release; none before the first."""
    if not RELEASED.exists():
        return {}
    found: dict[str, str] = json.loads(RELEASED.read_text(encoding="utf-8"))
    return found


def write_released(cells: list[Cell]) -> None:
    """Make these letters the last release. Raises QorganError while one of them has a fault."""
    faults = [cell.key for cell in cells if cell.state is CellState.FAULT]
    if faults:
        raise QorganError(
            f"letters with a fault: {len(faults)}, the first is {faults[0]}",
            rule="letter.release_with_faults",
            next_step="Mend them; the last release stays as it is.",
        )
    hashes = {cell.key: cell.sha256 for cell in sorted(cells, key=lambda cell: cell.key)}
    RELEASED.write_text(json.dumps(hashes, indent=0) + "\n", encoding="utf-8")
