"""Checks of what people do to a case file, and may forget: hold sending back, confirm a first sweep, back it up."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from db.queries.events import began_at
from db.queries.heartbeats import heartbeats
from db.queries.switches import count_queued, switch_named
from desk.findings import Finding, failed, ok, warning
from desk.health_case_file import Look
from tasks.backup import NAME as BACKUP
from tasks.settings import Settings
from tasks.switches import FIRST_SWEEP, SENDING

AN_HOUR = timedelta(hours=1)


def held_back(session: Session) -> Iterator[Finding]:
    """What leaves nobody, and which deadlines nobody watches, until a person says so."""
    yield _sending(session)
    yield _first_sweep(session)


def _sending(session: Session) -> Finding:
    found = switch_named(session, SENDING)
    if found is None or found.is_on:
        return ok("sending", "Sending is on.")
    letters, notices = count_queued(session)
    return warning(
        "sending",
        f"Sending is muted since {_utc(found.set_at)}, by {found.set_by}; 'qorgan sending status' says why."
        f" {letters} letter(s) and {notices} notice(s) wait, referrals to the police too.",
        "A head of unit lifts it with 'qorgan sending unmute'; until then telephone the police.",
    )


def _first_sweep(session: Session) -> Finding:
    """Guarded is not yet waiting: the next sweep looks, and simply goes where it would write little."""
    found = switch_named(session, FIRST_SWEEP)
    if found is None or found.is_on:
        return ok("first sweep", "No sweep waits for a person.")
    since = found.detail.get("waits_since")
    if since is None:
        return ok("first sweep", "The next sweep is looked at before it acts, as after every restore or import.")
    return failed(
        "first sweep",
        f"The first sweep after a restore or import waits for a person since {_utc(datetime.fromisoformat(since))}:"
        f" it would write {found.detail['letters']} letter(s). Only children's deadlines are watched.",
        "Read 'qorgan sweep --dry-run'; a head of unit or duty officer lets it go with 'qorgan sweep --confirm'.",
    )


def backups(settings: Settings, now: datetime) -> Look:
    """Whether the case file was backed up lately; a new one has as long for its first backup as an old one."""

    def look(session: Session) -> Iterator[Finding]:
        if settings.backup_hours == 0:
            return
        made_at = heartbeats(session).get(BACKUP, (None, {}))[0]
        since = made_at or began_at(session)
        if since is None or now - since <= settings.backup_hours * AN_HOUR:
            yield ok("backup", "The case file was backed up lately." if made_at else "No backup is due yet.")
            return
        hours = (now - since) // AN_HOUR
        bad = failed if settings.environment == "production" else warning
        yield bad(
            "backup",
            f"The last backup was made {hours} hours ago; what came since would be lost with the disk."
            if made_at
            else "No backup was ever made here; everything would be lost with the disk.",
            "Run 'qorgan backup' now, then find out why nothing runs it; docs/backup.md says how.",
        )

    return look


def _utc(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
