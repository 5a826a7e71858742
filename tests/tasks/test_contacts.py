"""A letter goes to who is there: a deputy, the next in line, the last resort; never to ourselves, never to nobody."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from email.utils import getaddresses

import pytest

from casework.errors import NotAllowed, QorganError
from casework.vocabulary import Action
from db.tables import Absence, AddressHealth, Event, Letter, Party
from tasks.contacts import end_absence, mark_address, mend, record_absence
from tasks.correspondence import settle_letter
from tasks.intake_writing import PARTY
from tasks.record import transaction
from tests.stories import AUDITOR, DUTY, HEAD, INTAKE, REVIEWER, SQLITE_ONLY, START, Story, bullied, in_danger
from tests.tasks.mail_rules import (
    DEPUTY,
    HEAD_OF_OFFICE,
    LIAISON,
    UNIT,
    intend,
    letter,
    quiet_outbox,
    with_contact,
    with_deputy,
    with_own,
)

WEEK = timedelta(days=7)


def _sent(story: Story, number: str, kind: str = "liaison_escalation", platform: str = "tiktok") -> Letter:
    """A new letter, and what became of it in the next run."""
    story.clock.advance(minutes=1)
    [letter_id] = intend(story, number, kind=kind, platform=platform)
    story.send_letters()
    return letter(story, letter_id)


def _to(story: Story, row: Letter) -> list[str]:
    """Addresses that got a letter, as the envelope and the letter itself say."""
    found = [kept for kept in story.mail() if kept.message["X-Qorgan-Letter"] == str(row.id)]
    for kept in found:
        assert [address for _, address in getaddresses([kept.message["To"]])] == list(kept.recipients)
    return [address for kept in found for address in kept.recipients]


def _bounces(story: Story, row: Letter, kind: str = "dead") -> None:
    with transaction(story.runtime) as session:
        mark_address(session, story.runtime, row, kind, f"550 5.1.1 <{LIAISON}> unknown", story.clock())


# Absences


def test_the_deputy_gets_the_letters_of_who_is_away_and_the_principal_gets_the_next_one(story: Story) -> None:
    with_deputy(story)
    number = story.take_in()
    quiet_outbox(story)
    record_absence(story.runtime, "liaison:tiktok", START, START + WEEK, DUTY, "on leave")
    away = _sent(story, number)
    assert _to(story, away) == [DEPUTY]
    assert (away.contact, away.sent_to) == ("liaison:tiktok", "deputy:liaison:tiktok"), "the intent does not change"
    [redirected] = story.events(number, "letter.redirected")
    assert (redirected.data["letter"], redirected.data["because"]) == (away.id, "deputy: absent")
    assert end_absence(story.runtime, "liaison:tiktok", DUTY) == 1
    back = _sent(story, number)
    assert _to(story, back) == [LIAISON]
    assert back.sent_to is None
    assert [event.kind for event in story.all(Event) if event.kind.startswith("contact.")] == [
        "contact.absent",
        "contact.back",
    ]
    story.assert_sound()


@SQLITE_ONLY
def test_a_letter_that_waited_goes_to_who_is_there_when_it_goes(story: Story) -> None:
    with_deputy(story)
    number = story.take_in()
    quiet_outbox(story)
    [waits] = intend(story, number)
    record_absence(story.runtime, "liaison:tiktok", START, START + WEEK, DUTY, "on leave")
    story.send_letters()
    assert _to(story, letter(story, waits)) == [DEPUTY]
    assert letter(story, waits).language == "ru", "the deputy reads Russian"


@SQLITE_ONLY
@pytest.mark.parametrize(("minutes", "to"), [(-1, LIAISON), (0, DEPUTY), (59, DEPUTY), (60, LIAISON)])
def test_an_absence_is_half_open(story: Story, minutes: int, to: str) -> None:
    with_deputy(story)
    number = story.take_in()
    record_absence(story.runtime, "liaison:tiktok", START + WEEK, START + WEEK + timedelta(hours=1), DUTY, "at a fair")
    story.clock.set(START + WEEK + timedelta(minutes=minutes - 1))
    assert _to(story, _sent(story, number)) == [to]


@SQLITE_ONLY
def test_when_the_deputy_is_away_too_the_head_is_next_and_at_last_the_units_own_mailbox(story: Story) -> None:
    with_deputy(story)
    number = story.take_in()
    quiet_outbox(story)
    reached = []
    for contact in ("liaison:tiktok", "deputy:liaison:tiktok", "liaison_head:tiktok"):
        record_absence(story.runtime, contact, START, START + WEEK, DUTY, "on leave")
        reached += _to(story, _sent(story, number))
    assert reached == [DEPUTY, HEAD_OF_OFFICE, UNIT]
    why = [event.data["because"] for event in story.events(number, "letter.redirected")]
    assert why == ["deputy: absent", "head: absent", "last resort: absent"]


@SQLITE_ONLY
def test_the_last_resort_is_never_absent_and_nobody_unknown_is(story: Story) -> None:
    for contact in ("unit", "party:1", "liaison:unknown", "nonsense"):
        with pytest.raises(QorganError, match="is no contact that can be absent"):
            record_absence(story.runtime, contact, START, START + WEEK, DUTY, "on leave")
    with pytest.raises(QorganError, match="ends after it begins"):
        record_absence(story.runtime, "police", START + WEEK, START + WEEK, DUTY, "on leave")
    with pytest.raises(QorganError, match="ends after it begins"):
        record_absence(story.runtime, "police", START - WEEK, START, DUTY, "was on leave")
    assert story.all(Absence) == []


@SQLITE_ONLY
def test_an_absence_that_was_only_planned_is_called_off(story: Story) -> None:
    with_deputy(story)
    number = story.take_in()
    record_absence(story.runtime, "liaison:tiktok", START + WEEK, START + 2 * WEEK, HEAD, "a course")
    end_absence(story.runtime, "liaison:tiktok", INTAKE)
    story.clock.set(START + WEEK)
    assert _to(story, _sent(story, number)) == [LIAISON]
    with pytest.raises(QorganError, match="is not absent"):
        end_absence(story.runtime, "liaison:tiktok", INTAKE)


@SQLITE_ONLY
@pytest.mark.parametrize("who", [REVIEWER, AUDITOR])
def test_only_who_writes_letters_changes_where_they_go(story: Story, who: str) -> None:
    with pytest.raises(NotAllowed):
        record_absence(story.runtime, "police", START, START + WEEK, who, "on leave")
    with pytest.raises(NotAllowed):
        end_absence(story.runtime, "police", who)
    with pytest.raises(NotAllowed):
        mend(story.runtime, "police", who, "they called")


# Addresses that fail


def test_a_dead_address_is_passed_over_until_a_person_mends_it(story: Story) -> None:
    with_deputy(story)
    number = story.take_in()
    quiet_outbox(story)
    _bounces(story, _sent(story, number))
    story.clock.advance(days=30)
    assert _to(story, _sent(story, number)) == [DEPUTY]
    [event] = story.events(number, "address.failed")
    assert event.data["contact"] == "liaison:tiktok"
    [known] = story.all(AddressHealth)
    assert known.words == "550 5.1.1 (address) unknown"
    assert mend(story.runtime, "liaison:tiktok", DUTY, "they repaired their server") == 1
    assert _to(story, _sent(story, number)) == [LIAISON]
    story.assert_sound()


@SQLITE_ONLY
def test_another_address_in_the_pack_counts_at_once(story: Story) -> None:
    number = story.take_in()
    quiet_outbox(story)
    _bounces(story, _sent(story, number))
    assert _to(story, _sent(story, number)) == [HEAD_OF_OFFICE]
    with_contact(story, "tiktok", "liaison", email="new.liaison@tiktok.example")
    assert _to(story, _sent(story, number)) == ["new.liaison@tiktok.example"]


@SQLITE_ONLY
@pytest.mark.parametrize(("hours", "to"), [(23, DEPUTY), (24, LIAISON)])
def test_a_full_mailbox_is_tried_again_after_a_day(story: Story, hours: int, to: str) -> None:
    with_deputy(story)
    number = story.take_in()
    quiet_outbox(story)
    _bounces(story, _sent(story, number), "full")
    story.clock.advance(hours=hours, minutes=-1)
    assert _to(story, _sent(story, number)) == [to]


@SQLITE_ONLY
def test_what_is_dead_is_not_called_full_later_and_what_is_full_may_die(story: Story) -> None:
    number = story.take_in()
    quiet_outbox(story)
    row = _sent(story, number)
    for kind in ("full", "dead", "full"):
        _bounces(story, row, kind)
        story.clock.advance(days=2)
    [known] = story.all(AddressHealth)
    assert known.state == "dead"


@SQLITE_ONLY
def test_the_units_own_mailbox_gets_letters_even_when_it_is_said_to_fail(story: Story) -> None:
    number = story.take_in()
    quiet_outbox(story)
    _bounces(story, _sent(story, number, kind="duty_alert"))
    assert _to(story, _sent(story, number, kind="duty_alert")) == [UNIT]


@SQLITE_ONLY
def test_a_reporter_whose_address_is_dead_has_no_deputy_and_the_letter_says_why_it_did_not_go(story: Story) -> None:
    number = story.to_review()
    story.send_letters()
    [receipt] = story.letters(number, "receipt")
    _bounces(story, receipt)
    story.move(number, Action.DECLINE, REVIEWER)
    opened = len(story.events(number, "vault.opened"))
    story.send_letters()
    [row] = story.letters(number, "decline")
    assert row.state == "refused"
    assert row.reason == "letters to this person do not arrive since 2026-03-18"
    assert len(story.events(number, "vault.opened")) == opened, "nobody looked into the vault for nothing"


def test_a_reporters_new_address_is_sealed_in_the_vault_and_the_letter_goes_there(story: Story) -> None:
    number = story.to_review()
    story.send_letters()
    _bounces(story, story.letters(number, "receipt")[0])
    story.move(number, Action.DECLINE, REVIEWER)
    story.send_letters()
    [row] = story.letters(number, "decline")
    assert mend(story.runtime, row.contact, INTAKE, "the reporter called", "new@mail.example") == 1
    settle_letter(story.runtime, row.id, INTAKE, "again", "a new address")
    story.send_letters()
    assert _to(story, row) == ["new@mail.example"]
    [party] = story.all(Party)
    assert json.loads(story.runtime.vault.open(party.sealed, PARTY))["name"] == "Practice Reporter"
    assert b"new@mail.example" not in party.sealed
    purposes = [event.data["purpose"] for event in story.events(number, "vault.opened")]
    assert "a new address of this person" in purposes
    assert "new@mail.example" not in json.dumps([event.data for event in story.all(Event)])
    story.assert_sound()


@SQLITE_ONLY
def test_a_reporters_full_mailbox_is_tried_again_after_a_day_by_itself(story: Story) -> None:
    number = story.to_review()
    story.send_letters()
    _bounces(story, story.letters(number, "receipt")[0], "full")
    story.move(number, Action.DECLINE, REVIEWER)
    story.send_letters()
    [row] = story.letters(number, "decline")
    assert (row.state, row.held_because) == ("queued", "mailbox full")
    story.clock.advance(days=1)
    story.send_letters()
    assert story.letters(number, "decline")[0].state == "sent"


@SQLITE_ONLY
def test_what_cannot_be_mended_is_refused_with_what_to_do(story: Story) -> None:
    number = story.take_in()
    [party] = story.all(Party)
    key = f"party:{party.id}"
    for contact, address, said in (
        ("police", None, "no address of 'police' fails"),
        ("police", "other@police.example", "is the policy pack's"),
        (key, None, f"no address of '{key}' fails"),
        (key, "no address", "that is no address"),
        (key, story.runtime.pack.authority.email, "it is the mailbox that is read for answers"),
        ("party:999", "a@mail.example", "nobody in the vault"),
        ("party:none", "a@mail.example", "nobody in the vault"),
    ):
        with pytest.raises(QorganError, match=said):
            mend(story.runtime, contact, DUTY, "somebody called", address)
    with pytest.raises(QorganError, match="say why"):
        mend(story.runtime, "police", DUTY, " ")
    assert story.events(number, "vault.opened") == []


# Ourselves


def test_a_letter_to_others_never_goes_to_an_address_of_ours(story: Story) -> None:
    number = story.take_in()
    quiet_outbox(story)
    authority = story.runtime.pack.authority
    box, _, domain = authority.email.partition("@")
    for address in (authority.email, authority.unit_mailbox, f"{box}+tag@{domain.upper()}", authority.email.upper()):
        with_contact(story, "tiktok", "liaison", email=address)
        row = _sent(story, number)
        assert row.state == "refused", address
        assert f"letter {row.id} to 'liaison:tiktok' is not sent: it is " in row.reason
    assert story.mail() == []


@SQLITE_ONLY
def test_addresses_and_domains_of_the_packs_list_and_our_mail_accounts_are_ours(story: Story) -> None:
    number = story.take_in()
    quiet_outbox(story)
    with_contact(story, "tiktok", "liaison", email="press@office.example")
    assert _sent(story, number).state == "sent"
    with_own(story, domains=("office.example",))
    assert _sent(story, number).state == "refused"
    with_own(story, domains=(), addresses=("press@office.example",))
    assert _sent(story, number).state == "refused"
    with_own(story, addresses=())
    with_contact(story, "tiktok", "liaison", email="answers@relay.example")
    settings = story.runtime.settings.model_copy(update={"imap_user": "Answers@relay.example"})
    story.runtime = replace(story.runtime, settings=settings)
    assert _sent(story, number).state == "refused"


@SQLITE_ONLY
def test_our_own_people_are_written_to_at_our_own_addresses(story: Story) -> None:
    with_own(story, domains=("ministry.example",))
    number = story.take_in()
    quiet_outbox(story)
    assert _to(story, _sent(story, number, kind="duty_alert")) == [UNIT]


@SQLITE_ONLY
def test_a_reporter_who_gives_our_own_address_gets_no_letter_and_the_case_says_why(story: Story) -> None:
    email = story.runtime.pack.authority.email.replace("@", "+kz-2026-000001@")
    number = story.take_in(reporter={"name": "Loop", "email": email})
    assert story.letters(number, "receipt") == []
    [received] = story.events(number, "case.received")
    assert received.data["receipt"] == "an address of ours"
    assert [party.reachable for party in story.all(Party)] == [False]
    story.drive(number)
    story.move(number, Action.DECLINE, REVIEWER)
    [row] = story.letters(number, "decline")
    assert (row.state, row.reason) == ("dropped", "the reporter left no address that we may write to")
    story.send_letters()
    assert story.mail() == []


# Every recipient


@SQLITE_ONLY
def test_the_expert_group_and_the_head_of_the_unit_have_addresses_of_their_own(story: Story) -> None:
    number = story.take_in(**bullied())
    quiet_outbox(story)
    [referral] = intend(story, number, kind="expert_referral")
    [breach] = intend(story, number, kind="breach_notice")
    assert letter(story, referral).contact == "expert_group:kz.expert_group_on_cyberbullying"
    assert letter(story, breach).contact == "head_of_unit"


@SQLITE_ONLY
def test_a_case_that_no_expert_group_decides_on_is_laid_before_the_unit(story: Story) -> None:
    [referral] = intend(story, story.take_in(), kind="expert_referral")
    assert letter(story, referral).contact == "unit"


@SQLITE_ONLY
def test_a_dead_police_address_does_not_silence_a_referral(story: Story) -> None:
    first = story.take_in(**in_danger())
    story.send_letters()
    [referral] = story.letters(first, "police_referral")
    _bounces(story, referral)
    second = story.take_in(**in_danger())
    story.send_letters()
    [row] = story.letters(second, "police_referral")
    assert _to(story, row) == [UNIT]
    assert (row.contact, row.sent_to) == ("police", "unit")
