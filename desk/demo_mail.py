"""The practice correspondents of the demo: liaisons and mail servers that answer letters, each in their own way."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from email.message import EmailMessage, Message
from email.utils import format_datetime, parseaddr

from sandbox.practice_mailbox import StoredMessage
from tasks.runtime import Runtime

LIAISON = "liaison.kz@"
"""How the addresses of the practice pack's liaisons begin."""
REPORTERS = "@mail.example"

Answer = Callable[[StoredMessage, EmailMessage], None]


@dataclass
class Correspondents:
    """Seeded. What they write lies in the folder that the mailbox flow reads, as if a server had put it there."""

    runtime: Runtime
    seed: int
    answered: set[str] = field(default_factory=set)

    def answer(self, kept: list[StoredMessage]) -> int:
        """Answer what came to the liaisons, and return one receipt whose reporter's mailbox is gone; how many mails."""
        chance = random.Random(self.seed)  # noqa: S311  practice, not security
        written = 0
        for letter in kept:
            if letter.path.name in self.answered or not letter.recipients[0].startswith(LIAISON):
                continue
            self.answered.add(letter.path.name)
            way: Answer = chance.choice((_has_it_in_hand, _has_it_in_hand, _is_away, _decides_one))
            self._put(letter, way, written)
            written += 1
        to_reporters = [letter for letter in kept if letter.recipients[0].endswith(REPORTERS)]
        if to_reporters and "returned" not in self.answered:
            self.answered.add("returned")
            self._put(to_reporters[-1], _is_gone, written)
            written += 1
        return written

    def _put(self, letter: StoredMessage, way: Answer, place: int) -> None:
        mail = EmailMessage()
        mail["From"] = letter.recipients[0]
        mail["To"] = parseaddr(str(letter.message["Reply-To"]))[1]
        mail["Date"] = format_datetime(self.runtime.now())
        mail["Message-ID"] = f"<{letter.path.stem}@practice.example>"
        mail["In-Reply-To"] = str(letter.message["Message-ID"])
        way(letter, mail)
        folder = self.runtime.settings.mail_folder
        folder.mkdir(parents=True, exist_ok=True)
        unfinished = folder / f"{place:03d}.part"
        unfinished.write_bytes(mail.as_bytes())
        unfinished.replace(folder / f"{letter.path.stem}-{place:03d}.eml")


def _has_it_in_hand(letter: StoredMessage, mail: EmailMessage) -> None:
    mail["Subject"] = f"Re: {letter.subject}"
    mail.set_content("ACK\n\nWe have passed it on to the team that decides.\n")


def _is_away(letter: StoredMessage, mail: EmailMessage) -> None:
    mail["Subject"] = f"Automatic reply: {letter.subject}"
    mail["Auto-Submitted"] = "auto-replied"
    mail.set_content("I am out of the office until Monday. ACK is not meant by this note.\n")


def _decides_one(letter: StoredMessage, mail: EmailMessage) -> None:
    mail["Subject"] = f"Re: {letter.subject}"
    mail.set_content("ACK\n\n1: removed_globally\n\nThe rest is with the team.\n")


def _is_gone(letter: StoredMessage, mail: EmailMessage) -> None:
    """A mail server's report that the mailbox does not exist (RFC 3464)."""
    del mail["From"]
    del mail["To"]
    mail["Return-Path"] = "<>"
    mail["From"] = "Mail Delivery System <MAILER-DAEMON@mail.example>"
    mail["To"] = letter.sender
    mail["Subject"] = "Undelivered Mail Returned to Sender"
    mail["Auto-Submitted"] = "auto-replied"
    mail.set_content("The mailbox does not exist.\n")
    mail.make_mixed()
    mail.set_type("multipart/report")
    mail.set_param("report-type", "delivery-status")
    server, recipient = Message(), Message()
    server["Reporting-MTA"] = "dns; mail.example"
    recipient["Final-Recipient"] = f"rfc822; {letter.recipients[0]}"
    recipient["Action"], recipient["Status"] = "failed", "5.1.1"
    recipient["Diagnostic-Code"] = "smtp; 550 5.1.1 No such mailbox"
    report = EmailMessage()
    report["Content-Type"] = "message/delivery-status"
    report.set_payload([server, recipient])
    mail.attach(report)
