"""Letters at the desk: what is waiting, what went out, how it reads, and what a person must settle."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.utils import parseaddr
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from casework.errors import ConfigurationError, NotAllowed, QorganError
from casework.vocabulary import DeliveryState, Recipient, Role
from desk.letter_thread import thread
from desk.options import As, Json, Limit, Reason, at_work
from desk.output import Row, answer, iso, local, pairs, shown, table, visible

if TYPE_CHECKING:
    from db.tables import Letter
    from tasks.correspondence import Settled

app = typer.Typer(no_args_is_help=True, help="Letters: list, read, follow, preview, send, replay, resolve.")

app.command()(thread)

LetterId = Annotated[int, typer.Argument(metavar="ID", min=1, help="Number of the letter.")]
WEEK = timedelta(days=7)

READERS = (Role.SPECIALIST, Role.LEGAL_REVIEWER, Role.HEAD_OF_UNIT, Role.AUDITOR)
"""Who may open a letter as it was sent."""

NOBODY = "[the reporter]"
"""Stands where a letter names the person it was written to."""


@app.command("list")
def list_all(
    state: Annotated[DeliveryState | None, typer.Option("--state", help="Only letters in this state.")] = None,
    kind: Annotated[str | None, typer.Option("--kind", help="Only letters of this kind.")] = None,
    case_number: Annotated[
        str | None, typer.Option("--case", metavar="CASE", parser=str.upper, help="Only letters of this case.")
    ] = None,
    recipient: Annotated[Recipient | None, typer.Option("--recipient", help="Only letters to this role.")] = None,
    since: Annotated[
        str | None, typer.Option("--since", metavar="DATE", help="Only letters intended on this local day or later.")
    ] = None,
    held: Annotated[bool, typer.Option("--held", help="Only letters that could go and wait.")] = False,
    dead: Annotated[bool, typer.Option("--dead", help="Only letters that need a person.")] = False,
    unproven: Annotated[
        bool, typer.Option("--unproven", help="Only sent letters whose arrival nothing shows; of a week, or --since.")
    ] = False,
    limit: Limit = 200,
    as_json: Json = False,
) -> None:
    """List letters, newest first."""
    from db.queries.letter_lists import Wanted, find_letters
    from desk.questions import numbers_of_cases
    from tasks import delivery
    from tasks.case_facts import find_case

    runtime = at_work()
    zone, now = runtime.pack.authority.zone, runtime.now() + timedelta.resolution
    first = _midnight(since, zone) if since else None
    with runtime.sessions.read() as session:
        wanted = Wanted(
            state=state,
            kind=kind,
            case_id=find_case(session, case_number).id if case_number else None,
            recipient=recipient,
            since=first,
            held=held,
            dead=dead,
            among=[row.id for row in delivery.unproven(session, first or now - WEEK, now)] if unproven else None,
        )
        found = find_letters(session, wanted, limit)
        numbers = numbers_of_cases(session, {row.case_id for row in found if row.case_id is not None})
    rows: list[Row] = [_row(row, numbers, zone) for row in found]

    def show(console: Console) -> None:
        columns = ("id", "case", "letter", "to", "", "state", "when or why not")
        console.print(
            table(
                columns,
                [
                    (
                        str(row["id"]), row["case"] or "several", row["kind"], row["sent_to"] or row["to"],
                        row["language"], row["state"] + (" !" if row["urgent"] else ""), _when_or_why(row),
                    )
                    for row in rows
                ],
                wide=("when or why not",),
            )
        )  # fmt: skip
        console.print(f"\n{len(rows)} letter(s); '!' is urgent")

    answer(rows, as_json, show)


def _midnight(day: str, zone: str) -> datetime:
    """The first instant of a local day."""
    from casework.local_time import instant_of, place_zone

    try:
        return instant_of(date.fromisoformat(day), time(0), place_zone(zone))
    except ValueError:
        raise QorganError(
            f"'{day[:20]}' is no day", rule="letters.since", next_step="Write it as 2026-03-18."
        ) from None


def _row(row: Letter, numbers: dict[int, str], zone: str) -> Row:
    return {
        "id": row.id,
        "case": None if row.case_id is None else numbers[row.case_id],
        "kind": row.kind,
        "to": row.recipient,
        "contact": row.contact,
        "sent_to": row.sent_to,
        "language": row.language,
        "state": row.state,
        "urgent": row.urgent,
        "attempts": row.attempts,
        "reason": row.reason,
        "held_because": row.held_because,
        "digest": row.digest_id,
        "server_answer": visible(row.server_answer),
        "queue_id": visible(row.queue_id),
        "created_at": iso(row.created_at, zone),
        "next_attempt_at": iso(row.next_attempt_at, zone),
        "sent_at": iso(row.sent_at, zone),
        "delivered_at": iso(row.delivered_at, zone),
    }


def _when_or_why(row: Row) -> str:
    if row["next_attempt_at"]:
        return (f"{row['held_because']}, " if row["held_because"] else "") + f"again {shown(row['next_attempt_at'])}"
    if row["reason"]:
        return str(row["reason"])
    if row["state"] == DeliveryState.BUNDLED:
        return f"in digest {row['digest']}"
    proven = f", delivered {shown(row['delivered_at'])}" if row["delivered_at"] else ""
    queue = f" as {row['queue_id']}" if row["queue_id"] else ""
    return f"{shown(row['sent_at'])}{queue}{proven}"


@app.command("show")
def show_one(letter_id: LetterId, as_user: As, as_json: Json = False) -> None:
    """Open a letter as it was made. Opening it is on the record; the reporter's name and address stay closed."""
    from db.queries.cases import case_by_id
    from db.queries.letters import letter_by_id
    from db.queries.retention import erasure_of_row
    from tasks.letter_message import made_before
    from tasks.record import note, transaction

    runtime = at_work()
    actor = runtime.users.actor(as_user)
    if not actor.has(*READERS):
        raise NotAllowed(
            f"letter {letter_id}: {actor.id} may not open it",
            next_step=f"It takes one of the roles {', '.join(READERS)}.",
        )
    with transaction(runtime) as session:
        letter = letter_by_id(session, letter_id)
        envelope = None if letter is None else made_before(session, runtime, letter)
        if letter is None or envelope is None:
            erased = erasure_of_row(session, "letter", letter_id)
            if erased is not None:
                zone = runtime.pack.authority.zone
                raise QorganError(
                    f"the text of letter {letter_id} was erased on {local(erased.erased_at, zone)} under {erased.rule}",
                    rule="retention.erased",
                )
            raise QorganError(
                f"letter {letter_id} " + ("does not exist" if letter is None else "has not been made yet"),
                rule="letter.not_made",
                next_step="See 'qorgan letters list'; 'qorgan letters preview' shows how it would read.",
            )
        case = None if letter.case_id is None else case_by_id(session, letter.case_id)
        data = {"letter": letter.id, "kind": letter.kind, "to": letter.recipient}
        note(session, runtime, case, "letter.opened", actor, runtime.now(), data=data)
    page = _opened(letter, case.number if case else "", envelope.message, runtime.pack.authority.zone)

    def show(console: Console) -> None:
        names = ("case", "kind", "state", "from", "to", "subject", "message_id", "message_sha256")
        pairs(console, [*((name, page[name]) for name in names), ("date", shown(page["date"]))])
        console.print()
        console.print(page["text"])

    answer(page, as_json, show)


def _opened(letter: Letter, number: str, message: bytes, zone: str) -> Row:
    """The message's readable parts. Whoever a reporter's letter is to is struck out of all of them."""
    read = message_from_bytes(message, policy=policy.default)
    assert isinstance(read, EmailMessage)
    body = read.get_body(("plain",))
    headers = message_from_bytes(message)

    def header(name: str) -> str:
        # The newer policy leaves a space where a long name was folded; this way it is read as it was written.
        return str(make_header(decode_header(headers[name])))

    hidden = parseaddr(header("To")) if letter.recipient == Recipient.REPORTER else ()

    def open_part(text: str) -> str:
        return visible(_struck_out(text, hidden))

    return {
        "id": letter.id,
        "case": number,
        "kind": letter.kind,
        "state": letter.state,
        "from": open_part(header("From")),
        "to": NOBODY if hidden else visible(header("To")),
        "date": iso(read["Date"].datetime, zone),
        "subject": open_part(header("Subject")),
        "message_id": letter.message_id,
        "message_sha256": letter.message_sha256,
        "template_version": letter.template_version,
        "text": open_part(str(body.get_content()) if body is not None else ""),
    }


def _struck_out(text: str, hidden: tuple[str, ...]) -> str:
    for name in filter(None, hidden):
        text = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", NOBODY, text)
    return text


@app.command()
def send(
    urgent: Annotated[bool, typer.Option("--urgent", help="Only urgent letters.")] = False,
    limit: Limit = 1_000,
    as_json: Json = False,
) -> None:
    """Send what is queued, urgent letters first."""
    from tasks.correspondence import send_letters

    runtime = at_work()
    if runtime.mailer.host is None:
        raise ConfigurationError(
            "no mail server is set; every letter stays queued",
            rule="mail.no_server",
            next_step="Set QORGAN_SMTP_HOST, or start the sandbox.",
        )
    sent = send_letters(runtime, urgent_only=urgent, limit=limit)
    done: Row = {
        "sent": sent.sent,
        "later": sent.later,
        "repeated": sent.repeated,
        "refused": sent.refused,
        "unknown": sent.unknown,
        "look_at": sent.look_at,
        "muted": sent.muted,
        "waiting": sent.waiting,
    }

    def show(console: Console) -> None:
        if sent.muted:
            console.print(f"Sending is muted ({sent.muted}): {sent.waiting} letter(s) wait.")
        console.print(
            f"{sent.sent} sent, {sent.later + sent.repeated} tried again later,"
            f" {sent.refused} refused, {sent.unknown} unknown."
        )
        if sent.look_at:
            console.print(f"A person must look at: {', '.join(map(str, sent.look_at))} ('qorgan letters list --dead').")

    answer(done, as_json, show)


@app.command()
def replay(letter_id: LetterId, as_user: As, reason: Reason, as_json: Json = False) -> None:
    """Send a dead letter again: what kept it is mended, or it surely did not arrive."""
    _settle(letter_id, as_user, "again", reason, as_json)


@app.command()
def resolve(
    letter_id: LetterId,
    arrived: Annotated[bool, typer.Option("--arrived/--dropped", help="It arrived; or it is given up.")],
    as_user: As,
    reason: Reason,
    as_json: Json = False,
) -> None:
    """Say of a dead letter that it arrived after all, or that it is not sent again."""
    _settle(letter_id, as_user, "arrived" if arrived else "dropped", reason, as_json)


def _settle(letter_id: int, as_user: str, found: Settled, reason: str, as_json: bool) -> None:
    from tasks.correspondence import settle_letter

    letter = settle_letter(at_work(), letter_id, as_user, found, reason)
    said = f"Letter {letter.id} is '{letter.state}'" + ("; the next run sends it." if found == "again" else ".")
    answer({"id": letter.id, "state": letter.state}, as_json, lambda console: console.print(said))
