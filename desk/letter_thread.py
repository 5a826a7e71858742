"""The correspondence about a case as a mail client shows a thread: what went out, what came in, in order."""

from __future__ import annotations

from email import message_from_bytes
from email.header import decode_header, make_header
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from casework.vocabulary import DeliveryState
from desk.options import CaseNumber, Json, at_work
from desk.output import Row, answer, heading, iso, shown, visible

if TYPE_CHECKING:
    from collections.abc import Iterable

    from db.tables import InboundMail, Letter
    from tasks.mailer import Envelope


def thread(
    number: CaseNumber,
    contact: Annotated[
        str | None, typer.Option("--contact", help="Only with this one, as in liaison:facebook or party:12.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Show the letters to each recipient and the mails from them, in order. 'letters show' and 'mail show' open one."""
    from db.queries.letter_lists import letters_of_correspondence, mails_of_thread
    from tasks.case_facts import find_case
    from tasks.letter_message import made_before

    runtime = at_work()
    zone = runtime.pack.authority.zone
    with runtime.sessions.read() as session:
        case = find_case(session, number)
        sent = [
            _out(row, made_before(session, runtime, row), zone)
            for row in letters_of_correspondence(session, case.id, contact)
        ]
        subjects = {row["id"]: row["subject"] for row in sent}
        came = [_in(row, subjects, zone) for row in mails_of_thread(session, case.id, contact)]
    rows = sorted((*sent, *came), key=lambda row: (row["at"], row["way"] == "in", row["id"]))

    def show(console: Console) -> None:
        for one in dict.fromkeys(row["with"] for row in rows):
            heading(console, f"{number} with {one or 'nobody known'}")
            for row in (row for row in rows if row["with"] == one):
                mark = "->" if row["way"] == "out" else "<-"
                what = "letter" if row["way"] == "out" else "mail"
                console.print(f"{shown(row['at'])}  {mark} {row['subject']}", soft_wrap=True)
                console.print(f"    {what} {row['id']}, {row['kind']}: {row['state']}", soft_wrap=True)
        console.print(f"\n{len(sent)} letter(s) out, {len(came)} mail(s) in")

    answer(rows, as_json, show)


def _out(row: Letter, made: Envelope | None, zone: str) -> Row:
    """A letter, under its subject once it is made. A digest speaks for a letter that became one of its lines."""
    state = row.state
    if state == DeliveryState.BUNDLED and row.digest_id:
        state = f"in digest {row.digest_id}"
    elif row.delivered_at:
        state = f"{state}, delivered {shown(iso(row.delivered_at, zone))}"
    elif row.held_because:
        state = f"{state}, held: {row.held_because}"
    return {
        "way": "out",
        "id": row.id,
        "at": iso(row.sent_at or row.created_at, zone),
        "with": row.sent_to or row.contact,
        "kind": row.kind,
        "subject": _subject(made) or f"({row.kind.replace('_', ' ')}, not made)",
        "state": state,
    }


def _subject(made: Envelope | None) -> str:
    """The subject of a letter as it was made: a number, never a name."""
    if made is None:
        return ""
    folded = str(make_header(decode_header(message_from_bytes(made.message)["Subject"] or "")))
    return visible(" ".join(folded.split()))


def _in(row: InboundMail, subjects: dict[int, str], zone: str) -> Row:
    """A mail, which stays sealed: its subject is somebody else's text; that of the letter it answers stands for it."""
    answers = subjects.get(row.letter_id or 0)
    return {
        "way": "in",
        "id": row.id,
        "at": iso(row.stored_at, zone),
        "with": row.contact,
        "kind": row.kind or "not read yet",
        "subject": f"Re: {answers}" if answers else "(subject not shown)",
        "state": row.state + _effects(row.effects),
    }


def _effects(effects: Iterable[str]) -> str:
    said = ", ".join(effect.replace(".", " ").replace("_", " ") for effect in effects)
    return f"; {said}" if said else ""
