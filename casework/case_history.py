"""What happened to one case, as far as a policy can make a difference: the input of a replay.

What people, platforms and the completeness gate did is taken as it was recorded. What the system did by itself (levels,
clocks, rungs, repeats, a reporter's time running out) is not in here: that is what a replay finds out.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from casework.lifecycle import MOVES
from casework.moments import MOMENTS
from casework.vocabulary import Action, AgeBand, PauseReason, Priority

BY_HAND = frozenset({"clock.paused", "clock.resumed", "clock.extended"})
"""What a person does to a running clock."""

NEW_FACTS = frozenset({"report.joined", "case.merged_in", "case.amended"})
"""After these an open case is judged again."""

OF_NOTICE = frozenset(
    {"submission.sent", "answer.sent", "answer.given_up", "platform.asked", "platform.decided", "rung.acknowledged"}
)
"""Moments of one notice; all others are the case's."""

_OWN = frozenset({"rung.raised", "extension.granted", "report.held", "hold.settled"})
"""Moments that a replay makes itself, and those of a held report, which is no case yet."""

KINDS: frozenset[str] = frozenset(
    {f"moved.{action}" for action in MOVES if action is not Action.LAPSE}
    | (MOMENTS.keys() - _OWN)
    | NEW_FACTS
    | BY_HAND
    | {"priority.changed"}
)
"""Kinds of events of the record that a replay takes as they are."""


@dataclass(frozen=True, slots=True)
class Happened:
    """One event of the record. ``notice`` is the number of the notice it is about; 0: the case itself.

    ``platform``: of a notice or an answer that went out. ``rung``: of an acknowledgement. ``level`` and
    ``level_before``: of a change of priority by a person. ``clock``, ``reason`` and ``until``: of what a person did to
    a clock, which is named by its rule.
    """

    at: datetime
    kind: str
    notice: int = 0
    rung: int = 0
    level: Priority | None = None
    level_before: Priority | None = None
    clock: str = ""
    reason: PauseReason | None = None
    until: datetime | None = None
    platform: str = ""


@dataclass(frozen=True, slots=True)
class CaseHistory:
    """A recorded case. ``happened`` is in order of the record; ``reports`` says when each report of it came.

    ``instrument`` None: the form of notice that its category has by default; a code: the one a person chose.
    ``political``: its text reads politically, whatever its category.
    """

    number: str
    category: str
    age_band: AgeBand
    indicators: frozenset[str]
    happened: tuple[Happened, ...]
    reports: tuple[datetime, ...] = ()
    platforms: int = 1
    reporter_is_child: bool = False
    political: bool = False
    instrument: str | None = None
