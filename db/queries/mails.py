"""Questions about mails that came in. The sealed mail is large: only who opens one loads it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypeVar

from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased, defer

from casework.vocabulary import MailState
from db.tables import CaseFile, HeldItem, InboundMail, Letter, MailAttachment

T = TypeVar("T")


def _mails() -> Select[tuple[InboundMail]]:
    return select(InboundMail).options(defer(InboundMail.raw_sealed, raiseload=True))


def mail_by_id(session: Session, mail_id: int) -> InboundMail | None:
    """A fresh read of one mail, without its bytes."""
    query = _mails().where(InboundMail.id == mail_id).execution_options(populate_existing=True)
    return session.scalars(query).one_or_none()


def mail_and_twin(session: Session, mail_id: int) -> tuple[InboundMail, int | None] | None:
    """A fresh read of one mail, and the same Message-ID and body in another place that has had its effect."""
    twin = aliased(InboundMail)
    earlier = (
        select(func.min(twin.id))
        .where(
            twin.body_sha256 == InboundMail.body_sha256,
            twin.message_id == InboundMail.message_id,
            twin.message_id != "",
            twin.body_sha256 != "",
            twin.id != InboundMail.id,
            twin.state.in_((MailState.READ, MailState.SETTLED)),
        )
        .correlate(InboundMail)
        .scalar_subquery()
    )
    query = _mails().add_columns(earlier).where(InboundMail.id == mail_id)
    row = session.execute(query.execution_options(populate_existing=True)).one_or_none()
    return None if row is None else (row[0], row[1])


def sealed_mail(session: Session, mail_id: int) -> bytes:
    """The mail as it came, sealed."""
    return session.execute(select(InboundMail.raw_sealed).where(InboundMail.id == mail_id)).scalar_one()


def bodies_by_key(session: Session, mailbox: str, keys: Sequence[str]) -> dict[str, str]:
    """The hash of the body of each mail that a mailbox has under one of these keys."""
    return dict(session.execute(_by_key(mailbox, keys, InboundMail.body_sha256)).tuples().all())


def ids_by_key(session: Session, mailbox: str, keys: Sequence[str]) -> dict[str, int]:
    """The mails that a mailbox has under these keys."""
    return dict(session.execute(_by_key(mailbox, keys, InboundMail.id)).tuples().all())


def _by_key(mailbox: str, keys: Sequence[str], what: InstrumentedAttribute[T]) -> Select[tuple[str, T]]:
    return select(InboundMail.message_key, what).where(
        InboundMail.mailbox == mailbox, InboundMail.message_key.in_(keys)
    )


def mails_not_read(session: Session, limit: int, *, after: int = 0) -> list[tuple[int, int]]:
    """Mails that were stored and not read, oldest first, behind one: their ids, and how many bytes each has."""
    query = select(InboundMail.id, InboundMail.raw_bytes).where(
        InboundMail.state == MailState.STORED, InboundMail.id > after
    )
    return list(session.execute(query.order_by(InboundMail.id).limit(limit)).tuples())


def list_mails(
    session: Session, *, state: str | None = None, case_id: int | None = None, limit: int = 200
) -> Sequence[InboundMail]:
    """Mails for a listing, newest first."""
    query = _mails().order_by(InboundMail.id.desc()).limit(limit)
    if state is not None:
        query = query.where(InboundMail.state == state)
    if case_id is not None:
        query = query.where(_of_case(case_id))
    return session.scalars(query).all()


def mails_of_case(session: Session, case_id: int) -> Sequence[InboundMail]:
    """A case's mails, oldest first; among them answers to digests that one of its letters went out in."""
    return session.scalars(_mails().where(_of_case(case_id)).order_by(InboundMail.id)).all()


def _of_case(case_id: int) -> ColumnElement[bool]:
    digests = select(Letter.digest_id).where(Letter.case_id == case_id, Letter.digest_id.is_not(None))
    return or_(InboundMail.case_id == case_id, InboundMail.letter_id.in_(digests))


class WrittenTo(NamedTuple):
    """As much of a letter as tells to whom it went: letters are large, and matching asks about many."""

    letter_id: int
    case_id: int | None
    contact: str
    """The contact it really went to, once that is known."""
    intended: str
    address_hash: str | None


_WRITTEN_TO = select(
    Letter.id, Letter.case_id, func.coalesce(Letter.sent_to, Letter.contact), Letter.contact, Letter.address_hash
)


def written_to_of_case(session: Session, case_number: str) -> list[WrittenTo]:
    """To whom a case's letters went, newest letter first; nobody where there is no such case."""
    of_case = Letter.case_id == select(CaseFile.id).where(CaseFile.number == case_number).scalar_subquery()
    rows = session.execute(_WRITTEN_TO.where(of_case).order_by(Letter.id.desc()))
    return [WrittenTo(*row) for row in rows]


def written_to(session: Session, letter_id: int) -> WrittenTo | None:
    """To whom one letter went."""
    row = session.execute(_WRITTEN_TO.where(Letter.id == letter_id)).one_or_none()
    return None if row is None else WrittenTo(*row)


def written_as(session: Session, message_id: str) -> WrittenTo | None:
    """To whom the letter with this Message-ID went."""
    row = session.execute(_WRITTEN_TO.where(Letter.message_id == message_id).limit(1)).one_or_none()
    return None if row is None else WrittenTo(*row)


def mails_held(session: Session) -> list[int]:
    """Ids of the mails that wait for a person, oldest first."""
    query = select(InboundMail.id).where(InboundMail.state == MailState.HELD).order_by(InboundMail.id)
    return list(session.scalars(query))


def attachments_of(session: Session, mail_id: int) -> Sequence[MailAttachment]:
    """What is known of a mail's attachments, in their order."""
    query = select(MailAttachment).where(MailAttachment.mail_id == mail_id).order_by(MailAttachment.part)
    return session.scalars(query).all()


def hold_of_mail(session: Session, mail_id: int) -> HeldItem | None:
    """The place of a mail in the holding pen, while nobody has settled it."""
    query = select(HeldItem).where(HeldItem.state == "held", HeldItem.part == part_in_pen(mail_id))
    return session.scalars(query.order_by(HeldItem.id).limit(1)).one_or_none()


MAIL_PART = "mail "
"""How the holding pen's names of mails begin."""


def part_in_pen(mail_id: int) -> str:
    """How the holding pen names a mail."""
    return f"{MAIL_PART}{mail_id}"


def count_mails(session: Session) -> dict[tuple[str, str], int]:
    """Mails counted by state and kind; a mail that nobody has read has no kind."""
    rows = session.execute(
        select(InboundMail.state, InboundMail.kind, func.count())
        .group_by(InboundMail.state, InboundMail.kind)
        .order_by(InboundMail.state, InboundMail.kind)
    )
    return {(state, kind): count for state, kind, count in rows}
