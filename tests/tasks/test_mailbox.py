"""Mails are stored once, as they came, whoever reads the mailbox and wherever that dies."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from db.queries.mails import hold_of_mail, sealed_mail
from db.tables import Clock, Event, HeldItem, InboundMail
from tasks.mail_sources import Folder, Incoming, SourceAway
from tasks.mailbox import RAW, Fetched, body_sha256, fetch, fetch_from, message_id_of
from tasks.runtime import Runtime
from tests.children import die
from tests.stories import SQLITE_ONLY, Story, together
from tests.tasks.dying import in_another_process


def a_mail(number: int = 1, text: str = "We have it in hand.", **headers: str) -> bytes:
    given = {"Message-ID": f"<answer.{number}@platform.example>", "From": "someone@platform.example", **headers}
    head = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in given.items())
    return f"{head}Subject: Answer\r\n\r\n{text}\r\n".encode()


def put(story: Story, name: str, raw: bytes) -> Path:
    folder = story.runtime.settings.mail_folder
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_bytes(raw)
    return path


def files(story: Story) -> list[str]:
    folder = story.runtime.settings.mail_folder
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def counts(fetched: Fetched) -> tuple[int, int, int]:
    return fetched.stored, fetched.repeated, fetched.held


def raw_of(story: Story, mail: InboundMail) -> bytes:
    with story.runtime.sessions.read() as session:
        return story.runtime.vault.open(sealed_mail(session, mail.id), RAW)


class Practice:
    """A source of mails as a mailbox on a server is one: what is done is marked, and an ill server says so."""

    name = "imap/INBOX"

    def __init__(self, mails: dict[str, bytes]) -> None:
        self.mails = dict(mails)
        self.seen: list[str] = []
        self.away_at: str | None = None
        self.broken_at: str | None = None

    def waiting(self) -> Sequence[str]:
        return [handle for handle in self.mails if handle not in self.seen]

    def take(self, handle: str, longest: int) -> Incoming | None:
        if handle == self.away_at:
            raise SourceAway("the mailbox cannot be read: abort")
        if handle == self.broken_at:
            raise ValueError("someone@platform.example")
        raw = self.mails[handle]
        return Incoming(raw, len(raw), whole=True)

    def done(self, handle: str, *, whole: bool) -> None:
        self.seen.append(handle)


def test_a_mail_is_stored_sealed_as_it_came_and_its_file_is_gone(story: Story) -> None:
    raw = a_mail()
    put(story, "one.eml", raw)
    assert counts(fetch(story.runtime)) == (1, 0, 0)
    [mail] = story.all(InboundMail)
    assert (mail.state, mail.mailbox, mail.message_key) == ("stored", "folder", "<answer.1@platform.example>")
    assert raw_of(story, mail) == raw
    assert b"in hand" not in mail.raw_sealed
    assert (mail.raw_bytes, mail.stored_at) == (len(raw), story.clock.at)
    assert files(story) == []
    assert [event.data["mail"] for event in story.all(Event) if event.kind == "mail.stored"] == [mail.id]
    assert counts(fetch(story.runtime)) == (0, 0, 0)
    story.assert_sound()


@SQLITE_ONLY
def test_a_file_that_somebody_is_still_writing_is_left_alone(story: Story) -> None:
    for name in ("one.eml.part", "two.eml.tmp", "three.eml~", ".four.eml"):
        put(story, name, a_mail())
    assert counts(fetch(story.runtime)) == (0, 0, 0)
    assert len(files(story)) == 4


@SQLITE_ONLY
def test_the_same_mail_again_is_a_repeat_also_with_other_line_ends_or_another_way_here(story: Story) -> None:
    raw = a_mail()
    put(story, "one.eml", raw)
    put(story, "two.eml", b"Received: from elsewhere\r\n" + raw)
    put(story, "three.eml", raw.replace(b"\r\n", b"\n"))
    assert counts(fetch(story.runtime)) == (1, 2, 0)
    [mail] = story.all(InboundMail)
    repeats = [event.data["mail"] for event in story.all(Event) if event.kind == "mail.repeated"]
    assert repeats == [mail.id, mail.id]
    assert files(story) == []


def test_the_same_message_id_on_another_text_is_kept_and_held_never_lost(story: Story) -> None:
    put(story, "one.eml", a_mail(text="We have it in hand."))
    put(story, "two.eml", a_mail(text="We never heard of it."))
    put(story, "two-again.eml", a_mail(text="We never heard of it."))
    assert counts(fetch(story.runtime)) == (1, 1, 1)
    first, other = sorted(story.all(InboundMail), key=lambda mail: mail.id)
    assert (first.state, other.state) == ("stored", "held")
    assert other.message_key.startswith("<answer.1@platform.example>#")
    assert other.reason == f"mail {first.id} has the same Message-ID and says something else"
    assert b"never heard" in raw_of(story, other)
    assert files(story) == []


@SQLITE_ONLY
def test_a_mail_without_a_message_id_is_known_by_its_bytes(story: Story) -> None:
    bare = b"From: someone@platform.example\r\n\r\nHello\r\n"
    put(story, "one.eml", bare)
    put(story, "two.eml", bare)
    put(story, "three.eml", bare + b"again\r\n")
    assert counts(fetch(story.runtime)) == (2, 1, 0)
    assert all(mail.message_key.startswith("sha256:") for mail in story.all(InboundMail))


def test_a_mail_that_is_too_long_is_held_with_its_head_and_a_clock_and_its_file_is_kept(story: Story) -> None:
    small = story.with_settings(mail_max_bytes=2_000)
    put(small, "long.eml", a_mail(text="x" * 5_000))
    put(small, "short.eml", a_mail(2))
    assert counts(fetch(small.runtime)) == (1, 0, 1)
    held, _ = sorted(story.all(InboundMail), key=lambda mail: mail.message_key)
    assert (held.state, held.body_sha256) == ("held", "")
    assert held.raw_bytes > 5_000 > len(raw_of(story, held))
    assert raw_of(story, held).endswith(b"Subject: Answer\r\n\r\n")
    with story.runtime.sessions.read() as session:
        pen = hold_of_mail(session, held.id)
    assert pen is not None
    assert (pen.reason, pen.source) == ("too_large", "mail")
    running = [clock for clock in story.all(Clock) if clock.subject_kind == "hold"]
    assert [(clock.subject_id, clock.state) for clock in running] == [(pen.id, "running")]
    assert [name.partition("/")[0] for name in files(story)] == ["too-large"]
    small.close()


def test_two_readers_at_once_store_each_mail_once(story: Story) -> None:
    for number in range(12):
        put(story, f"{number}.eml", a_mail(number))
    outcomes = together(lambda: fetch(story.runtime), lambda: fetch(story.runtime))
    assert all(isinstance(outcome, Fetched) and not outcome.failed for outcome in outcomes), outcomes
    assert sum(outcome.stored for outcome in outcomes) == 12
    assert len(story.all(InboundMail)) == 12
    fetch(story.runtime)
    assert files(story) == []
    assert len(story.all(InboundMail)) == 12
    story.assert_sound()


def test_two_readers_of_one_mailbox_store_each_mail_once(story: Story) -> None:
    mails = {str(number): a_mail(number) for number in range(12)}
    totals = (Fetched(), Fetched())
    readers = [lambda total=total: fetch_from(story.runtime, Practice(mails), total) for total in totals]  # type: ignore[misc]
    outcomes = together(*readers)
    assert outcomes == [None, None]
    assert [sum(pair) for pair in zip(counts(totals[0]), counts(totals[1]), strict=True)] == [12, 12, 0]
    assert len(story.all(InboundMail)) == 12


@SQLITE_ONLY
def test_a_mail_server_that_goes_away_is_named_and_what_it_had_given_stays(story: Story) -> None:
    source, total = Practice({"1": a_mail(1), "2": a_mail(2), "3": a_mail(3)}), Fetched()
    source.away_at = "2"
    with pytest.raises(SourceAway):
        fetch_from(story.runtime, source, total)
    assert (counts(total), source.seen) == ((1, 0, 0), ["1"])
    source.away_at = None
    fetch_from(story.runtime, source, total)
    assert (counts(total), source.seen) == ((3, 0, 0), ["1", "2", "3"])


@SQLITE_ONLY
def test_a_mail_that_cannot_be_stored_stays_where_it_is_and_the_next_is_stored(story: Story) -> None:
    source, total = Practice({"1": a_mail(1), "2": a_mail(2)}), Fetched()
    source.broken_at = "1"
    fetch_from(story.runtime, source, total)
    assert (total.failed, counts(total), source.seen) == (1, (1, 0, 0), ["2"])


@SQLITE_ONLY
def test_a_mail_that_the_case_file_refuses_takes_none_of_its_batch_with_it(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    seal = story.runtime.vault.seal

    def stumble(plain: bytes, purpose: str) -> bytes:
        if b"poison" in plain:
            raise ValueError
        return seal(plain, purpose)

    monkeypatch.setattr(type(story.runtime.vault), "seal", lambda _vault, plain, purpose: stumble(plain, purpose))
    source, total = Practice({"1": a_mail(1), "2": a_mail(2, "poison"), "3": a_mail(3)}), Fetched()
    fetch_from(story.runtime, source, total)
    assert (total.failed, counts(total), source.seen) == (1, (2, 0, 0), ["1", "3"])


@SQLITE_ONLY
@pytest.mark.parametrize("security", ["tls", "starttls", "none"])
def test_a_mail_server_that_is_away_holds_up_no_folder(story: Story, security: str) -> None:
    away = story.with_settings(
        imap_host="127.0.0.1", imap_port=9, imap_user="unit", imap_password="secret", imap_security=security
    )
    put(away, "one.eml", a_mail())
    fetched = fetch(away.runtime)
    assert (counts(fetched), fetched.down) == ((1, 0, 0), ("imap",))
    away.close()


@SQLITE_ONLY
def test_a_mailbox_without_an_account_is_named_as_not_reached(story: Story) -> None:
    half = story.with_settings(imap_host="127.0.0.1")
    assert fetch(half.runtime).down == ("imap",)
    half.close()


def test_a_reader_killed_between_commit_and_acknowledgement_leaves_one_mail_and_one_repeat(story: Story) -> None:
    put(story, "one.eml", a_mail())

    def fetch_and_die(its_own: Runtime) -> None:
        Folder.done = die  # type: ignore[assignment, method-assign]
        fetch(its_own)

    assert in_another_process(story.runtime, fetch_and_die).killed
    assert len(story.all(InboundMail)) == 1
    assert len(files(story)) == 1, "its file is still there"
    assert counts(fetch(story.runtime)) == (0, 1, 0)
    assert len(story.all(InboundMail)) == 1
    assert files(story) == []
    story.assert_sound()


@SQLITE_ONLY
def test_a_new_file_of_the_same_name_never_overwrites_one_that_is_being_read(story: Story) -> None:
    put(story, "one.eml", a_mail(1))
    folder = Folder(story.runtime.settings.mail_folder)
    [first] = folder.waiting()
    put(story, "one.eml", a_mail(2))
    both = folder.waiting()
    assert first in both
    assert len(both) == 2
    assert counts(fetch(story.runtime)) == (2, 0, 0)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"Message-ID: <a@b>\r\n\r\n", "<a@b>"),
        (b"From: x\nmessage-id:\n <a@b>\n\n", "<a@b>"),
        (b"Message-ID: <first@b>\r\nMessage-ID: <second@b>\r\n\r\n", "<first@b>"),
        (b"From: x\r\n\r\nMessage-ID: <body@b>\r\n", ""),
        (b"X-Message-ID: <a@b>\r\n\r\n", ""),
        (b"Message-ID: bare\r\n\r\n", "bare"),
        (b"Message-ID: <a\x00\xff@b>\r\n\r\n", "<a??@b>"),
        (b"", ""),
        (b"\x00\xff\xfe", ""),
    ],
)
def test_the_message_id_is_found_in_the_head_of_any_bytes(raw: bytes, expected: str) -> None:
    assert message_id_of(raw) == expected


@SQLITE_ONLY
def test_a_message_id_of_any_length_fits_its_column(story: Story) -> None:
    long = "<" + "a" * 900 + "@b>"
    other = "<" + "a" * 901 + "@b>"
    put(story, "one.eml", a_mail(**{"Message-ID": long}))
    put(story, "two.eml", a_mail(**{"Message-ID": other}))
    assert counts(fetch(story.runtime)) == (2, 0, 0)


def test_the_hash_of_a_body_follows_what_it_says_and_nothing_else() -> None:
    assert body_sha256(b"A: 1\r\n\r\none\r\n") == body_sha256(b"B: 2\n\none\n")
    assert body_sha256(b"A: 1\n\none\n") != body_sha256(b"A: 1\n\ntwo\n")


@SQLITE_ONLY
def test_what_is_held_stands_in_the_holding_pen_with_the_next_step(story: Story) -> None:
    put(story, "one.eml", a_mail(text="one"))
    put(story, "two.eml", a_mail(text="two"))
    fetch(story.runtime)
    [pen] = story.all(HeldItem)
    assert pen.next_step.startswith("'qorgan mail show ")
    assert "@" not in pen.message + pen.next_step
