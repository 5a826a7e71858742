"""What a restored case file must not do by itself: it does not know what was sent after its backup was made.

Nothing leaves until a person lifts the mute. Until then: whatever the other side can be asked about is asked; what may
have gone out and must not go twice waits for a person; what may be repeated is repeated, under the same Message-ID
where it was made before. Leases of processes that are gone are cleared, and case numbers that may have been given
already are left out.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy.orm import Session

from casework.facts import SYSTEM, Actor
from casework.vocabulary import DeliveryState, Recipient
from db.base import JsonDict
from db.queries.cases import case_by_id
from db.queries.switches import (
    expire_letter_leases,
    free_cases,
    last_case_id,
    once_only_queued,
    set_switch,
    skip_numbers,
    unsettled_notices,
)
from db.tables import Letter, Submission
from tasks.backup_manifest import Manifest
from tasks.delivery import recover
from tasks.record import note, transaction
from tasks.runtime import Runtime
from tasks.switches import MAY_HAVE_GONE, SENDING, guard_first_sweep, hold_for_person

NUMBERS = 10_000
NUMBERS_AN_HOUR = 100
"""Case numbers left out: so many, and so many more for each hour since the backup. None may be given twice."""


@dataclass(frozen=True, slots=True)
class Undone:
    """What waits after a restore: letters for a person, notices the platform is asked about, and those to look up."""

    letters: tuple[int, ...]
    police: tuple[str, ...]
    """Cases of which the police may not know yet: somebody telephones them now."""
    asked: tuple[str, ...]
    at_portal: tuple[str, ...]
    numbers_skipped: int


def come_up_muted(runtime: Runtime, manifest: Manifest, actor: Actor, reason: str) -> Undone:
    """Mute a case file that was just restored and set right what may have gone on without it; one transaction."""
    at = runtime.now()
    with transaction(runtime) as session:
        told = f"restored from {manifest.id}"
        detail: JsonDict = {
            "backup": manifest.id, "made_at": manifest.made_at.isoformat(), "restored_at": at.isoformat(),
            "last_case": last_case_id(session),
        }  # fmt: skip
        set_switch(session, SENDING, False, told, actor.id, at, detail)
        guard_first_sweep(session, runtime, told, actor, at, waits_for_work=False)
        held = once_only_queued(session)
        hold_for_person(session, runtime, held, at)
        asked, at_portal = _notices(session, runtime, manifest.id)
        free_cases(session, at)
        expire_letter_leases(session, at - timedelta.resolution)
        skipped = NUMBERS + NUMBERS_AN_HOUR * max(0, math.ceil((at - manifest.made_at) / timedelta(hours=1)))
        first = runtime.pack.local_date(manifest.made_at).year
        skip_numbers(session, range(first, runtime.pack.local_date(at).year + 1), skipped)
        data: JsonDict = {
            **detail, "program": manifest.program, "letters": len(held), "asked": list(asked),
            "at_portal": list(at_portal), "numbers_skipped": skipped,
        }  # fmt: skip
        note(session, runtime, None, "restored", actor, at, reason=reason, data=data)
    # Letters on their way when the backup was made: repeated or asked about, as after any sender's death.
    held += [letter for letter in recover(runtime) if letter.state == DeliveryState.UNKNOWN]
    letters = tuple(letter.id for letter in held)
    return Undone(letters, _for_the_police(runtime, held), asked, at_portal, skipped)


def _for_the_police(runtime: Runtime, held: list[Letter]) -> tuple[str, ...]:
    cases = {letter.case_id for letter in held if letter.recipient == Recipient.POLICE and letter.case_id is not None}
    with runtime.sessions.read() as session:
        return tuple(case_by_id(session, case_id).number for case_id in sorted(cases))


def _notices(session: Session, runtime: Runtime, backup: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Notices that may be with the platform: an API is asked by its key, into a portal a person looks."""
    asked: list[str] = []
    at_portal: list[str] = []
    for row in unsettled_notices(session):
        row.lease_until, row.next_attempt_at, row.last_error = None, None, MAY_HAVE_GONE
        if row.channel == "api":
            row.state = DeliveryState.UNKNOWN
            asked.append(row.number)
        elif row.state == DeliveryState.SENDING:
            row.state = DeliveryState.QUEUED
        if row.channel != "api":
            at_portal.append(row.number)
        session.flush()
        _noted(session, runtime, row, backup)
    return tuple(asked), tuple(at_portal)


def _noted(session: Session, runtime: Runtime, row: Submission, backup: str) -> None:
    kind = "submission.unknown" if row.channel == "api" else "submission.may_be_entered"
    data: JsonDict = {"submission": row.number, "backup": backup}
    case = case_by_id(session, row.case_id)
    note(session, runtime, case, kind, SYSTEM, runtime.now(), reason=MAY_HAVE_GONE, data=data)
