"""How the correspondence stands, for operators: counts, what waits longest, what needs a person. Case numbers only.

What is printed here goes to Prefect, which knows no roles: no address, no name, no link, no text of a letter or a mail.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from casework.vocabulary import DeliveryState, MailState
from db.queries.letter_lists import LetterRow, count_by_state, count_held, count_mails, dead_letters, oldest_waiting
from tasks.delivery import unproven
from tasks.runtime import Runtime

MOST_DEAD = 50
"""Dead letters that are listed one by one; the count tells how many there are."""

LETTER_STATES = (
    DeliveryState.QUEUED, DeliveryState.SENDING, DeliveryState.BUNDLED, DeliveryState.UNKNOWN, DeliveryState.REFUSED,
    DeliveryState.DROPPED, DeliveryState.SENT,
)  # fmt: skip
MAIL_STATES = (MailState.READ, MailState.HELD, MailState.STORED, MailState.SETTLED)

_HARMLESS = re.compile(r"\S*(?:@|://)\S*")
"""What may lead to somebody or something: an address or a link, should one stand in a cause."""


@dataclass(frozen=True, slots=True)
class Standing:
    """The correspondence at one moment."""

    at: datetime
    zone: str
    letters: dict[str, int]
    held: dict[str, int]
    """Letters that could go and wait, by reason."""
    oldest: LetterRow | None
    dead: list[LetterRow]
    mails: dict[str, int]
    unproven: int
    """Letters sent within a day whose arrival nothing shows."""

    @property
    def markdown(self) -> str:
        """The page that operators read."""
        return "\n".join(_page(self)) + "\n"


def standing(runtime: Runtime) -> Standing:
    """How it stands now. Reads only."""
    now = runtime.now()
    with runtime.sessions.read() as session:
        return Standing(
            at=now,
            zone=runtime.pack.authority.zone,
            letters=count_by_state(session),
            held=count_held(session),
            oldest=oldest_waiting(session),
            dead=dead_letters(session, MOST_DEAD),
            mails=count_mails(session),
            unproven=len(unproven(session, now - timedelta(days=1), now + timedelta.resolution)),
        )


def _page(found: Standing) -> Iterable[str]:
    zone = ZoneInfo(found.zone)
    yield f"# Correspondence, {found.at.astimezone(zone):%Y-%m-%d %H:%M %z}"
    yield ""
    yield from _table("letters", [(state.value, found.letters.get(state, 0)) for state in LETTER_STATES])
    if found.oldest is not None:
        yield f"Waits longest: {_named(found.oldest, zone)}"
        yield ""
    if found.held:
        yield "## Could go, and waits"
        yield ""
        yield from _table("because", sorted(found.held.items()))
    dead = found.letters.get(DeliveryState.UNKNOWN, 0) + found.letters.get(DeliveryState.REFUSED, 0)
    yield f"## Dead letters: {dead}"
    yield ""
    for row in found.dead:
        yield f"- {_named(row, zone)}: {row.state}, {_cause(row.reason)}"
    if dead > len(found.dead):
        yield f"- and {dead - len(found.dead)} more: 'qorgan letters list --dead'"
    if dead:
        yield ""
        yield "A person settles each with 'qorgan letters replay' or 'qorgan letters resolve'."
        yield ""
    yield "## Mails in"
    yield ""
    yield from _table("mails", [(state.value, found.mails.get(state, 0)) for state in MAIL_STATES])
    yield f"Sent within a day and not proven to have arrived: {found.unproven}"


def _table(what: str, rows: Iterable[tuple[str, int]]) -> Iterable[str]:
    yield f"| {what} | |"
    yield "|---|---:|"
    for name, count in rows:
        yield f"| {name} | {count} |"
    yield ""


def _named(row: LetterRow, zone: ZoneInfo) -> str:
    about = row.case_number or "several cases"
    return f"{about}, letter {row.id} ({row.kind}), since {row.since.astimezone(zone):%Y-%m-%d %H:%M}"


def _cause(reason: str) -> str:
    return _HARMLESS.sub("(…)", " ".join(reason.split()))[:160] or "no cause was recorded"
