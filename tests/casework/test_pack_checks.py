"""A pack that is broken does not load: each fault is a sentence with its file and its line, and all are listed."""

from __future__ import annotations

import re

import pytest

from casework.errors import PackError
from casework.pack_reader import read_packs
from tests.casework.building import pack_texts
from tests.packs.breaking import Broken, check, edited, faults, line_of

WINDOWS = """    windows:
      - {opens: "09:00", closes: "13:00"}
      - {opens: "14:30", closes: "18:30"}
"""
SOURCE = """    source:
      ref: Rules approved by Order No. 562-НҚ of 26 November 2024
      url: https://kz.kursiv.media/?p=6435674
      verified_on: null
      note: Press excerpt.
"""
ENGLISH_NUMBERS = """  en:
    - 112 – emergency services
    - 111 – contact centre for children and families
"""
DRUGS, GROUP = "- code: drugs", "- id: kz.expert_group"
HELD, TOLD = "- id: kz.hold.pen", "- id: kz.extension_notice"
WARN = "    warn_at:"


def pause(begins: str, ends: str) -> str:
    at_most = "at_most: {amount: 5, unit: working_days}"
    entry = f"{{reason: force_majeure, begins: {begins}, ends: {ends}, {at_most}, source: {{ref: Art. 1}}}}"
    return f"    pause:\n      - {entry}\n"


BROKEN = {
    # Names
    "an unknown key": Broken(
        "sla", HELD, "warn_at:", "warn_when:", (HELD, "warn_when"), "clocks.21.warn_when: unknown key"),
    "a calendar that is not there": Broken(
        "sla", HELD, WARN, f"    calendar: elsewhere\n{WARN}", (HELD, "calendar:"),
        "kz.hold.pen follows calendar 'elsewhere', not in calendar.yaml"),
    "a rung's calendar that is not there": Broken(
        "sla", "rung: 3", "        recipient:", "        calendar: elsewhere\n        recipient:",
        ("rung: 3", "calendar:"), "rung 3 of kz.platform_silence follows calendar 'elsewhere', not in calendar.yaml"),
    "a kind of harm that is not there": Broken(
        "sla", HELD, WARN, f"    applies: {{except_category: [kittens]}}\n{WARN}", (HELD, "applies:"),
        "kz.hold.pen names category 'kittens', not in categories.yaml"),
    "a form of notice for a kind of harm that is not there": Broken(
        "regime", "- instrument: prescription", "    grounds:",
        "    categories: [cyberbullying_child, kittens]\n    grounds:", ("categories:",),
        "instrument prescription names category 'kittens', not in categories.yaml"),
    "a check of the gate that is not there": Broken(
        "regime", "- instrument: request", "    grounds:",
        "    elements: [{check: telepathy, ref: Art. 1}]\n    grounds:", ("elements:",),
        "instruments.1.elements.0: no check is called 'telepathy'; known: …"),
    "an expert group that is not there": Broken(
        "regime", "", "expert_group: kz.expert_group_on_cyberbullying", "expert_group: kz.wise_ones",
        ("id: kz-ministry",), "file: instrument prescription needs 'kz.wise_ones', and there is no such group"),
    "a liaison of a platform that is not there": Broken(
        "liaisons", "role: head", "platform: instagram", "platform: myspace", ("platform: myspace",),
        "a liaison of 'myspace', which is not in platforms.yaml"),
    "a ground that the form of notice does not allow": Broken(
        "categories", DRUGS, "ground: platform_policy", "ground: local_law", (DRUGS, "ground:"),
        "drugs rests on 'local_law', which a 'platform_report' may not"),
    "an account asked for by default": Broken(
        "categories", DRUGS, "requested_action: remove", "requested_action: suspend_account", (DRUGS,),
        "7: category drugs asks for an account by default: the item comes before the account"),
    # The public vocabulary
    "a category without a mapping": Broken(
        "categories", DRUGS, "  dsa_category: STATEMENT_CATEGORY_UNSAFE_AND_PROHIBITED_PRODUCTS\n", "", (DRUGS,),
        "7.dsa_category: is missing"),
    "a category with an unknown mapping": Broken(
        "categories", DRUGS, "STATEMENT_CATEGORY_UNSAFE_AND_PROHIBITED_PRODUCTS", "STATEMENT_CATEGORY_DRUGS", (DRUGS,),
        "7: category drugs: 'STATEMENT_CATEGORY_DRUGS' is no category of statements of reasons"),
    "a category with an unknown keyword": Broken(
        "categories", DRUGS, "KEYWORD_PROHIBITED_PRODUCTS", "KEYWORD_DRUGS", (DRUGS,),
        "7: category drugs: 'KEYWORD_DRUGS' is no keyword of statements of reasons"),
    # Clocks
    "a clock without an end": Broken(
        "sla", HELD, "    stop: [hold.settled]\n", "", (HELD,),
        "clocks.21: clock kz.hold.pen has no end: name in 'stop' what ends it"),
    "a clock with an empty end": Broken(
        "sla", HELD, "stop: [hold.settled]", "stop: []", (HELD,),
        "clocks.21: clock kz.hold.pen has no end: name in 'stop' what ends it"),
    "an end that nothing gives": Broken(
        "sla", HELD, "stop: [hold.settled]", "stop: [hell.frozen]", (HELD, "stop:"),
        "clocks.21.stop.0: Input should be 'case.received', …"),
    "a statutory clock without a source": Broken(
        "sla", TOLD, SOURCE, "", (TOLD,), "clocks.10.source: is missing"),
    "a statutory clock whose source nobody saw": Broken(
        "sla", TOLD, "ref: Rules approved by Order No. 562-НҚ of 26 November 2024", "ref: unsourced", (TOLD,),
        "clocks.10: clock kz.extension_notice is statutory but has no source"),
    "the law's words on a duty that no law sets": Broken(
        "sla", HELD, WARN, f"    qualitative: {{kk: тез, ru: быстро, en: quickly}}\n{WARN}", (HELD,),
        "clocks.21: clock kz.hold.pen quotes a duty in words: only a law has those, say statutory: true"),
    "a pause that never begins": Broken(
        "sla", HELD, WARN, pause("[]", "[]") + WARN, (HELD, "- {reason"),
        "clocks.21.pause.0: pause 'force_majeure' never begins: name a moment in 'begins' or a role in 'ordered_by'"),
    "a pause that never ends": Broken(
        "sla", HELD, WARN, pause("[report.held]", "[]") + WARN, (HELD, "- {reason"),
        "clocks.21.pause.0: pause 'force_majeure' begins by itself and never ends: name a moment in 'ends'"),
    "an extension whose duty to tell has no clock": Broken(
        "sla", "", "notice_clock: kz.extension_notice", "notice_clock: kz.nobody_told", (GROUP, "extension:"),
        "kz.expert_group: 'kz.nobody_told' is no clock that starts at extension.granted"),
    "an extension whose duty to tell starts elsewhere": Broken(
        "sla", "", "notice_clock: kz.extension_notice", "notice_clock: kz.hold.pen", (GROUP, "extension:"),
        "kz.expert_group: 'kz.hold.pen' is no clock that starts at extension.granted"),
    # Letters and ladders
    "a rung with a letter that no template has": Broken(
        "sla", "rung: 2", "letter: liaison_escalation", "letter: carrier_pigeon", ("- rung: 2",),
        "ladders.0.rungs.1: rung 2 names letter 'carrier_pigeon', and no template has it"),
    "a repeat with a letter that no template has": Broken(
        "sla", "", "letter: overdue_reminder", "letter: carrier_pigeon", (GROUP, "repeat:"),
        "clocks.9.repeat: the repeat names letter 'carrier_pigeon', and no template has it"),
    "an extension with a letter that no template has": Broken(
        "sla", "", "notice: extension_notice", "notice: carrier_pigeon", (GROUP, "extension:"),
        "clocks.9.extension: the extension names letter 'carrier_pigeon', and no template has it"),
    "a ladder without a last resort": Broken(
        "sla", "rung: 4", "recipient: authority", "recipient: liaison_head", ("ladders:", "- id:"),
        "ladders.0: ladder kz.platform_silence has no last resort: its last rung must go to authority or unit"),
    # Calendars
    "a calendar without hours": Broken(
        "calendar", "", WINDOWS, "    windows: []\n", ("windows:",),
        "calendars.0.windows: the calendar is empty: without working hours no deadline could ever arrive"),
    "a calendar whose every day is closed": Broken(
        "calendar", "", WINDOWS, WINDOWS + "    week: {monday: [], friday: []}\n", ("- id:",),
        "calendars.0: calendar 'kz-ministry' has no working hours: give at least one window"),
    "a calendar with a week of no day": Broken(
        "calendar", "", WINDOWS, WINDOWS + "    week: {}\n", ("- id:",),
        "calendars.0: calendar 'kz-ministry' has no working hours: give at least one window"),
    "a calendar in an offset": Broken(
        "calendar", "", "zone: Asia/Almaty", 'zone: "+05:00"', ("- id:",),
        "calendars.0: calendar 'kz-ministry': unknown zone or country: zone '+05:00': name a place, …"),
    "an authority in an offset": Broken(
        "authority", "", "zone: Asia/Almaty", 'zone: "+05:00"', ("zone:",),
        "zone '+05:00' is the zone of no calendar in calendar.yaml"),
    "a calendar that leaves out a year": Broken(
        "calendar", "", "[2024, 2025, 2026, 2027]", "[2024, 2026, 2027]", ("- id:",),
        "calendars.0: calendar kz-ministry: 'covers' leaves out a year between 2024 and 2027"),
    # Dates of effect
    "two rules of one id at once": Broken(
        "sla", "", HELD, "- id: kz.reporter.answer", ("id: kz.reporter.answer", "# A report", "- id:"),
        "clock kz.reporter.answer is valid twice on some days: end the older one before the newer one begins"),
    "two names at once": Broken(
        "authority", "", "valid_to: 2023-08-31", "valid_to: 2023-09-01", ("\nnames:", "2023-09-01", "- name:"),
        "the authority's name is valid twice on some days: end the older one before the newer one begins"),
    "a regime without its first day": Broken(
        "regime", "", "valid_from: 2025-01-28\n", "", ("id: kz-ministry",),
        "file: a regime says from which day it is in force: valid_from"),
    "a rule that ends before it begins": Broken(
        "regime", "", "valid_from: 2025-01-28\n", "valid_from: 2025-01-28\nvalid_to: 2025-01-27\n", ("valid_to:",),
        "file: valid_to 2025-01-27 lies before valid_from 2025-01-28"),
    # Languages
    "a text that is missing in a language of the letters": Broken(
        "sla", HELD, "ru: Разбор нечитаемого сообщения, ", "", (HELD, "name:"), "the text is missing in 'ru'"),
    "a text that is missing in the language of the desk": Broken(
        "sla", HELD, ", en: Held report looked at", "", (HELD, "name:"),
        "clocks.21.name: the English text 'en' is missing"),
    "no emergency number in a language": Broken(
        "authority", "", ENGLISH_NUMBERS, "", ("emergency_numbers:",), "no emergency numbers in 'en'"),
}  # fmt: skip


@pytest.mark.parametrize("broken", BROKEN.values(), ids=list(BROKEN))
def test_each_fault_is_said_alone_in_its_place_and_in_its_words(broken: Broken) -> None:
    check(broken)


def test_two_platforms_of_one_code_are_refused() -> None:
    texts = edited(pack_texts(), "platforms", "", "code: instagram", "code: facebook")
    place = line_of(texts, "platforms", "- code: facebook", "name: Facebook", "- code: facebook")
    assert f"{place}: platform 'facebook' stands twice" in faults(texts)


def test_a_role_that_decides_and_has_no_title_is_refused_wherever_it_decides() -> None:
    texts = pack_texts()
    start = texts["roles"].index("  - role: expert_chair")
    texts["roles"] = texts["roles"][:start] + texts["roles"][texts["roles"].index("  - role: liaison") :]
    assert faults(texts) == [
        f"{line_of(texts, 'regime', 'recorded_by:')}: role 'expert_chair' has no title in roles.yaml",
        f"{line_of(texts, 'sla', GROUP, 'extension:')}: role 'expert_chair' has no title in roles.yaml",
    ]


def test_a_pack_has_the_category_that_a_report_falls_into_when_it_names_none() -> None:
    texts = edited(pack_texts(), "categories", "", "- code: unclassified", "- code: unsorted")
    texts = edited(texts, "priority", "", "      - unclassified\n", "      - unsorted\n")
    what = "category 'unclassified' is missing: a report that names no kind of harm falls into it"
    assert faults(texts) == [f"{line_of(texts, 'categories', '- code: csam')}: {what}"]


def test_a_pack_broken_in_ten_ways_hears_of_all_ten_at_once() -> None:
    """Each breaks another entry, so that none hides another."""
    texts = pack_texts()
    chosen = (
        "a category without a mapping", "a clock without an end", "a statutory clock whose source nobody saw",
        "a ladder without a last resort", "a repeat with a letter that no template has", "a calendar without hours",
        "a check of the gate that is not there",
    )  # fmt: skip
    for name in chosen:
        one = BROKEN[name]
        texts = edited(texts, one.stem, one.after, one.old, one.new)
    texts = edited(texts, "authority", "", "\nphone:", "\nfone:")
    texts = edited(texts, "sla", "- id: kz.reporter.answer", "duty: reporter", "duty: nobody")
    found = faults(texts | {"overrides.csv": "day,kind\n2026-06-05,closed\n"})
    sentences = [BROKEN[name].said.removesuffix("…") for name in chosen]
    sentences += ["fone: unknown key", "phone: is missing", "the columns must be", "clocks.20.duty: Input should be"]
    assert [sentence for sentence in sentences if not any(sentence in fault for fault in found)] == []
    assert len(found) == len(sentences)
    assert all(fault.startswith("kz-ministry/") for fault in found)


# --- Several packs side by side --------------------------------------------------------------------------


def another_pack() -> dict[str, str]:
    """The ministry's pack with every rule renamed."""
    return {stem: text.replace("kz.", "qn.").replace("kz-ministry", "qn-office") for stem, text in pack_texts().items()}


def test_two_packs_stand_side_by_side_when_each_has_its_own_ids() -> None:
    one, other = read_packs({"kz-ministry": pack_texts(), "qn-office": another_pack()})
    assert (one.folder, other.folder) == ("kz-ministry", "qn-office")


@pytest.mark.parametrize(
    ("stem", "own"),
    [
        ("sla", "qn.hold.pen"),
        ("sla", "qn.platform_silence"),
        ("priority", "qn.p0.life"),
        ("priority", "qn.mod.repeat_victim"),
        ("regime", "qn.order_562"),
        ("regime", "qn.expert_group_on_cyberbullying"),
    ],
)
def test_one_rule_id_in_two_packs_is_refused_and_both_places_are_named(stem: str, own: str) -> None:
    texts = another_pack()
    claimed = own.replace("qn.", "kz.")
    texts[stem] = texts[stem].replace(own, claimed)
    if stem == "regime":
        texts["categories"] = texts["categories"].replace(own, claimed)
    with pytest.raises(PackError) as refused:
        read_packs({"kz-ministry": pack_texts(), "qn-office": texts})
    (said,) = refused.value.message.splitlines()
    entry = re.search(rf"- (id|code): {re.escape(claimed)}\n", pack_texts()[stem])
    assert entry is not None
    line = pack_texts()[stem].count("\n", 0, entry.start()) + 1
    assert said == (
        f"qn-office/{stem}.yaml:{line}: the rule id '{claimed}' is claimed by kz-ministry/{stem}.yaml:{line} as well"
    )
    assert "nothing was loaded" in refused.value.next_step


def test_the_faults_of_every_pack_are_listed_not_those_of_the_first_only() -> None:
    texts = another_pack()
    texts["authority"] = texts["authority"].replace("\nphone:", "\nfone:")
    with pytest.raises(PackError) as refused:
        read_packs({"kz-ministry": edited(pack_texts(), "sla", HELD, "warn_at:", "warn_when:"), "qn-office": texts})
    folders = {fault.split("/")[0] for fault in refused.value.message.splitlines()}
    assert folders == {"kz-ministry", "qn-office"}
