"""The board: how all cases stand at one moment, for the operator who has ten seconds. Case numbers only.

What is said here goes to Prefect, which knows no roles: no name, no address, no link, no text of a report or a letter.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from casework.vocabulary import Lane
from db.queries.board import (
    ClocksAtRisk,
    ForPeople,
    OldestCase,
    OpenGroup,
    ReadyGroup,
    SetAside,
    cases_set_aside,
    clocks_at_risk,
    count_set_aside,
    counted_since,
    for_people,
    keep_count,
    last_counted,
    oldest_cases,
    open_groups,
    ready_groups,
)
from tasks.heartbeats import Beat, beats, expect
from tasks.record import transaction
from tasks.runtime import Runtime
from tasks.switches import muted

AHEAD = (1, 4, 24)
"""Hours ahead in which clocks are shown as at risk."""

LOOK_BACK = timedelta(days=7)
"""How far back the picture goes."""

KEPT = timedelta(days=35)
"""How long an hour's count is kept."""

READY_TOO_LONG = {Lane.CHILD_SAFETY: timedelta(minutes=3), Lane.ROUTINE: timedelta(minutes=30)}
"""A case that has been ready for so long is not being driven, whatever the runs say."""

MOVES_CHILDREN = frozenset({"inbox", "lane-child-safety", "clocks"})
"""Deployments without which a child's case stands still."""

MOST_SET_ASIDE = 20
"""Cases set aside that are listed one by one; the count tells how many there are."""


@dataclass(frozen=True, slots=True)
class Red:
    """One thing that an operator should look at first. ``section`` is its heading in docs/when-it-is-red.md."""

    section: str
    said: str
    children: bool = False
    """Whether it holds up children's cases."""


@dataclass(frozen=True, slots=True)
class Board:
    """How all cases stand at one moment."""

    at: datetime
    zone: str
    groups: Sequence[OpenGroup]
    oldest: Sequence[OldestCase]
    ready: Sequence[ReadyGroup]
    aside: Sequence[SetAside]
    set_aside: int
    at_risk: Sequence[ClocksAtRisk]
    people: ForPeople
    beats: Sequence[Beat]
    counted: Sequence[tuple[datetime, str, str, int]]
    muted: bool
    """Whether a person holds back everything that leaves."""

    @property
    def red(self) -> list[Red]:
        """What to look at first: what holds up children's cases, then the rest."""
        return sorted(_red(self), key=lambda one: not one.children)

    @property
    def verdict(self) -> str:
        """The answer to the first question of the day, short enough for a card."""
        return "Children's cases are held up" if any(one.children for one in self.red) else "Children's cases move"

    @property
    def headline(self) -> str:
        """The answer, and what stands in the way."""
        red = self.red
        held_up = [one.said for one in red if one.children]
        if held_up:
            return f"{self.verdict}: {held_up[0]}."
        more = f" {len(red)} other {'thing' if len(red) == 1 else 'things'} to look at." if red else " All is well."
        return f"{self.verdict}.{more}"


def refresh(runtime: Runtime) -> Board:
    """The board as it is now; once an hour the open cases are counted for its picture."""
    board = read_board(runtime)
    counted_at = board.counted[-1][0] if board.counted else None
    unseen = any(one.expected_since is None for one in board.beats)
    if unseen or counted_at is None or _hour(counted_at) != _hour(board.at):
        with transaction(runtime) as session:
            expect(session, board.at)
            # Another sweep may have counted meanwhile.
            counted_at = last_counted(session)
            if counted_at is None or _hour(counted_at) != _hour(board.at):
                keep_count(session, board.at, board.groups, forget_before=board.at - KEPT)
    return board


def read_board(runtime: Runtime) -> Board:
    """The board as it is now. Reads only."""
    now = runtime.now()
    with runtime.sessions.read() as session:
        groups = open_groups(session, now)
        return Board(
            at=now,
            zone=runtime.pack.authority.zone,
            groups=groups,
            oldest=oldest_cases(session, groups),
            ready=ready_groups(session, now),
            aside=cases_set_aside(session, MOST_SET_ASIDE),
            set_aside=count_set_aside(session),
            at_risk=clocks_at_risk(session, now, AHEAD),
            people=for_people(session),
            beats=beats(session, now),
            counted=counted_since(session, now - LOOK_BACK),
            muted=bool(muted(session)),
        )


def _hour(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0)


def _red(board: Board) -> Iterator[Red]:
    if board.muted:
        yield Red("Muted", "nothing is sent until a person lifts the mute", children=True)
    for one in board.beats:
        if one.late and one.expected_since is not None:
            name = one.schedule.name
            since = "has never succeeded" if one.succeeded_at is None else f"last succeeded {_ago(board, one)} ago"
            yield Red("Schedule late", f"schedule '{name}' {since}", name in MOVES_CHILDREN)
    for group in board.ready:
        waited = board.at - group.since
        if waited > READY_TOO_LONG[Lane(group.lane)]:
            said = f"{counted(group.cases, 'case')} of lane {group.lane} ready, the first for {short(waited)}"
            yield Red("Cases ready and not driven", said, group.lane == Lane.CHILD_SAFETY)
    children = [one for one in board.aside if one.lane == Lane.CHILD_SAFETY]
    if children:
        said = f"{counted(len(children), 'case')} set aside, first {children[0].number}"
        yield Red("Case set aside", said, children=True)
    elif board.set_aside:
        yield Red("Case set aside", f"{counted(board.set_aside, 'routine case')} set aside")
    for section, count, what in (
        ("Dead letter", board.people.letters, "dead letter"),
        ("Notice refused or unknown", board.people.notices, "notice"),
        ("Mail held", board.people.mails, "mail"),
        ("Holding pen", board.people.held, "held report"),
    ):
        if count:
            yield Red(section, f"{counted(count, what)} {'needs' if count == 1 else 'need'} a person")


def _ago(board: Board, one: Beat) -> str:
    assert one.succeeded_at is not None
    return short(board.at - one.succeeded_at)


def counted(count: int, what: str) -> str:
    """A number with its word: 1 case, 2 cases."""
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"


def short(length: timedelta) -> str:
    """A length of time for a glance: 40 s, 12 min, 5 h, 3 d; rounded down."""
    seconds = int(length.total_seconds())
    for unit, name in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * unit or (unit < 86_400 and seconds >= unit):
            return f"{seconds // unit} {name}"
    return f"{seconds} s"
