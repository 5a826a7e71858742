"""Each invariant notices what it is about: the case file is broken behind its back, as no code of ours could."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass

import pytest
from sqlalchemy.engine import make_url

from casework.vocabulary import Action
from db.tables import Event
from tasks import audit
from tasks.audit import one_moment, verify_chain
from tasks.checks import judge
from tasks.collect_outcomes import collect
from tasks.invariants import INVARIANTS, invariants
from tasks.sla_sweep import sweep
from tests.mail_room import LAW, MailRoom, all_silent_until, letter_of_rung
from tests.stories import REVIEWER, SQLITE_ONLY, Story
from tests.tasks.digests import a_digest_of


def everything(story: Story) -> None:
    """A case file that has met everything: silence and rungs, answers by mail, a digest, refusals, an end."""
    silent, decided = all_silent_until(story, 2, 2)
    room = MailRoom(story)
    room.comes(room.answer(letter_of_rung(story, silent, 2), "We have it, and will answer tomorrow."))
    room.comes(room.mail("Who are you?", sender="stranger@mail.example"))
    story.answer(decided, "restricted_locally")
    collect(story.runtime)
    story.drive(decided)
    a_digest_of(story, 2)
    story.send_letters()
    story.hand_in({"links": []}, {"links": []})
    story.take_in(**LAW)
    story.later(hours=30)
    sweep(story.runtime)
    assert story.status(decided) == "closed"


def test_a_case_file_that_has_met_everything_is_sound_on_both_databases(story: Story) -> None:
    everything(story)
    story.assert_sound()
    looked_at = {check.name: check.detail for check in invariants(story.runtime)}
    assert looked_at["reports in = cases + duplicates + held"] == "7 reports, 5 cases"
    assert looked_at["a digest speaks for its lines"] == "2 lines"
    assert looked_at["mails in = read + held + settled"] == "2 mails"
    assert looked_at["a letter that may not be repeated was not"] != "0 letters of that kind"


@dataclass(frozen=True)
class Break:
    """SQL that breaks one invariant, what is said about it, and the tables that lose their keys for it."""

    sql: str
    said: str
    no_keys: tuple[str, ...] = ()


COPY = "INSERT INTO {0} SELECT * FROM {0} WHERE {1}"
BREAKS = {
    "every recorded move is one of the lifecycle's": (
        Break("UPDATE event SET from_status = 'received' WHERE kind = 'moved.approve'", "'moved.approve' from"),
        Break("UPDATE event SET kind = 'moved.merge' WHERE kind = 'moved.submit'", "'moved.merge' from 'approved'"),
        Break("DELETE FROM event WHERE kind = 'moved.complete'", "of a case that was 'triaged'"),
    ),
    "reports in = cases + duplicates + held": (
        Break("DELETE FROM report WHERE state = 'case' AND id IN (SELECT max(id) FROM report)", "4 opened a case, 5"),
        Break("UPDATE report SET state = 'lost' WHERE state = 'held'", "7 reports"),
        Break("DELETE FROM held_item WHERE report_id IS NOT NULL", "is 'held', and nothing shows where it went"),
    ),
    "mails in = read + held + settled": (
        Break("UPDATE inbound_mail SET state = 'gone' WHERE state = 'held'", "mail 2 is in no known state"),
        Break("DELETE FROM held_item WHERE part = 'mail 2'", "mail 2 is held, and is not in the holding pen"),
    ),
    "no case is forgotten": (
        Break("UPDATE case_file SET drive_at = NULL WHERE status = 'received'", "KZ-2026-000005 is 'received'"),
        Break("UPDATE submission SET state = 'queued' WHERE number = 'KZ-2026-000001/S1'", "KZ-2026-000001 is"),
        Break(
            "UPDATE content_item SET outcome = 'no_action' WHERE case_id = 1;"
            "INSERT INTO item_outcome SELECT NULL, 1, 1, 'x', 'no_action', '', '[]', '', decided_at, recorded_at"
            " FROM item_outcome",
            "KZ-2026-000001 is 'submitted', something is left to do",
        ),
    ),
    "every lease ends": (
        Break("UPDATE case_file SET lease_owner = 'x', lease_until = '2027-01-01 00:00:00'", "KZ-2026-000001 is held"),
        Break("UPDATE case_file SET lease_owner = 'x'", "nothing says until when"),
        Break("UPDATE letter SET state = 'sending' WHERE state = 'queued'", "nothing says until when"),
        Break("UPDATE submission SET lease_until = '2027-01-01 00:00:00'", "KZ-2026-000001/S1 is held until 2027"),
    ),
    "four eyes on every decision": (
        Break("UPDATE review SET reviewer_id = intake_by WHERE verdict = 'approved'", "is by the intake person"),
    ),
    "no notice without an approval": (
        Break("UPDATE review SET verdict = 'declined' WHERE verdict = 'approved'", "KZ-2026-000001/S1 has no approval"),
    ),
    "what legal approved is what went out": (
        Break("UPDATE submission SET payload = X'7B7D'", "KZ-2026-000001/S1 is not what was approved"),
    ),
    "at most one notice per payload and per reference": (
        Break("UPDATE submission SET payload_sha256 = 'ab', payload = X'7B7D'", "its payload has 2 notices"),
        Break("UPDATE submission SET platform_reference = 'PP-1'", "its reference has 2 notices"),
    ),
    "one effect per once-per key": (
        Break(COPY.format("letter", "id = 1"), "letter receipt:", ("letter",)),
        Break(COPY.format("submission", "id = 1"), "notice ", ("submission",)),
        Break(COPY.format("escalation", "id = 1"), "rung 1:", ("escalation",)),
        Break(COPY.format("item_outcome", "id = 1"), "answer ", ("item_outcome",)),
        Break("UPDATE event SET kind = 'letter.sent' WHERE kind = 'letter.attempt'", "was sent 2 times"),
        Break("UPDATE event SET kind = 'submission.sent' WHERE kind = 'submission.attempt'", "was accepted 2 times"),
        Break("DELETE FROM escalation WHERE id = 1", "4 rungs, and 5 events"),
    ),
    "every attempt is on the record": (
        Break("DELETE FROM event WHERE kind = 'letter.attempt'", "letter 1: 1 attempts, 0 on the record"),
        Break("UPDATE submission SET attempts = 2", "KZ-2026-000001/S1: 2 attempts, 1 on the record"),
        Break("UPDATE submission SET platform_reference = NULL", "nothing shows that the platform has it"),
    ),
    "outcomes add up to the items": (
        Break("UPDATE content_item SET outcome = 'pending' WHERE case_id = 2", "an item has no final outcome"),
        Break("UPDATE content_item SET outcome = 'no_action' WHERE id = 2", "item 2 is 'no_action', and no answer"),
        Break("UPDATE submission SET item_ids = '[99]'", "names items that its case has not"),
        Break("UPDATE content_item SET outcome = 'maybe'", "has an item with the outcome 'maybe'"),
    ),
    "every threshold that came has its event, once": (
        Break("DELETE FROM event WHERE kind = 'clock.breached'", "thresholds came, and 2 events"),
        Break("UPDATE clock SET fired = 0, next_check_at = due_at", "0 thresholds came, and"),
        Break("UPDATE clock SET next_check_at = NULL WHERE state = 'running'", "the sweep will never look"),
        Break(
            "UPDATE clock SET next_check_at = '2027-01-01 00:00:00',"
            " thresholds = replace(thresholds, '2026-03', '2026-01') WHERE state = 'running'",
            "was passed over by the sweep of 2026-03",
        ),
    ),
    "every breach has its own time": (
        Break("UPDATE clock SET breached_at = started_at WHERE breached_at IS NOT NULL", "was due 2026-03"),
    ),
    "a letter is sent when the mail server said so": (
        Break("UPDATE letter SET server_answer = '' WHERE state = 'sent'", "letter 1 is 'sent', and nothing shows"),
    ),
    "every sent letter is kept as it was sent": (
        Break("UPDATE letter SET message_sha256 = 'ab' WHERE state = 'sent'", "letter 1 differs"),
        Break("DELETE FROM letter_message", "letter 1 has no message"),
    ),
    "a letter that may not be repeated was not": (
        Break("UPDATE event SET kind = 'letter.attempt' WHERE kind = 'letter.sent'", "was tried 2 times"),
    ),
    "a digest speaks for its lines": (
        Break("UPDATE letter SET state = 'queued' WHERE digest_id IS NOT NULL", "is a line of digest"),
        Break("UPDATE letter SET state = 'bundled', digest_id = NULL WHERE digest_id IS NOT NULL", "is not there"),
    ),
    "only an answer acknowledges": (
        Break("UPDATE inbound_mail SET kind = 'auto_reply'", "by a mail that is 'auto_reply'"),
    ),
}  # fmt: skip


def break_it(database: str, how: Break) -> None:
    """Run SQL as another program could that knows nothing of triggers, keys and checks."""
    with closing(sqlite3.connect(database)) as file:
        triggers = file.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for (name,) in triggers:
            file.execute(f"DROP TRIGGER {name}")
        file.execute("PRAGMA ignore_check_constraints = ON")
        file.execute("PRAGMA legacy_alter_table = ON")
        for table in how.no_keys:
            file.execute(f"ALTER TABLE {table} RENAME TO with_keys")
            file.execute(f"CREATE TABLE {table} AS SELECT * FROM with_keys")
        file.executescript(how.sql)
        file.commit()


@SQLITE_ONLY
def test_each_invariant_notices_what_it_is_about(story: Story) -> None:
    everything(story)
    database = str(make_url(story.runtime.settings.database).database)
    unseen: list[tuple[str, str]] = []
    with closing(sqlite3.connect(database)) as file, closing(sqlite3.connect(":memory:")) as before:
        file.backup(before)
        for name, how in [(name, how) for name, breaks in BREAKS.items() for how in breaks]:
            break_it(database, how)
            with one_moment(story.runtime) as session:
                found = judge(name, INVARIANTS[name](session, story.runtime))
            if found.holds or how.said not in found.detail:
                unseen.append((how.sql, found.detail))
            before.backup(file)
    assert unseen == []
    story.assert_sound()


ELSEWHERE = {"every erasure is told by its event", "what is said to be erased is gone, and nothing else"}
"""Broken by the tests of retention."""


def test_every_invariant_is_broken_by_a_test() -> None:
    assert set(INVARIANTS) - ELSEWHERE == set(BREAKS)


def test_a_log_that_grows_while_it_is_checked_is_not_broken(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    story.submitted()
    before = len(story.all(Event))
    head = audit.chain_head

    def and_then_somebody_writes(session: object) -> tuple[int, str]:
        found = head(session)  # type: ignore[arg-type]
        story.take_in()
        return found

    monkeypatch.setattr(audit, "chain_head", and_then_somebody_writes)
    assert verify_chain(story.runtime) == before
    assert len(story.all(Event)) > before


@SQLITE_ONLY
def test_a_letter_that_came_back_and_was_sent_again_by_a_person_breaks_nothing(story: Story) -> None:
    number = story.to_review()
    story.send_letters()
    story.move(number, Action.DECLINE, REVIEWER)
    story.send_letters()
    [letter] = story.letters(number, "decline")
    assert (letter.promise, letter.state) == ("at_most_once", "sent")
    room = MailRoom(story)
    room.comes(room.report(letter))
    assert story.letters(number, "decline")[0].state == "refused"
    story.assert_sound()
