"""Contacts at the desk: who gets letters, who is away, which addresses fail."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from casework.errors import QorganError
from desk.options import As, Json, Reason, at_work
from desk.output import Row, answer, iso, shown, table, visible

if TYPE_CHECKING:
    from tasks.runtime import Runtime

app = typer.Typer(no_args_is_help=True, help="Contacts: who gets letters, who is away, which addresses fail.")

Contact = Annotated[str, typer.Argument(metavar="CONTACT", help="As 'contact list' names it: liaison:facebook.")]


@app.command("list")
def list_all(
    as_user: Annotated[
        str | None, typer.Option("--as", metavar="USER", help="Who asks: the domains of the addresses are shown too.")
    ] = None,
    as_json: Json = False,
) -> None:
    """List every contact of the policy pack: how it is reached now, and when a letter last got through."""
    from tasks.contacts import allowed

    runtime = at_work()
    if as_user is not None:
        allowed(runtime, as_user, "contacts")
    rows = _rows(runtime, domains=as_user is not None)

    def show(console: Console) -> None:
        columns = ["contact", "language", "reached", "quiet until", "last letter"]
        columns += ["domain"] if as_user is not None else []
        lines = [
            [
                row["contact"], row["language"], _reached(row), shown(row["quiet_until"])[:16],
                shown(row["last_success"])[:16], *([row["domain"]] if "domain" in row else []),
            ]
            for row in rows
        ]  # fmt: skip
        console.print(table(columns, lines, wide=("contact", "reached")))

    answer(rows, as_json, show)


def _rows(runtime: Runtime, *, domains: bool) -> list[Row]:
    from casework.addressing import DEPUTY, known_contacts, role_of
    from casework.pacing import quiet_until
    from db.queries.addresses import absent_at, address_health, last_success
    from tasks.contacts import fingerprint

    now, zone, rows = runtime.now(), runtime.pack.authority.zone, []
    known = known_contacts(runtime.pack.at(now))
    with runtime.sessions.read() as session:
        absent = absent_at(session, now)
        for candidate in known:
            contact, key = candidate.contact, candidate.key
            address = fingerprint(runtime, contact.email)
            health = address_health(session, address)
            quiet = runtime.pack.mail.limits(role_of(key)).quiet
            row: Row = {
                "contact": key,
                "name": contact.name.en,
                "role": role_of(key).value,
                "platform": key.removeprefix(DEPUTY).partition(":")[2] or None,
                "language": contact.language,
                "deputy": None if contact.deputy is None else f"{DEPUTY}{key}",
                "absent_until": iso(absent.get(key), zone),
                "health": health.state if health else "good",
                "last_success": iso(last_success(session, address), zone),
                "quiet_until": iso(quiet_until(quiet, now) if quiet else None, zone),
            }
            rows.append({**row, "domain": contact.email.rpartition("@")[2]} if domains else row)
    return rows


def _reached(row: Row) -> str:
    """What a person wants to know first: whether this contact gets its letters itself."""
    said = []
    if row["absent_until"]:
        said.append(f"absent until {shown(row['absent_until'])[:16]}")
    if row["health"] != "good":
        said.append(f"address {row['health']}")
    if said and row["deputy"]:
        said.append(f"see {row['deputy']}")
    return ", ".join(said) or "yes"


@app.command()
def absent(
    contact: Contact,
    from_at: Annotated[str, typer.Option("--from", metavar="WHEN", help="As in '2026-07-01 09:00', the unit's time.")],
    until_at: Annotated[str, typer.Option("--until", metavar="WHEN", help="First moment at which it is back.")],
    as_user: As,
    reason: Reason,
    as_json: Json = False,
) -> None:
    """Record that a contact does not read mail for a time: letters go to the deputy, or the next in line."""
    from tasks.contacts import record_absence

    runtime = at_work()
    zone = runtime.pack.authority.zone
    row = record_absence(runtime, contact, _when(from_at, zone), _when(until_at, zone), as_user, reason)
    done: Row = {
        "id": row.id, "contact": row.contact, "from": iso(row.from_at, zone), "until": iso(row.until_at, zone),
    }  # fmt: skip
    said = f"{row.contact} is absent from {shown(done['from'])} until {shown(done['until'])}."
    answer(done, as_json, lambda console: console.print(said))


@app.command()
def back(contact: Contact, as_user: As, as_json: Json = False) -> None:
    """End a contact's absence, and those that were planned: the next letter goes to it again."""
    from tasks.contacts import end_absence

    ended = end_absence(at_work(), contact, as_user)
    said = f"{contact} is back; {ended} absence(s) ended."
    answer({"contact": contact, "ended": ended}, as_json, lambda console: console.print(said))


@app.command()
def health(as_json: Json = False) -> None:
    """List the addresses at which letters do not arrive, newest first; never the address itself."""
    from db.queries.addresses import failing_addresses
    from tasks.contacts import FULL, FULL_FOR

    runtime = at_work()
    zone = runtime.pack.authority.zone
    with runtime.sessions.read() as session:
        rows: list[Row] = [
            {
                "contact": row.contact,
                "state": row.state,
                "since": iso(row.since, zone),
                "tried_again_at": iso(row.since + FULL_FOR, zone) if row.state == FULL else None,
                "letter": row.letter_id,
                "mail": row.mail_id,
                "words": visible(row.words),
            }
            for row in failing_addresses(session)
        ]

    def show(console: Console) -> None:
        columns = ("contact", "state", "since", "tried again", "letter", "the server's words")
        lines = [
            (
                row["contact"], row["state"], shown(row["since"])[:16], shown(row["tried_again_at"])[:16],
                str(row["letter"] or ""), row["words"],
            )
            for row in rows
        ]  # fmt: skip
        console.print(table(columns, lines, wide=("contact", "the server's words")))
        console.print(f"\n{len(rows)} failing address(es); 'qorgan contact mend' gives the all-clear.")

    answer(rows, as_json, show)


@app.command()
def mend(
    contact: Annotated[str, typer.Argument(metavar="CONTACT", help="As 'contact health' names it; or party:ID.")],
    as_user: As,
    reason: Reason,
    address: Annotated[
        str | None, typer.Option("--address", metavar="NEW", help="A person's new address; it is sealed in the vault.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Say that an address takes letters again, or give a person's new one. Failed letters are settled one by one."""
    from tasks.contacts import mend as all_clear

    mended = all_clear(at_work(), contact, as_user, reason, address)
    said = f"{contact} gets letters again. Those that failed: 'qorgan letters list --state refused'."
    answer({"contact": contact, "mended": mended}, as_json, lambda console: console.print(said))


def _when(text: str, zone: str) -> datetime:
    from casework.local_time import LocalTimeInvalid, local_instant

    try:
        return local_instant(text, zone)
    except LocalTimeInvalid as error:
        raise QorganError(str(error), rule="contact.absence_times") from None
