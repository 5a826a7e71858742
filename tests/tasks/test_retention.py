"""What the policy pack no longer keeps goes, bit by bit, and what keeps a case keeps all of it."""

from __future__ import annotations

import pytest
from sqlalchemy.exc import DBAPIError

from casework.errors import CaseError, MoveRefused, NotAllowed, QorganError
from casework.vocabulary import Action
from db.tables import Erasure, ErasureRun, Party, Report, Tombstone
from tasks import retention
from tasks.collect_outcomes import collect
from tasks.holding_pen import settle
from tasks.legal_holds import lift_hold, place_hold
from tasks.merging import merge_case
from tasks.platform_requests import appeal
from tasks.record import transaction
from tasks.retention import confirm, erase_due, preview
from tests.mail_room import MailRoom
from tests.stories import HEAD, INTAKE, OTHER_REVIEWER, REVIEWER, SQLITE_ONLY, START, Story, link, report

YEAR, FIVE_YEARS = 366, 5 * 366
"""Days after which the practice pack no longer keeps people and raw reports; letters and the file."""


def ended(story: Story, **fields: object) -> str:
    """A case that has run its whole way; every letter of it is out."""
    number = story.submitted(**fields)
    story.answer(number, "removed_globally")
    collect(story.runtime)
    story.drive(number)
    story.send_letters()
    assert story.status(number) == "closed"
    return number


def classes(story: Story) -> list[str]:
    return [row.record for row in story.all(Erasure)]


def test_people_and_raw_reports_go_first_then_letters_and_the_file_and_a_skeleton_stays(story: Story) -> None:
    number = ended(story)
    story.later(days=364)
    assert erase_due(story.runtime).due == 0
    story.later(days=YEAR - 364)
    first = erase_due(story.runtime)
    assert (first.due, first.erased, first.failed) == (1, 1, [])
    assert classes(story) == ["raw_report", "party"]
    assert (story.all(Party), [row.raw_sealed for row in story.all(Report)]) == ([], [b""])
    assert story.case(number).description, "the file is kept"
    story.assert_sound()
    story.later(days=FIVE_YEARS - YEAR)
    erase_due(story.runtime)
    assert classes(story) == ["raw_report", "party", "letter", "case_file"]
    case = story.case(number)
    assert (case.number, case.status, case.disposition, case.category, case.priority) == (
        number, "closed", "action_taken", "fraud", "P3",
    )  # fmt: skip
    assert (case.description, case.quote, case.why_unlawful) == ("", "", "")
    assert [(item.url_original, item.url_canonical, item.outcome) for item in story.items(number)] == [
        ("", "", "removed_globally")
    ]
    assert [row.payload for row in story.submissions(number)] == [b""]
    assert len(story.events(number, "records.erased")) == 2
    story.assert_sound()


def test_what_was_erased_is_not_erased_again(story: Story) -> None:
    ended(story)
    story.later(days=FIVE_YEARS)
    assert erase_due(story.runtime).rows.total() == len(story.all(Tombstone)) > 5
    before = story.counts()
    assert erase_due(story.runtime).due == 0
    assert story.counts() == before


def test_each_tombstone_names_the_rule_its_source_and_the_run(story: Story) -> None:
    ended(story)
    story.later(days=YEAR)
    erase_due(story.runtime)
    [run] = story.all(ErasureRun)
    assert (run.state, run.due, run.erased) == ("done", 1, 1)
    for erasure in story.all(Erasure):
        assert erasure.rule == f"{erasure.record}: 12 months; source: unsourced (not verified)"
        assert (erasure.run_id, erasure.policy_version) == (run.id, story.runtime.pack.version)


def test_a_dry_run_says_the_same_and_writes_nothing(story: Story) -> None:
    ended(story)
    story.later(days=FIVE_YEARS)
    before = story.counts()
    would = preview(story.runtime)
    assert story.counts() == before
    assert erase_due(story.runtime).rows == would.rows


def test_an_open_case_is_never_erased(story: Story) -> None:
    story.submitted()
    story.send_letters()
    story.later(days=2 * FIVE_YEARS)
    assert erase_due(story.runtime).due == 0


def test_a_legal_hold_keeps_everything_until_somebody_else_lifts_it(story: Story) -> None:
    number = ended(story)
    place_hold(story.runtime, number, REVIEWER, "Proceedings are announced.")
    story.later(days=FIVE_YEARS)
    kept = erase_due(story.runtime)
    assert (kept.due, kept.kept) == (0, {number: f"{number} is under a legal hold"})
    with pytest.raises(NotAllowed, match="cannot lift it"):
        lift_hold(story.runtime, number, REVIEWER, "The proceedings are over.")
    lift_hold(story.runtime, number, HEAD, "The proceedings are over.")
    assert erase_due(story.runtime).erased == 1
    assert [event.kind for event in story.events(number)][-3:] == ["hold.placed", "hold.lifted", "records.erased"]


def test_one_hold_lifted_leaves_the_other(story: Story) -> None:
    number = ended(story)
    first = place_hold(story.runtime, number, REVIEWER, "Proceedings are announced.")
    place_hold(story.runtime, number, OTHER_REVIEWER, "An audit looks at it.")
    with pytest.raises(CaseError, match="several holds keep it"):
        lift_hold(story.runtime, number, HEAD, "The proceedings are over.")
    lift_hold(story.runtime, number, HEAD, "The proceedings are over.", first)
    story.later(days=FIVE_YEARS)
    assert erase_due(story.runtime).due == 0


def test_who_takes_reports_in_places_no_hold_and_no_reason_is_no_hold(story: Story) -> None:
    number = ended(story)
    with pytest.raises(NotAllowed):
        place_hold(story.runtime, number, INTAKE, "Proceedings are announced.")
    with pytest.raises(CaseError, match="needs a reason"):
        place_hold(story.runtime, number, REVIEWER, " ")


def test_the_database_itself_refuses_a_tombstone_for_a_held_case(story: Story) -> None:
    """Also somebody at the database's own console meets the hold."""
    number = ended(story)
    story.later(days=YEAR)
    erase_due(story.runtime)
    place_hold(story.runtime, number, REVIEWER, "Proceedings are announced.")
    with pytest.raises(DBAPIError, match="a case under a legal hold is not erased"):
        story.execute(
            "INSERT INTO tombstone (erasure_id, case_id, table_name, row_id, content_hash)"
            " VALUES (1, :case, 'content_item', 1, 'ab')",
            case=story.case(number).id,
        )


def test_a_hold_on_one_case_keeps_those_merged_into_it(story: Story) -> None:
    video = link()
    target = story.take_in(links=[video])
    merged = story.take_in(links=[link()])
    merge_case(story.runtime, merged, target, INTAKE, "The same video.", same_content=True)
    story.drive(target)
    story.move(target, Action.DECLINE, REVIEWER)
    story.send_letters()
    place_hold(story.runtime, target, REVIEWER, "Proceedings are announced.")
    story.later(days=FIVE_YEARS)
    assert set(erase_due(story.runtime).kept) == {target, merged}
    lift_hold(story.runtime, target, HEAD, "The proceedings are over.")
    assert erase_due(story.runtime).erased == 2
    story.assert_sound()


def test_a_hold_keeps_the_case_whose_report_joined_the_held_one_as_well(story: Story) -> None:
    """One report of two videos, one of them known already: its bytes are evidence in both cases."""
    known, fresh = link(), link()
    first = story.take_in(links=[known])
    second = story.take_in(links=[known, fresh])
    for number in (first, second):
        story.drive(number)
        story.move(number, Action.DECLINE, REVIEWER)
    story.send_letters()
    place_hold(story.runtime, first, REVIEWER, "Proceedings are announced.")
    story.later(days=FIVE_YEARS)
    assert erase_due(story.runtime).kept == dict.fromkeys((first, second), f"{first} is under a legal hold")


@SQLITE_ONLY
def test_what_is_still_owed_keeps_a_case(story: Story) -> None:
    number = ended(story)
    story.later(days=FIVE_YEARS)
    for statement, back, because in (
        ("UPDATE letter SET state = 'unknown'", "UPDATE letter SET state = 'sent'", "has a letter that is under way"),
        ("UPDATE clock SET state = 'running'", "UPDATE clock SET state = 'met'", "has a running clock"),
        ("UPDATE submission SET state = 'unknown'", "UPDATE submission SET state = 'sent'", "has a notice that is"),
    ):
        story.execute(statement)
        assert because in preview(story.runtime).kept[number]
        assert erase_due(story.runtime).due == 0
        story.execute(back)
    assert preview(story.runtime).due == 1


def test_an_appeal_that_nobody_answered_keeps_a_case(story: Story) -> None:
    number = story.submitted()
    story.answer(number, "no_action")
    collect(story.runtime)
    story.drive(number)
    appeal(story.runtime, story.submissions(number)[0].number, REVIEWER, "The decision overlooks the law.")
    story.send_letters()
    story.later(days=FIVE_YEARS)
    assert "has an appeal" in erase_due(story.runtime).kept[number]


def test_the_period_runs_from_the_last_end_of_a_case_that_was_taken_up_again(story: Story) -> None:
    number = ended(story)
    story.later(days=YEAR)
    erase_due(story.runtime)
    story.move(number, Action.REOPEN, REVIEWER)
    story.drive(number)
    story.move(number, Action.DECLINE, REVIEWER)
    story.send_letters()
    story.later(days=FIVE_YEARS - YEAR)
    assert "case_file" not in classes(story)
    story.later(days=YEAR)
    erase_due(story.runtime)
    assert classes(story).count("case_file") == 1
    story.assert_sound()


def test_a_case_without_its_file_is_not_taken_up_again(story: Story) -> None:
    number = ended(story)
    story.later(days=FIVE_YEARS)
    erase_due(story.runtime)
    with pytest.raises(MoveRefused, match="its file was erased"):
        story.move(number, Action.REOPEN, REVIEWER)


def test_the_same_content_reported_after_the_erasure_is_a_new_case(story: Story) -> None:
    fields = report(links=[link()])
    [first] = story.hand_in(fields)
    story.drive(str(first.case_number))
    story.move(str(first.case_number), Action.DECLINE, REVIEWER)
    story.send_letters()
    story.later(days=FIVE_YEARS)
    erase_due(story.runtime)
    # The practice calendar ends in 2027, and the clocks of a new case need one.
    story.clock.set(START)
    [again] = story.hand_in({**fields, "description": "Снова."})
    assert again.state == "case"
    assert again.case_number != first.case_number


def test_a_report_that_became_no_case_goes_once_it_is_settled_and_old(story: Story) -> None:
    [held] = story.hand_in({"links": []})
    story.later(days=YEAR)
    assert erase_due(story.runtime).due == 0, "it still waits for a person"
    with transaction(story.runtime) as session:
        settle(session, story.runtime, 1, story.runtime.users.actor(INTAKE), "Asked again.", story.clock())
    story.later(days=YEAR)
    assert erase_due(story.runtime).rows == {"report": 1}
    assert held.state == "held"
    story.assert_sound()


def test_mails_go_with_the_letters_and_those_of_no_case_by_themselves(story: Story) -> None:
    number = story.submitted()
    story.send_letters()
    room = MailRoom(story)
    letter = story.letters(number, "platform_notice")[0]
    assert room.comes(room.answer(letter, "Received, thank you.")).case_id is not None
    story.answer(number, "removed_globally")
    collect(story.runtime)
    story.drive(number)
    story.send_letters()
    story.later(days=FIVE_YEARS)
    assert erase_due(story.runtime).rows["inbound_mail"] == 1
    [mail] = room.mails()
    assert (mail.raw_sealed, mail.message_key, mail.message_id) == (b"", f"erased:{mail.id}", "")
    late = room.comes(room.answer(letter, "A late word."))
    if late.state == "held":
        story.execute("UPDATE inbound_mail SET state = 'settled' WHERE state = 'held'")
        story.execute("UPDATE held_item SET state = 'settled' WHERE state = 'held'")
    story.later(days=FIVE_YEARS)
    erase_due(story.runtime)
    assert all(row.raw_sealed == b"" for row in room.mails())


def test_above_a_number_a_person_confirms_first(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "CONFIRM_ABOVE", 1)
    for _ in range(2):
        ended(story)
    story.later(days=YEAR)
    waits = erase_due(story.runtime)
    assert (waits.due, waits.erased, waits.waits) == (2, 0, True)
    assert classes(story) == []
    with pytest.raises(NotAllowed):
        confirm(story.runtime, REVIEWER, "The list was looked at.")
    assert confirm(story.runtime, HEAD, "The list was looked at.") == 2
    assert erase_due(story.runtime).erased == 2
    with pytest.raises(QorganError, match="no erasure waits"):
        confirm(story.runtime, HEAD, "The list was looked at.")


def test_a_run_is_bounded_and_the_next_goes_on(story: Story) -> None:
    for _ in range(3):
        ended(story)
    story.later(days=YEAR)
    assert [erase_due(story.runtime, limit=2).erased for _ in range(3)] == [2, 1, 0]
    assert [run.state for run in story.all(ErasureRun)] == ["done"]


def test_a_person_confirms_the_whole_and_not_one_run_of_it(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "CONFIRM_ABOVE", 1)
    for _ in range(3):
        ended(story)
    story.later(days=YEAR)
    assert erase_due(story.runtime, limit=2).waits
    assert confirm(story.runtime, HEAD, "The list was looked at.") == 3
    assert [erase_due(story.runtime, limit=2).erased for _ in range(2)] == [2, 1]


def test_one_case_that_fails_is_named_and_the_others_go_on(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = [ended(story) for _ in range(2)]
    story.later(days=YEAR)
    whole = retention.plan_case

    def stumble(session: object, vault: object, record: str, case_id: int) -> object:
        if case_id == story.case(numbers[0]).id:
            raise ValueError("poisoned")
        return whole(session, vault, record, case_id)  # type: ignore[arg-type]

    monkeypatch.setattr(retention, "plan_case", stumble)
    found = erase_due(story.runtime)
    assert (found.failed, found.erased) == ([numbers[0]], 1)
    monkeypatch.undo()
    assert erase_due(story.runtime).erased == 1
    story.assert_sound()
