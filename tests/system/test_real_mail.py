"""Letters through a real mail server, answers out of a real IMAP mailbox.

Exim and Dovecot run as they are, without root, on ports of their own; where they are not installed these tests skip.
"""

from __future__ import annotations

import os
import shutil
import ssl
import threading
from collections.abc import Iterator
from email.message import EmailMessage
from email.utils import make_msgid, parseaddr
from imaplib import IMAP4_SSL
from pathlib import Path

import pytest
from pydantic import SecretStr

from db.tables import AddressHealth, InboundMail, Letter
from tasks.mail_reading import read_stored
from tasks.mailbox import fetch
from tasks.sla_sweep import sweep
from tests.database import quick_folder
from tests.real_mail import HOST, PASSWORD, NoMailServer, RealMail, running_real_mail
from tests.stories import SQLITE_ONLY, Story

pytestmark = SQLITE_ONLY

BOXES = {
    "notices@ministry.example": "notices",
    "liaison.kz@tiktok.example": "liaison",
    "reporter@mail.example": "reporter",
}
LAW = {"category": "gambling_advertising"}


@pytest.fixture(scope="module")
def servers() -> Iterator[RealMail | str]:
    with quick_folder("qorgan-mail-") as home:
        try:
            with running_real_mail(home, BOXES) as mail:
                yield mail
        except NoMailServer as reason:
            yield str(reason)


@pytest.fixture
def mail(servers: RealMail | str, database_url: str) -> RealMail:
    """The running servers, with empty mailboxes."""
    if isinstance(servers, str):
        pytest.skip(f"no real mail server: {servers}")
    for box in (servers.home / "mail").iterdir():
        shutil.rmtree(box)
    return servers


@pytest.fixture
def installed(story: Story, mail: RealMail) -> Iterator[Story]:
    """An installation that sends through Exim and reads from Dovecot."""
    other = story.with_settings(**mail.settings())
    yield other
    other.close()


def _come_home(story: Story) -> list[InboundMail]:
    fetch(story.runtime)
    read_stored(story.runtime)
    return list(story.all(InboundMail))


def _at_the_liaison(story: Story) -> str:
    number = story.submitted(**LAW)
    story.send_letters()
    for hours in (24, 4):
        story.clock.advance(hours=hours)
        sweep(story.runtime)
        story.send_letters()
    return number


def _answer_to(letter: EmailMessage, text: str, sender: str) -> EmailMessage:
    """An answer as a mail client writes it."""
    answer = EmailMessage()
    answer["From"], answer["To"] = sender, letter["Reply-To"]
    answer["Subject"] = f"Re: {letter['Subject']}"
    answer["Message-ID"] = make_msgid(domain="tiktok.example")
    answer["In-Reply-To"] = letter["Message-ID"]
    answer["References"] = letter["Message-ID"]
    answer.set_content(text)
    return answer


def test_a_letter_goes_out_under_tls_and_the_servers_number_of_it_is_kept(installed: Story, mail: RealMail) -> None:
    installed.take_in(**LAW)
    assert installed.send_letters().sent == 1
    [arrived] = mail.wait_for("reporter", 1)
    [row] = installed.all(Letter)
    assert "(TLS" in str(arrived["Received"])
    assert row.queue_id in str(arrived["Received"])
    assert row.queue_id != ""
    assert arrived["Message-ID"] == row.message_id
    assert arrived["Auto-Submitted"] == "auto-generated"
    assert parseaddr(arrived["Return-path"])[1].startswith(f"notices+b{row.id}.")


def test_the_servers_confirmation_of_delivery_is_kept_as_proof(installed: Story, mail: RealMail) -> None:
    installed.take_in(**LAW)
    installed.send_letters()
    mail.wait_for("notices", 1)
    [confirmation] = _come_home(installed)
    assert (confirmation.kind, confirmation.matched_by) == ("delivered", "bounce_address")
    [row] = installed.all(Letter)
    assert row.delivered_at is not None


def test_a_letter_to_a_mailbox_that_is_gone_comes_back_and_the_unit_is_asked_for_a_better_address(
    installed: Story, mail: RealMail
) -> None:
    number = installed.take_in(reporter={"name": "Practice Reporter", "email": "gone@mail.example"}, **LAW)
    installed.send_letters()
    mail.wait_for("notices", 1)
    [bounce] = _come_home(installed)
    assert bounce.kind == "bounce_permanent"
    [receipt] = installed.letters(number, "receipt")
    assert receipt.state == "refused"
    [health] = installed.all(AddressHealth)
    assert (health.state, health.contact) == ("dead", receipt.contact)
    assert "@" not in health.words
    assert len(installed.letters(number, "address_request")) == 1


def test_the_liaisons_answer_comes_home_and_stops_the_rungs_clock(installed: Story, mail: RealMail) -> None:
    number = _at_the_liaison(installed)
    [letter] = mail.wait_for("liaison", 1)
    answer = _answer_to(letter, "ACK\n\nWe look into it.", "liaison.kz@tiktok.example")
    mail.write("liaison.kz@tiktok.example", parseaddr(letter["Reply-To"])[1], answer.as_bytes())
    arrived = {str(found["Subject"]) for found in mail.wait_for("notices", 1)}
    assert arrived
    answers = [row for row in _until_answered(installed, mail) if row.kind == "answer"]
    assert [row.matched_by for row in answers] == ["reply_address"]
    rung = installed.escalations(number)[1]
    assert (rung.acknowledged_via, rung.acknowledged_mail_id) == ("mail", answers[0].id)
    [waiting] = installed.clocks(number, "kz.platform_silence.rung2")
    assert (waiting.state, waiting.stopped_by) == ("met", "rung.acknowledged")
    installed.assert_sound()


def _until_answered(story: Story, mail: RealMail) -> list[InboundMail]:
    """Confirmations come in between; wait until the answer itself lies in the mailbox."""
    count = 1
    while True:
        mail.wait_for("notices", count)
        rows = _come_home(story)
        if any(row.kind == "answer" for row in rows):
            return rows
        count = len(mail.messages("notices")) + 1


def test_a_mail_is_marked_as_seen_only_after_it_is_stored_and_never_removed(installed: Story, mail: RealMail) -> None:
    for place in range(3):
        mail.write("somebody@else.example", "notices@ministry.example", b"Subject: %d\r\n\r\nhello\r\n" % place)
    mail.wait_for("notices", 3)
    assert _unseen(mail) == 3
    rows = _come_home(installed)
    assert len(rows) == 3
    assert _unseen(mail) == 0
    assert len(mail.messages("notices")) == 3
    assert len(_come_home(installed)) == 3, "a second run finds nothing new"


def test_a_mail_that_somebody_opened_in_another_program_is_read_all_the_same(installed: Story, mail: RealMail) -> None:
    mail.write("somebody@else.example", "notices@ministry.example", b"Subject: one\r\n\r\nhello\r\n")
    mail.wait_for("notices", 1)
    context = ssl.create_default_context(cafile=str(mail.ca_file))
    with IMAP4_SSL(HOST, mail.imaps_port, ssl_context=context, timeout=10) as box:
        box.login("notices", PASSWORD)
        box.select("INBOX")
        box.store("1", "+FLAGS", r"(\Seen \Flagged)")
    assert len(_come_home(installed)) == 1
    assert len(_come_home(installed)) == 1, "and once only"


def _unseen(mail: RealMail) -> int:
    context = ssl.create_default_context(cafile=str(mail.ca_file))
    with IMAP4_SSL(HOST, mail.imaps_port, ssl_context=context, timeout=10) as box:
        box.login("notices", PASSWORD)
        box.select("INBOX", readonly=True)
        _, found = box.search(None, "UNSEEN")
        return len(found[0].split())


def test_two_readers_at_once_store_each_mail_once(installed: Story, mail: RealMail) -> None:
    for place in range(20):
        text = f"Subject: {place}\r\nMessage-ID: <{place}@else.example>\r\n\r\nhello\r\n"
        mail.write("somebody@else.example", "notices@ministry.example", text.encode())
    mail.wait_for("notices", 20)
    failed: list[BaseException] = []

    def read() -> None:
        try:
            fetch(installed.runtime)
            read_stored(installed.runtime)
        except BaseException as error:
            failed.append(error)

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    assert failed == []
    rows = installed.all(InboundMail)
    assert sorted(row.message_id for row in rows) == sorted(f"<{place}@else.example>" for place in range(20))
    assert {row.state for row in rows} == {"held"}


def test_without_protection_nothing_is_sent(story: Story, mail: RealMail) -> None:
    with quick_folder("qorgan-plain-") as home, running_real_mail(home, BOXES, tls=False) as plain:
        bare = story.with_settings(**{**mail.settings(), "smtp_port": plain.smtp_port})
        bare.take_in(**LAW)
        sent = bare.send_letters()
        assert sent.sent == 0
        [row] = bare.all(Letter)
        assert row.state == "queued", "it waits until the server or the setting is mended"
        assert plain.messages("reporter") == []
        bare.close()


def test_a_server_whose_certificate_is_not_trusted_gets_nothing(story: Story, mail: RealMail) -> None:
    wary = story.with_settings(**{**mail.settings(), "smtp_ca_file": None})
    wary.take_in(**LAW)
    assert wary.send_letters().sent == 0
    assert mail.messages("reporter") == []
    assert wary.all(Letter)[0].state == "queued"
    wary.close()


def test_a_refusal_at_the_door_is_final_and_a_deferral_is_tried_again(installed: Story, mail: RealMail) -> None:
    for name in ("refused", "later"):
        installed.take_in(reporter={"name": "Practice Reporter", "email": f"{name}@mail.example"}, **LAW)
    sent = installed.send_letters()
    assert (sent.refused, sent.later) == (1, 1)
    assert {row.state for row in installed.all(Letter)} == {"refused", "queued"}


def test_the_servers_run_without_root(mail: RealMail) -> None:
    owners = {path.stat().st_uid for path in Path("/proc").glob("[0-9]*") if _serves(path, mail)}
    assert owners
    assert 0 not in owners


def _serves(process: Path, mail: RealMail) -> bool:
    try:
        command = (process / "cmdline").read_bytes()
    except OSError:
        return False
    return os.fsencode(str(mail.home)) in command


def test_an_imap_server_that_is_away_is_said_and_the_folder_is_still_read(installed: Story, mail: RealMail) -> None:
    away = installed.with_settings(imap_port=1)
    folder = away.runtime.settings.mail_folder
    folder.mkdir(exist_ok=True)
    (folder / "one.eml").write_bytes(b"From: somebody@else.example\r\nSubject: one\r\n\r\nhello\r\n")
    fetched = fetch(away.runtime)
    assert len(away.all(InboundMail)) == 1
    assert len(fetched.down) == 1, "the run says which source was away"
    away.close()


def test_a_wrong_password_is_said_without_the_password(installed: Story, caplog: pytest.LogCaptureFixture) -> None:
    wrong = installed.with_settings(imap_password=SecretStr("a-wrong-word"))
    assert len(fetch(wrong.runtime).down) == 1
    assert "a-wrong-word" not in caplog.text
    wrong.close()
