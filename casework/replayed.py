"""What a replay found out, and what differs between two replays of one case."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from casework.vocabulary import Lane, Priority


@dataclass(frozen=True, slots=True)
class ReplayedClock:
    """One clock. ``notice`` is the number of the notice it is about, 0: the case; ``warned`` counts its warnings."""

    rule: str
    notice: int
    started_at: datetime
    due_at: datetime
    warned: int
    breached_at: datetime | None
    stopped_at: datetime | None
    stopped_by: str


@dataclass(frozen=True, slots=True)
class ReplayedLetter:
    """One letter that is intended, whoever gets it. ``notice`` 0: it is about the case."""

    kind: str
    notice: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Replayed:
    """What became of a case. ``set_by`` is the rule that gave it its level, or 'a person'.

    ``lapsed_at``: when the reporter's time ran out and the case was closed. ``refused``: what people did to a clock
    and may not do under this pack, as (clock's rule, rule that forbids it).
    """

    level: Priority
    set_by: str
    lane: Lane
    clocks: tuple[ReplayedClock, ...]
    letters: tuple[ReplayedLetter, ...]
    lapsed_at: tuple[datetime, ...] = ()
    refused: tuple[tuple[str, str], ...] = ()


T = TypeVar("T")
Which = tuple[str, int, int]
"""A clock's rule or a letter's kind, the notice it is about, and which of several such it is, from 1."""


@dataclass(frozen=True, slots=True)
class Difference:
    """What would be different under another pack. A clock that only one of the two has may have breached there."""

    level: tuple[Priority, Priority] | None
    lane: tuple[Lane, Lane] | None
    newly_breached: tuple[Which, ...]
    no_longer_breached: tuple[Which, ...]
    due_moved: tuple[Which, ...]
    clocks_gone: tuple[Which, ...]
    clocks_new: tuple[Which, ...]
    letters_gone: tuple[Which, ...]
    letters_new: tuple[Which, ...]
    lapses: tuple[int, int] | None

    @property
    def nothing(self) -> bool:
        """Whether the two packs come to the same."""
        return self == NOTHING


NOTHING = Difference(None, None, (), (), (), (), (), (), (), None)


def compare(old: Replayed, new: Replayed) -> Difference:
    """What ``new`` has otherwise than ``old``; clocks and letters of a kind are paired in order."""
    if old == new:
        return NOTHING
    before = _numbered((clock.rule, clock.notice, clock) for clock in old.clocks)
    after = _numbered((clock.rule, clock.notice, clock) for clock in new.clocks)
    letters_before = _numbered((letter.kind, letter.notice, letter) for letter in old.letters)
    letters_after = _numbered((letter.kind, letter.notice, letter) for letter in new.letters)
    late_before = {which for which, clock in before.items() if clock.breached_at}
    late_after = {which for which, clock in after.items() if clock.breached_at}
    return Difference(
        level=(old.level, new.level) if old.level is not new.level else None,
        lane=(old.lane, new.lane) if old.lane is not new.lane else None,
        newly_breached=tuple(sorted(late_after - late_before)),
        no_longer_breached=tuple(sorted(late_before - late_after)),
        due_moved=tuple(
            sorted(which for which, clock in before.items() if which in after and after[which].due_at != clock.due_at)
        ),
        clocks_gone=tuple(sorted(before.keys() - after.keys())),
        clocks_new=tuple(sorted(after.keys() - before.keys())),
        letters_gone=tuple(sorted(letters_before.keys() - letters_after.keys())),
        letters_new=tuple(sorted(letters_after.keys() - letters_before.keys())),
        lapses=(len(old.lapsed_at), len(new.lapsed_at)) if len(old.lapsed_at) != len(new.lapsed_at) else None,
    )


def _numbered(found: Iterable[tuple[str, int, T]]) -> dict[Which, T]:
    counts: dict[tuple[str, int], int] = {}
    numbered: dict[Which, T] = {}
    for name, notice, value in found:
        counts[name, notice] = counts.get((name, notice), 0) + 1
        numbered[name, notice, counts[name, notice]] = value
    return numbered
