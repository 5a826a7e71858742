"""A mail that was understood and matched, on its way to its effects, and what is noted of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.orm import Session

from casework.clocks import Subject
from casework.facts import SYSTEM
from casework.inbound_mail import InboundMail as Read
from casework.mail_answer import Answer
from casework.moments import Moment
from casework.vocabulary import MailKind, MatchedBy
from db.base import JsonDict
from db.tables import CaseFile
from tasks.record import note
from tasks.runtime import Runtime


@dataclass(frozen=True, slots=True)
class Arrived:
    """What it is, where it belongs and who is taken to have written it; ``mail`` and ``answer`` are what it says."""

    id: int
    kind: MailKind
    matched_by: MatchedBy
    case_id: int | None
    letter_id: int | None
    contact: str
    mail: Read
    answer: Answer


@dataclass(slots=True)
class Done:
    """What followed from a mail, by name, and why a person must look all the same."""

    effects: list[str] = field(default_factory=list)
    hold: str = ""


def note_mail(
    session: Session,
    runtime: Runtime,
    case: CaseFile | None,
    event: str,
    arrived: Arrived,
    at: datetime,
    *,
    moment: Moment | None = None,
    subject: Subject | None = None,
    data: JsonDict | None = None,
) -> None:
    """An event of one mail: its number, what it is and how it found the case; never a word of it."""
    said: JsonDict = {"mail": arrived.id, "kind": arrived.kind.value, "matched_by": arrived.matched_by.value}
    if arrived.letter_id is not None:
        said["letter"] = arrived.letter_id
    if arrived.contact:
        said["contact"] = arrived.contact
    note(session, runtime, case, event, SYSTEM, at, moment=moment, subject=subject, data={**said, **(data or {})})
