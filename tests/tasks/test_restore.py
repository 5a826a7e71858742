"""A restored case file sends nothing until a person lets it, and then nothing a second time."""

from __future__ import annotations

import os
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import make_url

from casework.errors import ConfigurationError, NotAllowed, QorganError
from casework.vocabulary import Action
from db.tables import CaseFile, Event, Letter, Submission
from tasks import restore as restoring
from tasks.backup_postgres import PostgresRefused, databases_like
from tasks.case_lifecycle import claim
from tasks.collect_outcomes import collect
from tasks.correspondence import settle_letter
from tasks.restore import Order, RestoreRefused, restore, target_of
from tasks.sla_sweep import sweep
from tasks.switches import guard_of, sending_state, unmute
from tests.stories import DUTY, HEAD, INTAKE, REVIEWER, SQLITE_ONLY, Story, in_danger
from tests.tasks.backups import backed_up, bring_back, opened_again, order, quiet, tampered, tidied, with_tools
from tests.tasks.dying import die_while

LIFTED = "Everything was compared with the platform and the mail server."


@pytest.fixture
def house(story: Story) -> Iterator[Story]:
    with tidied(with_tools(story)) as ready:
        yield ready


def _drive_all(house: Story) -> None:
    """As the lanes do."""
    for number in claim(house.runtime, None, "test", 100):
        house.drive(number)


def _as_the_schedules_do(house: Story) -> None:
    """Every flow that could send something, once."""
    sweep(house.runtime)
    collect(house.runtime)
    _drive_all(house)
    house.send_letters()
    house.send_letters(urgent_only=True)


def _left(house: Story) -> tuple[int, int]:
    """What the other side has: letters and notices."""
    return len(house.mail()), house.notices_at_platform()


def test_a_restored_case_file_sends_nothing_and_after_the_mute_everything_due_goes_once(house: Story) -> None:
    late = house.submitted()
    house.send_letters()
    house.approved()
    child = house.take_in(**in_danger())
    before = _left(house)
    folder = backed_up(house).folder
    house.later(hours=49)
    undone = bring_back(house, folder).undone
    assert undone.police == (child,)
    state = sending_state(house.runtime)
    assert (state.on, state.reason, state.set_by) == (False, f"restored from {folder.name}", HEAD)
    for _ in range(3):
        _as_the_schedules_do(house)
        house.later(minutes=15)
    assert _left(house) == before, "nothing left: not by a sweep, nor by a drive, nor by the letters' run"
    assert len(house.escalations(late)) == 1, "deadlines are watched all the same"
    done = unmute(house.runtime, HEAD, LIFTED)
    for _ in range(3):
        _as_the_schedules_do(house)
        house.later(minutes=15)
    assert house.notices_at_platform() == before[1] + 1
    sent = [row for row in house.all(Letter) if row.state == "sent"]
    assert len({kept.message["Message-ID"] for kept in house.mail()}) == len(house.mail()) == len(sent) > before[0]
    assert done.letters > 0
    referral = next(row for row in house.all(Letter) if row.kind == "police_referral")
    assert referral.state == "unknown", "a person finds out whether the police have it"
    house.assert_sound()


def test_a_notice_that_was_sent_after_the_backup_is_not_sent_again(house: Story) -> None:
    number = house.approved()
    folder = backed_up(house).folder
    house.drive(number)
    house.send_letters()
    [sent] = house.submissions(number)
    received = house.platform.state()
    [covering] = house.letters(number, "platform_notice")
    assert (sent.state, covering.state) == ("sent", "sent")
    copies = len(house.mail())
    house.later(hours=1)
    bring_back(house, folder)
    [waiting] = house.submissions(number)
    assert waiting.state == "unknown"
    assert house.drive(number).name == "Awaiting platform", "the platform was asked, and has it"
    [found] = house.submissions(number)
    assert (found.state, found.platform_reference) == ("sent", sent.platform_reference)
    sweep(house.runtime)
    house.later(minutes=1)
    done = unmute(house.runtime, HEAD, LIFTED)
    [again] = house.letters(number, "platform_notice")
    assert (again.state, again.id in done.held) == ("unknown", True), "its covering letter may be a repetition"
    _as_the_schedules_do(house)
    assert house.platform.state()["notices"] == received["notices"] == 1
    kinds = [kept.message["X-Qorgan-Letter"] for kept in house.mail()[copies:]]
    assert not [row for row in house.all(Letter) if str(row.id) in kinds and row.promise == "at_most_once"]
    house.assert_sound()


def test_a_platform_that_does_not_have_it_gets_it_after_the_mute(house: Story) -> None:
    number = house.approved()
    folder = backed_up(house).folder
    bring_back(house, folder)
    assert house.drive(number).name == "Sending is muted"
    assert (house.submissions(number)[0].state, house.notices_at_platform()) == ("queued", 0)
    sweep(house.runtime)
    house.later(minutes=15)
    unmute(house.runtime, HEAD, LIFTED)
    assert house.drive(number).name == "Awaiting platform"
    assert house.notices_at_platform() == 1


def test_a_letter_nobody_may_get_twice_waits_for_a_person_who_knows(house: Story) -> None:
    ours, theirs = house.to_review(), house.to_review()
    house.send_letters()
    for number in (ours, theirs):
        house.move(number, Action.DECLINE, REVIEWER)
    folder = backed_up(house).folder
    house.send_letters()
    copies = len(house.mail())
    house.later(hours=1)
    undone = bring_back(house, folder).undone
    declined = {number: house.letters(number, "decline")[0] for number in (ours, theirs)}
    assert set(undone.letters) == {row.id for row in declined.values()}
    sweep(house.runtime)
    unmute(house.runtime, HEAD, LIFTED)
    house.send_letters()
    assert len(house.mail()) == copies
    settle_letter(house.runtime, declined[ours].id, INTAKE, "arrived", "The mail server's log has it.")
    settle_letter(house.runtime, declined[theirs].id, INTAKE, "again", "The mail server's log lacks it.")
    house.send_letters()
    assert len(house.mail()) == copies + 1
    states = [house.letters(number, "decline")[0].state for number in (ours, theirs)]
    assert states == ["dropped", "sent"], "what went out from elsewhere has no message here to be kept as sent"
    for number in (ours, theirs):
        assert len(house.events(number, "case.answered")) == 1, "the duty that the letter does is done either way"
    house.assert_sound()


@pytest.mark.parametrize("promise", ["at_most_once", "at_least_once"])
def test_a_letter_on_its_way_at_the_backup_is_treated_as_after_its_senders_death(house: Story, promise: str) -> None:
    number = house.to_review() if promise == "at_most_once" else house.take_in()
    if promise == "at_most_once":
        house.send_letters()
        house.move(number, Action.DECLINE, REVIEWER)
    die_while(house.runtime, "before_text")
    letter = house.letters(number)[-1]
    assert letter.state == "sending"
    undone = bring_back(house, backed_up(house).folder).undone
    state = house.letters(number)[-1].state
    assert state == ("unknown" if promise == "at_most_once" else "queued")
    assert undone.letters == ((letter.id,) if promise == "at_most_once" else ())
    house.assert_sound()


def test_leases_of_processes_that_are_gone_are_cleared(house: Story) -> None:
    number = house.take_in()
    assert claim(house.runtime, None, "drive-cases:gone", 10) == [number]
    bring_back(house, backed_up(house).folder)
    assert (house.case(number).lease_owner, house.case(number).lease_until) == (None, None)
    assert claim(house.runtime, None, "test", 10) == [number]


def test_a_portal_notice_is_named_for_somebody_to_look_up(house: Story) -> None:
    number = house.at_portal()
    undone = bring_back(house, backed_up(house).folder).undone
    [notice] = house.submissions(number)
    assert (notice.state, undone.at_portal, undone.asked) == ("handed_over", (notice.number,), ())
    assert "may have gone out" in notice.last_error
    assert house.events(number, "submission.may_be_entered")


def test_case_numbers_that_may_have_been_given_are_not_given_again(house: Story) -> None:
    house.take_in()
    folder = backed_up(house).folder
    lost = {house.take_in() for _ in range(3)}
    house.later(hours=2)
    bring_back(house, folder)
    new = house.take_in()
    assert new not in lost
    assert int(new.rpartition("-")[2]) == 1 + 10_200 + 1
    house.later(hours=2)
    bring_back(house, folder, replace=2)
    assert house.take_in() not in {new, *lost}, "nor when the same backup is restored a second time"


def test_across_new_year_no_number_of_the_new_year_is_given_twice(house: Story) -> None:
    house.take_in()
    folder = backed_up(house).folder
    house.later(days=300)
    lost = house.take_in()
    assert lost.endswith("-2027-000001")
    bring_back(house, folder)
    assert house.take_in() != lost


def test_that_a_case_file_was_restored_is_on_its_record(house: Story) -> None:
    house.take_in()
    folder = backed_up(house).folder
    house.later(hours=3)
    bring_back(house, folder)
    [event] = [event for event in house.all(Event) if event.kind == "restored"]
    assert (event.actor_id, event.reason, event.at) == (HEAD, "The disk failed.", house.clock())
    assert event.data["backup"] == folder.name
    house.assert_sound()


def test_the_mute_is_lifted_only_after_the_first_sweep_and_the_drives(house: Story) -> None:
    number = house.take_in()
    bring_back(house, backed_up(house).folder)
    with pytest.raises(QorganError, match=r"sending\.first_sweep"):
        unmute(house.runtime, HEAD, LIFTED)
    sweep(house.runtime)
    assert guard_of(house.runtime) is None
    with pytest.raises(QorganError, match=r"1 case\(s\) stand.*sending\.drive_first"):
        unmute(house.runtime, HEAD, LIFTED)
    house.later(minutes=1)
    house.drive(number)
    with pytest.raises(NotAllowed):
        unmute(house.runtime, DUTY, LIFTED)
    unmute(house.runtime, HEAD, LIFTED)
    assert sending_state(house.runtime).on


def test_what_comes_in_after_the_restore_is_new_and_goes(house: Story) -> None:
    house.take_in()
    bring_back(house, backed_up(house).folder)
    sweep(house.runtime)
    _drive_all(house)
    child = house.take_in(**in_danger())
    house.later(minutes=1)
    _drive_all(house)
    unmute(house.runtime, HEAD, LIFTED)
    house.send_letters(urgent_only=True)
    assert house.letters(child, "police_referral")[0].state == "sent"


def test_a_case_file_with_cases_is_replaced_only_by_one_who_knows_how_many(house: Story) -> None:
    house.take_in()
    folder = backed_up(house).folder
    house.take_in()
    for said in (None, 1, 3):
        with pytest.raises(RestoreRefused, match=r"holds 2 case\(s\).*--replace 2"):
            bring_back(house, folder, replace=said)
    assert house.counts()["case_file"] == 2
    kept = bring_back(house, folder, replace=2).kept
    assert house.counts()["case_file"] == 1
    url = make_url(house.runtime.settings.database)
    address = url.set(database=kept).render_as_string(hide_password=False)
    before = opened_again(house, house.runtime.settings.model_copy(update={"database_url": address}))
    assert before.counts()["case_file"] == 2, "the one that was replaced is kept aside"
    before.close()


def test_nobody_is_restored_over_who_is_still_at_work(house: Story) -> None:
    house.take_in()
    folder = backed_up(house).folder
    told = order(house)
    with house.runtime.sessions.read() as session:
        assert session.get(CaseFile, 1) is not None
        with pytest.raises((RestoreRefused, PostgresRefused)):
            restore(house.runtime.settings, folder, told, house.clock, quiet)
    assert sending_state(house.runtime).on
    house.runtime.engine.dispose()
    _nothing_left_over(house)


def _nothing_left_over(house: Story) -> None:
    url = make_url(house.runtime.settings.database)
    if house.runtime.engine.dialect.name == "sqlite":
        assert not list(Path(str(url.database)).parent.glob(".qorgan.db*"))
    else:
        assert databases_like(url, f"{url.database}_") == []


def test_a_killed_restore_has_changed_nothing_and_the_next_one_succeeds(
    house: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.take_in()
    folder, told = backed_up(house).folder, order(house)
    house.runtime.engine.dispose()
    child = os.fork()
    if not child:
        monkeypatch.setattr(restoring, "come_up_muted", lambda *_: os.kill(os.getpid(), signal.SIGKILL))
        restore(house.runtime.settings, folder, told, house.clock, quiet)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    assert sending_state(house.runtime).on
    bring_back(house, folder)
    assert not sending_state(house.runtime).on
    if house.runtime.engine.dialect.name == "sqlite":
        house.runtime.engine.dispose()
        _nothing_left_over(house)


def test_a_backup_comes_back_in_an_empty_place(house: Story, tmp_path: Path) -> None:
    number = house.take_in()
    folder = backed_up(house).folder
    settings = house.runtime.settings
    if house.runtime.engine.dialect.name == "sqlite":
        (tmp_path / "new").mkdir()
        (tmp_path / "new" / "vault.key").write_bytes((settings.home / "vault.key").read_bytes())
        there = target_of(settings, str(tmp_path / "new"))
    else:
        url = make_url(settings.database)
        there = target_of(settings, url.set(database=f"{url.database}_new").render_as_string(hide_password=False))
    done = restore(there, folder, Order(HEAD, "A new machine."), house.clock, quiet)
    assert done.kept == ""
    fresh = opened_again(house, there)
    assert fresh.status(number) == "received"
    assert not sending_state(fresh.runtime).on
    assert sending_state(house.runtime).on, "the first goes on as it was"
    fresh.assert_sound()
    fresh.close()


@SQLITE_ONLY
def test_a_case_file_that_is_broken_is_replaced_and_kept(house: Story) -> None:
    house.take_in()
    folder = backed_up(house).folder
    house.runtime.engine.dispose()
    path = Path(str(make_url(house.runtime.settings.database).database))
    path.write_bytes(b"not a database" * 1_000)
    with pytest.raises(RestoreRefused, match=r"there is a case file already.*--replace 0"):
        restore(house.runtime.settings, folder, Order(HEAD, "The disk failed."), house.clock, quiet)
    done = restore(house.runtime.settings, folder, Order(HEAD, "The disk failed.", 0), house.clock, quiet)
    assert Path(done.kept).read_bytes().startswith(b"not a database")
    house.assert_sound()


@SQLITE_ONLY
def test_a_restore_takes_the_right_person_the_right_key_and_the_right_database(house: Story) -> None:
    house.take_in()
    folder, settings = backed_up(house).folder, house.runtime.settings
    with pytest.raises(NotAllowed):
        restore(settings, folder, Order(INTAKE, "The disk failed.", 1), house.clock, quiet)
    with pytest.raises(RestoreRefused, match=r"restore\.reason_missing"):
        restore(settings, folder, Order(HEAD, "", 1), house.clock, quiet)
    with pytest.raises(ConfigurationError, match=r"restore\.other_database"):
        restore(target_of(settings, "postgresql+psycopg:///x"), folder, Order(HEAD, "Moved."), house.clock, quiet)
    other = settings.model_copy(update={"home": settings.home / "another"})
    with pytest.raises(ConfigurationError, match=r"backup\.vault_key"):
        restore(other, folder, Order(HEAD, "The disk failed.", 1), house.clock, quiet)
    house.runtime.engine.dispose()
    restore(other, folder, Order(HEAD, "Key and disk are lost.", 1, key_lost=True), house.clock, quiet)
    assert house.counts()["case_file"] == 1


@SQLITE_ONLY
def test_a_backup_with_an_altered_log_is_not_restored(house: Story) -> None:
    house.take_in()
    folder = backed_up(house).folder
    tampered(folder, "DROP TRIGGER event_no_update", "UPDATE event SET reason = 'another' WHERE seq = 1")
    with pytest.raises(QorganError, match=r"audit\.broken"):
        bring_back(house, folder)
    assert sending_state(house.runtime).on
    house.runtime.engine.dispose()
    _nothing_left_over(house)


@SQLITE_ONLY
def test_a_restored_file_stands_alone_and_only_its_owner_can_read_it(house: Story) -> None:
    house.take_in()
    bring_back(house, backed_up(house).folder)
    path = Path(str(make_url(house.runtime.settings.database).database))
    house.runtime.engine.dispose()
    assert path.stat().st_mode & 0o777 == 0o600
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert len({row.id for row in house.all(Submission)}) == 0
