"""Mails as the recipients of our letters and their servers send them, and the way they come in."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from casework.mail_tokens import bounce_address, reply_address
from db.tables import InboundMail, Letter
from tasks.mail_reading import ReadMails, read_stored
from tasks.mailbox import Fetched, fetch
from tasks.sla_sweep import sweep
from tests.stories import Story

LIAISON = "liaison@platform.example"

LAW = {"category": "gambling_advertising"}
"""Its ladder climbs from the platform to its liaison, the head of the regional office, and the authority."""


@dataclass
class MailRoom:
    """Puts mails into the folder of an installation and reads them."""

    story: Story
    made: int = 0

    # Mails in

    def put(self, raw: bytes, name: str = "") -> Path:
        folder = self.story.runtime.settings.mail_folder
        folder.mkdir(exist_ok=True)
        self.made += 1
        path = folder / (name or f"{self.made:06d}.eml")
        path.write_bytes(raw)
        return path

    def fetch(self) -> Fetched:
        return fetch(self.story.runtime)

    def read(self) -> ReadMails:
        return read_stored(self.story.runtime)

    def comes(self, raw: bytes) -> InboundMail:
        """One mail comes in and is read."""
        self.put(raw)
        self.fetch()
        self.read()
        return self.newest()

    def mails(self) -> list[InboundMail]:
        return sorted(self.story.all(InboundMail), key=lambda mail: mail.id)

    def newest(self) -> InboundMail:
        return self.mails()[-1]

    # What recipients and servers write

    def reply_to(self, letter: Letter, contact: str | None = None) -> str:
        """The address to which the recipient of a letter answers."""
        runtime = self.story.runtime
        [number] = [number for number, case_id in self._numbers() if case_id == letter.case_id]
        key = runtime.vault.key_for("reply")
        return reply_address(runtime.pack.authority.email, number, contact or letter.sent_to or letter.contact, key)

    def answer(self, letter: Letter, text: str, *, sender: str = LIAISON, to: str = "", **headers: str) -> bytes:
        """A person answers a letter."""
        given = {"In-Reply-To": letter.message_id or "", "References": letter.message_id or "", **headers}
        return self.mail(text, sender=sender, to=to or self.reply_to(letter), **given)

    def mail(self, text: str, *, sender: str = LIAISON, to: str = "", **headers: str) -> bytes:
        """A mail with these headers; an underscore in a name stands for a hyphen, and an empty one is left out."""
        self.made += 1
        given = {
            "Message-ID": f"<mail.{self.made}@platform.example>",
            "Date": "Wed, 18 Mar 2026 12:00:00 +0500",
            "From": sender,
            "To": to or self.story.runtime.pack.authority.email,
            "Subject": "Re: your letter",
            "MIME-Version": "1.0",
            "Content-Type": "text/plain; charset=utf-8",
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        head = "".join(f"{name}: {value}\r\n" for name, value in given.items() if value)
        return f"{head}\r\n{text}\r\n".encode()

    def report(
        self,
        letter: Letter,
        action: str = "failed",
        status: str = "5.1.1",
        words: str = "User unknown",
        *,
        to: str = "",
    ) -> bytes:
        """What a mail server reports of a letter (RFC 3464), sent to its bounce address."""
        runtime = self.story.runtime
        address = bounce_address(runtime.pack.authority.email, letter.id, runtime.vault.key_for("bounce"))
        body = (
            "--edge\r\nContent-Type: text/plain\r\n\r\nYour message could not be delivered.\r\n"
            "--edge\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.platform.example\r\n\r\n"
            f"Final-Recipient: rfc822; {LIAISON}\r\nAction: {action}\r\nStatus: {status}\r\n"
            f"Diagnostic-Code: smtp; 550 {status} {words}\r\n\r\n"
            f"--edge\r\nContent-Type: text/rfc822-headers\r\n\r\nMessage-ID: {letter.message_id}\r\n\r\n--edge--"
        )
        return self.mail(
            body,
            sender="MAILER-DAEMON@mx.platform.example",
            to=to or address,
            Return_Path="<>",
            Subject="Undelivered Mail Returned to Sender",
            Content_Type='multipart/report; report-type=delivery-status; boundary="edge"',
            Auto_Submitted="auto-replied",
        )

    def _numbers(self) -> list[tuple[str, int]]:
        from db.tables import CaseFile

        return [(case.number, case.id) for case in self.story.all(CaseFile)]


def silent_until(story: Story, rungs: int) -> str:
    """A notice that nobody answers until so many rungs were raised; every letter of it is out."""
    return all_silent_until(story, rungs, 1)[0]


def all_silent_until(story: Story, rungs: int, cases: int) -> list[str]:
    """The same for several at the same time."""
    numbers = [story.submitted(**LAW) for _ in range(cases)]
    story.send_letters()
    while len(story.escalations(numbers[0])) < rungs:
        running = [row for row in story.clocks(numbers[0]) if row.state == "running" and row.breached_at is None]
        story.clock.set(min(row.due_at for row in running))
        sweep(story.runtime)
        story.send_letters()
    return numbers


def letter_of_rung(story: Story, number: str, rung: int) -> Letter:
    [raised] = [row for row in story.escalations(number) if row.rung == rung]
    [letter] = [row for row in story.letters(number) if row.context.get("escalation") == raised.id]
    assert letter.state == "sent", (letter.state, letter.reason, letter.held_because)
    return letter


def acknowledged(story: Story, number: str) -> dict[int, str | None]:
    return {row.rung: row.acknowledged_via for row in story.escalations(number)}
