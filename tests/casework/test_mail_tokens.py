"""Signed addresses and links: what is genuine is read back, everything else is nobody's."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from casework.mail_tokens import (
    acknowledgement_token,
    bounce_address,
    looks_signed,
    read_acknowledgement_token,
    read_bounce_address,
    read_reply_address,
    recipient_tag,
    reply_address,
)

BOX, KEY, OTHER_KEY = "notices@ministry.example", b"k" * 32, b"o" * 32
NUMBER, CONTACT = "KZ-2026-000123", "liaison:facebook"
UNTIL = datetime(2026, 3, 20, 12, 0, tzinfo=UTC)


def test_a_reply_address_says_its_case_and_its_recipient() -> None:
    address = reply_address(BOX, NUMBER, CONTACT, KEY)
    read = read_reply_address(address, BOX, KEY)
    assert read is not None
    assert (read.case_number, read.tag) == (NUMBER, recipient_tag(NUMBER, CONTACT, KEY))


def test_a_mail_system_may_change_the_case_of_letters_in_an_address() -> None:
    assert read_reply_address(reply_address(BOX, NUMBER, CONTACT, KEY).upper(), BOX, KEY) is not None


def test_the_local_part_of_an_address_stays_within_sixty_four_characters() -> None:
    for address in (reply_address(BOX, NUMBER, "party:123456789", KEY), bounce_address(BOX, 10**12, KEY)):
        assert len(address.partition("@")[0]) <= 64


def test_two_recipients_of_a_case_and_two_cases_of_a_recipient_have_addresses_of_their_own() -> None:
    every = {
        reply_address(BOX, number, contact, KEY) for number in (NUMBER, "KZ-2026-000124") for contact in ("a", "b")
    }
    assert len(every) == 4


@given(place=st.integers(0, 200), sign=st.sampled_from("abcdefghijklmnopqrstuvwxyz234567.-0189"))
def test_an_address_with_one_sign_changed_is_nobodys(place: int, sign: str) -> None:
    address = reply_address(BOX, NUMBER, CONTACT, KEY)
    start, end = address.index("+") + 1, address.index("@")
    at = start + place % (end - start)
    changed = address[:at] + sign + address[at + 1 :]
    assert (read_reply_address(changed, BOX, KEY) is not None) == (changed == address)


@pytest.mark.parametrize(
    "address",
    ["notices@ministry.example", "notices+kz-2026-000123@ministry.example", "", "@", "notices+@ministry.example"],
)
def test_an_address_without_a_signature_is_no_reply_address(address: str) -> None:
    assert read_reply_address(address, BOX, KEY) is None
    assert not looks_signed(address, BOX)


def test_an_address_signed_with_another_key_or_for_another_mailbox_is_refused_and_still_looks_signed() -> None:
    address = reply_address(BOX, NUMBER, CONTACT, OTHER_KEY)
    assert read_reply_address(address, BOX, KEY) is None
    assert looks_signed(address, BOX)
    assert read_reply_address(address, "other@ministry.example", OTHER_KEY) is None


def test_a_bounce_address_says_its_letter_and_is_no_reply_address() -> None:
    address = bounce_address(BOX, 42, KEY)
    assert read_bounce_address(address, BOX, KEY) == 42
    assert read_reply_address(address, BOX, KEY) is None
    assert read_bounce_address(address.replace("+b42", "+b43"), BOX, KEY) is None


def test_a_link_says_its_rung_its_recipient_and_until_when() -> None:
    read = read_acknowledgement_token(acknowledgement_token(7, "abcdefgh", UNTIL, KEY), KEY)
    assert read is not None
    assert (read.escalation_id, read.tag, read.until) == (7, "abcdefgh", UNTIL)


def test_a_link_for_another_rung_or_a_later_time_cannot_be_made_from_a_genuine_one() -> None:
    token = acknowledgement_token(7, "abcdefgh", UNTIL, KEY)
    seconds = str(int(UNTIL.timestamp()))
    assert read_acknowledgement_token(token.replace("7.", "8.", 1), KEY) is None
    assert read_acknowledgement_token(token.replace(seconds, str(int(seconds) + 1)), KEY) is None
    assert read_acknowledgement_token(token, OTHER_KEY) is None
    assert read_acknowledgement_token("", KEY) is None
