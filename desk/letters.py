"""Letters at the desk: what is waiting, what went out, how it reads, and what a person must settle."""

from __future__ import annotations

import json
import re
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.utils import parseaddr
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.console import Console

from casework.errors import ConfigurationError, NotAllowed, QorganError
from casework.vocabulary import DeliveryState, Recipient, Role
from desk.options import As, CaseNumber, Json, Limit, Reason, at_work
from desk.output import Row, answer, heading, iso, pairs, shown, table, visible

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from db.tables import CaseFile, Letter
    from tasks.runtime import Runtime

app = typer.Typer(no_args_is_help=True, help="Letters: list, read, preview, send, settle.")

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
    limit: Limit = 200,
    as_json: Json = False,
) -> None:
    """List letters, newest first."""
    from db.queries.letters import letters_of_case, list_letters
    from desk.questions import numbers_of_cases
    from tasks.case_facts import find_case

    runtime = at_work()
    zone = runtime.pack.authority.zone
    with runtime.sessions.read() as session:
        if case_number:
            of_case = reversed(letters_of_case(session, find_case(session, case_number).id))
            found = [row for row in of_case if state in (None, row.state) and kind in (None, row.kind)][:limit]
        else:
            found = list(list_letters(session, state=state, kind=kind, limit=limit))
        numbers = numbers_of_cases(session, {row.case_id for row in found})
    rows: list[Row] = [
        {
            "id": row.id,
            "case": numbers[row.case_id],
            "kind": row.kind,
            "to": row.recipient,
            "language": row.language,
            "state": row.state,
            "urgent": row.urgent,
            "attempts": row.attempts,
            "reason": row.reason,
            "server_answer": visible(row.server_answer),
            "created_at": iso(row.created_at, zone),
            "next_attempt_at": iso(row.next_attempt_at, zone),
            "sent_at": iso(row.sent_at, zone),
        }
        for row in found
    ]

    def show(console: Console) -> None:
        columns = ("id", "case", "letter", "to", "", "state", "when or why not")
        console.print(
            table(
                columns,
                [
                    (
                        str(row["id"]), row["case"], row["kind"], row["to"], row["language"],
                        row["state"] + (" !" if row["urgent"] else ""), _when_or_why(row),
                    )
                    for row in rows
                ],
                wide=("when or why not",),
            )
        )  # fmt: skip
        console.print(f"\n{len(rows)} letter(s); '!' is urgent")

    answer(rows, as_json, show)


def _when_or_why(row: Row) -> str:
    if row["next_attempt_at"]:
        return f"again {shown(row['next_attempt_at'])}"
    return row["reason"] or shown(row["sent_at"])


@app.command("show")
def show_one(
    letter_id: Annotated[int, typer.Argument(metavar="ID", min=1)], as_user: As, as_json: Json = False
) -> None:
    """Open a letter as it was made. Opening it is on the record; the reporter's name and address stay closed."""
    from db.queries.cases import case_by_id
    from db.queries.letters import letter_by_id
    from tasks.correspondence import MESSAGE
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
        if letter is None or letter.message_sealed is None:
            raise QorganError(
                f"letter {letter_id} " + ("does not exist" if letter is None else "has not been made yet"),
                rule="letter.not_made",
                next_step="See 'qorgan letters list'; 'qorgan letters preview' shows how it would read.",
            )
        sealed = json.loads(runtime.vault.open(letter.message_sealed, MESSAGE))
        case = case_by_id(session, letter.case_id)
        data = {"letter": letter.id, "kind": letter.kind, "to": letter.recipient}
        note(session, runtime, case, "letter.opened", actor, runtime.now(), data=data)
    page = _opened(letter, case.number, sealed["message"].encode("latin-1"), runtime.pack.authority.zone)

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
def preview(
    kind: Annotated[str, typer.Argument(help="A letter of the registry, such as liaison_escalation.")],
    number: CaseNumber,
    language: Annotated[Literal["kk", "ru", "en"], typer.Option("--language")] = "en",
    html: Annotated[bool, typer.Option("--html", help="The HTML part instead of the text.")] = False,
    as_json: Json = False,
) -> None:
    """How a letter would read for a case now. Nothing is stored or sent."""
    from casework.letters import LETTERS
    from tasks.case_facts import find_case
    from tasks.correspondence import render_letter

    if kind not in LETTERS:
        raise typer.BadParameter(f"no letter is called '{kind}'; known: {', '.join(sorted(LETTERS))}")
    runtime = at_work()
    with runtime.sessions.read() as session:
        case = find_case(session, number)
        letter = _unwritten(session, runtime, case, kind, language)
        name = NOBODY if letter.recipient == Recipient.REPORTER else _name(runtime, letter)
        rendered = render_letter(session, runtime, letter, name)
    page: Row = {
        "kind": kind,
        "case": case.number,
        "language": language,
        "subject": rendered.subject,
        "text": rendered.text,
        "html": rendered.html,
    }

    def show(console: Console) -> None:
        if html:
            typer.echo(rendered.html)
            return
        heading(console, f"Preview, nothing is sent: {rendered.subject}")
        console.print()
        console.print(rendered.text)

    answer(page, as_json, show)


def _unwritten(session: Session, runtime: Runtime, case: CaseFile, kind: str, language: str) -> Letter:
    """A letter that is never added to the case file. The newest real one of its kind lends its facts."""
    from casework.letters import letter as registry
    from db.queries.letters import escalations_of_case, letters_of_case
    from db.queries.submissions import submissions_of_case
    from db.tables import Letter

    written = [row for row in letters_of_case(session, case.id) if row.kind == kind]
    submissions = submissions_of_case(session, case.id)
    rungs = [row for row in escalations_of_case(session, case.id) if row.letter == kind]
    context: Row = {"missing": list(case.missing), "platform": submissions[-1].platform if submissions else None}
    if submissions:
        context["submission"] = submissions[-1].number
    if rungs:
        context |= {"escalation": rungs[-1].id, "rung": rungs[-1].rung, "clock": rungs[-1].clock_id}
    return Letter(
        id=0,
        case_id=case.id,
        kind=kind,
        recipient=registry(kind).recipient.value,
        language=language,
        context=dict(written[-1].context) if written else context,
        created_at=runtime.now(),
    )


def _name(runtime: Runtime, letter: Letter) -> str:
    from tasks.outbox import find_contact

    contact = find_contact(runtime.pack, Recipient(letter.recipient), letter.context.get("platform"))
    return (contact.name if contact else runtime.pack.authority.unit).in_language(letter.language)


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
    }

    def show(console: Console) -> None:
        console.print(
            f"{sent.sent} sent, {sent.later + sent.repeated} tried again later,"
            f" {sent.refused} refused, {sent.unknown} unknown."
        )
        if sent.look_at:
            console.print(f"A person must look at: {', '.join(map(str, sent.look_at))} ('qorgan letters settle').")

    answer(done, as_json, show)


@app.command()
def settle(
    letter_id: Annotated[int, typer.Argument(metavar="ID", min=1)],
    arrived: Annotated[bool, typer.Option("--arrived/--again", help="It arrived; or it is to be sent again.")],
    as_user: As,
    reason: Reason,
    as_json: Json = False,
) -> None:
    """Say what became of an unknown or refused letter."""
    from tasks.correspondence import settle_letter

    letter = settle_letter(at_work(), letter_id, as_user, arrived, reason)
    said = f"Letter {letter.id} is '{letter.state}'" + ("." if arrived else "; the next run sends it.")
    answer({"id": letter.id, "state": letter.state}, as_json, lambda console: console.print(said))
