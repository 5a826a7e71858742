"""A pack with something broken in it, and where the fault must be said to be."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from casework.errors import PackError
from casework.pack_reader import read_pack
from tests.casework.building import pack_texts


@dataclass(frozen=True)
class Broken:
    """The ministry's pack with the first ``old`` after ``after`` replaced in one file.

    The one fault stands where the last of ``marks`` is, each looked for after the one before it, and ``said`` is
    its whole sentence; with '…' at the end, the beginning of it.
    """

    stem: str
    after: str
    old: str
    new: str
    marks: tuple[str, ...]
    said: str

    @property
    def texts(self) -> dict[str, str]:
        return edited(pack_texts(), self.stem, self.after, self.old, self.new)


def edited(texts: dict[str, str], stem: str, after: str, old: str, new: str) -> dict[str, str]:
    """The texts with the first ``old`` after ``after`` replaced in one file; it must be there."""
    text = texts[stem]
    place = text.index(old, text.index(after))
    return texts | {stem: text[:place] + new + text[place + len(old) :]}


def faults(texts: dict[str, str]) -> list[str]:
    """What is said about a pack that does not load."""
    with pytest.raises(PackError) as refused:
        read_pack("kz-ministry", texts)
    assert "nothing was loaded" in refused.value.next_step
    return refused.value.message.splitlines()


def line_of(texts: dict[str, str], stem: str, *marks: str) -> str:
    """The file and the line of the last mark."""
    place = 0
    for mark in marks:
        place = texts[stem].index(mark, place)
    return f"kz-ministry/{stem}.yaml:{texts[stem].count(chr(10), 0, place) + 1}"


def check(broken: Broken) -> None:
    """Exactly one fault is found, in its place and in its words."""
    (fault,) = faults(broken.texts)
    place = f"{line_of(broken.texts, broken.stem, *broken.marks)}: "
    assert fault[: len(place)] == place, fault
    sentence = fault[len(place) :]
    if broken.said.endswith("…"):
        assert sentence.startswith(broken.said[:-1]), sentence
    else:
        assert sentence == broken.said
