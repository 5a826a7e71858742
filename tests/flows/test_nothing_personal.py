"""Prefect has one shared password and no audit: no person, no link and no word of a report may ever get there."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from flows.case_lifecycle import case_lifecycle
from flows.collect_outcomes import collect_outcomes
from flows.correspondence import correspondence
from flows.drive_cases import drive_cases
from flows.intake import intake
from flows.sla_sweep import sla_sweep
from tests.flows.conftest import SECRET
from tests.flows.prefect_records import Recorded, eventually, run_id
from tests.stories import Story, in_danger, report

CANARIES = {
    "reporter's name": "Canaryqyzy",
    "reporter's address": "canary.reporter",
    "account in the link": "canary_account",
    "number in the link": "7311111111111111111",
    "link to a portal's post": "000000077777777",
    "description": "canary-description",
    "quotation": "canary-quotation",
    "reason": "canary-reason",
    "the platform's question": "canary-question",
    "unreadable row": "canary-unreadable",
    "name of an unreadable file": "canary-file",
    "an unexpected error": SECRET,
}


def telling(**fields: object) -> dict[str, object]:
    """Fields of a report that is full of what must stay out."""
    return {
        "links": ["https://www.tiktok.com/@canary_account/video/7311111111111111111"],
        "description": "canary-description: обещают удвоить вклад и просят перевести деньги.",
        "quote": "canary-quotation",
        "why_unlawful": "canary-reason",
        "reporter": {"name": "Canaryqyzy Symbat", "email": "canary.reporter@mail.example", "phone": "+77010000000"},
        **fields,
    }


async def test_no_canary_of_any_report_occurs_anywhere_in_prefects_database(
    story: Story,
    inbox: Path,
    recorded: Recorded,
    stumbling: Callable[[str], None],
    lines_shown_by_prefect: None,
) -> None:
    lines = [
        json.dumps(report(**telling()), ensure_ascii=False),
        json.dumps(in_danger(**telling(links=["https://www.facebook.com/groups/canary/posts/000000077777777/"]))),
        json.dumps(report(), ensure_ascii=False),
        '{"links": "canary-unreadable',
    ]
    (inbox / "canary-file.jsonl").write_text("\n".join(lines), encoding="utf-8")
    (inbox / "canary-file.eml").write_bytes(b"From: Canaryqyzy <canary.reporter@mail.example>\n\ncanary-unreadable")
    poisoned, danger, well = "KZ-2026-000003", "KZ-2026-000002", "KZ-2026-000001"
    stumbling(poisoned)
    taken_in = await intake(return_state=True)
    assert taken_in.name is not None
    assert taken_in.name.startswith("3 cases")
    assert (await drive_cases("routine", return_state=True)).name == "1 of 2 failed"
    assert (await drive_cases("child-safety", return_state=True)).is_completed()
    failed = await case_lifecycle(poisoned, return_state=True)
    assert failed.is_failed()
    for number in (well, danger):
        story.approve(number)
        assert (await case_lifecycle(number, return_state=True)).is_completed()
    story.answer(well, "more_info_needed", reason="canary-question")
    assert (await collect_outcomes(return_state=True)).name == "1 outcomes, 0 held"
    assert (await case_lifecycle(well, return_state=True)).name == "Awaiting our answer"
    story.mailbox.refuse_recipients = {"canary.reporter@mail.example"}
    story.later(days=30)
    assert (await sla_sweep(return_state=True)).is_completed()
    letters = await correspondence(return_state=True)
    assert "to look at" in str(letters.name)

    # The record is complete: names, task runs, log lines of both loggers and events are all there.
    assert await recorded.log_lines(run_id(failed), "effect failed")
    assert await recorded.task_runs(run_id(letters), 1)

    async def look() -> dict[str, str]:
        return recorded.everything()

    everything = await eventually(look, lambda tables: str(run_id(letters)) in tables["events"])
    assert str(run_id(letters)) in everything["events"]
    assert well in everything["flow_run"]
    assert "reports taken in" in everything["log"]
    assert "Dead letters" in everything["artifact"]
    found = [
        (what, table)
        for what, canary in CANARIES.items()
        for table, rows in everything.items()
        for spelling in (canary, json.dumps(canary)[1:-1])
        if spelling.lower() in rows.lower()
    ]
    assert found == []


async def test_our_own_log_lines_are_in_the_runs_log_with_the_case_and_without_its_content(
    story: Story, inbox: Path, woken: list[str], recorded: Recorded, lines_shown_by_prefect: None
) -> None:
    (inbox / "a.jsonl").write_text(json.dumps(report()), encoding="utf-8")
    state = await intake(return_state=True)
    lines = await recorded.log_lines(run_id(state), "reports taken in")
    [ours] = [json.loads(line) for line in lines if "reports taken in" in line]
    assert (ours["event"], ours["count"], ours["held"]) == ("reports taken in", 1, 0)


async def test_a_line_from_inside_a_stage_carries_the_case_it_is_about(
    story: Story, recorded: Recorded, lines_shown_by_prefect: None
) -> None:
    number = story.approved()
    state = await case_lifecycle(number, return_state=True)
    lines = await recorded.log_lines(run_id(state), "submission accepted")
    [ours] = [json.loads(line) for line in lines if "submission accepted" in line]
    assert ours["case"] == number
