"""What the proof compares at its end: our tables with what the platform and the mailbox really received."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from casework.vocabulary import DeliveryState, ReportState
from db.queries.cases import count_by
from db.tables import Letter, Report, Submission
from desk.seen_outside import told_by_platform
from sandbox.practice_mailbox import read_message
from tasks.invariants import invariants
from tasks.outside import answers_recorded
from tasks.runtime import Runtime
from tools.ha_outside import LEDGER, MAIL


@dataclass(frozen=True, slots=True)
class Claim:
    """One sentence of the proof, with the figures it rests on."""

    says: str
    holds: bool
    figures: str


@dataclass(frozen=True, slots=True)
class Findings:
    """Everything that was compared, and where the cases ended."""

    claims: list[Claim]
    statuses: dict[str, int]
    lost: int
    doubled: int

    @property
    def sound(self) -> bool:
        return not self.lost and not self.doubled and all(claim.holds for claim in self.claims)


@dataclass(frozen=True, slots=True)
class Notice:
    """A line of the platform's witness."""

    submission: str
    sha256: str
    new: bool


def ledger(outside: Path) -> list[Notice]:
    """Every notice that the platform said yes to, in order."""
    file = outside / LEDGER
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    read = (json.loads(line) for line in lines)
    return [Notice(line["submission"], line["sha256"], line["new"]) for line in read]


def mails(outside: Path) -> Counter[str]:
    """How often each Message-ID arrived."""
    folder = outside / MAIL
    return Counter(str(read_message(path).message["Message-ID"]).strip() for path in folder.glob("*-*.eml"))


def compare(runtime: Runtime, handed_in: Iterable[bytes], outside: Path) -> Findings:
    """Look at everything, inside and outside."""
    with runtime.sessions.read() as session:
        statuses = count_by(session, "status")
        reports = _reports(session, handed_in)
        notices = _notices(session, ledger(outside))
        letters = _letters(session, mails(outside))
    found = (reports, notices, letters)
    answers = answers_recorded(runtime, list(told_by_platform(runtime.channels["api"])))
    ours = [Claim(check.name, check.holds, check.detail) for check in (answers, *invariants(runtime))]
    return Findings(
        [claim for claims, _, _ in found for claim in claims] + ours,
        statuses,
        lost=sum(lost for _, lost, _ in found),
        doubled=sum(doubled for _, _, doubled in found),
    )


_Compared = tuple[list[Claim], int, int]
"""Claims, how many were lost, how many doubled."""


def _reports(session: Session, handed_in: Iterable[bytes]) -> _Compared:
    """By the bytes of each report: stored, and made into one case or held once; a repetition is a duplicate."""
    wanted = {hashlib.sha256(raw).hexdigest() for raw in handed_in}
    rows = session.execute(select(Report.raw_sha256, Report.state)).all()
    first = Counter(digest for digest, state in rows if state != ReportState.DUPLICATE)
    lost = len(wanted - first.keys())
    doubled = sum(count - 1 for count in first.values())
    stored = Counter(state for _, state in rows)
    figures = f"{len(wanted):,} handed in; " + ", ".join(f"{stored[state]:,} {state}" for state in sorted(stored))
    claim = Claim("every report is one case, or held once", lost == doubled == 0 == stored["stored"], figures)
    return [claim], lost, doubled


def _notices(session: Session, at_platform: list[Notice]) -> _Compared:
    """The platform's own list against our submissions through its interface."""
    sent = select(Submission.number, Submission.payload_sha256).where(
        Submission.channel == "api", Submission.state == DeliveryState.SENT
    )
    ours = {row.number: row.payload_sha256 for row in session.execute(sent)}
    new = Counter(notice.submission for notice in at_platform if notice.new)
    bodies = {notice.submission: notice.sha256 for notice in at_platform}
    lost = len(ours.keys() - new.keys())
    doubled = sum(count - 1 for count in new.values()) + len(new.keys() - ours.keys())
    repeated = sum(not notice.new for notice in at_platform)
    other = sum(bodies.get(number) != digest for number, digest in ours.items())
    portal = session.scalar(
        select(func.count()).where(Submission.channel == "portal", Submission.state == DeliveryState.SENT)
    )
    figures = (
        f"{len(ours):,} sent, {sum(new.values()):,} received, {repeated:,} asked again under the same key; "
        f"{portal:,} more by an officer at a portal"
    )
    return [
        Claim("the platform has each notice once, and no other", lost == doubled == 0, figures),
        Claim("what arrived is what was approved, byte for byte", other == 0, f"{other:,} differ"),
    ], lost, doubled  # fmt: skip


def _letters(session: Session, arrived: Counter[str]) -> _Compared:
    """The mailbox against our letters, by Message-ID. A letter that may be repeated is allowed to be."""
    own = session.execute(
        select(Letter.message_id, Letter.promise, Letter.state).where(
            Letter.message_id.is_not(None), Letter.digest_id.is_(None)
        )
    ).all()
    sent = {message for message, _, state in own if state == DeliveryState.SENT}
    repeatable = {message for message, promise, _ in own if promise == "at_least_once"}
    unknown = sum(state == DeliveryState.UNKNOWN for _, _, state in own)
    lost = len(sent - arrived.keys())
    more = {message: count - 1 for message, count in arrived.items() if count > 1}
    doubled = sum(count for message, count in more.items() if message not in repeatable)
    strangers = len(arrived.keys() - {message for message, _, _ in own})
    keys, letters = session.execute(select(func.count(Letter.once_key.distinct()), func.count())).one()
    copies = sum(more.values()) - doubled
    figures = (
        f"{len(sent):,} sent, {len(arrived):,} received, {copies:,} of a repeatable kind twice, "
        f"{unknown:,} that a person must ask about"
    )
    return [
        Claim("every letter that was sent arrived, and none twice that must not", lost == doubled == 0, figures),
        Claim("no mail arrived that is no letter of ours", strangers == 0, f"{strangers:,} unknown Message-IDs"),
        Claim("one letter for each once-per key", keys == letters, f"{letters:,} letters, {keys:,} keys"),
    ], lost, doubled  # fmt: skip
