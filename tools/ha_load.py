"""The work of the proof: reports that come in, and how far the cases are."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from uuid import uuid4

import httpx
from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError

from casework.facts import SYSTEM
from casework.vocabulary import DeliveryState, Lane, ReportState, Status
from db.queries.cases import count_by, count_ready
from db.queries.letters import letters_due
from db.queries.reports import count_reports
from db.tables import ChainHead, Event, Letter, Submission
from flows.waking import READY
from tasks.runtime import Runtime
from tools.ha_topology import Hosts, api_url

FILES = 20
"""Files that the reports come in, one after another."""

FILE_SECONDS = 4.0
WAKE_SECONDS = 30.0
"""Pause between two wakes of the lanes; people's decisions wake them in an installation."""

NUDGED = {"letters": 60.0, "outcomes": 120.0, "reconcile": 120.0}
"""Deployments that are started between their schedules as well, as an operator would, and the seconds between.

Not more often: each run is a process, whose start costs seconds of a processor that all hosts here share.
"""

UNDER_WAY = (
    Status.RECEIVED, Status.TRIAGED, Status.REOPENED, Status.IN_LEGAL_REVIEW, Status.APPROVED, Status.SUBMITTED,
    Status.MORE_INFO, Status.DECIDED,
)  # fmt: skip
"""A case that is elsewhere has ended, or waits for its reporter."""


@dataclass
class Load:
    """Hands the reports in, wakes the lanes, and counts."""

    runtime: Runtime
    hosts: Hosts
    reports: Sequence[bytes]
    phase: str = "reports come in"
    finished: int = 0
    share: float = 0.0
    settled: bool = False
    _files: int = 0
    _next_file: float = 0.0
    _next_wake: float = 0.0
    _deployments: dict[str, str] = field(default_factory=dict)
    _nudged: dict[str, float] = field(default_factory=dict)
    _head: int = 0
    _moved: float = field(default_factory=time.monotonic)

    def step(self, back: Sequence[str]) -> None:
        """One turn. What cannot be reached now is tried in the next; a part that came back is used at once."""
        now = time.monotonic()
        if self._files < FILES and now >= self._next_file:
            self._hand_in()
            self._next_file = now + FILE_SECONDS
        if now >= self._next_wake or back:
            self._wake()
            self._next_wake = now + WAKE_SECONDS
        try:
            self._count()
        except DBAPIError:
            self.phase = "the case file is away"

    def still_for(self) -> float:
        """Seconds since the event log grew last."""
        return time.monotonic() - self._moved

    def _hand_in(self) -> None:
        """One more file, whole under its name."""
        size = -(-len(self.reports) // FILES)
        part = self.reports[self._files * size : (self._files + 1) * size]
        self._files += 1
        if part:
            inbox = self.runtime.settings.inbox
            inbox.mkdir(exist_ok=True)
            whole = inbox / f"reports-{self._files:02d}.jsonl"
            unfinished = whole.with_suffix(".part")
            unfinished.write_bytes(b"\n".join(part))
            unfinished.rename(whole)

    def _wake(self) -> None:
        """Tell Prefect that there is something to do. Its schedules would find it as well, later."""
        occurred = datetime.now(UTC).isoformat()
        events = [
            {"occurred": occurred, "event": READY, "resource": {"prefect.resource.id": f"qorgan.lane.{lane}"}}
            for lane in Lane
        ]
        try:
            with httpx.Client(base_url=api_url(self.hosts), timeout=5, trust_env=False) as client:
                client.post("/events", json=[{**event, "id": str(uuid4())} for event in events])
                if not self._deployments:
                    found = client.post("/deployments/filter", json={}).json()
                    self._deployments = {each["name"]: each["id"] for each in found}
                for name, pause in NUDGED.items():
                    if time.monotonic() - self._nudged.get(name, 0.0) >= pause:
                        client.post(f"/deployments/{self._deployments[name]}/create_flow_run", json={})
                        self._nudged[name] = time.monotonic()
        except (httpx.HTTPError, ValueError, KeyError, TypeError):
            return

    def _count(self) -> None:
        with self.runtime.sessions.read() as session:
            reports = count_reports(session)
            statuses = count_by(session, "status")
            ready = count_ready(session, None, self.runtime.now())
            waiting = len(letters_due(session, self.runtime.now(), 1_000))
            under_way = session.scalar(select(func.count()).where(Letter.state == DeliveryState.SENDING)) or 0
            notices = session.scalar(
                select(func.count()).where(
                    Submission.state.in_((DeliveryState.QUEUED, DeliveryState.SENDING, DeliveryState.UNKNOWN))
                )
            )
            head = session.scalar(select(ChainHead.seq)) or 0
        if head != self._head:
            self._head, self._moved = head, time.monotonic()
        taken_in = sum(reports.values()) - reports.get(ReportState.DUPLICATE, 0)
        open_cases = sum(statuses.get(status, 0) for status in UNDER_WAY)
        self.finished = sum(statuses.values()) - open_cases + reports.get(ReportState.HELD, 0)
        self.share = self._share(statuses, reports)
        self.phase = f"{ready} ready, {statuses.get(Status.IN_LEGAL_REVIEW, 0)} in review, {waiting} letters"
        self.settled = taken_in >= len(self.reports) and not (open_cases or waiting or under_way or notices)

    def _share(self, statuses: dict[str, int], reports: dict[str, int]) -> float:
        """How much of the driving is done: each case is driven into review, and once more after it."""
        before = sum(statuses.get(status, 0) for status in (Status.RECEIVED, Status.TRIAGED))
        between = sum(statuses.get(status, 0) for status in (Status.IN_LEGAL_REVIEW, Status.APPROVED))
        cases = sum(statuses.values())
        done = 2 * cases - 2 * before - between + 2 * reports.get(ReportState.HELD, 0)
        return done / (2 * len(self.reports))

    def rhythm(self, began: float) -> Rhythm:
        """How the drives' moves lie in time."""
        with self.runtime.sessions.read() as session:
            moves = session.scalars(
                select(Event.at)
                .where(Event.actor_id == SYSTEM.id, Event.to_status.is_not(None), Event.at >= _at(began))
                .order_by(Event.at)
            ).all()
        gaps = [(later - earlier).total_seconds() for earlier, later in pairwise(moves)]
        seconds = (moves[-1] - moves[0]).total_seconds() if len(moves) > 1 else 0.0
        return Rhythm(len(moves), seconds, max(gaps, default=0.0))


@dataclass(frozen=True, slots=True)
class Rhythm:
    """Moves of cases by drives: how many, over how many seconds, and the longest pause between two."""

    moves: int
    seconds: float
    longest_pause: float


def _at(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
