"""The board as a page for Prefect: children's cases first, then what else waits, and what is late on top of its table.

Prefect's page shows a picture in a markdown page only as a ``data:`` address; a drawing written into it is taken out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from casework.vocabulary import Lane, Priority, Status
from db.queries.board import OpenGroup
from tasks.board import AHEAD, Board, counted, short
from tasks.board_picture import picture_address

_STAGES = [status.value for status in Status]
_TITLES = {Lane.CHILD_SAFETY: "Children's cases", Lane.ROUTINE: "Routine cases"}


def board_page(board: Board) -> str:
    """The page in markdown."""
    return "\n".join(_page(board)) + "\n"


def _page(board: Board) -> Iterator[str]:
    yield f"# {board.headline}"
    yield ""
    yield f"{_local(board, board.at)} ({board.zone}); every sweep writes this anew. What to do: docs/when-it-is-red.md."
    yield ""
    if board.red:
        yield from _table(("Look first", "found"), [(f"**{one.section}**", one.said) for one in board.red], words=2)
    for lane in Lane:
        yield from _lane(board, lane)
    drawn = picture_address(board.counted, board.at, ZoneInfo(board.zone))
    if drawn:
        yield "## The last days"
        yield ""
        yield f"![Open cases by stage, hour by hour]({drawn})"
        yield ""
    yield from _due_soon(board)
    yield from _aside(board)
    yield from _people(board)
    yield from _schedules(board)


def _lane(board: Board, lane: Lane) -> Iterator[str]:
    groups = [group for group in board.groups if group.lane == lane]
    ready = sum(group.cases for group in board.ready if group.lane == lane)
    yield f"## {_TITLES[lane]}: {sum(group.cases for group in groups):,} open, {ready:,} ready to be driven"
    yield ""
    if not groups:
        return
    oldest = {one.status: one for one in board.oldest if one.lane == lane}
    rows = []
    for status in _STAGES:
        here = [group for group in groups if group.status == status]
        if here:
            first = oldest.get(status)
            waits = f"{first.number}, {short(board.at - first.received_at)}" if first else ""
            rows.append((status.replace("_", " "), *_counts(here), waits))
    rows.append(("**all**", *_counts(groups), ""))
    yield from _table(("stage", *Priority, "all", "a deadline passed", "oldest report"), rows)


def _counts(groups: Sequence[OpenGroup]) -> Iterator[str]:
    found: Counter[str] = Counter()
    for group in groups:
        found[group.priority] += group.cases
        found["all"] += group.cases
        found["overdue"] += group.overdue
    return (_figure(found[name]) for name in (*Priority, "all", "overdue"))


def _due_soon(board: Board) -> Iterator[str]:
    yield f"## Due within {', '.join(map(str, AHEAD[:-1]))} and {AHEAD[-1]} hours"
    yield ""
    if not board.at_risk:
        yield "No clock."
        yield ""
        return
    rows = []
    for priority in Priority:
        of = {one.ours: one.within for one in board.at_risk if one.priority == priority}
        if of:
            none = (0,) * len(AHEAD)
            rows.append((priority.value, *map(_figure, of.get(True, none)), *map(_figure, of.get(False, none))))
    ours, others = ([f"{whose}, {hours} h" for hours in AHEAD] for whose in ("ours", "others'"))
    yield from _table(("clocks of", *ours, *others), rows, words=0)


def _aside(board: Board) -> Iterator[str]:
    if not board.set_aside:
        return
    yield f"## Set aside after failed drives: {counted(board.set_aside, 'case')}"
    yield ""
    rows = [
        (one.number, one.priority, str(one.failures), _local(board, one.since), _local(board, one.again_at))
        for one in board.aside
    ]
    yield from _table(("case", "priority", "failures in a row", "since", "tried again"), rows, words=5)
    if board.set_aside > len(board.aside):
        yield f"And {board.set_aside - len(board.aside):,} more."
        yield ""


def _people(board: Board) -> Iterator[str]:
    yield "## Needs a person"
    yield ""
    people = board.people
    yield from _table(
        ("what", "how many", "see"),
        [
            ("dead letters", _figure(people.letters), "`qorgan letters list --dead`"),
            ("notices refused or unknown", _figure(people.notices), "`qorgan submission list`"),
            ("mails held", _figure(people.mails), "`qorgan mail list --state held`"),
            ("reports held", _figure(people.held), "`qorgan held list`"),
        ],
    )


def _schedules(board: Board) -> Iterator[str]:
    yield "## Schedules"
    yield ""
    rows = []
    for one in board.beats:
        state = "**LATE**" if one.late else "well" if one.succeeded_at else "not yet due"
        last = "never" if one.succeeded_at is None else f"{short(board.at - one.succeeded_at)} ago"
        rows.append((one.schedule.name, state, last, short(one.schedule.late_after)))
    yield from _table(("schedule", "", "last success", "late after"), rows, words=4)


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]], *, words: int = 1) -> Iterator[str]:
    """A table whose first column and last ``words`` columns are words; all between are figures, set to the right."""
    figures = max(len(columns) - 1 - words, 0)
    yield f"| {' | '.join(columns)} |"
    yield "|".join(("", "---", *["---:"] * figures, *["---"] * (len(columns) - 1 - figures), ""))
    for row in rows:
        yield f"| {' | '.join(row)} |"
    yield ""


def _figure(count: int) -> str:
    return f"{count:,}" if count else "·"


def _local(board: Board, at: datetime | None) -> str:
    return "" if at is None else f"{at.astimezone(ZoneInfo(board.zone)):%Y-%m-%d %H:%M}"
