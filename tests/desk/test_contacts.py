"""Contacts at the desk: who is away, which addresses fail, and no address of anybody on the screen."""

from __future__ import annotations

from db.tables import Letter
from tasks.contacts import mark_address
from tasks.record import transaction
from tests.desk.conftest import AtTheDesk
from tests.stories import AUDITOR, DUTY, HEAD

ABSENT = ("--from", "2026-03-18 09:00", "--until", "2026-03-25 09:00", "--as", DUTY, "--reason", "on leave")


def _fails(desk: AtTheDesk, kind: str) -> Letter:
    """The police's mailbox sends the referral of a child in danger back."""
    desk.story.send_letters()
    [row] = [row for row in desk.story.all(Letter) if row.kind == "police_referral"]
    with transaction(desk.story.runtime) as session:
        mark_address(
            session, desk.story.runtime, row, kind, "5.2.2 <duty@police.example> over quota", desk.story.clock()
        )
    return row


def _contact(desk: AtTheDesk, key: str, *words: str) -> dict[str, object]:
    return next(row for row in desk.tells("contact", "list", *words) if row["contact"] == key)


def test_every_contact_of_the_pack_is_listed_with_how_it_is_reached(desk: AtTheDesk) -> None:
    assert _contact(desk, "liaison:tiktok") == {
        "contact": "liaison:tiktok",
        "name": "Regional liaison of TikTok (practice)",
        "role": "liaison",
        "platform": "tiktok",
        "language": "en",
        "deputy": None,
        "absent_until": None,
        "health": "good",
        "last_success": None,
        "quiet_until": None,
    }
    keys = [row["contact"] for row in desk.tells("contact", "list")]
    assert keys[:4] == ["unit", "head_of_unit", "police", "authority"]
    assert "expert_group:kz.expert_group_on_cyberbullying" in keys
    assert len(keys) == len(set(keys))


def test_an_address_is_never_shown_and_its_domain_only_to_who_may_change_it(desk: AtTheDesk) -> None:
    plain = desk.says("contact", "list")
    assert "@" not in plain
    assert "tiktok.example" not in plain
    assert _contact(desk, "liaison:tiktok", "--as", DUTY)["domain"] == "tiktok.example"
    assert "@" not in desk.says("contact", "list", "--as", HEAD)
    assert "may not change how it is reached" in desk.refuses("contact", "list", "--as", AUDITOR)


def test_an_absence_is_recorded_shown_and_ended(desk: AtTheDesk) -> None:
    said = desk.says("contact", "absent", "liaison:tiktok", *ABSENT)
    assert said == "liaison:tiktok is absent from 2026-03-18 09:00 +05:00 until 2026-03-25 09:00 +05:00.\n"
    assert _contact(desk, "liaison:tiktok")["absent_until"] == "2026-03-25T09:00:00+05:00"
    assert "absent until 2026-03-25 09:00" in desk.says("contact", "list")
    assert desk.says("contact", "back", "liaison:tiktok", "--as", DUTY) == (
        "liaison:tiktok is back; 1 absence(s) ended.\n"
    )
    assert _contact(desk, "liaison:tiktok")["absent_until"] is None
    assert "[contact.not_absent]" in desk.refuses("contact", "back", "liaison:tiktok", "--as", DUTY)


def test_a_time_that_is_none_is_refused_with_how_to_write_it(desk: AtTheDesk) -> None:
    words = ("--from", "tomorrow", "--until", "2026-03-25 09:00", "--as", DUTY, "--reason", "on leave")
    assert "write it as 2026-03-29 14:30" in desk.refuses("contact", "absent", "police", *words)


def test_a_full_mailbox_is_listed_with_the_servers_words_and_mended(desk: AtTheDesk) -> None:
    desk.story.take_in(category="suicide_or_self_harm", age_band="13_17", indicators=["threat_to_life_of_child"])
    row = _fails(desk, "full")
    [failing] = desk.tells("contact", "health")
    assert failing == {
        "contact": "police",
        "state": "full",
        "since": "2026-03-18T09:00:00+05:00",
        "tried_again_at": "2026-03-19T09:00:00+05:00",
        "letter": row.id,
        "mail": None,
        "words": "5.2.2 (address) over quota",
    }
    assert "1 failing address(es)" in desk.says("contact", "health")
    found = _contact(desk, "police")
    assert (found["health"], found["last_success"]) == ("full", "2026-03-18T09:00:00+05:00")
    assert "police gets letters again" in desk.says(
        "contact", "mend", "police", "--as", DUTY, "--reason", "they made room"
    )
    assert desk.tells("contact", "health") == []
    assert "[contact.not_failing]" in desk.refuses(
        "contact", "mend", "police", "--as", DUTY, "--reason", "they made room"
    )


def test_who_is_in_quiet_hours_is_seen(desk: AtTheDesk) -> None:
    assert _contact(desk, "head_of_unit")["quiet_until"] is None
    desk.story.clock.advance(hours=15)
    assert _contact(desk, "head_of_unit")["quiet_until"] == "2026-03-19T08:00:00+05:00"
