"""Is this installation fit to work? Each check says in a sentence what is wrong, and what to do about it."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from casework.errors import QorganError
from casework.policy_pack import Pack
from casework.vocabulary import DeliveryState, Role
from db.engine import make_engine
from db.migrate import pending
from db.queries.clocks import last_success
from db.tables import PolicyVersion
from desk.findings import Finding, failed, ok, warning
from desk.mail_health import mail_at_rest, mail_settings
from desk.questions import (
    count_held,
    count_letters_for_people,
    count_unread,
    newest_sealed_report,
    open_categories,
)
from tasks.intake import RAW
from tasks.policies import days_as_data
from tasks.runtime import load_pack
from tasks.settings import Settings
from tasks.sla_sweep import NAME as SWEEP
from tasks.users import read_users
from tasks.vault import vault_from

QUIET_TOO_LONG = timedelta(minutes=15)
"""A sweep that has not succeeded for so long has stopped."""

LEAST_FREE = 500 * 1024 * 1024
"""Bytes of disk below which the case file is in danger."""

KNOCK_SECONDS = 3.0


def examine(settings: Settings, now: datetime) -> list[Finding]:
    """Every check; none changes anything, and one that fails does not keep the others from running."""
    return [
        *_policy(settings, now),
        _users(settings),
        *_case_file(settings, now),
        *_outside(settings),
        *mail_settings(settings),
        _disk(settings),
    ]


def _policy(settings: Settings, now: datetime) -> Iterator[Finding]:
    try:
        pack = load_pack(settings.pack_folder)
    except QorganError as error:
        first = error.message.splitlines()[0]
        yield failed("policy pack", f"The policy pack does not load: {first}.", "Run 'qorgan policy check'.")
        return
    if pack.in_force_on(pack.local_date(now)):
        yield ok("policy pack", f"Policy {pack.version} loads and is in force.")
    else:
        span = f"{pack.regime.valid_from} to {pack.regime.valid_to or 'further notice'}"
        yield failed(
            "policy pack",
            f"Policy {pack.version} loads, but is in force from {span}: no notice can be approved under it.",
            "Put the policy in force in place.",
        )
    yield _calendar(pack, now)
    yield _estimated(pack, now)
    yield _clashes(settings, pack)


def _calendar(pack: Pack, now: datetime) -> Finding:
    """Deadlines reach into the next year before it begins."""
    year = now.astimezone(ZoneInfo(pack.authority.zone)).year
    missing = sorted(
        {
            str(wanted)
            for calendar in pack.calendars.calendars
            for wanted in (year, year + 1)
            if wanted not in calendar.covers
        }
    )
    if missing:
        return failed(
            "calendar",
            f"The calendar does not cover {' and '.join(missing)}; deadlines that reach there cannot be counted.",
            "Enter the holidays once they are decided, and add the year to 'covers' in calendar.yaml.",
        )
    return ok("calendar", f"The calendar covers {year} and {year + 1}.")


ESTIMATED_AHEAD = timedelta(days=90)


def _estimated(pack: Pack, now: datetime) -> Finding:
    """Holidays that follow the moon are estimates until somebody has decided them."""
    first = pack.local_date(now)
    near = sorted(
        f"{on} {day.name}"
        for calendar in pack.calendars.calendars
        for on, day in calendar.public_days.items()
        if "estimated" in day.name and first <= on <= first + ESTIMATED_AHEAD
        and on not in {override.day for override in calendar.overrides}
    )  # fmt: skip
    if near:
        return warning(
            "holidays",
            f"Only estimated so far: {'; '.join(near)}.",
            "Enter the decided day in overrides.csv with its source, then run 'qorgan policy recompute'.",
        )
    return ok("holidays", "No holiday of the next 90 days is an estimate.")


def _clashes(settings: Settings, pack: Pack) -> Finding:
    """Roles that the pack keeps apart are held by different people."""
    try:
        people = read_users(settings.users).by_id.values()
    except QorganError:
        return warning("roles", "Roles cannot be checked without a users file.", "Correct users.yaml.")
    for person in people:
        clash = pack.roles.clash(person.roles)
        if clash is not None:
            return failed(
                "roles",
                f"{person.id} is {clash[0]} and {clash[1]}, which the policy keeps apart.",
                "Give one of the roles to somebody else in users.yaml.",
            )
    return ok("roles", "Nobody holds two roles that the policy keeps apart.")


def _against_the_record(session: Session, settings: Settings) -> Iterator[Finding]:
    """Whether the policy in use fits what is on record; one that does not load is named by its own check."""
    try:
        pack = load_pack(settings.pack_folder)
    except QorganError:
        return
    yield _kinds_known(session, pack)
    yield _days_as_recorded(session, pack)


def _kinds_known(session: Session, pack: Pack) -> Finding:
    """Every open case is of a kind that the policy still knows: no other can be driven."""
    lost = sorted(open_categories(session) - {category.code for category in pack.categories})
    if lost:
        return failed(
            "open cases",
            f"Open cases are of kinds that policy {pack.version} does not know: {', '.join(lost)}.",
            "Keep the category in the pack until its cases have ended, or reclassify them with 'qorgan case amend'.",
        )
    return ok("open cases", "Every open case is of a kind that the policy knows.")


def _days_as_recorded(session: Session, pack: Pack) -> Finding:
    """Whether the public days are still those with which the policy in use was recorded."""
    row = session.get(PolicyVersion, pack.version)
    if row is None or row.public_days == days_as_data(pack):
        return ok("public days", "Public holidays are those with which the policy was recorded.")
    return warning(
        "public days",
        "Public holidays known today differ from those with which the policy in use was recorded.",
        "See what would change with 'qorgan policy recompute'.",
    )


def _users(settings: Settings) -> Finding:
    try:
        users = read_users(settings.users)
    except QorganError as error:
        return failed("users", f"The users file cannot be used: {error.message}.", "Correct users.yaml.")
    if not users.by_id:
        return failed(
            "users",
            "Nobody is known: there is no users file, or nobody in it.",
            "Write users.yaml; see examples/users.yaml.",
        )
    reviewers = [user.id for user in users.by_id.values() if user.has(Role.LEGAL_REVIEWER, Role.HEAD_OF_UNIT)]
    if not reviewers:
        return failed(
            "users",
            "Nobody may review: no user is a legal reviewer or head of unit.",
            "Give somebody the role in users.yaml.",
        )
    if len(reviewers) == 1:
        return warning(
            "users",
            "Only one person may review: political cases, appeals and lowered priorities need a second.",
            "Give a second person the role legal_reviewer in users.yaml.",
        )
    return ok("users", f"{len(users.by_id)} people are known, {len(reviewers)} of them may review.")


def _case_file(settings: Settings, now: datetime) -> list[Finding]:
    engine = make_engine(settings.database)
    try:
        if engine.url.get_backend_name() == "sqlite" and not Path(engine.url.database or "").exists():
            said = "There is no case file yet; the first command that needs one makes it."
            return [warning("case file", said, "Take the first reports in, or check QORGAN_HOME.")]
        behind = pending(engine)
        if behind:
            return [
                failed(
                    "case file",
                    f"The case file is {len(behind)} migration(s) behind this program.",
                    "Back it up, then run 'qorgan sweep': every working command brings it up to date.",
                )
            ]
        with Session(engine.execution_options(reading=True)) as session:
            return [
                ok("case file", "The case file can be read and is up to date."),
                *_contents(session, settings, now),
            ]
    except SQLAlchemyError as error:
        said = f"The case file cannot be reached: {type(error).__name__}."
        return [failed("case file", said, "Check QORGAN_DATABASE_URL, and that the server runs.")]
    finally:
        _close(engine)


def _close(engine: Engine) -> None:
    engine.dispose()


def _contents(session: Session, settings: Settings, now: datetime) -> Iterator[Finding]:
    yield _vault(settings, newest_sealed_report(session))
    yield _heartbeat(last_success(session, SWEEP), now)
    yield from _against_the_record(session, settings)
    unread = count_unread(session)
    if unread:
        said = f"{unread} report(s) were stored and never read, as after a crash."
        yield failed("reports", said, "Run 'qorgan report resume' while no intake is running.")
    else:
        yield ok("reports", "Every stored report was read.")
    held = count_held(session)
    if held:
        yield warning("holding pen", f"{held} thing(s) wait in the holding pen.", "See 'qorgan held list'.")
    yield from mail_at_rest(session)
    counts = count_letters_for_people(session)
    if counts:
        said = ", ".join(f"{counts[state]} {state}" for state in DeliveryState if state in counts)
        yield failed(
            "letters",
            f"Letters that a person must look at: {said}.",
            "See 'qorgan letters list --dead', then 'letters replay' or 'letters resolve'.",
        )
    else:
        yield ok("letters", "No letter needs a person.")


def _vault(settings: Settings, sealed: bytes | None) -> Finding:
    key_file = settings.home / "vault.key"
    if settings.vault_key is None and not key_file.exists():
        if sealed is not None:
            return failed(
                "vault",
                "The vault key is gone; what is sealed cannot be opened.",
                "Restore the file vault.key, or set QORGAN_VAULT_KEY.",
            )
        return warning(
            "vault",
            "There is no vault key yet; it is made with the first report.",
            "Back vault.key up, apart from the database.",
        )
    try:
        vault = vault_from(settings.vault_key.get_secret_value() if settings.vault_key else None, key_file)
        if sealed is not None:
            vault.open(sealed, RAW)
    except QorganError as error:
        return failed("vault", f"The vault does not open: {error.message}.", error.next_step)
    return ok("vault", "The vault opens." if sealed is not None else "The vault key is there; nothing is sealed yet.")


def _heartbeat(last: datetime | None, now: datetime) -> Finding:
    if last is None:
        return warning("sweep", "The sweep never ran here.", "Start the schedule, or run 'qorgan sweep'.")
    age = now - last
    if age > QUIET_TOO_LONG:
        return failed(
            "sweep",
            f"The sweep has not succeeded for {age // timedelta(minutes=1)} minutes; nobody is watching the deadlines.",
            "Run 'qorgan sweep' now, then find out why the schedule stands still.",
        )
    return ok("sweep", f"The sweep last succeeded {max(age // timedelta(minutes=1), 0)} minute(s) ago.")


def _outside(settings: Settings) -> Iterator[Finding]:
    if settings.smtp_host is None:
        yield failed(
            "mail",
            "No mail server is set: no letter can go out, not even to the police.",
            "Set QORGAN_SMTP_HOST, or start the sandbox.",
        )
    else:
        yield _knock("mail", "mail server", settings.smtp_host, settings.smtp_port, failed)
    if settings.platform_url is None:
        yield failed(
            "platform",
            "No address of the platforms' API is set; only portals work.",
            "Set QORGAN_PLATFORM_URL, or start the sandbox.",
        )
    else:
        parts = urlsplit(settings.platform_url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        yield _knock("platform", "platforms' API", parts.hostname or "", port, warning)


def _knock(check: str, what: str, host: str, port: int, bad: Callable[[str, str, str], Finding]) -> Finding:
    try:
        with socket.create_connection((host, port), timeout=KNOCK_SECONDS):
            return ok(check, f"The {what} answers.")
    except OSError as error:
        said = f"The {what} at {host}:{port} does not answer ({type(error).__name__}); what is queued waits."
        return bad(check, said, "Check the address, the firewall, and the server.")


def _disk(settings: Settings) -> Finding:
    folder = settings.home if settings.home.exists() else Path.cwd()
    free = shutil.disk_usage(folder).free
    said = f"{free / 1024**2:,.0f} MB are free."
    if free < LEAST_FREE:
        return failed(
            "disk", f"Only {said} The case file could stop in the middle of a write.", "Make room, then run this again."
        )
    return ok("disk", said)
