"""A policy pack loads whole or not at all, and every fault is named with its file and line."""

from __future__ import annotations

import re
from datetime import date

import pytest

from casework.errors import PackError
from casework.pack_reader import FILES, read_pack
from tests.casework.building import pack_texts, the_pack


def faults(texts: dict[str, str]) -> list[str]:
    with pytest.raises(PackError) as refused:
        read_pack("kz-ministry", texts)
    assert "nothing was loaded" in refused.value.next_step
    return refused.value.message.splitlines()


def changed(stem: str, old: str, new: str) -> tuple[dict[str, str], int]:
    """The pack with the first ``old`` of a file replaced, and the line where that happened."""
    texts = pack_texts()
    assert old in texts[stem], f"{stem}.yaml no longer says {old!r}"
    line = texts[stem][: texts[stem].index(old)].count("\n") + 1
    texts[stem] = texts[stem].replace(old, new, 1)
    return texts, line


def the_fault(stem: str, old: str, new: str) -> tuple[str, int, int]:
    """What is said about a single fault, the line it names, and the line where it is."""
    texts, line = changed(stem, old, new)
    (fault,) = faults(texts)
    match = re.fullmatch(rf"kz-ministry/{stem}\.yaml:(\d+): (.+)", fault)
    assert match, fault
    return match[2], int(match[1]), line


def test_the_ministrys_pack_loads() -> None:
    pack = read_pack("kz-ministry", pack_texts())
    assert pack.version.startswith("kz-ministry/2026-11+")
    assert len(pack.categories) > 10
    assert pack.sla.clock("kz.expert_group").statutory


# --- One fault each, on its line -------------------------------------------------------------------------

LINE_OF_FAULT = [
    ("unknown key", "authority", "\nphone:", "\nfone: x\nphone:", "fone: unknown key", 1),
    ("key twice", "authority", "\nphone: ", '\nphone: "1"\nphone: ', "the key 'phone' stands twice", 2),
    ("unclosed list", "priority", "any_category: [csam]", "any_category: [csam", "expected ',' or ']'", 1),
    ("tab", "sla", "    duty: authority", "\tduty: authority", "cannot start any token", 0),
    ("unknown tag", "authority", "country: KZ", "country: !!python/name:os.system KZ", "could not determine", 0),
    ("no such day", "regime", "valid_from: 2025-01-28", "valid_from: 2025-02-30", "no such date", 0),
    ("bad type", "calendar", "covers: [2024", "covers: [soon", "covers.0", 0),
    (
        "unknown basis", "categories", "basis: [kz.communications.41-1.1.minors", "basis: [kz.invented",
        "csam cites 'kz.invented', not in regime.yaml", 0,
    ),
    (
        "category of a rule", "priority", "any_category: [csam]", "any_category: [kittens]",
        "kz.p1.sexual_abuse names category 'kittens', not in categories.yaml", 0,
    ),
    (
        "category of a clock", "sla", "applies: {category: [cyberbullying_child]}", "applies: {category: [kittens]}",
        "kz.expert_group names category 'kittens', not in categories.yaml", 0,
    ),
    (
        "instrument", "categories", "instrument: prescription", "instrument: court_order",
        "cyberbullying_child uses 'court_order', not in regime.yaml", 0,
    ),
    ("impossible limit", "sla", "limit: {amount: 24, unit: hours}", "limit: {amount: 0, unit: hours}", "amount", 0),
    (
        "end of a day in hours", "sla", "limit: {amount: 24, unit: hours}",
        "limit: {amount: 24, unit: hours, due_at: end_of_day}", "hours and minutes end at an instant", 0,
    ),
    ("warning", "sla", "warn_at: [-6h, -1h]", "warn_at: [soon]", "warn_at.0", 0),
    ("windows", "calendar", "    windows:", "    windows: []\n    formerly:", "the calendar is empty", 0),
    ("letter", "sla", "letter: platform_reminder", "letter: carrier_pigeon", "no template has it", None),
    ("last resort", "sla", "recipient: authority", "recipient: liaison", "no last resort", None),
    ("gap", "sla", "- rung: 2", "- rung: 3", "without gaps", None),
    ("e-mail", "platforms", "email: notices@facebook.example", "email: nobody", "email", 0),
]  # fmt: skip
"""Name, file, text, its replacement, what is said, and how far below the change the line is (None: above it)."""


@pytest.mark.parametrize(
    ("stem", "old", "new", "said", "below"), [row[1:] for row in LINE_OF_FAULT], ids=[row[0] for row in LINE_OF_FAULT]
)
def test_a_fault_is_named_with_its_file_and_line(stem: str, old: str, new: str, said: str, below: int | None) -> None:
    texts, place = changed(stem, old, new)
    found = faults(texts)
    fault = next((fault for fault in found if said in fault), "")
    assert fault.startswith(f"kz-ministry/{stem}.yaml:"), found
    line = int(fault.split(":")[1])
    if below is None:
        assert place - 60 < line <= place, "a fault of a group names the line where the group begins"
    else:
        start = place + old.startswith("\n")
        assert start <= line <= start + max(below, 1), (line, place)


def test_a_statutory_clock_without_a_source_does_not_load() -> None:
    """A time is called law only where somebody can look the law up."""
    cited = "ref: Law No. 18-VIII of 10 July 2023, Art. 9(4)(2)"
    said, line, place = the_fault("sla", cited, "ref: unsourced")
    assert "kz.platform_24h is statutory but has no source" in said
    assert place - 20 < line < place


def test_a_clock_on_a_ladder_that_does_not_exist_does_not_load() -> None:
    said, _, _ = the_fault("sla", "ladder: kz.platform_silence", "ladder: stairway")
    assert "clock kz.platform_24h names ladder 'stairway'" in said


def test_two_clocks_of_one_id_do_not_load_while_both_are_in_force() -> None:
    said, line, place = the_fault("sla", "- id: kz.internal.triage.p1", "- id: kz.internal.triage.p0")
    assert said.startswith("clock kz.internal.triage.p0 is valid twice on some days")
    assert line == place, "the later of the two is named"


def test_two_clocks_of_one_id_are_two_versions_when_one_ends_before_the_other_begins() -> None:
    texts = pack_texts()
    entry = re.search(r"  - id: kz\.reporter\.answer\n(?:    .*\n)+", texts["sla"])
    assert entry is not None
    older, newer = (
        entry[0].replace("    lapse: true\n", f"    lapse: true\n    {dates}\n")
        for dates in ("valid_to: 2026-05-31", "valid_from: 2026-06-01")
    )
    texts["sla"] = texts["sla"].replace(entry[0], older + newer)
    pack = read_pack("kz-ministry", texts)
    assert [rule.id for rule in pack.sla.clocks].count("kz.reporter.answer") == 2
    for day in (date(2026, 5, 31), date(2026, 6, 1)):
        assert [rule.id for rule in pack.on(day).sla.clocks].count("kz.reporter.answer") == 1


def test_two_categories_of_one_code_do_not_load() -> None:
    texts, _ = changed("categories", "- code: malware", "- code: copyright")
    second = [line for line, text in enumerate(texts["categories"].splitlines(), 1) if text == "- code: copyright"][1]
    assert f"kz-ministry/categories.yaml:{second}: category 'copyright' stands twice" in faults(texts)


def test_a_calendar_that_does_not_reach_the_law_does_not_load() -> None:
    said, _, _ = the_fault("calendar", "covers: [2024, 2025, 2026, 2027]", "covers: [2026, 2027]")
    assert "2025" in said


@pytest.mark.parametrize("stem", sorted(FILES))
def test_a_missing_file_is_a_fault_of_the_pack(stem: str) -> None:
    texts = pack_texts()
    del texts[stem]
    assert faults(texts) == [f"kz-ministry/{stem}.yaml:1: the file is missing"]


@pytest.mark.parametrize("stem", sorted(FILES))
@pytest.mark.parametrize("text", ["", "# nothing but a remark\n"])
def test_an_empty_file_is_a_fault_and_not_an_empty_policy(stem: str, text: str) -> None:
    assert faults(pack_texts() | {stem: text}) == [f"kz-ministry/{stem}.yaml:1: the file is empty"]


def test_a_file_that_belongs_to_no_pack_is_a_fault() -> None:
    """A misspelt name would otherwise read as 'no such rule'."""
    assert faults(pack_texts() | {"priorities": "rules: []", "override.csv": "day"}) == [
        "kz-ministry/priorities.yaml:1: no such file in a pack",
        "kz-ministry/override.csv:1: no such file in a pack",
    ]


def test_all_faults_of_all_files_are_listed_at_once() -> None:
    texts = pack_texts()
    texts["authority"] = texts["authority"].replace("\nphone:", "\nfone:")
    texts["priority"] = texts["priority"].replace("level: P0", "level: P9", 1).replace("level: P1", "level: urgent", 1)
    del texts["calendar"]
    found = faults(texts | {"extra": "x: 1"})
    assert sum("authority.yaml" in fault for fault in found) == 2, "the unknown key and the one that is now missing"
    assert sum("priority.yaml" in fault for fault in found) == 2
    assert "kz-ministry/calendar.yaml:1: the file is missing" in found
    assert "kz-ministry/extra.yaml:1: no such file in a pack" in found
    assert len(found) == 6


def test_names_that_another_file_must_define_are_all_checked_at_once() -> None:
    texts = pack_texts()
    texts["priority"] = texts["priority"].replace("any_category: [csam]", "any_category: [kittens]")
    texts["categories"] = texts["categories"].replace("basis: [kz.mass_media.40.1", "basis: [kz.invented")
    assert {fault.split(":")[0] for fault in faults(texts)} == {
        "kz-ministry/priority.yaml", "kz-ministry/categories.yaml",
    }  # fmt: skip


# --- Version ---------------------------------------------------------------------------------------------


SAYS = {
    "authority": ("duty_phone: +7 000 000 00 01", "duty_phone: +7 000 000 00 02"),
    "roles": ("en: Specialist}", "en: Intake specialist}"),
    "regime": ("quorum: 3", "quorum: 4"),
    "categories": ("en: Not classified yet", "en: Not sorted yet"),
    "priority": ("reports_over: 10", "reports_over: 11"),
    "sla": ("limit: {amount: 30, unit: minutes}", "limit: {amount: 31, unit: minutes}"),
    "calendar": ('opens: "14:30"', 'opens: "14:00"'),
    "platforms": ("max_items: 50", "max_items: 49"),
    "liaisons": ("email: duty@police.example", "email: night@police.example"),
    "retention": ("amount: 60", "amount: 61"),
}
"""One thing that each file says, and what it might say instead."""
A_DAY = "calendar,day,kind,name,hours,source,url,verified_on\n,2026-06-05,closed,Closure,,Decision 4,,\n"


def version(texts: dict[str, str]) -> str:
    return read_pack("kz-ministry", texts).version


def test_every_file_of_a_pack_is_tried_here() -> None:
    assert set(SAYS) == set(FILES)


@pytest.mark.parametrize("stem", sorted(FILES))
def test_any_change_of_what_any_file_says_is_another_version_of_the_same_regime(stem: str) -> None:
    texts, _ = changed(stem, *SAYS[stem])
    assert version(texts) != the_pack().version
    assert version(texts).split("+")[0] == the_pack().version.split("+")[0]


def test_a_day_added_to_the_override_table_is_another_version() -> None:
    assert version(pack_texts() | {"overrides.csv": A_DAY}) != the_pack().version
    assert version(pack_texts() | {"overrides.csv": A_DAY.splitlines()[0]}) == the_pack().version


def test_a_word_of_its_own_for_letters_is_another_version() -> None:
    assert version(pack_texts() | {"wording": "unit: {hours: {en: hours}}"}) != the_pack().version


@pytest.mark.parametrize("stem", sorted(FILES))
def test_a_remark_changes_no_version_because_it_changes_no_rule(stem: str) -> None:
    texts = pack_texts()
    texts[stem] = "# one remark\n" + texts[stem] + "# and one more\n"
    assert version(texts) == the_pack().version


def test_how_a_rule_is_written_changes_no_version() -> None:
    texts, _ = changed("priority", "    level: P0\n    any_indicator: [school_attack_threat]\n",
                       '    any_indicator:\n      - "school_attack_threat"\n    level: P0\n')  # fmt: skip
    assert version(texts) == the_pack().version


def test_the_order_of_rules_is_part_of_what_they_say() -> None:
    """The first rule that fires sets the floor."""
    texts = pack_texts()
    one, two = "reports_over: 10", "platforms_over: 1"
    texts["priority"] = texts["priority"].replace(one, "\0").replace(two, one).replace("\0", two)
    assert version(texts) != the_pack().version


def test_the_same_texts_in_another_order_are_the_same_version() -> None:
    backwards = dict(reversed(pack_texts().items()))
    assert version(backwards) == the_pack().version
