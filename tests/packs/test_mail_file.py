"""A pack says how much mail an address gets; what would silence somebody, or write to ourselves, does not load."""

from __future__ import annotations

import pytest

from casework.addressing import ours
from casework.pack_reader import read_pack
from casework.policy_mail import WITHOUT_FILE
from casework.vocabulary import Recipient
from tests.casework.building import pack_texts, the_pack
from tests.packs.breaking import Broken, check, edited, faults, line_of
from tests.packs.every_pack import FOLDERS, the_pack_in

READ = "it is the mailbox that is read for answers"
OURS = "it is an address of ours"
TIKTOK = "- platform: tiktok\n    role: liaison"

BROKEN = {
    "quiet hours that never end": Broken(
        "mail", "", 'ends: "08:00"', 'ends: "20:00"', ("begins:",),
        "exceptions.1.quiet: begins and ends are the same: it would be quiet all day, every day"),
    "a time that YAML reads as a number": Broken(
        "mail", "", 'begins: "20:00"', "begins: 20:00", ("begins:",),
        'exceptions.1.quiet.begins: write the time in quotes, as in "20:00"'),
    "a recipient in two exceptions": Broken(
        "mail", "", "[expert_group, head_of_unit]", "[unit]", ("exceptions:",),
        "file: exceptions name 'unit' twice"),
    "a cap of none": Broken(
        "mail", "", "per_hour: 60", "per_hour: 0", ("per_hour:",),
        "default.per_hour: Input should be greater than or equal to 1"),
    "the unit's mailbox is the one that is read": Broken(
        "authority", "", "unit_mailbox: duty@", "unit_mailbox: Notices+unit@", ("unit_mailbox:",),
        f"unit_mailbox gets letters and cannot be this address: {READ}"),
    "the head's mailbox is the one that is read": Broken(
        "authority", "", "head_mailbox: head@", "head_mailbox: notices@", ("head_mailbox:",),
        f"head_mailbox gets letters and cannot be this address: {READ}"),
    "a liaison with our unit's address": Broken(
        "liaisons", TIKTOK, "email: liaison.kz@tiktok.example", "email: duty@ministry.example",
        (TIKTOK, "email:"),
        f"Regional liaison of TikTok (practice) cannot have this address: {OURS}"),
    "the police with the mailbox that is read": Broken(
        "liaisons", "\npolice:", "email: ", "email: notices@ministry.example # ", ("\npolice:", "email:"),
        "Duty unit for crimes against children (practice) cannot have this address: it is the mailbox…"),
    "an expert group with the mailbox that is read": Broken(
        "regime", "", "secretary@experts.example", "notices@ministry.example", ("contact:", "email:"),
        f"Secretary of the expert group (practice) cannot have this address: {READ}"),
}  # fmt: skip


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
def test_what_would_silence_somebody_or_write_to_ourselves_is_refused(broken: Broken) -> None:
    check(broken)


def test_a_domain_that_is_ours_refuses_everybody_outside_who_has_an_address_there() -> None:
    texts = edited(pack_texts(), "mail", "", "domains: []", "domains: [tiktok.example]")
    found = faults(texts)
    assert len(found) == 3, "the desk, the liaison and the head of the office"
    assert all(fault.endswith(f"cannot have this address: {OURS}") for fault in found)
    own = edited(pack_texts(), "mail", "", "domains: []", "domains: [ministry.example, experts.example]")
    assert read_pack("kz-ministry", own).mail.ours.domains == ("ministry.example", "experts.example")


def test_a_deputy_with_an_address_of_ours_or_of_the_one_he_stands_in_for_is_refused() -> None:
    def with_deputy(email: str) -> dict[str, str]:
        name = "{kk: Орынбасар, ru: Заместитель, en: Deputy}"
        deputy = f"language: en\n      deputy: {{name: {name}, email: {email}, language: en}}"
        return edited(pack_texts(), "liaisons", TIKTOK, "language: en", deputy)

    place = line_of(with_deputy("a@b.example"), "liaisons", TIKTOK, "deputy:")
    assert faults(with_deputy("duty@ministry.example")) == [f"{place}: Deputy cannot have this address: {OURS}"]
    assert faults(with_deputy("Liaison.KZ@tiktok.example")) == [
        f"{place}: Deputy has the address of the one he stands in for"
    ]
    liaison = read_pack("kz-ministry", with_deputy("a@b.example")).liaison("tiktok", "liaison")
    assert liaison is not None
    assert liaison.deputy is not None
    assert liaison.deputy.email == "a@b.example"


def test_a_pack_recorded_before_there_was_such_a_file_still_reads() -> None:
    texts = pack_texts()
    del texts["mail"]
    assert read_pack("kz-ministry", texts).mail is WITHOUT_FILE


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_pack_here_makes_who_has_a_clock_to_answer_wait_for_the_morning(folder: str) -> None:
    pack = the_pack_in(folder)
    for ladder in pack.sla.ladders:
        for rung in ladder.rungs:
            assert pack.mail.limits(rung.recipient).quiet is None, "the wait would eat the time to answer"
    assert pack.mail.limits(Recipient.POLICE).quiet is None
    assert pack.mail.limits(Recipient.REPORTER).quiet is None


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_pack_here_knows_its_own_mailboxes(folder: str) -> None:
    pack = the_pack_in(folder)
    own, authority = ours(pack), pack.authority
    assert {authority.email, authority.unit_mailbox, authority.head_mailbox} == own.mailboxes
    assert own.refusal(authority.unit_mailbox, own=True) == ""
    assert own.refusal(authority.unit_mailbox, own=False) == OURS


def test_a_mailbox_is_the_same_however_its_address_is_written() -> None:
    own = ours(the_pack(), ("account", "Relay@out.example", None))
    for address in ("NOTICES@ministry.example", " notices+kz-2026-000001.abc@Ministry.Example"):
        assert own.refusal(address, own=True) == READ
    assert own.refusal("relay+b12@OUT.example", own=False) == OURS
    assert own.refusal("account@mail.example", own=False) == ""
    assert own.refusal("notices@ministry.example.org", own=False) == ""
