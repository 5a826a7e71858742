"""A policy pack loads whole or not at all, and every fault is named with its file and line."""

from __future__ import annotations

import re

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
    ("unknown key", "authority", "\nphone:", "\nfone: x\nphone:", "fone: Extra inputs are not permitted", 1),
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
    ("windows", "calendar", "windows:", "windows: []\nformerly:", "windows", 0),
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
    cited = "ref: Rules approved by Order No. 562-НҚ of 26 November 2024"
    said, line, place = the_fault("sla", cited, "ref: unsourced")
    assert "kz.expert_group is statutory but has no source" in said
    assert place - 20 < line < place


def test_a_clock_on_a_ladder_that_does_not_exist_does_not_load() -> None:
    said, _, _ = the_fault("sla", "ladder: kz.platform_silence", "ladder: stairway")
    assert "clock kz.platform_24h names ladder 'stairway'" in said


def test_two_clocks_of_one_id_do_not_load() -> None:
    said, _, _ = the_fault("sla", "- id: kz.internal.triage.p1", "- id: kz.internal.triage.p0")
    assert "clock ids must differ" in said
    assert "kz.internal.triage.p0" in said


def test_two_categories_of_one_code_do_not_load() -> None:
    texts, _ = changed("categories", "- code: malware", "- code: copyright")
    assert "kz-ministry/categories.yaml:5: category codes must differ" in [
        re.sub(r":\d+:", ":5:", fault) for fault in faults(texts)
    ]


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
    found = faults(pack_texts() | {"priorities": "rules: []"})
    assert found == ["kz-ministry/priorities.yaml:1: no such file in a pack"]


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


@pytest.mark.parametrize("stem", sorted(FILES))
def test_any_change_of_any_file_is_another_version(stem: str) -> None:
    texts = pack_texts()
    texts[stem] += "# one more remark\n"
    other = read_pack("kz-ministry", texts).version
    assert other != the_pack().version
    assert other.split("+")[0] == the_pack().version.split("+")[0]


def test_the_same_texts_in_another_order_are_the_same_version() -> None:
    backwards = dict(reversed(pack_texts().items()))
    assert read_pack("kz-ministry", backwards).version == the_pack().version


def test_a_text_that_moves_from_one_file_to_the_next_does_not_keep_the_version() -> None:
    texts = pack_texts()
    first, second = sorted(FILES)[:2]
    texts[first], texts[second] = texts[first] + "# remark\n", "# remark\n" + texts[second]
    one = read_pack("kz-ministry", texts).version
    texts = pack_texts()
    texts[first] += "# remark\n# remark\n"
    assert read_pack("kz-ministry", texts).version != one
