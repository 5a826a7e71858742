"""Checks of the case file: whether it can be used, and what lies in it that somebody must look at."""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import Engine, func, select, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from casework.errors import QorganError
from casework.policy_pack import Pack
from casework.vocabulary import DeliveryState
from db.engine import make_engine
from db.migrate import ahead, newest, pending
from db.tables import PolicyVersion
from desk.findings import Finding, failed, ok, warning
from desk.mail_health import mail_at_rest
from desk.questions import count_held, count_letters_for_people, count_unread, newest_sealed_report, open_categories
from tasks.intake import RAW
from tasks.policies import days_as_data
from tasks.runtime import load_pack
from tasks.settings import Settings
from tasks.vault import vault_from

SKEW = timedelta(seconds=5)
"""Two clocks that differ by more are a fault: leases and deadlines are compared across machines."""

Look = Callable[[Session], Iterator[Finding]]


def case_file(settings: Settings, *looks: Look) -> list[Finding]:
    """Open the case file for reading, and look; what keeps it from being opened is the finding."""
    engine = make_engine(settings.database)
    try:
        unusable = _unusable(engine)
        if unusable is not None:
            return [unusable]
        with Session(engine.execution_options(reading=True)) as session:
            usable = ok("case file", "The case file can be read and is up to date.")
            return [usable, *(finding for look in looks for finding in look(session))]
    except SQLAlchemyError as error:
        said = f"The case file cannot be reached: {type(error).__name__}."
        return [failed("case file", said, "Check QORGAN_DATABASE_URL, and that the server runs.")]
    finally:
        engine.dispose()


def _unusable(engine: Engine) -> Finding | None:
    """Why nothing in the case file can be looked at, or None."""
    if engine.url.get_backend_name() == "sqlite" and not Path(engine.url.database or "").exists():
        said = "There is no case file yet; the first command that needs one makes it."
        return warning("case file", said, "Take the first reports in, or check QORGAN_HOME.")
    unknown = ahead(engine)
    if unknown is not None:
        return failed(
            "case file",
            f"The database is newer than this program: it is at revision {unknown}, the program knows {newest()}.",
            "Install the version that migrated it, here too. Until then nothing is written from here.",
        )
    behind = pending(engine)
    if behind:
        return failed(
            "case file",
            f"The case file is {len(behind)} migration(s) behind this program.",
            "Back it up, then run 'qorgan sweep': every working command brings it up to date.",
        )
    return None


def contents(settings: Settings) -> Look:
    """What lies in the case file."""

    def look(session: Session) -> Iterator[Finding]:
        yield _vault(settings, newest_sealed_report(session))
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
        yield _letters(session)

    return look


def _letters(session: Session) -> Finding:
    counts = count_letters_for_people(session)
    if not counts:
        return ok("letters", "No letter needs a person.")
    said = ", ".join(f"{counts[state]} {state}" for state in DeliveryState if state in counts)
    return failed(
        "letters",
        f"Letters that a person must look at: {said}.",
        "See 'qorgan letters list --dead', then 'letters replay' or 'letters resolve'.",
    )


def its_clock(clock: Callable[[], datetime]) -> Look:
    """Whether the database's clock goes as this machine's; SQLite has none of its own."""

    def look(session: Session) -> Iterator[Finding]:
        if session.get_bind().dialect.name == "postgresql":
            theirs: datetime = session.execute(select(func.clock_timestamp())).scalar_one()
            yield skew("database clock", "the database's", theirs - clock(), SKEW)

    return look


def its_commits(session: Session) -> Iterator[Finding]:
    """Whether the database says yes to a commit only when it is on disk. SQLite does: its engine is opened so."""
    if session.get_bind().dialect.name != "postgresql":
        return
    told = {name: session.execute(text(f"SHOW {name}")).scalar_one() for name in ("fsync", "synchronous_commit")}
    off = [name for name, value in told.items() if value == "off"]
    if not off:
        yield ok("database commits", "What the database says is stored is on its disk.")
        return
    yield failed(
        "database commits",
        f"The database says yes before a commit is on disk ({' and '.join(off)} off): after a power cut a notice may "
        "go out twice, and what people decided is gone.",
        "Set fsync and synchronous_commit to on in the settings of the database's server.",
    )


def skew(check: str, whose: str, difference: timedelta, limit: timedelta) -> Finding:
    """A finding about another clock that is ahead of ours by ``difference``."""
    seconds = difference.total_seconds()
    if abs(difference) <= limit:
        return ok(check, f"This machine's clock and {whose} agree.")
    said = f"This machine's clock and {whose} differ by {abs(seconds):,.0f} seconds: due times and leases are wrong."
    return failed(check, said, "Let a time service (chrony, systemd-timesyncd) set the clock on every machine.")


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
    if key_file.exists() and key_file.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        return failed(
            "vault",
            "Others than its owner may use the file vault.key, and read what is sealed.",
            "Run 'chmod 600 vault.key', and consider who may have read it.",
        )
    try:
        vault = vault_from(settings.vault_key.get_secret_value() if settings.vault_key else None, key_file)
        if sealed is not None:
            vault.open(sealed, RAW)
    except QorganError as error:
        return failed("vault", f"The vault does not open: {error.message}.", error.next_step)
    return ok("vault", "The vault opens." if sealed is not None else "The vault key is there; nothing is sealed yet.")
