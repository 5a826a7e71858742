"""Letters (outbox and record in one), addresses that fail, absences, escalations."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Boolean, ForeignKey, Index, Integer, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from db.base import Base, Data, Id, JsonDict, UtcDateTime


class Letter(Base):
    """One letter to one recipient. Written as an intent inside the move that calls for it."""

    __tablename__ = "letter"
    __table_args__ = (
        Index(None, "case_id"),
        Index(None, "state", "next_attempt_at"),
        Index(None, "state", "sent_at"),
        Index(None, "message_id"),
        Index(None, "digest_id"),
        Index(None, "address_hash", "sent_at"),
    )

    id: Mapped[int] = mapped_column(Id, primary_key=True, comment="internal id")
    case_id: Mapped[int | None] = mapped_column(
        Id, ForeignKey("case_file.id"), comment="the case; none for a letter about several"
    )
    kind: Mapped[str] = mapped_column(String(48), comment="letter of the registry")
    recipient: Mapped[str] = mapped_column(String(16), comment="Recipient role")
    contact: Mapped[str] = mapped_column(
        String(80), comment="party:ID, or a contact of the policy pack; never an address"
    )
    language: Mapped[str] = mapped_column(String(8), comment="language it is written in")
    once_key: Mapped[str] = mapped_column(String(160), unique=True, comment="one letter per key, whoever asks again")
    promise: Mapped[str] = mapped_column(String(16), comment="at_least_once or at_most_once")
    urgent: Mapped[bool] = mapped_column(Boolean, comment="goes before all others")
    context: Mapped[JsonDict] = mapped_column(Data, comment="facts frozen when it was intended; no person, no link")
    state: Mapped[str] = mapped_column(String(16), comment="DeliveryState")
    reason: Mapped[str] = mapped_column(Text, default="", comment="why it was dropped or refused")
    attempts: Mapped[int] = mapped_column(Integer, default=0, comment="attempts made")
    next_attempt_at: Mapped[datetime | None] = mapped_column(UtcDateTime, comment="not before")
    lease_until: Mapped[datetime | None] = mapped_column(
        UtcDateTime, comment="until when one process tries; longer than a send"
    )
    message_id: Mapped[str | None] = mapped_column(String(255), comment="Message-ID, fixed before the first attempt")
    template_version: Mapped[str | None] = mapped_column(
        String(64), comment="SHA-256 of the templates it was made from"
    )
    message_sha256: Mapped[str | None] = mapped_column(String(64), comment="SHA-256 of the message as sent")
    server_answer: Mapped[str] = mapped_column(Text, default="", comment="the mail server's last words")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, comment="when it was intended")
    sent_at: Mapped[datetime | None] = mapped_column(UtcDateTime, comment="when the server said yes")
    sent_to: Mapped[str | None] = mapped_column(
        String(80), comment="contact it really went to: a deputy or the last resort, where not the one intended"
    )
    address_hash: Mapped[str | None] = mapped_column(String(64), comment="keyed hash of the address it went to")
    held_because: Mapped[str] = mapped_column(
        String(32), default="", server_default="", comment="why it waits though it could go: quiet hours, cap, …"
    )
    digest_id: Mapped[int | None] = mapped_column(
        Id, ForeignKey("letter.id"), comment="the digest whose line it became"
    )
    queue_id: Mapped[str] = mapped_column(
        String(80), default="", server_default="", comment="the mail server's own number of it, where it gave one"
    )
    delivered_at: Mapped[datetime | None] = mapped_column(UtcDateTime, comment="when a mail server confirmed delivery")


class LetterMessage(Base):
    """The message of a letter, as it goes out."""

    __tablename__ = "letter_message"

    letter_id: Mapped[int] = mapped_column(Id, ForeignKey("letter.id"), primary_key=True, comment="the letter")
    sealed: Mapped[bytes] = mapped_column(LargeBinary, comment="the message as sent, sealed")


class AddressHealth(Base):
    """An address at which letters do not arrive. Good addresses have no row."""

    __tablename__ = "address_health"

    address_hash: Mapped[str] = mapped_column(String(64), primary_key=True, comment="keyed hash of the address")
    contact: Mapped[str] = mapped_column(String(80), comment="party:ID, or a contact of the policy pack")
    state: Mapped[str] = mapped_column(String(16), comment="full or dead")
    since: Mapped[datetime] = mapped_column(UtcDateTime, comment="when it was first seen so")
    letter_id: Mapped[int | None] = mapped_column(Id, ForeignKey("letter.id"), comment="the letter that did not arrive")
    mail_id: Mapped[int | None] = mapped_column(Id, ForeignKey("inbound_mail.id"), comment="the mail that said so")
    words: Mapped[str] = mapped_column(Text, default="", comment="the mail server's words, without addresses")


class Absence(Base):
    """A time in which a contact does not read mail; letters go to the deputy."""

    __tablename__ = "absence"
    __table_args__ = (Index(None, "contact", "until_at"),)

    id: Mapped[int] = mapped_column(Id, primary_key=True, comment="internal id")
    contact: Mapped[str] = mapped_column(String(80), comment="a contact of the policy pack")
    from_at: Mapped[datetime] = mapped_column(UtcDateTime, comment="first moment of it")
    until_at: Mapped[datetime] = mapped_column(UtcDateTime, comment="first moment after it")
    recorded_by: Mapped[str] = mapped_column(String(64), comment="who recorded it")
    recorded_at: Mapped[datetime] = mapped_column(UtcDateTime, comment="when")
    reason: Mapped[str] = mapped_column(Text, default="", comment="as told")
    ended_by: Mapped[str] = mapped_column(String(64), default="", comment="who took it back early")


class Escalation(Base):
    """One rung raised on one submission."""

    __tablename__ = "escalation"
    __table_args__ = (UniqueConstraint("submission_id", "ladder", "rung"), Index(None, "case_id"))

    id: Mapped[int] = mapped_column(Id, primary_key=True, comment="internal id")
    case_id: Mapped[int] = mapped_column(Id, ForeignKey("case_file.id"), comment="the case")
    submission_id: Mapped[int] = mapped_column(Id, ForeignKey("submission.id"), comment="the notice nobody answered")
    clock_id: Mapped[int] = mapped_column(Id, ForeignKey("clock.id"), comment="the clock whose breach raised it")
    ladder: Mapped[str] = mapped_column(String(64), comment="ladder of the policy pack")
    rung: Mapped[int] = mapped_column(Integer, comment="rung, from 1")
    recipient: Mapped[str] = mapped_column(String(16), comment="Recipient role")
    letter: Mapped[str] = mapped_column(String(48), comment="letter of the registry")
    raised_at: Mapped[datetime] = mapped_column(UtcDateTime, comment="when it was raised")
    acknowledged_at: Mapped[datetime | None] = mapped_column(UtcDateTime, comment="when somebody acknowledged it")
    acknowledged_by: Mapped[str | None] = mapped_column(String(64), comment="who recorded the acknowledgement")
    acknowledged_mail_id: Mapped[int | None] = mapped_column(
        Id, ForeignKey("inbound_mail.id"), comment="the mail by which it was acknowledged"
    )
    acknowledged_via: Mapped[str | None] = mapped_column(String(32), comment="phone, mail, link, portal or meeting")
