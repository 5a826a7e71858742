"""The head of the log, signed once a day and kept by two officers: who rewrites the whole log is found out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from casework.errors import AuditBroken, ConfigurationError, PackError
from casework.event_chain import GENESIS
from casework.signed_head import SignedHead, StatementRefused, read_statement
from db.queries.events import _content
from db.tables import AuditHead, Event, Letter, SigningKey
from tasks.audit import verify_chain
from tasks.signed_heads import as_signed, check_statement, list_heads, sign_daily
from tasks.signing_key import find_key, key_of, make_key
from tests.stories import SQLITE_ONLY, Story, together
from tests.tasks.changed_packs import changed_pack

OFFICERS = ("audit@ministry.example", "security@ministry.example")


@pytest.fixture
def keyed(story: Story) -> Story:
    make_key(story.runtime.settings.signing_key)
    return story


def mailed(story: Story, officer: str) -> SignedHead:
    """The statement out of the last mail that an officer has."""
    return read_statement(story.mail(officer)[-1].path.read_bytes())


def rewrite(story: Story, change: Callable[[Event], None]) -> None:
    """What somebody with the database's keys can do: alter an event and compute the whole chain anew."""
    story.allow_changes("event")
    with story.runtime.sessions.write.begin() as session:
        previous = GENESIS
        for event in session.scalars(select(Event).order_by(Event.seq)):
            change(event)
            event.previous, event.hash = previous, _content(event).digest(previous)
            previous = event.hash
    story.execute("UPDATE chain_head SET hash = :hash", hash=previous)


def test_the_head_is_signed_once_a_day_and_each_officer_gets_it(keyed: Story) -> None:
    keyed.submitted()
    results = together(lambda: sign_daily(keyed.runtime), lambda: sign_daily(keyed.runtime))
    assert sorted(result.new for result in results) == [False, True]
    keyed.send_letters()
    for officer in OFFICERS:
        [kept] = keyed.mail(officer)
        assert mailed(keyed, officer) == results[0].head
        assert "KZ-2026" not in kept.message["Subject"]
    keyed.later(hours=1)
    assert not sign_daily(keyed.runtime).new
    keyed.later(days=1)
    second = sign_daily(keyed.runtime)
    assert second.head.statement.previous == results[0].head.statement.digest()
    keyed.assert_sound()


def test_what_an_officer_kept_agrees_with_the_log_that_went_on(keyed: Story) -> None:
    keyed.submitted()
    sign_daily(keyed.runtime)
    keyed.send_letters()
    keyed.later(days=3)
    keyed.submitted()
    agreed = check_statement(keyed.runtime, mailed(keyed, OFFICERS[0]))
    assert agreed.events > agreed.head.statement.seq


def test_a_log_that_was_rewritten_as_a_whole_verifies_and_is_found_out_by_the_kept_statement(keyed: Story) -> None:
    keyed.submitted()
    early = sign_daily(keyed.runtime).head
    keyed.later(days=1)
    number = keyed.submitted()
    keyed.later(days=1)
    sign_daily(keyed.runtime)
    keyed.send_letters()
    kept = mailed(keyed, OFFICERS[1])
    [approval] = keyed.events(number, "moved.approve")

    def change(event: Event) -> None:
        if event.seq == approval.seq:
            event.reason = "Another reason altogether."

    rewrite(keyed, change)
    assert verify_chain(keyed.runtime) > kept.statement.seq, "the chain alone shows nothing"
    with pytest.raises(AuditBroken, match=f"event {kept.statement.seq} is not the one") as broken:
        check_statement(keyed.runtime, kept)
    assert f"Up to event {early.statement.seq} it agrees" in broken.value.next_step
    check_statement(keyed.runtime, early)
    newest, oldest = list_heads(keyed.runtime, 10)
    assert (newest.wrong, oldest.wrong) == ("the log has another event there", "")


def test_a_log_whose_newest_events_were_cut_off_is_found_out(keyed: Story) -> None:
    keyed.submitted()
    kept = sign_daily(keyed.runtime).head
    keyed.allow_changes("event")
    cut = kept.statement.seq - 2
    keyed.execute("DELETE FROM event WHERE seq > :cut AND to_status IS NULL", cut=cut)
    keyed.execute("DELETE FROM event WHERE seq > :cut", cut=cut)
    keyed.execute("UPDATE chain_head SET seq = :cut, hash = (SELECT hash FROM event WHERE seq = :cut)", cut=cut)
    with pytest.raises(AuditBroken, match=r"the newest were removed|its log says"):
        check_statement(keyed.runtime, kept)


def test_a_broken_log_is_not_signed(keyed: Story) -> None:
    keyed.submitted()
    keyed.allow_changes("event")
    keyed.execute("UPDATE event SET reason = 'altered' WHERE seq = 3")
    with pytest.raises(AuditBroken):
        sign_daily(keyed.runtime)
    assert (keyed.all(AuditHead), keyed.all(Letter)[-1].kind != "audit_head") == ([], True)


def test_after_a_new_key_the_old_statements_still_verify(keyed: Story, tmp_path: Path) -> None:
    keyed.submitted()
    old = sign_daily(keyed.runtime).head
    keyed.later(days=1)
    make_key(tmp_path / "second.key")
    renewed = keyed.with_settings(signing_key_file=tmp_path / "second.key")
    new = sign_daily(renewed.runtime).head
    assert new.statement.key_id != old.statement.key_id
    assert new.statement.previous == old.statement.digest()
    for head in (old, new):
        check_statement(renewed.runtime, head)
    assert [row.wrong for row in list_heads(renewed.runtime, 10)] == ["", ""]
    assert len(keyed.all(SigningKey)) == 2
    renewed.close()


def test_what_was_signed_is_never_changed_or_removed(keyed: Story) -> None:
    keyed.submitted()
    sign_daily(keyed.runtime)
    for statement in (
        "UPDATE audit_head SET hash = root", "DELETE FROM audit_head",
        "UPDATE signing_key SET public_key = public_key", "DELETE FROM signing_key",
    ):  # fmt: skip
        with pytest.raises(DBAPIError, match="evidence is never changed"):
            keyed.execute(statement)


@SQLITE_ONLY
def test_a_statement_of_a_key_that_never_signed_here_is_refused(keyed: Story, tmp_path: Path) -> None:
    keyed.submitted()
    sign_daily(keyed.runtime)
    stranger = make_key(tmp_path / "stranger.key")
    head = keyed.all(AuditHead)[0]
    statement = read_back(keyed, head)
    forged = type(statement.statement)(
        **{name: getattr(statement.statement, name) for name in ("authority", "seq", "hash", "root", "at", "previous")},
        key_id=stranger.key_id,
    )
    with pytest.raises(StatementRefused, match="never signed here"):
        check_statement(keyed.runtime, SignedHead(forged, stranger.sign(forged.canonical()), stranger.public_key))


def read_back(story: Story, head: AuditHead) -> SignedHead:
    with story.runtime.sessions.read() as session:
        return as_signed(session, head)


@SQLITE_ONLY
def test_where_the_pack_names_no_officers_the_head_is_signed_and_kept(keyed: Story, tmp_path: Path) -> None:
    def nobody(liaisons: Any) -> None:
        del liaisons["audit_officers"]

    alone = keyed.with_settings(pack=changed_pack(tmp_path, "2026-12", liaisons=nobody))
    alone.take_in()
    signed = sign_daily(alone.runtime)
    assert (signed.new, signed.letters) == (True, 0)
    assert [row.wrong for row in list_heads(alone.runtime, 10)] == [""]
    alone.close()


@SQLITE_ONLY
def test_one_officer_alone_is_no_two(keyed: Story, tmp_path: Path) -> None:
    def one(liaisons: Any) -> None:
        del liaisons["audit_officers"][1]

    with pytest.raises(PackError, match="two people with two addresses"):
        keyed.with_settings(pack=changed_pack(tmp_path, "2026-12", liaisons=one))


@SQLITE_ONLY
def test_without_a_key_nothing_is_signed_and_the_next_step_is_said(story: Story) -> None:
    with pytest.raises(ConfigurationError, match="qorgan audit key new"):
        sign_daily(story.runtime)
    assert story.all(AuditHead) == []


@SQLITE_ONLY
def test_a_key_is_made_once_readable_for_its_owner_only_and_never_shown(story: Story, tmp_path: Path) -> None:
    path = tmp_path / "keys" / "signing.key"
    made = make_key(path)
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(ConfigurationError, match="never written over"):
        make_key(path)
    settings = story.runtime.settings.model_copy(update={"signing_key_file": path})
    assert key_of(settings).public_key == made.public_key
    secret = made._private.private_bytes_raw().hex()
    assert secret not in repr(made)


@SQLITE_ONLY
@pytest.mark.parametrize("content", [b"", b"no key", None])
def test_a_key_file_that_cannot_be_used_stops_the_signing_in_a_sentence(
    story: Story, tmp_path: Path, content: bytes | None
) -> None:
    path = tmp_path / "wrong.key"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigurationError, match="the file of the signing key"):
        find_key(story.runtime.settings.model_copy(update={"signing_key_file": path}))
