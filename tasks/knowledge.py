"""Who knew what since when: everybody who was told of a case, and how we know that it reached them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy.orm import Session

from casework.facts import SYSTEM
from casework.vocabulary import DeliveryState
from db.queries.knowledge import answers_of_case, first_acts
from db.queries.letters import escalations_of_case, letter_by_id, letters_of_case
from db.queries.submissions import submissions_of_case
from db.tables import CaseFile, Escalation, InboundMail, Letter


class Proof(StrEnum):
    """How we know, the strongest first."""

    ACTED = "acted"
    """They did something on the case themselves."""
    ACKNOWLEDGED = "acknowledged"
    """They said that they have it in hand."""
    ANSWERED = "answered"
    """They answered the letter."""
    ACCEPTED = "accepted"
    """The platform gave the notice a reference of its own."""
    DELIVERED = "delivered"
    """A mail server confirmed delivery into the mailbox."""
    SENT = "sent"
    """Our mail server took the letter: that it was read is not proven."""
    NOT_TOLD = "not told"
    """Nothing has reached them by this letter."""


@dataclass(frozen=True, slots=True)
class Knew:
    """One line: ``who`` is a contact, a platform or a person of our own; ``since`` is None where nothing arrived."""

    who: str
    what: str
    since: datetime | None
    proof: Proof
    detail: str


def who_knew(session: Session, case: CaseFile) -> list[Knew]:
    """Everybody who was told of the case or acted on it, by the time since which they surely knew."""
    answers = answers_of_case(session, case.id)
    rungs = {rung.id: rung for rung in escalations_of_case(session, case.id)}
    lines = [_of_letter(session, letter, rungs, answers) for letter in letters_of_case(session, case.id)]
    lines += [
        Knew(f"platform:{row.platform}", f"notice {row.number}", row.sent_at, Proof.ACCEPTED, row.platform_reference)
        for row in submissions_of_case(session, case.id)
        if row.sent_at is not None and row.platform_reference
    ]
    lines += [
        Knew(actor, "the case", at, Proof.ACTED, kind)
        for actor, _name, kind, at in first_acts(session, case.id)
        if actor != SYSTEM.id and ":" not in actor
    ]
    return sorted(lines, key=lambda line: (line.since is None, line.since or case.received_at, line.who))


def _of_letter(
    session: Session, letter: Letter, rungs: Mapping[int, Escalation], answers: Iterable[InboundMail]
) -> Knew:
    """What a letter proves. One that went out as a line of a digest is proven by the digest."""
    carrier = letter if letter.digest_id is None else letter_by_id(session, letter.digest_id) or letter
    who = carrier.sent_to or letter.contact
    what = f"letter {letter.id} {letter.kind}"
    rung = rungs.get(letter.context.get("escalation", 0))
    if rung is not None:
        what += f", rung {rung.rung}"
    proven: list[tuple[datetime, Proof, str]] = []
    if rung is not None and rung.acknowledged_at is not None:
        proven.append((rung.acknowledged_at, Proof.ACKNOWLEDGED, f"by {rung.acknowledged_via}"))
    proven += [(mail.stored_at, Proof.ANSWERED, f"mail {mail.id}") for mail in answers if mail.letter_id == carrier.id]
    if carrier.delivered_at is not None:
        proven.append((carrier.delivered_at, Proof.DELIVERED, ""))
    if not proven and letter.state == DeliveryState.SENT:
        return Knew(who, what, letter.sent_at, Proof.SENT, "")
    if not proven:
        return Knew(who, what, None, Proof.NOT_TOLD, letter.reason or letter.state)
    since, proof, detail = min(proven, key=lambda found: found[0])
    return Knew(who, what, since, proof, detail)
