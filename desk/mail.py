"""Mails at the desk: what came in, what followed from it, and what a person must say about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from casework.errors import QorganError
from casework.vocabulary import MailState
from desk.mail_rows import as_row, followed
from desk.options import As, Json, Limit, Reason, at_work
from desk.output import Row, answer, harmless, iso, pairs, shown, table, visible

if TYPE_CHECKING:
    from db.tables import InboundMail
    from tasks.mail_decisions import Opened

app = typer.Typer(no_args_is_help=True, help="Mails that came in: list, open, assign, settle, read again.")

MailId = Annotated[int, typer.Argument(metavar="ID", min=1, help="Number of the mail.")]


@app.command("list")
def list_all(
    state: Annotated[MailState | None, typer.Option("--state", help="Only these; 'held' waits for a person.")] = None,
    case_number: Annotated[
        str | None, typer.Option("--case", metavar="CASE", parser=str.upper, help="Only mails of this case.")
    ] = None,
    limit: Limit = 200,
    as_json: Json = False,
) -> None:
    """List mails, newest first."""
    from db.queries.mails import list_mails
    from desk.questions import numbers_of_cases
    from tasks.case_facts import find_case

    runtime = at_work()
    zone = runtime.pack.authority.zone
    with runtime.sessions.read() as session:
        case_id = find_case(session, case_number).id if case_number else None
        found = list_mails(session, state=state, case_id=case_id, limit=limit)
        numbers = numbers_of_cases(session, {row.case_id for row in found if row.case_id is not None})
    rows: list[Row] = [{**as_row(row, zone), "case": numbers.get(row.case_id or 0)} for row in found]

    def show(console: Console) -> None:
        columns = ("id", "case", "kind", "from", "state", "came", "what followed")
        console.print(
            table(
                columns,
                [
                    (
                        str(row["id"]), row["case"] or "", row["kind"], row["from"], row["state"],
                        shown(row["stored_at"])[:16], followed(row),
                    )
                    for row in rows
                ],
                wide=("what followed",),
            )
        )  # fmt: skip
        console.print(f"\n{len(rows)} mail(s)")

    answer(rows, as_json, show)


@app.command("show")
def show_one(mail_id: MailId, as_user: As, as_json: Json = False) -> None:
    """Open a mail. Opening it is on the record; links are defanged, attachments stay closed."""
    from db.queries.mails import attachments_of
    from tasks.mail_decisions import open_mail

    runtime = at_work()
    opened = open_mail(runtime, mail_id, as_user)
    with runtime.sessions.read() as session:
        attachments: list[Row] = [
            {"part": one.part, "declared_type": visible(one.declared_type), "length": one.length, "sha256": one.sha256}
            for one in attachments_of(session, mail_id)
        ]
    page = {**_page(opened, runtime.pack.authority.zone), "attachments": attachments}

    def show(console: Console) -> None:
        names = ("id", "case", "state", "kind", "because", "from", "sender", "matched_by", "subject", "raw_sha256")
        pairs(console, [(name, str(page[name] or "")) for name in names])
        pairs(console, [("came", shown(page["stored_at"])), ("written", shown(page["written_at"]))])
        pairs(console, [("what followed", followed(page))])
        for one in attachments:
            console.print(
                f"attachment {one['part']}: {one['declared_type']}, {one['length']} bytes;"
                f" in quarantine, SHA-256 {one['sha256']}"
            )
        console.print()
        console.print(page["own_words"])

    answer(page, as_json, show)


def _page(opened: Opened, zone: str) -> Row:
    row, seen = opened.row, opened.seen
    reporter = row.contact.startswith("party:")
    return {
        **as_row(row, zone),
        "case": opened.case_number,
        "because": visible(row.because),
        # Whoever reported stays closed here as in the letters; of all others the address tells who wrote.
        "sender": "[the reporter]" if reporter else visible(seen.mail.sender) if seen else "",
        "subject": harmless(seen.mail.subject) if seen else "",
        "own_words": harmless(seen.answer.own_words) if seen else "",
        "written_at": iso(row.written_at, zone),
        "raw_sha256": row.raw_sha256,
        "raw_bytes": row.raw_bytes,
    }


@app.command()
def assign(
    mail_id: MailId,
    number: Annotated[str, typer.Argument(metavar="CASE", help="The case it belongs to.", parser=str.upper)],
    as_user: As,
    reason: Reason,
    letter: Annotated[int | None, typer.Option("--letter", min=1, help="The letter that it answers.")] = None,
    as_json: Json = False,
) -> None:
    """Say which case a held mail belongs to; what follows from it follows."""
    from tasks.mail_decisions import assign as assign_mail

    _say(assign_mail(at_work(), mail_id, number, as_user, reason, letter_id=letter), as_json)


@app.command()
def settle(mail_id: MailId, as_user: As, reason: Reason, as_json: Json = False) -> None:
    """Say that nothing follows from a held mail, and why."""
    from tasks.mail_decisions import settle_mail

    _say(settle_mail(at_work(), mail_id, as_user, reason), as_json)


@app.command()
def replay(
    as_user: As,
    mail_id: Annotated[int | None, typer.Argument(metavar="[ID]", min=1, help="Number of the mail.")] = None,
    all_held: Annotated[bool, typer.Option("--all-held", help="Every mail that is held.")] = False,
    as_json: Json = False,
) -> None:
    """Read held mails again under today's rules; those that can be read leave the pen."""
    from db.queries.mails import mails_held
    from tasks.mail_decisions import replay_mail

    if (mail_id is None) is not all_held:
        raise typer.BadParameter("give the number of one mail, or --all-held")
    runtime = at_work()
    with runtime.sessions.read() as session:
        ids = mails_held(session) if mail_id is None else [mail_id]
    rows = [as_row(replay_mail(runtime, one, as_user), runtime.pack.authority.zone) for one in ids]

    def show(console: Console) -> None:
        for row in rows:
            console.print(f"Mail {row['id']} is {row['state']}: {followed(row)}.")
        console.print(f"{len(rows)} read again, {sum(row['state'] == 'held' for row in rows)} still held.")

    answer(rows, as_json, show)
    if any(row["state"] == "held" for row in rows):
        raise typer.Exit(1)


@app.command()
def fetch(as_json: Json = False) -> None:
    """Store what waits in the folder and the mailbox, and read it."""
    from tasks.mail_reading import read_stored
    from tasks.mailbox import fetch as fetch_mails

    runtime = at_work()
    fetched = fetch_mails(runtime)
    done: Row = {"stored": fetched.stored, "repeated": fetched.repeated, "held": fetched.held, "read": 0,
                 "not_stored": fetched.failed, "not_reached": list(fetched.down), "not_read": []}  # fmt: skip
    page = read_stored(runtime)
    while True:
        done["read"] += page.read
        done["held"] += page.held
        done["not_read"] += page.failed
        if page.done:
            break
        page = read_stored(runtime, after=page.last)

    def show(console: Console) -> None:
        console.print(
            f"{done['stored']} stored, {done['repeated']} known before; {done['read']} read, {done['held']} held."
        )

    answer(done, as_json, show)
    if fetched.down:
        raise QorganError(
            f"not reached: {', '.join(fetched.down)}", rule="mail.source_away", next_step="The next run tries again."
        )


def _say(row: InboundMail, as_json: bool) -> None:
    done: Row = {"id": row.id, "state": row.state, "effects": list(row.effects)}
    said = f"Mail {row.id} is {row.state}: {', '.join(row.effects) or 'nothing follows'}."
    answer(done, as_json, lambda console: console.print(said))
