"""Tell the operators that something of the machinery is wrong: few letters, however it storms.

About one thing there is one letter an hour. When many things go wrong in the same way, the last letter of the hour says
so and no more are written: the board and Prefect's pages have the rest.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal, get_args

from casework.errors import QorganError
from casework.facts import SYSTEM
from casework.vocabulary import Recipient
from db.base import JsonDict
from db.queries.alarms import RAISED, count_raised
from db.queries.letters import known_once_keys
from tasks.heartbeats import Beat, steady_for
from tasks.logs import logger
from tasks.outbox import queue_about_several
from tasks.record import note, transaction
from tasks.runtime import Runtime

KIND = "operations_alarm"

What = Literal["run-failed", "run-crashed", "sweep-late", "schedule-late", "queue-not-polled", "drive-fails"]
"""What can be alarmed about; docs/when-it-is-red.md has a section for each."""

WHATS: tuple[str, ...] = get_args(What)

MOST_OF_A_KIND = 5
"""Letters an hour about one ``what``, the last of which stands for all that follow."""

MANY = "many"
"""What the last of them is about."""

ABOUT = r"^[A-Za-z0-9][A-Za-z0-9._:/-]{0,63}$"
"""A case number, a deployment, a flow or a queue: no text that a person wrote fits in it."""

log = logger("alarms")


def raise_alarm(runtime: Runtime, what: What, about: str) -> bool:
    """Intend one letter about ``what``; False when this hour's letter about it was intended before.

    Raises QorganError for a ``what`` that is not listed or an ``about`` that does not fit ``ABOUT``.
    """
    if what not in WHATS:
        raise QorganError("unknown alarm", rule="alarm.unknown", next_step=f"Say one of: {', '.join(WHATS)}.")
    if not re.match(ABOUT, about):
        raise QorganError(
            "an alarm names one thing: a case number, a deployment or a queue",
            rule="alarm.about",
            next_step="Use letters, digits and . : _ / -, at most 64 of them.",
        )
    at, authority = runtime.now(), runtime.pack.authority
    hour = at.replace(minute=0, second=0, microsecond=0)
    key = f"{KIND}:{what}:{hour:%Y%m%dT%H}"
    with transaction(runtime) as session:
        if known_once_keys(session, [f"{key}:{about}"]):
            return False
        written = count_raised(session, what, hour)
        if written >= MOST_OF_A_KIND:
            return False
        named = MANY if written == MOST_OF_A_KIND - 1 else about
        said: JsonDict = {
            "rows": [{"case": named, "group": "alarm", "what": what, "since": at.isoformat(), "due": None, "rung": 0}],
            "period_from": at.isoformat(),
            "period_to": at.isoformat(),
        }
        row = queue_about_several(
            session, KIND, Recipient.UNIT.value, authority.default_language, at,
            once=f"{key}:{named}", context=said, urgent=True,
        )  # fmt: skip
        note(session, runtime, None, RAISED, SYSTEM, at, data={"letter": row.id, "what": what, "about": named})
    log.warning("alarm raised", what=what, about=named)
    return True


def alarm_late(runtime: Runtime, beats: Iterable[Beat], sweep: str) -> None:
    """Raise an alarm for every schedule that is late, once the sweep itself has run for longer than it is late."""
    with runtime.sessions.read() as session:
        steady = steady_for(session, sweep, runtime.now())
    for one in beats:
        if one.late and steady > one.schedule.late_after:
            raise_alarm(runtime, "schedule-late", one.schedule.name)
