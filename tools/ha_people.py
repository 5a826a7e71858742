"""The practice people of the proof: reviewers and officers who work without a pause, while parts of the system die.

They decide as in the demo. A database that is away stops nobody for long: a person tries again.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from casework.errors import QorganError
from casework.vocabulary import Status
from db.tables import CaseFile, Submission
from desk.demo_people import People
from tasks.legal_review import ReviewSheet
from tasks.runtime import Runtime

PAUSE_SECONDS = 1.0


class EndOfWork(Exception):
    """They were told to stop; the rest stays for others."""


@dataclass
class Staff(People):
    """The demo's people, for any number of cases, until told to stop."""

    stop: threading.Event = field(default_factory=threading.Event)

    def _decide(self, sheet: ReviewSheet, person: str) -> None:
        if self.stop.is_set():
            raise EndOfWork
        super()._decide(sheet, person)

    def _numbers(self, status: Status | None = None) -> list[str]:
        """Cases of a status; without one, those that wait for somebody at a portal."""
        query = select(CaseFile.number).order_by(CaseFile.id)
        if status is not None:
            query = query.where(CaseFile.status == status)
        else:
            portal = select(Submission.case_id).where(Submission.channel == "portal")
            query = query.where(CaseFile.status.in_((Status.APPROVED, Status.SUBMITTED)), CaseFile.id.in_(portal))
        with self.runtime.sessions.read() as session:
            return list(session.scalars(query))


@dataclass
class StaffAtWork:
    """A thread in which they work until told to stop. ``repeated`` counts what they had to do again."""

    runtime: Runtime
    seed: int
    repeated: int = 0
    failed: BaseException | None = None
    _stop: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> StaffAtWork:
        self._thread = threading.Thread(target=self._work, name="practice people")
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _work(self) -> None:
        people = Staff(self.runtime, self.seed, stop=self._stop)
        rounds = (people.review, people.enter_portals, people.read_portals, people.answer_questions)
        while not self._stop.is_set():
            for go in rounds:
                try:
                    go()
                except EndOfWork:
                    return
                except (DBAPIError, QorganError):
                    # The database is away, or a drive moved the case in the same moment.
                    self.repeated += 1
                except Exception as error:
                    self.failed = error
                    return
            self._stop.wait(PAUSE_SECONDS)
