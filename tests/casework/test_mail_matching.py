"""A mail finds its case by what is signed, by what it answers, by a sender the case knows; never by a guess."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from casework.inbound_mail import read_mail
from casework.mail_matching import Found, Matched, match
from casework.mail_tokens import reply_address
from casework.vocabulary import MailKind, MatchedBy
from tests.mails.cast import (
    BOX,
    CASE,
    CONTACT,
    FOUND,
    LIAISON,
    MESSAGE_ID,
    OTHER_CASE,
    OTHER_FOUND,
    OTHER_MESSAGE_ID,
    PREFIX,
    VALUES,
    KnownCast,
)

REPLY, OTHER_REPLY, BOUNCE = VALUES["reply_liaison"], VALUES["reply_other"], VALUES["bounce_liaison"]
FORGED = VALUES["forged"]


def matched(
    *headers: str,
    to: str = BOX,
    subject: str = "Re: our letter",
    sender: str = LIAISON,
    kind: MailKind = MailKind.ANSWER,
    body: str = "ACK",
) -> Matched:
    head = [f"To: {to}", f"Subject: {subject}", *([f"From: {sender}"] if sender else []), *headers]
    return match(read_mail("\r\n".join(head).encode() + b"\r\n\r\n" + body.encode()), kind, KnownCast(), PREFIX)


def answers(*message_ids: str) -> str:
    return "References: " + " ".join(message_ids)


def test_a_genuine_reply_address_finds_its_case_whoever_writes() -> None:
    found = matched(to=REPLY, sender="colleague@elsewhere.example", subject="hello")
    assert (found.by, found.found, found.look) == (MatchedBy.REPLY_ADDRESS, FOUND, False)


@pytest.mark.parametrize("header", ["Cc", "Delivered-To", "X-Original-To", "Envelope-To"])
def test_a_reply_address_counts_wherever_the_mail_server_wrote_it(header: str) -> None:
    assert matched(f"{header}: {REPLY.upper()}").by == MatchedBy.REPLY_ADDRESS


@pytest.mark.parametrize("kind", [MailKind.BOUNCE_PERMANENT, MailKind.DELIVERED, MailKind.AUTO_REPLY, MailKind.LOOP])
def test_what_a_machine_returns_is_about_the_letter_of_its_bounce_address(kind: MailKind) -> None:
    found = matched(to=f"{REPLY}, {BOUNCE}", kind=kind)
    assert (found.by, found.found) == (MatchedBy.BOUNCE_ADDRESS, FOUND)
    assert matched(to=f"{BOUNCE}, {REPLY}").by == MatchedBy.REPLY_ADDRESS, "a person answers the reply address"


def test_a_forged_address_matches_nothing_whatever_else_speaks_for_it() -> None:
    found = matched(answers(MESSAGE_ID), to=FORGED, subject=f"Re: {CASE}")
    assert (found.by, found.found, found.because) == (MatchedBy.NOTHING, None, "forged reply address")
    assert matched(to=f"{FORGED}, {REPLY}").by == MatchedBy.REPLY_ADDRESS, "a genuine one beside it is genuine"


def test_an_answer_to_one_of_our_letters_finds_it_by_its_thread() -> None:
    found = matched(answers(MESSAGE_ID), sender="colleague@elsewhere.example")
    assert (found.by, found.found) == (MatchedBy.THREAD, FOUND)
    assert matched(f"In-Reply-To: {MESSAGE_ID}").by == MatchedBy.THREAD


def test_of_letters_of_two_cases_the_one_answered_last_counts() -> None:
    assert matched(answers(OTHER_MESSAGE_ID, MESSAGE_ID)).found == FOUND
    assert matched(answers(MESSAGE_ID, OTHER_MESSAGE_ID, "<unknown@x.example>")).found == OTHER_FOUND
    assert matched(answers(MESSAGE_ID, OTHER_MESSAGE_ID), f"In-Reply-To: {MESSAGE_ID}").found == FOUND


def test_a_reply_to_the_wrong_case_goes_where_its_address_says_and_a_person_looks() -> None:
    found = matched(to=REPLY, subject=f"Re: {OTHER_CASE}")
    assert (found.by, found.found, found.look) == (MatchedBy.REPLY_ADDRESS, FOUND, True)
    assert OTHER_CASE in found.because


def test_a_subject_with_the_right_number_raises_no_doubt() -> None:
    assert not matched(to=REPLY, subject=f"Re: {CASE.lower()}").look
    assert not matched(answers(MESSAGE_ID), subject=f"Re: {CASE}").look


def test_where_address_and_thread_disagree_the_address_wins_and_a_person_looks() -> None:
    found = matched(answers(OTHER_MESSAGE_ID), to=REPLY)
    assert (found.found, found.look) == (FOUND, True)


def test_where_thread_and_subject_disagree_the_thread_wins_and_a_person_looks() -> None:
    found = matched(answers(MESSAGE_ID), subject=OTHER_CASE)
    assert (found.by, found.found, found.look) == (MatchedBy.THREAD, FOUND, True)


def test_a_mail_to_the_addresses_of_two_cases_belongs_to_the_first_and_a_person_looks() -> None:
    found = matched(to=f"{OTHER_REPLY}, {REPLY}")
    assert (found.found, found.look) == (OTHER_FOUND, True)


def returned(message_id: str) -> Matched:
    body = (f"--e\r\nContent-Type: message/delivery-status\r\n\r\nAction: failed\r\nStatus: 5.1.1\r\n--e\r\n"
            f"Content-Type: text/rfc822-headers\r\n\r\nMessage-ID: {message_id}\r\n--e--")  # fmt: skip
    stated = "Content-Type: multipart/report; report-type=delivery-status; boundary=e"
    return matched(stated, "Return-Path: <>", subject=f"Undelivered {CASE}", kind=MailKind.BOUNCE_PERMANENT, body=body)


def test_a_report_without_our_address_is_about_the_letter_that_came_back_in_it() -> None:
    assert (returned(MESSAGE_ID).by, returned(MESSAGE_ID).found) == (MatchedBy.THREAD, FOUND)


def test_a_report_about_nothing_of_ours_matches_nothing_by_its_subject() -> None:
    assert returned("<unknown@x.example>").by == MatchedBy.NOTHING


def test_a_number_in_the_subject_counts_from_a_recipient_of_that_case_alone() -> None:
    found = matched(subject=f"About {CASE}")
    assert (found.by, found.found) == (MatchedBy.SUBJECT, FOUND)
    for sender in ("stranger@elsewhere.example", f'"{LIAISON}" <stranger@elsewhere.example>', ""):
        assert matched(subject=f"About {CASE}", sender=sender).by == MatchedBy.NOTHING
    assert matched("From: stranger@elsewhere.example", subject=CASE).by == MatchedBy.NOTHING
    assert matched(subject=CASE, sender=f"{LIAISON}, stranger@elsewhere.example").by == MatchedBy.NOTHING


@pytest.mark.parametrize(
    "subject", ["hello", "X" + CASE, CASE + "9" * 9, f"{CASE}-7", "AU-2026-000123", "KZ-2026-999999", ""]
)
def test_what_is_no_number_of_a_known_case_finds_nothing(subject: str) -> None:
    found = matched(subject=subject)
    assert (found.by, found.found) == (MatchedBy.NOTHING, None)
    assert found.because


def test_a_subject_with_the_numbers_of_two_cases_is_for_a_person_to_decide() -> None:
    assert matched(subject=f"{CASE} and {OTHER_CASE}").by == MatchedBy.NOTHING


@dataclass(frozen=True)
class Digests(KnownCast):
    """A letter about several cases has no case."""

    def message(self, message_id: str) -> Found | None:
        return Found(None, 11, CONTACT) if message_id == MESSAGE_ID else None


def test_an_answer_to_a_letter_about_several_cases_keeps_its_letter_and_raises_no_doubt() -> None:
    raw = f"From: {LIAISON}\r\nTo: {BOX}\r\nSubject: {CASE}\r\nIn-Reply-To: {MESSAGE_ID}\r\n\r\n{CASE}: ACK"
    found = match(read_mail(raw.encode()), MailKind.ANSWER, Digests(), PREFIX)
    assert (found.by, found.found, found.look) == (MatchedBy.THREAD, Found(None, 11, CONTACT), False)


def test_no_reason_holds_an_address() -> None:
    every = [matched(to=to, subject=subject) for to in (BOX, REPLY, FORGED, OTHER_REPLY) for subject in ("", CASE)]
    assert not any("@" in one.because for one in every)
    assert reply_address(BOX, CASE, CONTACT, b"x" * 32) != REPLY
