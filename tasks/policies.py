"""Policy versions on record. Everything that was decided stays explainable by the text it was decided under.

A version is recorded with its full text, and the public days as they were known then, before the first decision
under it. An id means one text for good: another text under the same id is refused at the start.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from casework.errors import ConfigurationError, QorganError
from casework.facts import SYSTEM
from casework.pack_reader import read_pack
from casework.policy_pack import Pack
from casework.public_days import PublicDay
from db.engine import Sessions
from db.queries.events import NewEvent, append_events, hold_chain
from db.tables import PolicyVersion


class PolicyUnknown(QorganError):
    """No policy of that version is on record here."""

    rule = "policy.unknown"


def days_as_data(pack: Pack) -> dict[str, dict[str, list[object]]]:
    """The public days of every calendar of a pack, as known today, in the shape in which they are kept."""
    return {
        policy.id: {on.isoformat(): [day.name, day.works] for on, day in sorted(policy.public_days.items())}
        for policy in pack.calendars.calendars
    }


def adopt(sessions: Sessions, pack: Pack, texts: Mapping[str, str], at: datetime) -> None:
    """Record a version before its first use; nothing happens when it is on record.

    Raises ConfigurationError when the id is on record with another text.
    """
    with sessions.read() as session:
        if session.get(PolicyVersion, pack.version) is not None:
            return
    with sessions.write.begin() as session:
        hold_chain(session)
        other = session.scalar(select(PolicyVersion).where(PolicyVersion.regime_id == pack.regime.id))
        if other is not None and other.version == pack.version:
            return
        if other is not None:
            raise ConfigurationError(
                f"policy id '{pack.regime.id}' is on record here with another text ({other.version})",
                rule="policy.id_taken",
                next_step="A new text is a new id: give regime.yaml another, such as the next number after the month.",
            )
        session.add(
            PolicyVersion(
                version=pack.version,
                regime_id=pack.regime.id,
                folder=pack.folder,
                digest=pack.digest,
                texts=dict(texts),
                public_days=days_as_data(pack),
                adopted_at=at,
            )
        )
        data = {"version": pack.version, "digest": pack.digest}
        append_events(session, [NewEvent(None, at, "policy.adopted", SYSTEM.id, SYSTEM.name, pack.version, data=data)])


class Policies:
    """The versions on record, each read once."""

    def __init__(self, current: Pack) -> None:
        self._current = current
        self._read: dict[str, Pack] = {}
        self._lock = threading.Lock()

    def version(self, session: Session, version: str) -> Pack:
        """The pack of a version with the public days known when it was recorded. Raises PolicyUnknown."""
        with self._lock:
            if version not in self._read:
                self._read[version] = self._load(session, version)
            return self._read[version]

    def _load(self, session: Session, version: str) -> Pack:
        row = session.get(PolicyVersion, version)
        if row is None and version == self._current.version:
            return self._current
        if row is None:
            raise PolicyUnknown(f"no policy '{version[:80]}' is on record here")
        if version == self._current.version and row.public_days == days_as_data(self._current):
            return self._current
        pack = read_pack(row.folder, row.texts)
        return pack.model_copy(update={"known_days": _from_data(row.public_days)})


def _from_data(data: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[date, PublicDay]]:
    return {
        calendar: {date.fromisoformat(on): PublicDay(name=row[0], works=row[1]) for on, row in known.items()}
        for calendar, known in data.items()
    }
