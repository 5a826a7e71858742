"""A statement survives the mail and no change; a tree proves one event and tells nothing of the others."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from email.message import EmailMessage
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from casework.errors import AuditBroken
from casework.event_chain import GENESIS
from casework.signed_head import (
    BEGIN,
    END,
    HeadStatement,
    SignedHead,
    StatementRefused,
    compare,
    key_id_of,
    read_statement,
    tree_over,
)

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = KEY.public_key().public_bytes_raw()
STATEMENT = HeadStatement(
    authority="kz-ministry", seq=7, hash="ab" * 32, root="cd" * 32, at=datetime(2026, 3, 18, 4, 0, tzinfo=UTC),
    previous=GENESIS, key_id=key_id_of(PUBLIC),
)  # fmt: skip
SIGNED = SignedHead(STATEMENT, KEY.sign(STATEMENT.canonical()), PUBLIC)
TEXT = "\n".join(SIGNED.armoured())


def test_a_statement_is_read_back_from_its_lines_and_from_json() -> None:
    assert read_statement(TEXT.encode()) == SIGNED
    assert read_statement(json.dumps(SIGNED.as_dict()).encode()) == SIGNED
    assert max(len(line) for line in SIGNED.armoured()) <= 64


@pytest.mark.parametrize("way", ["quoted-printable", "base64", "8bit"])
def test_a_statement_is_read_out_of_a_saved_mail_however_it_was_encoded(way: str) -> None:
    mail = EmailMessage()
    mail["Subject"] = "Подписанная вершина"
    mail.set_content(f"Сохраните письмо.\n\n{TEXT}\n", cte=way)
    mail.add_alternative(f"<pre>{TEXT}</pre>", subtype="html")
    assert read_statement(mail.as_bytes()) == SIGNED


def test_a_statement_that_was_quoted_and_wrapped_by_a_mail_program_is_read() -> None:
    quoted = "\r\n".join(f"> {line[:40]}\r\n> {line[40:]}" if line not in (BEGIN, END) else f"> {line}"
                         for line in SIGNED.armoured())  # fmt: skip
    assert read_statement(f"He wrote:\r\n{quoted}\r\nWhat is this?".encode()) == SIGNED


def test_the_same_moment_in_another_zone_is_the_same_statement() -> None:
    there = replace(STATEMENT, at=STATEMENT.at.astimezone(timezone(timedelta(hours=5))))
    assert there.canonical() == STATEMENT.canonical()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("authority", "eu-flagger"), ("seq", 8), ("hash", "ac" * 32), ("root", "ce" * 32),
        ("at", "2026-03-18T04:00:00.000001+00:00"), ("previous", "11" * 32), ("kind", "qorgan.audit_head/2"),
    ],
)  # fmt: skip
def test_a_statement_with_one_word_changed_is_refused(field: str, value: object) -> None:
    said = SIGNED.as_dict()
    said["statement"][field] = value
    with pytest.raises(StatementRefused):
        read_statement(json.dumps(said).encode())


def test_a_statement_under_somebody_elses_key_is_refused() -> None:
    other = Ed25519PrivateKey.from_private_bytes(bytes(32))
    said = SIGNED.as_dict()
    said["signature"] = other.sign(STATEMENT.canonical()).hex()
    with pytest.raises(StatementRefused, match="somebody else wrote it"):
        read_statement(json.dumps(said).encode())
    said["public_key"] = other.public_key().public_bytes_raw().hex()
    with pytest.raises(StatementRefused, match="another key"):
        read_statement(json.dumps(said).encode())


@pytest.mark.parametrize(
    "data",
    [b"", b"{}", b"[", b"{" * 100_000, f"{BEGIN}\n!\n{END}".encode(), b"\xff\x00", BEGIN.encode(), b'{"statement": 5}'],
)
def test_what_is_no_statement_is_refused_in_a_sentence(data: bytes) -> None:
    with pytest.raises(StatementRefused):
        read_statement(data)


# The tree


def hashes(count: int) -> list[str]:
    return [sha256(str(number).encode()).hexdigest() for number in range(count)]


def by_the_book(leaves: list[bytes]) -> bytes:
    """The definition of RFC 6962, 2.1, written down as it stands there."""
    if len(leaves) == 1:
        return sha256(b"\x00" + leaves[0]).digest()
    half = 1
    while half * 2 < len(leaves):
        half *= 2
    return sha256(b"\x01" + by_the_book(leaves[:half]) + by_the_book(leaves[half:])).digest()


@pytest.mark.parametrize("count", [*range(1, 34), 100, 255, 256, 257])
def test_the_root_is_that_of_the_definition(count: int) -> None:
    assert tree_over(hashes(count)).root == by_the_book([bytes.fromhex(one) for one in hashes(count)]).hex()


def test_no_event_has_the_root_of_nothing() -> None:
    assert tree_over([]).root == GENESIS


@given(st.integers(1, 60), st.data())
def test_a_path_is_as_long_as_it_must_be_and_no_longer(count: int, data: st.DataObject) -> None:
    wanted = data.draw(st.lists(st.integers(1, count), unique=True))
    tree = tree_over(hashes(count), wanted)
    assert set(tree.paths) == set(wanted)
    assert all(len(path) <= (count - 1).bit_length() for path in tree.paths.values())


# Against the log


def test_a_log_that_still_has_the_event_agrees() -> None:
    assert compare(STATEMENT, (9, "ef" * 32), STATEMENT.hash, STATEMENT.root) is None


@pytest.mark.parametrize(
    ("found", "root", "said"),
    [
        (None, GENESIS, "the newest were removed"),
        ("ee" * 32, "cd" * 32, "event 7"),
        ("ab" * 32, "ee" * 32, "rewritten"),
    ],
)
def test_a_log_that_lost_or_changed_it_is_named_with_the_position(found: str | None, root: str, said: str) -> None:
    with pytest.raises(AuditBroken, match=said):
        compare(STATEMENT, (5, "ef" * 32), found, root)
