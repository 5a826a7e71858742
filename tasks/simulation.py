"""What if: the recorded cases of the last days, lived through under the policy in use and under another one.

Nothing is written. Both replays are judged by the same measure, so that what differs comes from the policies alone;
a case that one of them cannot take is counted and named, and the others go on.
"""

from __future__ import annotations

import gc
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from casework.case_history import CaseHistory
from casework.errors import QorganError
from casework.policy_pack import Pack
from casework.replay import replay
from casework.replayed import Difference, Replayed, Which, compare
from casework.rulebook import Memory, Rulebook, newest_day, timeless
from casework.vocabulary import Lane, Priority
from casework.working_time_errors import WorkingTimeError
from db.queries.histories import count_cases_since
from tasks.recorded_histories import RecordUnreadable, recorded_histories
from tasks.runtime import Runtime

EXAMPLES = 5
"""Case numbers that are kept of each change."""

Progress = Callable[[int, int], None]
"""Called with the cases done and the cases there are."""


@dataclass(slots=True)
class ClockCount:
    """The clocks of one rule, before and after: started, warnings given, breached, and what changed between."""

    started: list[int] = field(default_factory=lambda: [0, 0])
    warned: list[int] = field(default_factory=lambda: [0, 0])
    breached: list[int] = field(default_factory=lambda: [0, 0])
    newly_breached: int = 0
    no_longer_breached: int = 0
    due_moved: int = 0


@dataclass(slots=True)
class LetterCount:
    """The letters of one kind, before and after, how many would go in addition and how many would not."""

    written: list[int] = field(default_factory=lambda: [0, 0])
    new: int = 0
    gone: int = 0


@dataclass(slots=True)
class Simulation:
    """What the two policies come to. Every pair is (in use, new). ``failed`` names cases by the reason."""

    since: datetime
    until: datetime
    versions: tuple[str, str]
    days: tuple[date, date]
    cases: int = 0
    changed: int = 0
    levels: tuple[Counter[Priority], Counter[Priority]] = field(default_factory=lambda: (Counter(), Counter()))
    moves: Counter[tuple[Priority, Priority]] = field(default_factory=Counter)
    lanes: Counter[tuple[Lane, Lane]] = field(default_factory=Counter)
    clocks: dict[str, ClockCount] = field(default_factory=lambda: defaultdict(ClockCount))
    letters: dict[str, LetterCount] = field(default_factory=lambda: defaultdict(LetterCount))
    lapses: list[int] = field(default_factory=lambda: [0, 0])
    refused: Counter[tuple[str, str]] = field(default_factory=Counter)
    failed: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    examples: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    @property
    def replayed(self) -> int:
        return self.cases - sum(len(numbers) for numbers in self.failed.values())


def simulate(
    runtime: Runtime,
    new: Pack,
    days: int = 90,
    *,
    on: date | None = None,
    progress: Progress | None = None,
) -> Simulation:
    """Replay the cases received in the last ``days`` days under the policy in use, as it is in force today, and under
    ``new``, as it is in force on the day ``on``: by default when all of it is. Up to now; nothing is written."""
    now = runtime.now()
    since, today = now - timedelta(days=days), runtime.pack.local_date(now)
    day = on or newest_day(new, new.local_date(now))
    memory = Memory()
    before = Rulebook(timeless(runtime.pack, today), memory)
    after = Rulebook(timeless(new, day), memory)
    found = Simulation(since, now, (runtime.pack.version, new.version), (today, day))
    with runtime.sessions.read() as session, _memory_at_rest():
        total = count_cases_since(session, since)
        if progress is not None:
            progress(0, total)
        for page in recorded_histories(session, since, runtime.pack):
            for number, history in page:
                found.cases += 1
                _take(found, number, history, before, after)
            if progress is not None:
                progress(found.cases, max(total, found.cases))
    return found


@contextmanager
def _memory_at_rest() -> Iterator[None]:
    """What was there before is not looked through again and again while many short-lived values come and go."""
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def _take(
    found: Simulation, number: str, history: CaseHistory | RecordUnreadable, before: Rulebook, after: Rulebook
) -> None:
    if isinstance(history, RecordUnreadable):
        found.failed[str(history)].append(number)
        return
    try:
        old, new = replay(history, before, found.until), replay(history, after, found.until)
    except Exception as error:
        # One case that cannot be replayed must not hide what becomes of all others; it is named with its reason.
        found.failed[_reason(error, number)].append(number)
        return
    difference = compare(old, new)
    _count(found, old, 0)
    _count(found, new, 1)
    if not difference.nothing:
        found.changed += 1
        _differs(found, number, difference)
    for refusal in new.refused:
        if refusal not in old.refused:
            found.refused[refusal] += 1
            _example(found, f"refused {refusal[0]}", number)


def _reason(error: Exception, number: str) -> str:
    """Why a case was not replayed, in words that are the same for every case with that reason."""
    if isinstance(error, QorganError):
        return error.message.removeprefix(f"{number}: ")
    return str(error) if isinstance(error, WorkingTimeError) else f"unexpected: {type(error).__name__}"


def _count(found: Simulation, replayed: Replayed, side: int) -> None:
    found.levels[side][replayed.level] += 1
    found.lapses[side] += len(replayed.lapsed_at)
    for clock in replayed.clocks:
        count = found.clocks[clock.rule]
        count.started[side] += 1
        count.warned[side] += clock.warned
        count.breached[side] += clock.breached_at is not None
    for letter in replayed.letters:
        found.letters[letter.kind].written[side] += 1


def _differs(found: Simulation, number: str, difference: Difference) -> None:
    if difference.level is not None:
        found.moves[difference.level] += 1
        _example(found, f"level {difference.level[0]} to {difference.level[1]}", number)
    if difference.lane is not None:
        found.lanes[difference.lane] += 1
        _example(found, f"lane {difference.lane[0]} to {difference.lane[1]}", number)
    for which in difference.newly_breached:
        found.clocks[which[0]].newly_breached += 1
        _example(found, f"newly breached {which[0]}", number)
    for which in difference.no_longer_breached:
        found.clocks[which[0]].no_longer_breached += 1
        _example(found, f"no longer breached {which[0]}", number)
    for which in difference.due_moved:
        found.clocks[which[0]].due_moved += 1
    for kind, count in _kinds(difference.letters_new).items():
        found.letters[kind].new += count
        _example(found, f"new letter {kind}", number)
    for kind, count in _kinds(difference.letters_gone).items():
        found.letters[kind].gone += count
        _example(found, f"letter not written {kind}", number)


def _kinds(letters: tuple[Which, ...]) -> Counter[str]:
    return Counter(kind for kind, _, _ in letters)


def _example(found: Simulation, of: str, number: str) -> None:
    kept = found.examples[of]
    if len(kept) < EXAMPLES and number not in kept:
        kept.append(number)
