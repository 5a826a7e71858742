"""What a letter about several cases may say: a digest's members as rows, or rows frozen when it was written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from casework.letter_context import CountRow, LetterContext, Phrase, SignedHeadText, SummaryRow, empty_context
from db.queries.cases import case_by_id
from db.queries.letters import members_of
from db.tables import CaseFile, Clock, Letter, Submission
from tasks.deadline_text import phrase
from tasks.letter_parts import (
    letter_head,
    letter_number,
    link_of,
    overdue_since,
    repeats_before,
    submission_named,
    threshold_text,
)
from tasks.letterpress import Letterpress
from tasks.runtime import Runtime


def summary_context(session: Session, runtime: Runtime, letter: Letter, recipient_name: str) -> LetterContext:
    """Everything the letter's template may use, in the letter's language.

    A letter that froze no ``rows`` is a digest: each of its members becomes one row, the longest overdue first.
    """
    pack, press, language = runtime.pack.at(letter.created_at), runtime.letterpress, letter.language
    zone, said = ZoneInfo(pack.authority.zone), letter.context
    if "rows" in said:
        rows = [_frozen(row, letter, press, zone) for row in said["rows"]]
        first = letter.created_at
    else:
        members = members_of(session, letter.id)
        found = [_member(session, member, case_by_id(session, _case_id(member))) for member in members]
        found.sort(key=lambda one: (one.due is None, one.due or one.since, one.letter.id))
        rows = [one.row(runtime, letter, zone) for one in found]
        first = min((member.created_at for member in members), default=letter.created_at)
    platform = pack.platform(said.get("platform"))
    begin, end = _moment(said.get("period_from")) or first, _moment(said.get("period_to")) or letter.created_at
    number = f"{pack.authority.number_prefix}/L{letter.id}"
    return {
        **letter_head(pack, letter, number, recipient_name),
        "platform": platform.name if platform else "",
        "rows": rows,
        "counts": [
            CountRow(label=press.word("count", code, language), count=int(count))
            for code, count in said.get("counts", {}).items()
        ],
        "period_from": phrase(begin, zone, language),
        "period_to": phrase(end, zone, language),
        "signed_head": cast("SignedHeadText | None", said.get("signed_head")),
    }


def _case_id(member: Letter) -> int:
    assert member.case_id is not None, "a digest has no digest in it"
    return member.case_id


def _moment(stamp: str | None) -> datetime | None:
    return None if stamp is None else datetime.fromisoformat(stamp)


def _frozen(row: Mapping[str, Any], letter: Letter, press: Letterpress, zone: ZoneInfo) -> SummaryRow:
    """A row as it was frozen: case, letter, what, since, due, rung and state; times are ISO 8601, words are codes.

    ``group`` names the words that ``what`` is a code of, where it is no letter.
    """
    language = letter.language
    due = _moment(row.get("due"))
    return SummaryRow(
        case_number=row["case"],
        letter_number=row.get("letter") or "",
        what=_word(press, row.get("group") or "letter", row.get("what") or "", language),
        since=phrase(datetime.fromisoformat(row["since"]), zone, language),
        due=_phrase(due, zone, language),
        overdue=overdue_since(due, letter.created_at, press, language),
        rung=int(row.get("rung") or 0),
        state=_word(press, "row_state", row.get("state") or "", language),
        ack_link="",
    )


def _word(press: Letterpress, group: str, code: str, language: str) -> str:
    """A code in words; what is no code is said as it is."""
    try:
        return press.word(group, code, language)
    except KeyError:
        return code


def _phrase(at: datetime | None, zone: ZoneInfo, language: str) -> Phrase | None:
    return None if at is None else phrase(at, zone, language)


@dataclass(frozen=True, slots=True)
class _Member:
    """One letter of a digest, and the facts that its row tells."""

    letter: Letter
    case: CaseFile
    submission: Submission | None
    since: datetime
    due: datetime | None

    def row(self, runtime: Runtime, digest: Letter, zone: ZoneInfo) -> SummaryRow:
        """The row in the digest's language, with what the letter asks for in the words of its subject."""
        press, language, said = runtime.letterpress, digest.language, self.letter.context
        link = link_of(runtime, self.letter, self.case.number, digest.created_at)
        number, rung = letter_number(self.case.number, self.letter.id), int(said.get("rung") or 0)
        subject = press.subject(
            self.letter.kind,
            {
                **empty_context(language),
                "case_number": self.case.number,
                "letter_number": number,
                "submission_number": self.submission.number if self.submission else "",
                "repeat": repeats_before(said),
                "rung": rung,
                "threshold": threshold_text(said["threshold"], press, language) if said.get("threshold") else "",
            },
        )
        return SummaryRow(
            case_number=self.case.number,
            letter_number=number,
            what=_without(subject, self.case.number),
            since=phrase(self.since, zone, language),
            due=_phrase(self.due, zone, language),
            overdue=overdue_since(self.due, digest.created_at, press, language),
            rung=rung,
            state="",
            ack_link=link[0] if link else "",
        )


def _member(session: Session, letter: Letter, case: CaseFile) -> _Member:
    """A row's facts. The matter began with the notice, else with the duty, else with the letter."""
    said = letter.context
    clock = session.get(Clock, said["clock"]) if said.get("clock") else None
    submission = submission_named(session, case.id, said)
    sent_at = submission.sent_at if submission else None
    since = sent_at or (clock.started_at if clock else letter.created_at)
    return _Member(letter, case, submission, since, clock.due_at if clock else None)


def _without(subject: str, case_number: str) -> str:
    """A subject without the number that stands in a row of its own."""
    said = " ".join(subject.replace(case_number, "").split()).strip(" :;,.–—-")
    return said[:1].upper() + said[1:]
