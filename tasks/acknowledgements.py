"""Acknowledgement by a signed link: it counts for one rung, until a time, once.

Opening the link shows what it is about and changes nothing, because programs that look at mail open links too.
Only pressing the button, a POST, acknowledges.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy.orm import Session

from casework.errors import QorganError
from casework.mail_tokens import acknowledgement_token, read_acknowledgement_token, recipient_tag
from casework.vocabulary import OPEN_STATUSES
from db.queries.cases import case_by_id
from db.queries.letters import escalation_by_id, letters_of_case
from db.tables import CaseFile, Escalation, Letter, Submission
from tasks.escalation import recipient_actor, record_acknowledgement
from tasks.record import transaction
from tasks.runtime import Runtime

LINK_COUNTS_FOR = timedelta(days=14)
"""Longer than any ladder takes to climb; after that an answer by mail is the way."""

VIA = "link"


class LinkState(StrEnum):
    """What a link stands for now."""

    OPEN = "open"
    """The rung waits for it."""
    DONE = "done"
    """The rung is acknowledged, by this link or in another way."""
    EXPIRED = "expired"
    """Its time is over."""
    CASE_OVER = "case_over"
    """The case has ended; nobody needs to do anything."""


class NoSuchLink(QorganError):
    """A link that was never made by us, or was altered."""

    rule = "acknowledgement.unknown"


@dataclass(frozen=True, slots=True)
class LinkView:
    """What the page shows: enough to know which letter it belongs to, and nothing of the matter itself."""

    state: LinkState
    case_number: str
    submission_number: str
    platform: str
    rung: int
    raised_at: datetime
    acknowledged_at: datetime | None
    language: str


def acknowledgement_link(
    runtime: Runtime, case_number: str, contact: str, escalation_id: int, at: datetime
) -> tuple[str, datetime] | None:
    """The link of a letter written at ``at`` and until when it counts; None where no page is served."""
    base = runtime.settings.acknowledge_url
    if base is None:
        return None
    until = (at + LINK_COUNTS_FOR).replace(microsecond=0)
    tag = recipient_tag(case_number, contact, runtime.vault.key_for("reply"))
    token = acknowledgement_token(escalation_id, tag, until, runtime.vault.key_for("acknowledge"))
    return f"{base.rstrip('/')}/acknowledge/{token}", until


def look_at_link(runtime: Runtime, token: str) -> LinkView:
    """What a link stands for. Changes nothing. Raises NoSuchLink."""
    with runtime.sessions.read() as session:
        view, _rung, _letter = _read(session, runtime, token)
        return view


def acknowledge_by_link(runtime: Runtime, token: str) -> LinkView:
    """Acknowledge the rung a link stands for, where that still counts; how it stands then. Raises NoSuchLink."""
    with transaction(runtime) as session:
        view, rung, letter = _read(session, runtime, token)
        if view.state is LinkState.OPEN:
            actor = recipient_actor(letter.sent_to or letter.contact, runtime.pack)
            record_acknowledgement(session, runtime, rung, actor, VIA, runtime.now())
            view, _rung, _letter = _read(session, runtime, token)
        return view


def _read(session: Session, runtime: Runtime, token: str) -> tuple[LinkView, Escalation, Letter]:
    said = read_acknowledgement_token(token, runtime.vault.key_for("acknowledge"))
    rung = None if said is None else escalation_by_id(session, said.escalation_id)
    if said is None or rung is None:
        raise _unknown()
    case = case_by_id(session, rung.case_id)
    letter = _letter_of(session, runtime, case, rung, said.tag)
    submission = session.get_one(Submission, rung.submission_id)
    platform = runtime.pack.platform(submission.platform)
    view = LinkView(
        state=_state(case, rung, said.until, runtime.now()),
        case_number=case.number,
        submission_number=submission.number,
        platform=platform.name if platform else "",
        rung=rung.rung,
        raised_at=rung.raised_at,
        acknowledged_at=rung.acknowledged_at,
        language=letter.language,
    )
    return view, rung, letter


def _letter_of(session: Session, runtime: Runtime, case: CaseFile, rung: Escalation, tag: str) -> Letter:
    """The letter the link stood in: who presses the button is taken for its recipient, and for nobody else."""
    key = runtime.vault.key_for("reply")
    for letter in letters_of_case(session, case.id):
        if letter.context.get("escalation") == rung.id and recipient_tag(case.number, letter.contact, key) == tag:
            return letter
    raise _unknown()


def _state(case: CaseFile, rung: Escalation, until: datetime, now: datetime) -> LinkState:
    if rung.acknowledged_at is not None:
        return LinkState.DONE
    if case.status not in OPEN_STATUSES:
        return LinkState.CASE_OVER
    return LinkState.OPEN if now < until else LinkState.EXPIRED


def _unknown() -> NoSuchLink:
    return NoSuchLink("this link is not known", next_step="Answer the letter by mail.")
