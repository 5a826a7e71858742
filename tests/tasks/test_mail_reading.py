"""Every mail is read as what it is and finds its case or waits for a person; none holds up the next."""

from __future__ import annotations

from typing import Any

import pytest

from casework.errors import NotAllowed, QorganError
from casework.inbound_mail import InboundMail as Read
from casework.inbound_mail import read_mail
from casework.mail_tokens import bounce_address, reply_address
from casework.vocabulary import MailKind
from db.tables import AddressHealth, Clock, HeldItem, InboundMail, Letter, MailAttachment
from tasks import mail_reading
from tasks.mail_decisions import assign, open_mail, replay_mail, settle_mail
from tasks.mail_reading import read_stored
from tasks.runtime import Runtime
from tasks.vault import Vault
from tests.mail_room import MailRoom, acknowledged, letter_of_rung, silent_until
from tests.mails import Fixture, filled, index
from tests.stories import AUDITOR, INTAKE, SQLITE_ONLY, Story, together
from tests.tasks.dying import die_at_commit, in_another_process


@pytest.fixture
def room(story: Story) -> MailRoom:
    return MailRoom(story)


# --- The fixtures, each on the same real case ---------------------------------------------------------------


class Cast:
    """A case whose liaison has a letter, another case of the same liaison, and what the mails are filled with."""

    def __init__(self, story: Story) -> None:
        self.story = story
        self.number = silent_until(story, 2)
        self.other = silent_until(story, 2)
        self.letter = letter_of_rung(story, self.number, 2)
        runtime = story.runtime
        box, contact = runtime.pack.authority.email, self.letter.contact
        key, other_key = runtime.vault.key_for("reply"), Vault(b"x" * 32).key_for("reply")
        liaison = runtime.pack.liaison("tiktok", "liaison")
        assert liaison is not None
        self.values = {
            "box": box,
            "case": self.number,
            "other_case": self.other,
            "liaison": liaison.email,
            "reply_liaison": reply_address(box, self.number, contact, key),
            "reply_other": reply_address(box, self.other, contact, key),
            "bounce_liaison": bounce_address(box, self.letter.id, runtime.vault.key_for("bounce")),
            "message_id_liaison": self.letter.message_id or "",
            "message_id_other": letter_of_rung(story, self.other, 2).message_id or "",
            "forged": reply_address(box, self.number, contact, other_key),
        }

    def as_before(self) -> None:
        """Undo what one mail has done to the letter and its rung, for the next."""
        story = self.story
        story.execute(
            "UPDATE escalation SET acknowledged_at = NULL, acknowledged_by = NULL, acknowledged_via = NULL,"
            " acknowledged_mail_id = NULL"
        )
        story.execute("UPDATE letter SET state = 'sent', delivered_at = NULL, reason = '' WHERE sent_at IS NOT NULL")
        story.execute("DELETE FROM address_health")

    def effect(self, mail: InboundMail) -> str:
        """What followed, in the words of the index."""
        letter = letter_of_rung_anyhow(self.story, self.letter.id)
        if mail.state == "held":
            return "held"
        if acknowledged(self.story, self.number)[2] is not None:
            return "acknowledged"
        if self.story.all(AddressHealth):
            return "address_marked"
        if "answered" in mail.effects:
            return "read_on_case"
        return "proven" if letter.delivered_at is not None else "nothing"


def letter_of_rung_anyhow(story: Story, letter_id: int) -> Letter:
    [letter] = [row for row in story.all(Letter) if row.id == letter_id]
    return letter


def expected(fixture: Fixture) -> str:
    """A mail that also names another case waits: nobody is taken at a word meant for another."""
    return "held" if fixture.reads.get("look") else fixture.effect


def test_every_fixture_has_its_kind_its_case_and_its_effect_and_the_next_mail_is_read(
    story: Story, room: MailRoom
) -> None:
    cast = Cast(story)
    wrong: dict[str, Any] = {}
    for fixture in index():
        cast.as_before()
        mail = room.comes(filled(fixture.file, **cast.values))
        found = (mail.kind, mail.matched_by, cast.effect(mail))
        if found != (fixture.kind, fixture.by, expected(fixture)):
            wrong[fixture.file] = (found, mail.because, mail.reason, mail.effects)
        assert mail.attempts == 1, fixture.file
    assert wrong == {}
    assert len(room.mails()) == len(index()) >= 50
    plain = room.comes(room.mail("The next mail.", to=cast.values["reply_liaison"]))
    assert plain.state == "read"
    pen = story.all(HeldItem)
    assert len(pen) == sum(mail.state == "held" for mail in room.mails())
    assert all("@" not in held.message for held in pen), "no address stands in the holding pen"
    hashes = [(part.mail_id, part.part) for part in story.all(MailAttachment)]
    assert len(hashes) == len(set(hashes)) >= 5
    cast.as_before()
    story.assert_sound()


# --- One that fails, and the next ---------------------------------------------------------------------------


def poison(monkeypatch: pytest.MonkeyPatch, word: bytes) -> None:
    """Reading a mail with this word fails, as a fault of ours would."""

    def stumble(raw: bytes) -> Read:
        if word in raw:
            raise ZeroDivisionError("liaison@platform.example")
        return read_mail(raw)

    monkeypatch.setattr(mail_reading, "read_mail", stumble)


@SQLITE_ONLY
def test_one_poisoned_mail_of_many_is_tried_three_times_then_held_and_all_others_are_read(
    story: Story, room: MailRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = silent_until(story, 2)
    letter = letter_of_rung(story, number, 2)
    poison(monkeypatch, b"poison")
    for turn in range(200):
        room.put(room.answer(letter, "poison" if turn == 100 else f"Message {turn}."))
    room.fetch()
    first = room.read()
    assert (first.read, first.held, len(first.failed)) == (199, 0, 1)
    [bad] = [mail for mail in room.mails() if mail.state == "stored"]
    assert (first.failed, bad.attempts) == ([bad.id], 1)
    assert (room.read().failed, room.read().held) == ([bad.id], 1)
    [bad] = [mail for mail in room.mails() if mail.state == "held"]
    assert (bad.attempts, bad.reason) == (3, "cannot be read: ZeroDivisionError")
    assert room.read().failed == []
    monkeypatch.undo()
    again = replay_mail(story.runtime, bad.id, INTAKE)
    assert (again.state, again.effects) == ("read", ["answered"])
    assert [held.state for held in story.all(HeldItem)] == ["settled"]
    story.assert_sound()


@SQLITE_ONLY
def test_a_mail_whose_effect_fails_leaves_nothing_half_done(
    story: Story, room: MailRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = silent_until(story, 2)
    room.put(room.answer(letter_of_rung(story, number, 2), "ACK"))
    room.fetch()
    whole = mail_reading.act

    def stumble(*given: Any) -> Any:
        whole(*given)
        raise ZeroDivisionError

    monkeypatch.setattr(mail_reading, "act", stumble)
    assert len(room.read().failed) == 1
    assert acknowledged(story, number)[2] is None
    assert story.events(number, "mail.answered") == []
    monkeypatch.undo()
    assert room.read().read == 1
    assert acknowledged(story, number)[2] == "mail"
    assert len(story.events(number, "mail.answered")) == 1
    story.assert_sound()


def test_two_readers_at_once_let_each_mail_take_effect_once(story: Story, room: MailRoom) -> None:
    number = silent_until(story, 2)
    letter = letter_of_rung(story, number, 2)
    for turn in range(10):
        room.put(room.answer(letter, f"Message {turn}."))
    room.fetch()
    outcomes = together(lambda: read_stored(story.runtime), lambda: read_stored(story.runtime))
    assert sum(page.read for page in outcomes) == 10, outcomes
    assert [page.failed for page in outcomes] == [[], []]
    assert len(story.events(number, "mail.answered")) == 10
    assert len(story.events(number, "rung.acknowledged")) == 1
    story.assert_sound()


@pytest.mark.parametrize("commits", [0, 1])
def test_a_reader_killed_before_its_commit_has_done_nothing_and_the_next_does_it_once(
    story: Story, room: MailRoom, commits: int
) -> None:
    number = silent_until(story, 2)
    letter = letter_of_rung(story, number, 2)
    room.put(room.answer(letter, "ACK"))
    room.put(room.answer(letter, "And something more."))
    room.fetch()

    def read(its_own: Runtime) -> None:
        die_at_commit(its_own, commits)
        read_stored(its_own)

    assert in_another_process(story.runtime, read).killed
    assert [mail.state for mail in room.mails()].count("read") == commits
    assert len(story.events(number, "mail.answered")) == commits
    assert room.read().read == 2 - commits
    assert len(story.events(number, "mail.answered")) == 2
    assert len(story.events(number, "rung.acknowledged")) == 1
    story.assert_sound()


# --- Held mails, and what people do with them -----------------------------------------------------------------


def test_a_person_assigns_a_held_mail_and_its_effects_follow(story: Story, room: MailRoom) -> None:
    number = silent_until(story, 2)
    letter = letter_of_rung(story, number, 2)
    held = room.comes(room.mail("ACK", sender="another@platform.example"))
    assert held.state == "held"
    done = assign(story.runtime, held.id, number, INTAKE, "The liaison wrote from home.", letter_id=letter.id)
    assert (done.state, done.matched_by, done.effects) == ("settled", "person", ["answered", "rung.acknowledged"])
    assert (done.settled_by, done.contact) == (INTAKE, "liaison:tiktok")
    assert acknowledged(story, number)[2] == "mail"
    [event] = story.events(number, "mail.assigned")
    assert (event.actor_id, event.reason) == (INTAKE, "The liaison wrote from home.")
    assert [clock.state for clock in story.all(Clock) if clock.subject_kind == "hold"] == ["met"]
    with pytest.raises(QorganError, match="waits for nobody"):
        assign(story.runtime, held.id, number, INTAKE, "Once more, please.")
    story.assert_sound()


@SQLITE_ONLY
def test_a_letter_of_another_case_is_refused_and_nothing_is_written(story: Story, room: MailRoom) -> None:
    number, other = silent_until(story, 2), silent_until(story, 2)
    held = room.comes(room.mail("ACK", sender="another@platform.example"))
    before = story.counts()
    with pytest.raises(QorganError, match=f"is none of {number}"):
        letter = letter_of_rung(story, other, 2)
        assign(story.runtime, held.id, number, INTAKE, "It seems to fit.", letter_id=letter.id)
    assert story.counts() == before
    assert room.newest().state == "held"


@SQLITE_ONLY
def test_what_a_machine_cannot_read_a_person_may_still_put_on_a_case(story: Story, room: MailRoom) -> None:
    number = silent_until(story, 2)
    held = room.comes(b"\x00\x01 no mail at all")
    assert (held.state, held.kind) == ("held", "unreadable")
    assert open_mail(story.runtime, held.id, INTAKE).seen is None
    done = assign(story.runtime, held.id, number, INTAKE, "It came with the courier.")
    assert (done.state, done.case_id, done.effects) == ("settled", story.case(number).id, [])


@SQLITE_ONLY
def test_settling_needs_a_reason_and_somebody_who_may(story: Story, room: MailRoom) -> None:
    held = room.comes(room.mail("Buy now."))
    with pytest.raises(NotAllowed):
        settle_mail(story.runtime, held.id, AUDITOR, "It is an advertisement.")
    with pytest.raises(QorganError, match="say how you know"):
        settle_mail(story.runtime, held.id, INTAKE, "spam")
    done = settle_mail(story.runtime, held.id, INTAKE, "It is an advertisement.")
    assert (done.state, done.settled_by) == ("settled", INTAKE)
    assert [pen.state for pen in story.all(HeldItem)] == ["settled"]


@SQLITE_ONLY
def test_a_held_mail_read_again_keeps_its_place_and_its_clock_while_it_fits_nothing(
    story: Story, room: MailRoom
) -> None:
    held = room.comes(room.mail("Who are you?"))
    [clock] = [clock for clock in story.all(Clock) if clock.subject_kind == "hold"]
    story.later(hours=5)
    assert replay_mail(story.runtime, held.id, INTAKE).state == "held"
    assert len(story.all(HeldItem)) == 1
    assert [(one.id, one.due_at) for one in story.all(Clock) if one.subject_kind == "hold"] == [
        (clock.id, clock.due_at)
    ]


@SQLITE_ONLY
def test_an_answer_in_the_wrong_case_waits_for_a_person_and_stops_no_clock(story: Story, room: MailRoom) -> None:
    number, other = silent_until(story, 2), silent_until(story, 2)
    mail = room.comes(room.answer(letter_of_rung(story, number, 2), "ACK", Subject=f"Re: {other}"))
    assert (mail.state, mail.case_id) == ("held", story.case(number).id)
    assert acknowledged(story, number)[2] is acknowledged(story, other)[2] is None
    letter = letter_of_rung(story, other, 2)
    done = assign(story.runtime, mail.id, other, INTAKE, "The subject names the case.", letter_id=letter.id)
    assert done.effects == ["answered", "rung.acknowledged"]
    assert acknowledged(story, number)[2] is None


@SQLITE_ONLY
def test_kinds_of_which_nothing_follows_are_never_held(story: Story, room: MailRoom) -> None:
    newsletter = room.comes(room.mail("News of the week.", List_Id="<news.platform.example>", Precedence="bulk"))
    assert (newsletter.state, newsletter.kind, newsletter.effects) == ("read", MailKind.AUTO_REPLY, ["noted"])
    assert story.all(HeldItem) == []
