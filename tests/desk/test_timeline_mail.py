"""Events of correspondence are told as sentences, with numbers and roles and never a name or an address."""

from __future__ import annotations

import re

import pytest

from desk.timeline import sentence
from desk.timeline_mail import SENTENCES
from tasks.settings import ROOT

DATA = {
    "letter": 7, "kind": "liaison_escalation", "digest": 9, "by": "mail:3", "because": "quiet hours", "mail": 3,
    "to": "unit", "contact": "liaison:tiktok", "state": "full", "rung": 2, "matched_by": "reply_address",
    "attachments": 1, "outcomes": [[1, "removed_globally"]], "status": "5.1.1",
}  # fmt: skip


@pytest.mark.parametrize("kind", sorted(SENTENCES))
def test_an_event_is_a_sentence_also_when_it_says_little(kind: str) -> None:
    for data in (DATA, {}):
        said = sentence(kind, data, None, None)
        assert re.fullmatch(r"[A-Z].*\.", said), said
        assert "@" not in said
    assert sentence(kind, DATA, None, None) != sentence(kind, {}, None, None)


def test_every_event_that_has_a_sentence_is_written_somewhere() -> None:
    written = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "tasks").glob("*.py"))
    assert [kind for kind in SENTENCES if f'"{kind}"' not in written] == []


def test_what_matters_is_told() -> None:
    assert sentence("mail.answered", DATA, None, None) == (
        "Mail 3 is an answer to letter 7 by liaison:tiktok, found by reply address; 1 attachment(s) in quarantine."
    )
    assert sentence("address.failed", {**DATA, "state": "dead"}, None, None).endswith("the mailbox is gone.")
    assert "item 1 removed globally" in sentence("outcomes.suggested", DATA, None, None)
