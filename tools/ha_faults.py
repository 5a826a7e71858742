"""Faults of the proof: which part dies when, and how long it takes until it works, and cases move, again."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import uuid4

import httpx
from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError

from casework.facts import SYSTEM
from db.tables import CaseFile, Event
from tasks.runtime import Runtime
from tools.ha_hosts import Host
from tools.ha_parts import Parts
from tools.ha_topology import (
    API_PORT,
    DATA,
    FIRST,
    SECOND,
    SERVERS,
    SERVICES,
    SURE,
    WORKERS,
    Hosts,
    heard_since,
    persisted,
    process_of,
    succeeded_since,
)

A_WORKER = "worker"
"""Whichever worker drives cases at that moment."""

FIRST_AT, LAST_AT = 0.06, 0.8
"""Faults fall between these shares of the work."""

LONGEST_RECOVERY = 300.0
"""Seconds after which the next fault comes even though this part is not seen to work."""

SEEN_EVERY = 1.0
"""Seconds between two looks at a part that was killed."""


@dataclass
class Fault:
    """One kill. Times are seconds of the system's clock; None is 'not seen'."""

    part: str
    share: float
    """The share of the work after which it comes."""
    killed_at: float | None = None
    back_at: float | None = None
    held: dict[str, str] = field(default_factory=dict)
    """Cases that were being driven at that moment, by number, with whoever held them."""
    freed_at: float | None = None
    moved_at: float | None = None
    """When the next case was moved by a drive."""

    def seconds(self, until: float | None) -> float | None:
        return None if until is None or self.killed_at is None else round(until - self.killed_at, 1)


def plan(seed: int, parts: Sequence[str]) -> list[Fault]:
    """One kill for each part, in an order and at moments that follow from the seed."""
    chance = random.Random(seed)  # noqa: S311  a plan, not a secret
    order = chance.sample(list(parts), len(parts))
    step = (LAST_AT - FIRST_AT) / max(1, len(order))
    return [Fault(part, FIRST_AT + step * (place + chance.random() * 0.8)) for place, part in enumerate(order)]


@dataclass
class Faults:
    """Injects one fault after another and watches each recovery."""

    runtime: Runtime
    parts: Parts
    hosts: Hosts
    todo: list[Fault]
    done: list[Fault] = field(default_factory=list)
    _looked_at: float = 0.0
    _event: str = ""

    def step(self, share: float) -> None:
        """Look at the last fault, and inject the next when its moment has come and the last part works again."""
        if self.done and time.monotonic() - self._looked_at > SEEN_EVERY:
            self._looked_at = time.monotonic()
            self._look(self.done[-1])
        if self.todo and share >= self.todo[0].share and not self._busy():
            self._inject(self.todo.pop(0))

    def settled(self) -> bool:
        """Whether all were injected, every part was seen to work again, and every schedule after the last of them."""
        if self.todo or self._busy():
            return False
        last = max((fault.back_at or fault.killed_at or 0.0 for fault in self.done), default=0.0)
        return succeeded_since(self.hosts[DATA], last) == set(SURE)

    def _busy(self) -> bool:
        if not self.done:
            return False
        last = self.done[-1]
        return last.back_at is None and time.time() - (last.killed_at or 0) < LONGEST_RECOVERY

    def _inject(self, fault: Fault) -> None:
        fault.held = self._held() or {}
        if fault.part == A_WORKER:
            fault.part = self._worker_that_drives(fault.held)
        fault.killed_at = time.time()
        self.parts.kill(fault.part)
        self._event = ""
        self.done.append(fault)

    def _worker_that_drives(self, held: dict[str, str]) -> str:
        """The worker whose run holds cases; the first where none does."""
        runs = {owner.partition(" ")[0].rpartition(":")[2] for owner in held.values()}
        pids = {process_of(self.hosts[DATA], run) for run in runs}
        return next((name for name in WORKERS if pids & set(self.parts.processes(name))), WORKERS[0])

    def _look(self, fault: Fault) -> None:
        if fault.back_at is None and self._works(fault):
            fault.back_at = time.time()
        if fault.freed_at is None:
            held = self._held()
            if held is not None and not any(held.get(number) == owner for number, owner in fault.held.items()):
                fault.freed_at = time.time()

    def _works(self, fault: Fault) -> bool:
        assert fault.killed_at is not None
        if time.time() < fault.killed_at + 1:
            return False
        if fault.part in WORKERS:
            return heard_since(self.hosts[DATA], fault.part, fault.killed_at + 1)
        if fault.part in (*SERVERS, "postgres"):
            return self.parts[fault.part].works() and all(self.parts[name].works() for name in SERVERS)
        return self._carries_events()

    def _carries_events(self) -> bool:
        """An event given to each API server reaches the database: both publish, and the services consume."""
        if not self._event:
            name = f"qorgan.proof.{uuid4()}"
            if all(_post(self.hosts[host], f"{name}.{host}") for host in (FIRST, SECOND)):
                self._event = name
            return False
        if all(persisted(self.hosts[DATA], f"{self._event}.{host}") for host in (FIRST, SECOND)):
            return True
        if time.time() - (self.done[-1].killed_at or 0) > LONGEST_RECOVERY / 2:
            self._event = ""  # one that was taken and lost; another may pass
        return False

    def _held(self) -> dict[str, str] | None:
        """Cases that somebody drives now; None when the case file cannot be asked."""
        try:
            with self.runtime.sessions.read() as session:
                rows = session.execute(
                    select(CaseFile.number, CaseFile.lease_owner, CaseFile.lease_until).where(
                        CaseFile.lease_owner.is_not(None)
                    )
                )
                return {number: f"{owner} {until}" for number, owner, until in rows}
        except DBAPIError:
            return None

    def conclude(self) -> None:
        """Look up in the event log when the next case was moved after each fault."""
        with self.runtime.sessions.read() as session:
            for fault in self.done:
                assert fault.killed_at is not None
                after = datetime.fromtimestamp(fault.killed_at, UTC)
                at = session.scalar(
                    select(func.min(Event.at)).where(
                        Event.at > after, Event.actor_id == SYSTEM.id, Event.to_status.is_not(None)
                    )
                )
                fault.moved_at = at.timestamp() if at else None


def _post(host: Host, name: str) -> bool:
    event = {
        "id": str(uuid4()),
        "occurred": datetime.now(UTC).isoformat(),
        "event": name,
        "resource": {"prefect.resource.id": "qorgan.proof"},
    }
    try:
        answer = httpx.post(f"http://{host.address}:{API_PORT}/api/events", json=[event], timeout=5, trust_env=False)
        return answer.status_code < 300
    except httpx.HTTPError:
        return False


KILLED = (A_WORKER, SERVERS[0], "redis", SERVICES, "postgres")
"""Parts that the proof kills, once each."""
