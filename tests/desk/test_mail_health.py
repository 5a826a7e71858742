"""Doctor on mail: what is not protected, not signed, not read, not arriving, and held back is said with a remedy."""

from __future__ import annotations

from pathlib import Path

import pytest

from casework.vocabulary import MailState
from db.tables import AddressHealth, InboundMail, Letter
from desk.findings import Finding, Verdict
from desk.mail_health import mail_at_rest, mail_settings
from tasks.record import transaction
from tasks.settings import Settings
from tests.stories import Story


def _found(settings: Settings) -> dict[str, Finding]:
    return {finding.check: finding for finding in mail_settings(settings)}


@pytest.mark.parametrize("name", ["smtp_security", "imap_security"])
def test_in_production_an_unprotected_connection_is_a_fault_and_in_practice_it_is_not(name: str) -> None:
    found = _found(Settings(environment="production", **{name: "none"}))
    assert found["mail protection"].verdict is Verdict.FAILED
    assert f"QORGAN_{name.upper()}" in found["mail protection"].said
    assert "mail protection" not in _found(Settings(environment="practice", **{name: "none"}))
    assert "mail protection" not in _found(Settings(environment="production"))


def test_a_signature_that_is_half_set_up_is_a_fault_everywhere(tmp_path: Path) -> None:
    key = tmp_path / "dkim.pem"
    for settings in (
        Settings(dkim_selector="s1"),
        Settings(dkim_key_file=key),
        Settings(dkim_selector="s1", dkim_key_file=key),
    ):
        assert _found(settings)["signature"].verdict is Verdict.FAILED
    key.write_text("a key")
    assert _found(Settings(dkim_selector="s1", dkim_key_file=key))["signature"].verdict is Verdict.OK
    assert _found(Settings(environment="production"))["signature"].verdict is Verdict.WARNING


def test_in_production_a_missing_mailbox_and_a_missing_page_are_said(tmp_path: Path) -> None:
    found = _found(Settings(environment="production"))
    assert "QORGAN_IMAP_HOST" in found["mailbox"].remedy
    assert "acknowledge-page" in found["acknowledgement"].remedy
    set_up = Settings(environment="production", imap_host="mail.example", acknowledge_url="https://a.example")
    assert not {"mailbox", "acknowledgement"} & set(_found(set_up))


def test_mails_nobody_read_are_a_fault_and_held_ones_a_warning(story: Story) -> None:
    def found() -> Finding:
        with story.runtime.sessions.read() as session:
            return next(finding for finding in mail_at_rest(session) if finding.check == "mails")

    assert found().verdict is Verdict.OK
    for state, verdict in ((MailState.HELD, Verdict.WARNING), (MailState.STORED, Verdict.FAILED)):
        with transaction(story.runtime) as session:
            session.add(
                InboundMail(
                    mailbox="folder", message_key=state.value, raw_sealed=b"x", raw_sha256="0" * 64, raw_bytes=1,
                    stored_at=story.clock(), state=state,
                )
            )  # fmt: skip
        assert found().verdict is verdict
        assert found().said.startswith("1 mail(s)")


def test_addresses_that_fail_and_letters_held_back_are_counted_by_cause(story: Story) -> None:
    number = story.take_in()
    with transaction(story.runtime) as session:
        session.add(AddressHealth(address_hash="0" * 64, contact="party:1", state="dead", since=story.clock()))
        for row in session.query(Letter).all():
            row.held_because = "quiet hours"
    assert story.letters(number)
    with story.runtime.sessions.read() as session:
        found = {finding.check: finding.said for finding in mail_at_rest(session)}
    assert found["addresses"].startswith("At 1 address(es)")
    assert found["letters held"].endswith(f"{len(story.letters(number))} quiet hours.")
