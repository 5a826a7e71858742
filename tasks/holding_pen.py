"""The holding pen: nothing is lost, everything has a reason, a clock and a way out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from casework.clocks import Subject
from casework.errors import NotAllowed, QorganError, ReportRefused
from casework.facts import Actor
from casework.vocabulary import HoldReason, ReportState, Role
from db.queries.events import NewEvent, append_events
from db.queries.mails import MAIL_PART
from db.queries.reports import held_item_by_id, report_by_id
from db.tables import HeldItem
from tasks.clock_rows import start_for, stop_subject_clocks
from tasks.intake_reading import LeftOut
from tasks.runtime import Runtime

ANSWER = "answer"
"""Purpose that binds a sealed answer of a platform to the holding pen."""


def hold_report(
    session: Session, runtime: Runtime, report_id: int, source: str, refusal: ReportRefused, at: datetime
) -> HeldItem:
    """Hold a whole report."""
    report = report_by_id(session, report_id)
    assert report is not None, "stored in the transaction before"
    report.state, report.reason, report.read_at = ReportState.HELD, refusal.reason, at
    return _hold(
        session, runtime, source, "report", refusal.reason, refusal.message, refusal.next_step, at, report_id=report_id
    )


def hold_parts(
    session: Session, runtime: Runtime, report_id: int, source: str, parts: Sequence[LeftOut], at: datetime
) -> None:
    """Hold the parts of a report that could not be used, while the rest goes on."""
    for part in parts:
        _hold(session, runtime, source, part.part, part.reason, part.message, part.next_step, at, report_id=report_id)


def hold_answer(
    session: Session, runtime: Runtime, source: str, reason: HoldReason, message: str, raw: bytes, at: datetime
) -> HeldItem:
    """Hold a platform's answer that fits nothing we sent."""
    sealed = runtime.vault.seal(raw, ANSWER)
    return _hold(
        session, runtime, source, "answer", reason, message, "Compare it with the platform.", at, sealed=sealed
    )


def hold_file(session: Session, runtime: Runtime, source: str, most: int, at: datetime) -> HeldItem:
    """Hold that a file was too large to be read. The file itself stays where it was put."""
    message, next_step = f"a file has more than {most // 1024**2} MB", "Split it, and put the parts into the inbox."
    return _hold(session, runtime, source, "file", HoldReason.TOO_LARGE, message, next_step, at)


def _hold(
    session: Session,
    runtime: Runtime,
    source: str,
    part: str,
    reason: str,
    message: str,
    next_step: str,
    at: datetime,
    *,
    report_id: int | None = None,
    sealed: bytes | None = None,
) -> HeldItem:
    held = HeldItem(
        report_id=report_id,
        source=source[-255:],
        part=part,
        reason=str(reason),
        message=message,
        next_step=next_step,
        sealed=sealed,
        received_at=at,
        state="held",
    )
    session.add(held)
    session.flush()
    start_for(session, "report.held", Subject("hold", held.id), at, None, runtime.pack)
    append_events(
        session,
        [
            NewEvent(
                None, at, "report.held", "system", "Qorgan", runtime.pack.version,
                data={"held": held.id, "report": report_id, "part": part, "reason": str(reason)},
            )
        ],
    )  # fmt: skip
    return held


def settle_by_hand(
    session: Session, runtime: Runtime, held_id: int, actor: Actor, resolution: str, at: datetime
) -> HeldItem:
    """As :func:`settle`, for what a person does in the holding pen. A mail leaves it by what the mail itself is."""
    held = held_item_by_id(session, held_id)
    if held is not None and held.part.startswith(MAIL_PART):
        raise QorganError(
            f"held {held_id} is a mail",
            rule="held.is_a_mail",
            next_step=f"'qorgan mail settle {held.part.removeprefix(MAIL_PART)}', or 'mail assign' to its case.",
        )
    return settle(session, runtime, held_id, actor, resolution, at)


def settle(session: Session, runtime: Runtime, held_id: int, actor: Actor, resolution: str, at: datetime) -> HeldItem:
    """Settle something held, with what was done about it. Raises NotAllowed, or QorganError when it is not held."""
    if not actor.has(Role.SPECIALIST, Role.LEGAL_REVIEWER, Role.HEAD_OF_UNIT, Role.SYSTEM):
        raise NotAllowed(f"held {held_id}: {actor.id} may not settle it", next_step="Ask a specialist.")
    held = held_item_by_id(session, held_id)
    if held is None or held.state != "held":
        raise QorganError(f"nothing is held as number {held_id}", rule="held.not_found", next_step="See 'qorgan held'.")
    if len(resolution.strip()) < 5:
        raise QorganError(f"held {held_id}: say what was done", rule="held.resolution_missing")
    held.state, held.settled_at, held.settled_by, held.resolution = "settled", at, actor.id, resolution
    stop_subject_clocks(session, Subject("hold", held.id), "hold.settled", at)
    append_events(
        session,
        [
            NewEvent(
                None, at, "hold.settled", actor.id, actor.name, runtime.pack.version, reason=resolution,
                data={"held": held.id, "report": held.report_id},
            )
        ],
    )  # fmt: skip
    return held
