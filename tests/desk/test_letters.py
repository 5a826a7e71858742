"""Letters at the desk: found by what somebody looks for, settled with a reason, followed as a thread."""

from __future__ import annotations

from datetime import timedelta

from tasks.collect_outcomes import collect
from tasks.sla_sweep import sweep
from tasks.summaries import write_weekly
from tests.desk.conftest import AtTheDesk
from tests.stories import link

WHY = "The item names a pupil and her school, which the answer does not look at."


def a_dead_letter(desk: AtTheDesk) -> str:
    """The receipt of this case was refused."""
    desk.story.mailbox.refuse_recipients.add("reporter@mail.example")
    number = desk.story.take_in()
    assert desk.tells("letters", "send")["look_at"] == [1]
    desk.story.mailbox.refuse_recipients.clear()
    return number


def test_a_dead_letter_is_sent_again_by_a_person_with_a_reason_and_an_event(desk: AtTheDesk) -> None:
    number = a_dead_letter(desk)
    assert [row["id"] for row in desk.tells("letters", "list", "--dead")] == [1]
    told = desk.tells("letters", "replay", 1, "--as", "nurlan", "--reason", "She confirmed a new address.")
    assert told == {"id": 1, "state": "queued"}
    assert desk.tells("letters", "list", "--dead") == []
    assert desk.tells("letters", "send")["sent"] == 1
    again = ("letters", "replay", 1, "--as", "nurlan", "--reason", "She confirmed a new address.")
    assert "[letter.not_open]" in desk.refuses(*again)
    [event] = desk.story.events(number, "letter.replayed")
    assert (event.actor_id, event.reason) == ("nurlan", "She confirmed a new address.")


def test_a_dead_letter_is_said_to_have_arrived_or_is_given_up_each_with_an_event(desk: AtTheDesk) -> None:
    one = a_dead_letter(desk)
    resolve = ("letters", "resolve", 1, "--as", "nurlan", "--reason", "She has it in her hands.")
    assert desk.run(*resolve).exit_code == 2, "one of the two must be said"
    assert desk.tells(*resolve, "--arrived")["state"] == "sent"
    assert len(desk.story.events(one, "letter.found_arrived")) == 1
    desk.story.mailbox.refuse_recipients.add("reporter@mail.example")
    other = desk.story.take_in()
    desk.says("letters", "send")
    [dead] = desk.tells("letters", "list", "--dead")
    said = desk.says(
        "letters", "resolve", dead["id"], "--dropped", "--as", "nurlan", "--reason", "She is told by phone."
    )
    assert said.strip() == f"Letter {dead['id']} is 'dropped'."
    assert len(desk.story.events(other, "letter.given_up")) == 1
    desk.story.mailbox.refuse_recipients.clear()
    assert desk.tells("letters", "send")["sent"] == 0
    assert desk.tells("letters", "list", "--state", "dropped")[0]["reason"] == "She is told by phone."


def test_only_some_may_settle_and_nobody_without_saying_how_they_know(desk: AtTheDesk) -> None:
    a_dead_letter(desk)
    assert "may not settle" in desk.refuses("letters", "replay", 1, "--as", "dina", "--reason", "It is mended.")
    assert "say how you know" in desk.refuses("letters", "resolve", 1, "--arrived", "--as", "nurlan", "--reason", "ok")
    assert desk.run("letters", "settle", 1).exit_code == 2, "there is no such command any more"


def test_letters_are_found_by_whom_they_are_to_since_when_and_what_holds_them(desk: AtTheDesk) -> None:
    number = desk.in_review()
    [clock] = desk.story.clocks(number, "kz.internal.review.routine")
    desk.story.clock.set(clock.due_at + timedelta(hours=4))
    sweep(desk.story.runtime)
    desk.says("letters", "send")
    [held] = desk.tells("letters", "list", "--held")
    assert (held["kind"], held["held_because"], held["state"]) == ("breach_notice", "quiet hours", "queued")
    assert "quiet hours, again" in desk.says("letters", "list", "--held")
    assert [row["kind"] for row in desk.tells("letters", "list", "--recipient", "unit")] == ["deadline_warning"]
    today = desk.story.clock().date().isoformat()
    assert {row["kind"] for row in desk.tells("letters", "list", "--since", today)} == {
        "breach_notice", "deadline_warning",
    }  # fmt: skip
    assert "[letters.since]" in desk.refuses("letters", "list", "--since", "yesterday")


def test_what_is_not_proven_to_have_arrived_is_listed_until_it_is(desk: AtTheDesk) -> None:
    number = desk.story.take_in()
    assert desk.tells("letters", "list", "--unproven") == []
    desk.says("letters", "send")
    [row] = desk.tells("letters", "list", "--unproven", "--case", number)
    assert row["delivered_at"] is None
    desk.story.execute("UPDATE letter SET delivered_at = sent_at, queue_id = 'Q-77' WHERE id = :id", id=row["id"])
    assert desk.tells("letters", "list", "--unproven") == []
    assert "as Q-77, delivered" in desk.says("letters", "list")


def test_a_letter_about_several_cases_is_listed_and_opened_like_any_other(desk: AtTheDesk) -> None:
    desk.story.submitted()
    desk.says("letters", "send")
    assert write_weekly(desk.story.runtime).letters == 1
    desk.says("letters", "send")
    [row] = desk.tells("letters", "list", "--kind", "liaison_weekly")
    assert (row["case"], row["state"]) == (None, "sent")
    assert "several" in desk.says("letters", "list", "--kind", "liaison_weekly")
    assert desk.tells("letters", "show", row["id"], "--as", "dina")["kind"] == "liaison_weekly"


def test_a_thread_shows_what_went_out_in_order_and_no_body(desk: AtTheDesk) -> None:
    number = desk.story.submitted(links=[link()])
    desk.says("letters", "send")
    desk.story.later(days=3)
    sweep(desk.story.runtime)
    told = desk.tells("letters", "thread", number)
    assert [row["at"] for row in told] == sorted(row["at"] for row in told)
    assert {row["way"] for row in told} == {"out"}
    with_platform = desk.tells("letters", "thread", number, "--contact", "platform:tiktok")
    assert [row["kind"] for row in with_platform][:2] == ["platform_notice", "platform_reminder"]
    assert number in with_platform[0]["subject"]
    assert with_platform[1]["subject"] == "(platform reminder, not made)"
    said = desk.says("letters", "thread", number)
    assert f"{number} with platform:tiktok" in said
    assert "-> " in said
    assert "reporter@mail.example" not in said
    assert "https://" not in said


def test_an_answer_stands_in_the_thread_under_the_letter_it_answers(desk: AtTheDesk) -> None:
    number = desk.story.submitted()
    desk.says("letters", "send")
    [notice] = desk.story.letters(number, "platform_notice")
    desk.story.later(hours=1)
    desk.story.execute(
        "INSERT INTO inbound_mail (mailbox, message_key, message_id, raw_sealed, raw_sha256, raw_bytes, body_sha256,"
        " stored_at, state, kind, because, matched_by, case_id, letter_id, contact, effects, reason, attempts,"
        " settled_by) SELECT 'box', '<a@b>', '<a@b>', x'00', '', 1, '', :at, 'read', 'answer', '', 'thread', case_id,"
        " id, contact, '[\"answered\"]', '', 0, '' FROM letter WHERE id = :id",
        id=notice.id, at=desk.story.clock().replace(tzinfo=None),
    )  # fmt: skip
    *_, mail = desk.tells("letters", "thread", number, "--contact", "platform:tiktok")
    assert (mail["way"], mail["kind"], mail["state"]) == ("in", "answer", "read; answered")
    assert mail["subject"].startswith("Re: ")
    assert number in mail["subject"]
    assert "<- Re: " in desk.says("letters", "thread", number)


def test_an_appeal_and_a_restoration_are_asked_at_the_desk(desk: AtTheDesk) -> None:
    number = desk.story.submitted(links=[link(), link()])
    desk.story.answer(number, "no_action", item=1)
    desk.story.answer(number, "restricted_locally", item=2)
    collect(desk.story.runtime)
    notice = f"{number}/S1"
    assert "[actor.not_allowed]" in desk.refuses("submission", "appeal", notice, "--as", "nurlan", "--reason", WHY)
    letter = desk.tells("submission", "appeal", notice, "--as", "daniyar", "--reason", WHY)["letter"]
    assert desk.tells("letters", "list", "--kind", "platform_appeal")[0]["id"] == letter
    assert "[request.repeated]" in desk.refuses("submission", "appeal", notice, "--as", "daniyar", "--reason", WHY)
    gone = ("--reason", "The court has set the decision aside: the item is lawful satire.")
    assert "[restoration.four_eyes]" in desk.refuses("case", "restore", number, "--as", "daniyar", *gone)
    [restoration] = desk.tells("case", "restore", number, "--as", "saule", *gone)["letters"]
    assert desk.tells("letters", "list", "--kind", "restoration_request")[0]["id"] == restoration
