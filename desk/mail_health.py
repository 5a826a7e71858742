"""Checks of the installation that are about mail: how it is protected, and what lies still."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from casework.vocabulary import DeliveryState, MailState
from db.queries.mails import count_mails
from db.tables import AddressHealth, Letter
from desk.findings import Finding, failed, ok, warning
from tasks.settings import Settings


def mail_settings(settings: Settings) -> Iterator[Finding]:
    """How letters go out and answers come home; in practice nothing needs protection, and nothing is promised."""
    real = settings.environment == "production"
    unprotected = [
        name
        for name, value in (
            ("QORGAN_SMTP_SECURITY", settings.smtp_security),
            ("QORGAN_IMAP_SECURITY", settings.imap_security),
        )
        if value == "none"
    ]
    if unprotected and real:
        said = f"Mail goes over an unprotected connection: {' and '.join(unprotected)} say 'none'."
        yield failed("mail protection", said, "Set them to 'starttls' or 'tls'.")
    yield _dkim(settings, real)
    if settings.imap_host is None and real:
        said = f"No mailbox is read: answers count only when somebody puts them into {settings.mail_folder}."
        yield warning("mailbox", said, "Set QORGAN_IMAP_HOST, QORGAN_IMAP_USER and QORGAN_IMAP_PASSWORD.")
    if settings.acknowledge_url is None and real:
        said = "Letters carry no link to acknowledge them by."
        yield warning("acknowledgement", said, "Serve 'qorgan acknowledge-page' and set QORGAN_ACKNOWLEDGE_URL.")


def _dkim(settings: Settings, real: bool) -> Finding:
    if settings.dkim_selector is None and settings.dkim_key_file is None:
        if real:
            said = "Letters are not signed (DKIM), and many servers will take them for spam."
            return warning("signature", said, "Set QORGAN_DKIM_SELECTOR and QORGAN_DKIM_KEY_FILE.")
        return ok("signature", "Letters are not signed; in practice nobody asks.")
    if settings.dkim_selector is None or settings.dkim_key_file is None or not settings.dkim_key_file.is_file():
        said = "Signing of letters (DKIM) is half set up: no letter can be made."
        return failed("signature", said, "Set QORGAN_DKIM_SELECTOR, and QORGAN_DKIM_KEY_FILE to a readable key.")
    return ok("signature", "Letters are signed (DKIM).")


def mail_at_rest(session: Session) -> Iterator[Finding]:
    """Mails nobody has read, addresses that fail, letters that a person's rule holds back."""
    states: dict[str, int] = {}
    for (state, _kind), count in count_mails(session).items():
        states[state] = states.get(state, 0) + count
    if states.get(MailState.STORED):
        said = f"{states[MailState.STORED]} mail(s) were stored and not read."
        yield failed("mails", said, "Run 'qorgan mail fetch', and find out why the schedule stands still.")
    elif states.get(MailState.HELD):
        said = f"{states[MailState.HELD]} mail(s) fit no case, or could not be read, and wait for a person."
        yield warning("mails", said, "See 'qorgan mail list --state held'.")
    else:
        yield ok("mails", "Every mail that came in was read.")
    failing = session.scalar(select(func.count()).select_from(AddressHealth)) or 0
    if failing:
        said = f"At {failing} address(es) letters do not arrive."
        yield warning("addresses", said, "See 'qorgan contact health', then 'contact mend'.")
    waiting = session.execute(
        select(Letter.held_because, func.count())
        .where(Letter.state == DeliveryState.QUEUED, Letter.held_because != "")
        .group_by(Letter.held_because)
        .order_by(Letter.held_because)
    )
    held = ", ".join(f"{count} {because}" for because, count in waiting)
    if held:
        yield warning(
            "letters held", f"Letters wait though they could go: {held}.", "See 'qorgan letters list --held'."
        )
