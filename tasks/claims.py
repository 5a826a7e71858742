"""The claims of one drive: which case comes next, kept while the drive lives, given back at its end.

A claim lasts half a minute and is renewed every ten seconds, from a thread of its own, so that a long call does not
let it lapse. So a drive that was killed keeps a child's case from the next one for half a minute and no longer,
while a drive at work is overtaken by nobody. A drive that was stopped gives its claims back at once.
"""

from __future__ import annotations

import threading
import time
from datetime import datetime
from types import TracebackType
from typing import Self

from db.queries.cases import by_urgency, more_urgent_ready, next_lapse, release_claims, renew_claims
from tasks.case_lifecycle import LEASE, claim
from tasks.logs import logger
from tasks.runtime import Runtime

PAGE = 25
"""Cases claimed at a time: few enough that a second drive finds some, many enough that claiming costs little."""

LOOK_SECONDS = 1.0
"""Shortest time between two looks for something more urgent: a look costs as the backlog is long."""

RENEW_SECONDS = 10.0
"""Two renewals may fail before a claim lapses."""

HANGS_SECONDS = 600.0
"""A drive that began or ended no case for so long hangs: it keeps its claims no longer."""

log = logger("claims")


class Claims:
    """A context: inside it ``take`` gives one case after another, to any number of threads.

    ``left`` is how many it may still give.
    """

    def __init__(self, runtime: Runtime, lane: str | None, owner: str, most: int) -> None:
        self._runtime, self._lane, self.owner, self.left = runtime, lane, owner, most
        self._page: list[str] = []
        self._driven: set[str] = set()
        # One thread at a time talks to the database about what comes next; nobody else ever waits for it.
        self._claiming = threading.Lock()
        self._ended = threading.Event()
        self._keeper = threading.Thread(target=self._keep, name="claims", daemon=True)
        self._moved_on = self._looked = time.monotonic()

    def __enter__(self) -> Self:
        self._keeper.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        with self._claiming:
            self.left = 0
            if held := self._held():
                with self._runtime.sessions.write.begin() as session:
                    release_claims(session, self.owner, held)

    def take(self) -> str | None:
        """The case to drive next, the most urgent that is ready; None when none is, or enough were taken."""
        with self._claiming:
            if not self.left:
                return None
            if not self._page:
                self._looked = time.monotonic()
                self._page += claim(self._runtime, self._lane, self.owner, min(PAGE, self.left))
            elif self._more_urgent_is_ready():
                self._page[:0] = claim(self._runtime, self._lane, self.owner, 1)
            if not self._page:
                return None
            return self._begin()

    def take_together(self, most: int) -> list[str]:
        """Several cases to drive next, the most urgent first, at most a page; none when none is ready."""
        first = self.take()
        taken = [] if first is None else [first]
        with self._claiming:
            while taken and self._page and self.left and len(taken) < most:
                taken.append(self._begin())
        return taken

    def _begin(self) -> str:
        self.left -= 1
        self._moved_on = time.monotonic()
        self._driven.add(number := self._page.pop(0))
        return number

    def done(self, number: str) -> None:
        """The drive of this case has ended, one way or another."""
        self._driven.discard(number)
        self._moved_on = time.monotonic()

    def others_lapse_at(self) -> datetime | None:
        """When the first claim of another drive on this lane runs out, unless it is renewed; None without one."""
        with self._runtime.sessions.read() as session:
            return next_lapse(session, self._lane, self._runtime.now(), self.owner)

    def _held(self) -> set[str]:
        return {*self._page.copy(), *self._driven.copy()}

    def _more_urgent_is_ready(self) -> bool:
        """Somebody may have raised a case, of this page or another, since the page was claimed."""
        if time.monotonic() - self._looked < LOOK_SECONDS:
            return False
        self._looked = time.monotonic()
        with self._runtime.sessions.read() as session:
            self._page[:] = by_urgency(session, self._page)
            return more_urgent_ready(session, self._lane, self._runtime.now(), self._page[0])

    def _keep(self) -> None:
        while not self._ended.wait(RENEW_SECONDS):
            hangs = time.monotonic() - self._moved_on > HANGS_SECONDS
            if not hangs and (held := self._held()):
                self._renew(held)

    def _renew(self, held: set[str]) -> None:
        try:
            with self._runtime.sessions.write.begin() as session:
                renew_claims(session, self.owner, held, self._runtime.now() + LEASE)
        except Exception as error:
            # The database may be away for a moment; the next renewal comes before the claims lapse.
            log.warning("claims not renewed", error=type(error).__name__)
