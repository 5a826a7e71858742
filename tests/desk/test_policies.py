"""`qorgan policy`: check packs, see which are on record, recompute open cases after a change."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tasks import runtime
from tasks.settings import POLICIES
from tests.desk.conftest import AtTheDesk
from tests.tasks.changed_packs import SOURCE, changed_pack, clock_in

PACKS = [POLICIES / name for name in ("kz-ministry", "eu-trusted-flagger", "au-esafety")]


def _friday_off(calendar: Any) -> None:
    day = {"day": "2026-03-20", "kind": "closed", "name": "A day off by decree", "source": SOURCE}
    calendar["calendars"][0]["overrides"] = [day]


def test_the_packs_of_this_repository_stand_side_by_side_without_a_fault(desk: AtTheDesk) -> None:
    rows = desk.tells("policy", "check", *PACKS)
    assert [row["version"].split("/")[0] for row in rows] == [folder.name for folder in PACKS]
    assert all(row["faults"] == [] and row["unverified"] > 0 for row in rows)
    said = desk.says("policy", "check", *PACKS)
    assert said.count(": no faults.") == 3
    assert "nobody has verified" in said


def test_the_pack_in_use_is_checked_when_none_is_named(desk: AtTheDesk) -> None:
    told = desk.tells("policy", "check")
    assert told["version"] == desk.story.runtime.pack.version


def test_faults_of_several_packs_are_listed_with_file_and_line_and_fail_the_command(
    desk: AtTheDesk, tmp_path: Path
) -> None:
    def endless(sla: Any) -> None:
        clock_in(sla, "kz.hold.pen")["stop"] = []

    def stray(authority: Any) -> None:
        authority["fax"] = "+49 0"

    broken = changed_pack(tmp_path, "2026-12", sla=endless)
    other = changed_pack(tmp_path, "2026-12", "eu-trusted-flagger", authority=stray)
    result = desk.run("policy", "check", broken, other, PACKS[2], "--json")
    assert result.exit_code == 1
    faults = json.loads(result.stdout)["faults"]
    assert len(faults) == 2
    assert faults[0].startswith("kz-ministry/sla.yaml:")
    assert "clock kz.hold.pen has no end" in faults[0]
    assert faults[1].startswith("eu-trusted-flagger/authority.yaml:")
    assert "unknown key" in faults[1]
    plain = desk.run("policy", "check", broken)
    assert (plain.exit_code, plain.stdout.strip()) == (1, faults[0])


def test_two_packs_that_claim_one_rule_id_are_told_apart_by_file_and_line(desk: AtTheDesk, tmp_path: Path) -> None:
    def borrowed(sla: Any) -> None:
        clock_in(sla, "eu.hold.pen")["id"] = "kz.hold.pen"

    twin = changed_pack(tmp_path, "2026-12", "eu-trusted-flagger", sla=borrowed)
    assert desk.run("policy", "check", twin).exit_code == 0, "alone it is sound"
    result = desk.run("policy", "check", PACKS[0], twin, "--json")
    [fault] = json.loads(result.stdout)["faults"]
    assert "the rule id 'kz.hold.pen' is claimed by kz-ministry/sla.yaml:" in fault


def test_versions_on_record_are_listed_with_what_follows_them(desk: AtTheDesk, tmp_path: Path) -> None:
    desk.in_review()
    before = desk.story.runtime.pack.version
    changed = desk.story.with_settings(pack=changed_pack(tmp_path, "2026-12", calendar=_friday_off))
    with runtime.use(changed.runtime):
        rows = desk.tells("policy", "versions")
        assert [(row["version"], row["cases"], row["clocks"], row["in_use"]) for row in rows] == [
            (before, 1, 2, False), (changed.runtime.pack.version, 0, 0, True),
        ]  # fmt: skip
        assert before in desk.says("policy", "versions")
    changed.close()


def test_recomputing_lists_first_and_changes_on_order(desk: AtTheDesk, tmp_path: Path) -> None:
    number = desk.in_review()
    assert "0 due time(s)" in desk.says("policy", "recompute")
    changed = desk.story.with_settings(pack=changed_pack(tmp_path, "2026-12", calendar=_friday_off))
    with runtime.use(changed.runtime):
        plan = desk.tells("policy", "recompute")
        [move] = plan["clocks"]
        assert (plan["applied"], plan["cases"], plan["levels"]) == (False, 1, [])
        assert (move["case"], move["rule"]) == (number, "kz.internal.review.routine")
        assert (move["due_before"], move["due_after"]) == ("2026-03-26T18:30:00+05:00", "2026-03-27T18:30:00+05:00")
        page = " ".join(desk.says("policy", "recompute").split())
        assert "1 due time(s) and 0 priority level(s) would change" in page
        assert "Nothing was changed. To change it: --apply" in page
        apply = ("policy", "recompute", "--apply", "--reason", "Friday was declared a day off.")
        assert "head of unit" in desk.refuses(*apply, "--as", "daniyar")
        assert "nobody is known as ''" in desk.refuses(*apply)
        assert "needs a reason" in desk.refuses("policy", "recompute", "--apply", "--as", "marat")
        assert desk.tells(*apply, "--as", "marat")["applied"] is True
        assert desk.tells(*apply, "--as", "marat")["clocks"] == []
        rows = desk.tells("clock", "list", number)
        assert rows[0]["due_at"] == "2026-03-27T18:30:00+05:00"
    changed.close()


@pytest.mark.parametrize("words", [("versions",), ("recompute",)])
def test_nothing_else_stands_on_stdout_than_the_answer(desk: AtTheDesk, words: tuple[str, ...]) -> None:
    assert desk.tells("policy", *words) is not None


def _without_fraud(categories: Any) -> None:
    categories.remove(next(kind for kind in categories if kind["code"] == "fraud"))


def _no_rule_on_fraud(priority: Any) -> None:
    for rule in priority["rules"]:
        rule["any_category"] = [code for code in rule.get("any_category", ()) if code != "fraud"]


def test_doctor_names_a_kind_of_open_case_that_a_new_pack_has_dropped(
    desk: AtTheDesk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.in_review()
    dropped = changed_pack(tmp_path, "2026-12", categories=_without_fraud, priority=_no_rule_on_fraud)
    assert "Every open case is of a kind" in desk.run("doctor").output
    monkeypatch.setenv("QORGAN_PACK", dropped)
    said = desk.run("doctor")
    assert said.exit_code == 1
    assert "does not know: fraud" in " ".join(said.output.split())
