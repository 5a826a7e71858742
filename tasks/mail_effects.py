"""What follows from a mail that came in. Nothing that comes in ever makes us write to whoever sent it.

The one letter written here asks our own unit for a better address, once for each letter that came back, and never
because of a letter to ourselves.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from casework.vocabulary import MailKind
from db.queries.cases import case_by_id
from db.queries.letters import letter_by_id
from db.tables import CaseFile
from tasks.arrived_mail import Arrived, Done, note_mail
from tasks.delivery import prove
from tasks.mail_answers import answered
from tasks.mail_bounces import bounced
from tasks.runtime import Runtime


def act(session: Session, runtime: Runtime, arrived: Arrived, at: datetime) -> Done:
    """Do what follows from a mail, inside the caller's transaction; each effect is an event as well."""
    match arrived.kind:
        case MailKind.ANSWER:
            return answered(session, runtime, arrived, at)
        case MailKind.BOUNCE_PERMANENT | MailKind.BOUNCE_FULL:
            return bounced(session, runtime, arrived, at)
        case MailKind.DELIVERED:
            return _delivered(session, runtime, arrived, at)
        case MailKind.BOUNCE_TRANSIENT:
            note_mail(session, runtime, _case(session, arrived), "letter.delayed", arrived, at)
            return Done(["noted"])
        case MailKind.AUTO_REPLY | MailKind.UNREADABLE:
            note_mail(session, runtime, _case(session, arrived), "mail.noted", arrived, at)
            return Done(["noted"])
        case MailKind.OWN | MailKind.LOOP | MailKind.DUPLICATE:
            # Not on the case: a loop must not grow its record.
            note_mail(session, runtime, None, "mail.ignored", arrived, at)
            return Done(["ignored"])


def _delivered(session: Session, runtime: Runtime, arrived: Arrived, at: datetime) -> Done:
    note_mail(session, runtime, _case(session, arrived), "mail.noted", arrived, at)
    letter = None if arrived.letter_id is None else letter_by_id(session, arrived.letter_id)
    if letter is None:
        return Done(["noted"])
    prove(session, runtime, letter, at, by=f"mail:{arrived.id}")
    return Done(["letter.proven"])


def _case(session: Session, arrived: Arrived) -> CaseFile | None:
    return None if arrived.case_id is None else case_by_id(session, arrived.case_id)
