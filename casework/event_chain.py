"""The hash chain of the event log: each event's hash covers its content and the hash before it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from casework.errors import AuditBroken

GENESIS = "0" * 64


@dataclass(frozen=True, slots=True)
class EventContent:
    """What one event says. ``data`` holds codes, numbers and times only: no person, no link, no letter text."""

    seq: int
    case_id: int | None
    at: datetime
    kind: str
    actor_id: str
    actor_name: str
    from_status: str | None
    to_status: str | None
    reason: str
    policy_version: str
    data: dict[str, Any]

    def digest(self, previous: str) -> str:
        """SHA-256 over the canonical content and the previous event's hash."""
        content = [
            self.seq,
            self.case_id,
            self.at.isoformat(timespec="microseconds"),
            self.kind,
            self.actor_id,
            self.actor_name,
            self.from_status,
            self.to_status,
            self.reason,
            self.policy_version,
            self.data,
            previous,
        ]
        text = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()


def verify(events: Iterable[tuple[EventContent, str, str]], head: tuple[int, str]) -> int:
    """Walk ``(content, previous, hash)`` in order of seq up to ``head``; the number of events walked.

    Raises AuditBroken at the first gap, the first content that does not give its hash, and
    when the chain does not end at the recorded head.
    """
    seq, previous = 0, GENESIS
    for content, stated_previous, stated in events:
        seq += 1
        if content.seq != seq:
            raise AuditBroken(f"event {seq} is missing; the next one found is {content.seq}")
        if stated_previous != previous or content.digest(previous) != stated:
            raise AuditBroken(f"event {seq} was altered, or the one before it was")
        previous = stated
    if (seq, previous) != head:
        raise AuditBroken(f"the chain ends at event {seq}, but its head says {head[0]}: the newest were removed")
    return seq
