"""What letters about one case and letters about several have in common."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from casework.letter_context import AuthorityText, LetterContext, Phrase, empty_context
from casework.policy_pack import Pack
from db.queries.submissions import submissions_of_case
from db.tables import Letter, Submission
from tasks.acknowledgements import acknowledgement_link
from tasks.deadline_text import phrase
from tasks.letterpress import Letterpress
from tasks.runtime import Runtime

NOWHERE = Phrase(local="", utc="")


def letter_number(case_number: str, letter_id: int) -> str:
    """The number a letter of a case is known by outside."""
    return f"{case_number}/L{letter_id}"


def letter_head(pack: Pack, letter: Letter, number: str, recipient_name: str) -> LetterContext:
    """Who writes to whom and when, in the letter's language; all else is empty."""
    zone, language = ZoneInfo(pack.authority.zone), letter.language
    return {
        **empty_context(language),
        "letter_number": number,
        "written": phrase(letter.created_at, zone, language),
        "recipient_name": recipient_name,
        "authority": _authority(pack, letter.created_at.astimezone(zone).date(), language),
        "emergency_numbers": list(pack.authority.emergency_numbers[language]),
        "reply_to": pack.authority.email,
        "authentic_language": pack.authority.authentic_language.in_language(language),
    }


def _authority(pack: Pack, day: date, language: str) -> AuthorityText:
    signatory = pack.authority.signatory_on(day)
    return AuthorityText(
        name=pack.authority.name_on(day).name.in_language(language),
        unit=pack.authority.unit.in_language(language),
        address=pack.authority.address.in_language(language),
        email=pack.authority.email,
        phone=pack.authority.phone,
        duty_phone=pack.authority.duty_phone,
        signatory=signatory.name.in_language(language),
        signatory_position=signatory.position.in_language(language),
    )


def overdue_since(due: datetime | None, at: datetime, press: Letterpress, language: str) -> str:
    """How long a time is over, in hours and minutes; '' while it is not."""
    if due is None or at <= due:
        return ""
    minutes = int((at - due) / timedelta(minutes=1))
    return press.word("counting", "overdue", language).format(hours=minutes // 60, minutes=minutes % 60)


def repeats_before(said: Mapping[str, Any]) -> int:
    """How often a letter was sent before; what is frozen counts this one too."""
    return max(int(said.get("repeat") or 0) - 1, 0)


def submission_named(session: Session, case_id: int, said: Mapping[str, Any]) -> Submission | None:
    """The notice that a letter is about: the one it names, else the case's first."""
    rows = submissions_of_case(session, case_id)
    named = [row for row in rows if row.number == said.get("submission")]
    return next(iter(named or rows), None)


_UNITS = {"m": "minutes", "h": "hours", "d": "calendar_days"}


def threshold_text(mark: str, press: Letterpress, language: str) -> str:
    """A threshold of a clock, as the pack writes it ('80%', '-6h'), in words."""
    if mark.endswith("%"):
        return press.word("counting", "threshold_share", language).format(share=mark[:-1])
    if mark.startswith("-") and mark[-1] in _UNITS:
        unit = press.word("unit", _UNITS[mark[-1]], language)
        return press.word("counting", "threshold_before", language).format(amount=mark[1:-1], unit=unit)
    return mark


def link_of(runtime: Runtime, letter: Letter, case_number: str, at: datetime) -> tuple[str, datetime] | None:
    """The link by which the recipient of a rung's letter acknowledges it; None where the letter asks for none."""
    escalation = letter.context.get("escalation")
    if escalation is None:
        return None
    return acknowledgement_link(runtime, case_number, letter.contact, int(escalation), at)
