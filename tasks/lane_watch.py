"""Who watches a lane: looks each second for what becomes ready, so that a raised case waits for no new process.

It is told through the database, because the next to watch may be on another host: a drive that takes the watch up
relieves the one before it.
"""

from __future__ import annotations

from db.queries.clocks import record_success
from db.queries.heartbeats import heartbeats
from tasks.record import transaction
from tasks.runtime import Runtime

_WATCH = "watch@"
"""Before the lane's name: the heartbeat that says who took the watch up last."""


def take_up(runtime: Runtime, lane: str, watcher: str) -> None:
    """From now on ``watcher`` watches this lane."""
    with transaction(runtime) as session:
        record_success(session, _WATCH + lane, runtime.now(), {"by": watcher})


def relieved(runtime: Runtime, lane: str, watcher: str) -> bool:
    """Whether another has taken the watch up since ``watcher`` did."""
    with runtime.sessions.read() as session:
        _, detail = heartbeats(session).get(_WATCH + lane, (None, {"by": watcher}))
    return detail["by"] != watcher
