"""The desk makes a key without showing it, signs, lists, and checks a kept letter against the log."""

from __future__ import annotations

import json
from pathlib import Path

from tests.desk.conftest import AtTheDesk


def signed(desk: AtTheDesk) -> Path:
    """A letter as an audit officer saved it."""
    desk.says("audit", "key", "new")
    desk.story.submitted()
    assert desk.tells("audit", "sign")["letters"] == 2
    desk.says("letters", "send")
    return desk.story.mail("audit@ministry.example")[-1].path


def test_a_new_key_is_told_by_its_public_part_only(desk: AtTheDesk) -> None:
    made = desk.tells("audit", "key", "new")
    path = Path(made["file"])
    assert path.stat().st_mode & 0o777 == 0o600
    assert desk.tells("audit", "key", "show") == made
    shown = desk.says("audit", "key", "show")
    assert made["public_key"] in shown
    for line in path.read_text().splitlines():
        assert line not in shown
    assert "[signing.key_exists]" in desk.refuses("audit", "key", "new")


def test_without_a_key_the_desk_says_how_to_make_one(desk: AtTheDesk) -> None:
    assert "[signing.no_key] Run 'qorgan audit key new'" in desk.refuses("audit", "sign")
    assert "qorgan audit key new" in desk.says("audit", "heads")


def test_a_kept_letter_agrees_with_the_log(desk: AtTheDesk) -> None:
    kept = signed(desk)
    assert "The log agrees" in desk.says("audit", "check-head", kept)
    told = desk.tells("audit", "check-head", kept)
    assert told["agrees"]
    by_hand = json.dumps({key: told[key] for key in ("statement", "signature", "public_key")})
    assert desk.tells("audit", "check-head", "--statement", by_hand) == told
    [row] = desk.tells("audit", "heads")
    assert (row["agrees"], row["hash"]) == (True, told["statement"]["hash"])
    assert "agrees" in desk.says("audit", "heads")


def test_a_log_that_was_changed_afterwards_does_not_agree_and_every_command_says_so(desk: AtTheDesk) -> None:
    kept = signed(desk)
    desk.story.allow_changes("event")
    desk.story.execute("UPDATE event SET hash = previous WHERE seq = (SELECT seq FROM audit_head)")
    assert "[audit." in desk.refuses("audit", "check-head", kept)
    assert desk.run("audit", "heads").exit_code == 1


def test_what_is_no_statement_is_refused(desk: AtTheDesk, tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("Nothing here.")
    assert "[audit.statement_missing]" in desk.refuses("audit", "check-head", tmp_path / "letter.txt")
    assert desk.run("audit", "check-head").exit_code == 2
