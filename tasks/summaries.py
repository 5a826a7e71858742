"""Letters about several cases that go by the calendar: a liaison's week, and the letters whose arrival nothing proves.

What they say is frozen when they are written. Their once-per keys name the week or the day, so that a second run, or
one after an outage, writes none twice.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from casework.facts import SYSTEM
from casework.letters import language_of, letter
from casework.local_time import instant_of
from casework.policy_letters import BINDING
from casework.vocabulary import Recipient
from db.base import JsonDict
from db.queries.letter_lists import delayed
from db.queries.letters import known_once_keys
from db.queries.open_notices import OpenNotice, count_sent, decided_between, last_letter_about, open_notices
from db.tables import Letter
from tasks.delivery import case_of, unproven
from tasks.letter_parts import letter_number
from tasks.logs import logger
from tasks.outbox import queue_about_several
from tasks.record import note, transaction
from tasks.runtime import Runtime

MOST_ROWS = 200
"""Rows of one list. A longer one nobody reads; the count tells how many there are."""

OURSELVES = frozenset({Recipient.UNIT, Recipient.HEAD_OF_UNIT})
"""Whose letters are on no list of unproven ones: our own people read the list itself in the same mailbox."""

log = logger("summaries")


@dataclass(slots=True)
class Written:
    """Letters written by one run, and how many recipients had nothing to hear."""

    letters: int = 0
    rows: int = 0
    nothing: int = 0
    before: int = 0
    """Recipients whose letter of this week or day was written before."""


def write_weekly(runtime: Runtime) -> Written:
    """One summary for each liaison's address and language, over all platforms of that liaison; none where nothing is
    open. The week is the ISO week before this one, in the authority's zone."""
    now, written = runtime.now(), Written()
    zone = ZoneInfo(runtime.pack.authority.zone)
    today = now.astimezone(zone).date()
    monday = today - timedelta(days=today.weekday())
    begin, end = _midnight(monday - timedelta(days=7), zone), _midnight(monday, zone)
    year, week, _ = today.isocalendar()
    with transaction(runtime) as session:
        for platforms, language in _liaisons(runtime, now):
            contact = f"{Recipient.LIAISON}:{platforms[0]}"
            key = f"liaison_weekly:{year}-W{week:02}:{contact}:{language}"
            notices = open_notices(session, platforms)
            if not notices:
                written.nothing += 1
                continue
            rows = [_notice_row(session, notice, now) for notice in notices]
            rows.sort(key=lambda row: (row["due"] is None, row["due"] or row["since"], row["case"]))
            said: JsonDict = {
                "platform": platforms[0] if len(platforms) == 1 else None,
                "rows": rows[:MOST_ROWS],
                "counts": {
                    "open": len({one.case_id for one in notices}),
                    "overdue": len({one.case_id for one in notices if one.due_at and now > one.due_at}),
                    "acknowledged": len({one.case_id for one in notices if one.acknowledged}),
                    "answered": decided_between(session, platforms, begin, end),
                },
                "period_from": begin.isoformat(),
                "period_to": end.isoformat(),
            }
            _write(session, runtime, "liaison_weekly", contact, language, key, said, now, written)
    log.info("weekly summaries", letters=written.letters, nothing=written.nothing)
    return written


def write_daily(runtime: Runtime) -> Written:
    """The list of yesterday's letters whose arrival nothing proves, to our own unit; none where all are proven."""
    now, written = runtime.now(), Written()
    zone = ZoneInfo(runtime.pack.authority.zone)
    today = now.astimezone(zone).date()
    begin, end = _midnight(today - timedelta(days=1), zone), _midnight(today, zone)
    with transaction(runtime) as session:
        found = [row for row in unproven(session, begin, end) if row.recipient not in OURSELVES]
        if not found:
            written.nothing = 1
            return written
        late = delayed(session, [row.id for row in found])
        rows = [_letter_row(session, runtime, row, row.id in late) for row in found[:MOST_ROWS]]
        said: JsonDict = {
            "rows": rows,
            "counts": {"sent": count_sent(session, begin, end), "unproven": len(found)},
            "period_from": begin.isoformat(),
            "period_to": end.isoformat(),
        }
        language = runtime.pack.authority.default_language
        key = f"unproven_letters:{today.isoformat()}:{Recipient.UNIT}"
        _write(session, runtime, "unproven_letters", Recipient.UNIT.value, language, key, said, now, written)
    return written


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return instant_of(day, time(0), zone)


def _liaisons(runtime: Runtime, now: datetime) -> list[tuple[list[str], str]]:
    """Platforms whose liaison reads at one address in one language: one letter for all of them."""
    authority = runtime.pack.authority
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for entry in runtime.pack.at(now).liaisons.liaisons:
        if entry.role == "liaison":
            language = language_of(letter("liaison_weekly"), entry.contact.language, None, authority)
            found[entry.contact.email.lower(), language].append(entry.platform)
    return [(platforms, language) for (_, language), platforms in found.items()]


def _notice_row(session: Session, notice: OpenNotice, now: datetime) -> JsonDict:
    """One line of a liaison's week."""
    about = last_letter_about(
        session, notice.case_id, (notice.number, notice.newest), (Recipient.PLATFORM, Recipient.LIAISON)
    )
    overdue = notice.due_at is not None and now > notice.due_at
    return {
        "case": notice.case_number,
        "letter": letter_number(notice.case_number, about) if about is not None else "",
        "what": "platform_prescription" if notice.instrument in BINDING else "platform_notice",
        "since": notice.sent_at.isoformat(),
        "due": notice.due_at.isoformat() if notice.due_at else None,
        "rung": notice.rung,
        "state": "acknowledged" if notice.acknowledged else "overdue" if overdue else "running",
    }


def _letter_row(session: Session, runtime: Runtime, row: Letter, late: bool) -> JsonDict:
    """One line of the list of unproven letters."""
    case = case_of(session, row)
    assert row.sent_at is not None, "only what was sent can be unproven"
    return {
        "case": case.number if case else "",
        "letter": letter_number(case.number if case else runtime.pack.authority.number_prefix, row.id),
        "what": row.kind,
        "since": row.sent_at.isoformat(),
        "due": None,
        "rung": 0,
        "state": "delayed" if late else "unproven",
    }


def _write(
    session: Session,
    runtime: Runtime,
    kind: str,
    contact: str,
    language: str,
    key: str,
    said: JsonDict,
    at: datetime,
    written: Written,
) -> None:
    """Intend a letter about several cases, unless its key is known."""
    if known_once_keys(session, [key]):
        written.before += 1
        return
    row = queue_about_several(session, kind, contact, language, at, once=key, context=said)
    data: JsonDict = {"letter": row.id, "kind": kind, "to": contact, "rows": len(said["rows"])}
    note(session, runtime, None, "summary.written", SYSTEM, at, data=data)
    written.letters += 1
    written.rows += len(said["rows"])
