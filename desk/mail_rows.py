"""Mails as rows: what each is, where it belongs and what followed. Never a word of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from desk.output import Row, iso

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from db.tables import InboundMail


def mail_rows(session: Session, case_id: int, zone: str) -> list[Row]:
    """A case's mails, oldest first, with the outcomes that they state."""
    from db.queries.events import events_of_case
    from db.queries.mails import mails_of_case

    stated: dict[int, list[list[object]]] = {}
    for event in events_of_case(session, case_id):
        if event.kind == "outcomes.suggested":
            stated.setdefault(event.data["mail"], []).extend(event.data["outcomes"])
    return [{**as_row(row, zone), "stated_outcomes": stated.get(row.id, [])} for row in mails_of_case(session, case_id)]


def as_row(row: InboundMail, zone: str) -> Row:
    """One mail, for a listing."""
    return {
        "id": row.id,
        "state": row.state,
        "kind": row.kind or "not read yet",
        "from": row.contact or "nobody known",
        "matched_by": row.matched_by,
        "letter": row.letter_id,
        "stored_at": iso(row.stored_at, zone),
        "effects": list(row.effects),
        "reason": row.reason,
        "settled_by": row.settled_by,
    }


def followed(row: Row) -> str:
    """What followed from a mail, or why nothing has."""
    words = ", ".join(effect.replace(".", " ").replace("_", " ") for effect in row["effects"])
    if row.get("stated_outcomes"):
        said = ", ".join(f"{number}: {outcome}" for number, outcome in row["stated_outcomes"])
        words += f"; it states {said}: record them with 'qorgan submission record-outcome'"
    if row["state"] == "held":
        return f"HELD: {row['reason']}"
    return words or row["reason"] or row["state"]
