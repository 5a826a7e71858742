"""Mails that come in: stored, classified, matched, and their effects written, each in transactions of its own.

Answers, delivery reports, absence notes and strangers' mails to cases whose letters are out, put into the watched
folder before the time runs. Memory is looked at after every page: it must not grow with the number of mails.
"""

from __future__ import annotations

import resource
import sys
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from random import Random
from time import perf_counter

from sqlalchemy import select, update

from bench.child import Tick, peak_memory, serve
from bench.practice import AT, INTAKE, practice_reports, practice_runtime
from bench.report import Figure
from casework.mail_tokens import bounce_address, reply_address
from casework.report_formats import split_file
from casework.vocabulary import DeliveryState, MailState
from db.queries.mails import count_mails
from db.tables import CaseFile, Letter
from tasks.intake import take_in
from tasks.mail_reading import read_stored
from tasks.mailbox import fetch
from tasks.runtime import Runtime

CASES = 500
PAGE = 250
"""Mails fetched, then read, before the next are fetched."""

Written = tuple[str, int, str, str]
"""A letter that is out: its case's number, its own, its contact and its Message-ID."""


def measure(tick: Tick, *, mails: int, cases: int = CASES, page: int = PAGE) -> list[Figure]:
    """Take ``mails`` in, page by page."""
    with tempfile.TemporaryDirectory(prefix="qorgan-bench-") as folder:
        runtime = practice_runtime(Path(folder))
        letters = _letters_out(runtime, cases)
        _put_mails(runtime, letters, mails)
        seconds = {"stored": 0.0, "read": 0.0}
        memory: list[float] = []
        after, read, held = 0, 0, 0
        for done in range(page, mails + page, page):
            begun = perf_counter()
            fetched = fetch(runtime, at_most=page)
            seconds["stored"] += perf_counter() - begun
            begun = perf_counter()
            became = read_stored(runtime, page, after=after)
            seconds["read"] += perf_counter() - begun
            assert (fetched.failed, became.failed) == (0, []), "no mail fails"
            after, read, held = became.last, read + became.read, held + became.held
            memory.append(_resident())
            tick(min(done, mails), mails)
        with runtime.sessions.read() as session:
            states = count_mails(session)
        runtime.engine.dispose()
    assert sum(states.values()) == read + held == mails, "every mail is stored and read"
    assert 0 < held == sum(count for (state, _), count in states.items() if state == MailState.HELD) < mails / 10
    quarter = max(len(memory) // 4, 1)
    return [
        Figure("mail.messages_per_second", "mails stored and read", mails / sum(seconds.values()), "mails/s", mails),
        Figure("mail.stored_per_second", "mails stored", mails / seconds["stored"], "mails/s", mails),
        Figure("mail.read_per_second", "mails classified and matched", mails / seconds["read"], "mails/s", mails),
        Figure(
            "mail.memory_ratio", "memory, last quarter of the mails over the second",
            max(memory[-quarter:]) / max(memory[quarter : 2 * quarter] or memory), "×", mails,
        ),
        peak_memory("mail"),
    ]  # fmt: skip


def _resident() -> float:
    """This process's resident memory now, in MiB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1024**2


def _letters_out(runtime: Runtime, cases: int) -> list[Written]:
    """Cases whose letters have been sent, as far as a mail that comes in can tell."""
    take_in(runtime, split_file("practice.jsonl", practice_reports(cases)), INTAKE)
    with runtime.engine.begin() as connection:
        rows = connection.execute(
            select(Letter.id, Letter.contact, CaseFile.number).join(CaseFile, CaseFile.id == Letter.case_id)
        ).all()
        written = [
            (number, id_, contact, f"<letter.{id_}.0123456789abcdef@bench.example>") for id_, contact, number in rows
        ]
        for _, id_, contact, message_id in written:
            sent = {"state": DeliveryState.SENT.value, "sent_at": AT, "message_id": message_id, "attempts": 1}
            fingerprint = runtime.vault.fingerprint(_address(contact))
            connection.execute(update(Letter).where(Letter.id == id_).values(address_hash=fingerprint, **sent))
    return written


def _address(contact: str) -> str:
    return f"{contact.replace(':', '-')}@mail.example"


def _put_mails(runtime: Runtime, letters: Sequence[Written], count: int) -> None:
    chance = Random(1)
    post = _Post(runtime)
    folder = runtime.settings.mail_folder
    folder.mkdir(parents=True)
    kinds: list[tuple[Callable[[Written, Random], str], int]] = [
        (post.answer, 45), (post.in_thread, 15), (post.with_subject, 5), (post.with_attachment, 5),
        (post.away, 10), (post.bounce, 10), (post.delivered, 6), (post.stranger, 4),
    ]  # fmt: skip
    makers, weights = zip(*kinds, strict=True)
    for number in range(count):
        [make] = chance.choices(makers, weights)
        raw = f"Message-ID: <{number}@bench.example>\r\n{make(chance.choice(letters), chance)}"
        (folder / f"{number:06d}.eml").write_bytes(raw.encode())


_WORDS = (
    "Thank you, we have it in hand and answer by Friday.", "ACK", "Рақмет, қарап жатырмыз.",
    "Спасибо, мы рассмотрим ваше обращение.", "1: removed_globally", "Could you provide the exact time?",
)  # fmt: skip


class _Post:
    """Mails as the recipients of our letters and their servers send them."""

    def __init__(self, runtime: Runtime) -> None:
        self.mailbox = runtime.pack.authority.email
        self.reply, self.bounce_key = runtime.vault.key_for("reply"), runtime.vault.key_for("bounce")

    def answer(self, written: Written, chance: Random) -> str:
        number, _, contact, message_id = written
        to = reply_address(self.mailbox, number, contact, self.reply)
        quoted = "\r\n".join(f"> Line {line} of the letter that is answered." for line in range(40))
        text = f"{chance.choice(_WORDS)}\r\n\r\nOn Wed, 18 Mar 2026 the authority wrote:\r\n{quoted}"
        return self._mail(contact, to, f"Re: {number}", text, f"In-Reply-To: {message_id}\r\n")

    def in_thread(self, written: Written, chance: Random) -> str:
        number, _, contact, message_id = written
        answers = f"In-Reply-To: {message_id}\r\nReferences: {message_id}\r\n"
        return self._mail(contact, self.mailbox, f"Re: {number}", chance.choice(_WORDS), answers)

    def with_subject(self, written: Written, chance: Random) -> str:
        return self._mail(written[2], self.mailbox, f"About {written[0]}", chance.choice(_WORDS))

    def with_attachment(self, written: Written, chance: Random) -> str:
        data = "\r\n".join("QUJD" * 19 for _ in range(chance.randrange(100, 1_500)))
        body = (
            f"--edge\r\n\r\n{chance.choice(_WORDS)}\r\n--edge\r\nContent-Type: application/pdf; name=a.pdf\r\n"
            f"Content-Transfer-Encoding: base64\r\n\r\n{data}\r\n--edge--"
        )
        to = reply_address(self.mailbox, written[0], written[2], self.reply)
        return self._mail(written[2], to, "Re", body, 'Content-Type: multipart/mixed; boundary="edge"\r\n')

    def away(self, written: Written, chance: Random) -> str:
        headers = "Auto-Submitted: auto-replied\r\n"
        return self._mail(written[2], self._bounce_of(written), "Automatic reply", "I am away.", headers)

    def bounce(self, written: Written, chance: Random) -> str:
        return self._report(written, "failed", chance.choice(("5.1.1", "5.2.2")))

    def delivered(self, written: Written, chance: Random) -> str:
        return self._report(written, "delivered", "2.0.0")

    def stranger(self, written: Written, chance: Random) -> str:
        return self._mail("stranger", self.mailbox, "Hello", "Buy now. " * chance.randrange(10, 200))

    def _report(self, written: Written, action: str, status: str) -> str:
        body = (
            "--edge\r\n\r\nA report.\r\n--edge\r\nContent-Type: message/delivery-status\r\n\r\n"
            "Reporting-MTA: dns; mx.bench.example\r\n\r\n"
            f"Final-Recipient: rfc822; {_address(written[2])}\r\nAction: {action}\r\nStatus: {status}\r\n\r\n"
            f"--edge\r\nContent-Type: text/rfc822-headers\r\n\r\nMessage-ID: {written[3]}\r\n\r\n--edge--"
        )
        kind = 'Content-Type: multipart/report; report-type=delivery-status; boundary="edge"\r\nReturn-Path: <>\r\n'
        return self._mail("MAILER-DAEMON", self._bounce_of(written), "Report", body, kind)

    def _bounce_of(self, written: Written) -> str:
        return bounce_address(self.mailbox, written[1], self.bounce_key)

    def _mail(self, sender: str, to: str, subject: str, text: str, headers: str = "") -> str:
        kind = "" if "Content-Type" in headers else "Content-Type: text/plain; charset=utf-8\r\n"
        return (
            f"From: {_address(sender)}\r\nTo: {to}\r\nSubject: {subject}\r\nDate: Wed, 18 Mar 2026 10:00:00 +0500\r\n"
            f"MIME-Version: 1.0\r\n{kind}{headers}\r\n{text}\r\n"
        )


FULL = partial(measure, mails=10_000)
QUICK = partial(measure, mails=2_000)

if __name__ == "__main__":
    serve(QUICK if "--quick" in sys.argv else FULL)
