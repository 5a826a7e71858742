"""Mails that come in: read, or unreadable; their effects and their bytes never lost."""

from __future__ import annotations

from contextlib import suppress

from hypothesis import strategies as st

from casework.inbound_mail import MailUnreadable, read_mail
from casework.mail_text import MAX_TEXT
from tests.fuzz.material import MAIL, fuzzed, spoiled
from tests.mail_room import MailRoom
from tests.stories import Story

REPORT = (
    b"From: MAILER-DAEMON@mx.example\r\nTo: unit@authority.example\r\nSubject: failed\r\nMIME-Version: 1.0\r\n"
    b'Content-Type: multipart/report; report-type=delivery-status; boundary="edge"\r\n\r\n'
    b"--edge\r\nContent-Type: text/plain\r\n\r\nNot delivered.\r\n"
    b"--edge\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example\r\n\r\n"
    b"Final-Recipient: rfc822; a@b.example\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n"
    b"--edge\r\nContent-Type: text/rfc822-headers\r\n\r\nMessage-ID: <1@authority.example>\r\n\r\n--edge--\r\n"
)


@fuzzed(raw=st.one_of(st.binary(max_size=400), spoiled([MAIL, REPORT])))
def test_any_bytes_are_a_mail_or_are_none(raw: bytes) -> None:
    with suppress(MailUnreadable):
        mail = read_mail(raw)
        assert len(mail.text) <= MAX_TEXT
        # What no database can hold raises here.
        "".join((mail.text, mail.subject, mail.sender, mail.message_id)).encode()


@fuzzed(share=8, raw=st.one_of(st.binary(min_size=1, max_size=200), spoiled([MAIL, REPORT])))
def test_any_mail_is_stored_read_or_held_and_its_file_goes_only_then(story: Story, raw: bytes) -> None:
    room = MailRoom(story)
    before = len(room.mails())
    path = room.put(raw)
    fetched = room.fetch()
    read = room.read()
    assert (fetched.failed, read.failed) == (0, [])
    assert not path.exists()
    assert len(room.mails()) in (before, before + 1), "the same bytes are one mail"
    assert all(mail.state in ("read", "held", "settled") for mail in room.mails())
