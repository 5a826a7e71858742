"""A letter proves its sender by its signature, and only who holds the certificate's key can read an encrypted one."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import dkim
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization.pkcs7 import pkcs7_decrypt_der
from cryptography.x509.oid import NameOID
from pydantic import ValidationError

from casework.errors import ConfigurationError
from casework.policy_people import Contact
from db.tables import Letter
from desk.seen_outside import delivered_bytes
from tasks.correspondence import settle_letter
from tasks.mail_protection import CertificateUnusable, encrypt, signer
from tests.stories import INTAKE, SQLITE_ONLY, START, Story, in_danger

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PEM, PLAIN = serialization.Encoding.PEM, serialization.NoEncryption()
PLAINLY = b"Subject: A letter\r\nTo: Person <p@mail.example>\r\nContent-Type: text/plain\r\n\r\nHello.\r\n"


def certificate(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey = KEY, days: int = 30) -> str:
    """A certificate of the key, in force from a month before the tests' time for so many days from it."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "practice recipient")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(4711)
        .not_valid_before(START - timedelta(days=30))
        .not_valid_after(START + timedelta(days=days))
        .sign(key, hashes.SHA256())
    )
    return made.public_bytes(PEM).decode()


@pytest.fixture
def dkim_key(tmp_path: Path) -> Path:
    file = tmp_path / "dkim.pem"
    file.write_bytes(KEY.private_bytes(PEM, serialization.PrivateFormat.TraditionalOpenSSL, PLAIN))
    return file


def _record(name: bytes, timeout: int = 5) -> bytes | None:
    """What the domain publishes."""
    public = KEY.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return b"v=DKIM1; k=rsa; p=" + b64encode(public) if name == b"letters._domainkey.ministry.example." else None


def _genuine(message: bytes) -> bool:
    return bool(dkim.verify(message, dnsfunc=_record))


@SQLITE_ONLY
def test_every_letter_is_signed_and_the_signature_covers_what_was_stored_and_sent(story: Story, dkim_key: Path) -> None:
    signing = story.with_settings(dkim_selector="letters", dkim_key_file=dkim_key)
    signing.take_in()
    assert signing.send_letters().sent == 1
    [kept] = story.mail()
    sent = delivered_bytes(kept)
    assert _genuine(sent)
    assert "d=ministry.example" in str(kept.message["DKIM-Signature"])
    assert not _genuine(sent.replace(b"Subject: ", b"Subject: Not ", 1)), "a changed subject shows"
    assert not _genuine(sent[:-40] + b"x" + sent[-39:]), "a changed text shows"
    story.assert_sound()
    signing.close()


@SQLITE_ONLY
@pytest.mark.parametrize("broken", ["no selector", "no key", "not there", "no PEM"])
def test_without_its_key_nothing_goes_out_unsigned(story: Story, dkim_key: Path, tmp_path: Path, broken: str) -> None:
    (tmp_path / "words.pem").write_text("a key")
    selector = None if broken == "no selector" else "letters"
    file = {"no key": None, "not there": tmp_path / "gone.pem", "no PEM": tmp_path / "words.pem"}.get(broken, dkim_key)
    signing = story.with_settings(dkim_selector=selector, dkim_key_file=file)
    number = signing.take_in()
    before = story.counts()
    result = signing.send_letters()
    assert "QORGAN_DKIM" in result.stopped
    assert (story.letters(number)[0].state, story.mail(), story.counts()) == ("queued", [], before)
    signing.close()


@SQLITE_ONLY
def test_no_setting_means_no_signature(story: Story) -> None:
    assert signer(story.runtime.settings, "ministry.example") is None


# Encryption


def _opened(message: bytes) -> EmailMessage:
    outer = message_from_bytes(message, policy=policy.default)
    content = outer.get_payload(decode=True)
    assert isinstance(content, bytes)
    read = x509.load_pem_x509_certificate(certificate().encode())
    inner = message_from_bytes(pkcs7_decrypt_der(content, read, KEY, []), policy=policy.default)
    assert isinstance(inner, EmailMessage)
    return inner


def _with_certificate(story: Story, pem: str) -> Story:
    """The police want their letters encrypted."""
    pack = story.runtime.pack
    police = pack.liaisons.police.model_copy(update={"certificate": pem})
    changed = pack.model_copy(update={"liaisons": pack.liaisons.model_copy(update={"police": police})})
    return replace(story, runtime=replace(story.runtime, pack=changed))


@SQLITE_ONLY
def test_a_letter_to_a_contact_with_a_certificate_can_be_read_by_nobody_else(story: Story, dkim_key: Path) -> None:
    signing = story.with_settings(dkim_selector="letters", dkim_key_file=dkim_key)
    other = _with_certificate(signing, certificate())
    [case] = other.hand_in(in_danger(reporter={}))
    other.send_letters()
    [kept] = story.mail("duty@police.example")
    message, sent = kept.message, delivered_bytes(kept)
    assert message.get_content_type() == "application/pkcs7-mime"
    assert message["Content-Type"].params["smime-type"] == "enveloped-data"
    inner = _opened(sent)
    body = inner.get_body(("plain",))
    assert body is not None
    assert str(case.case_number) in body.get_content()
    [row] = [row for row in story.all(Letter) if row.recipient == "police"]
    assert str(inner["Subject"]) != message["Subject"] == f"{case.case_number}/L{row.id}"
    assert message["To"] == "duty@police.example", "not even the recipient's name shows"
    clear = sent.partition(b"\r\n\r\n")[0] + kept.message.as_bytes()
    assert b"text/plain" not in clear and b"text/html" not in clear
    assert (message["Message-ID"], message["Auto-Submitted"]) == (row.message_id, "auto-generated")
    assert _genuine(sent), "encrypted first, signed then"
    signing.close()


@SQLITE_ONLY
@pytest.mark.parametrize(
    ("pem", "because"),
    [
        (certificate(days=-1), "not in force"),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "cannot be read"),
        (certificate(ec.generate_private_key(ec.SECP256R1())), "cannot encrypt"),
    ],
    ids=["over", "broken", "of a kind that cannot encrypt"],
)
def test_with_an_unusable_certificate_nothing_is_sent_in_clear(story: Story, pem: str, because: str) -> None:
    other = _with_certificate(story, pem)
    [case] = other.hand_in(in_danger(reporter={}))
    result = other.send_letters()
    assert story.mail("duty@police.example") == []
    [row] = [row for row in story.letters(str(case.case_number)) if row.recipient == "police"]
    assert (row.state, row.message_sha256) == ("refused", None)
    assert because in row.reason
    assert row.id in result.look_at
    assert len(story.mail()) == 1, "the other letter went"
    settle_letter(story.runtime, row.id, INTAKE, "again", "The pack has no certificate now.")
    story.send_letters()
    assert len(story.mail("duty@police.example")) == 1


def test_what_is_encrypted_is_whole_and_names_no_algorithm_of_yesterday() -> None:
    made = encrypt(PLAINLY, "p@mail.example", certificate(), "number", START)
    assert made.count(b"\n") == made.count(b"\r\n")
    assert max(map(len, made.split(b"\r\n"))) <= 998
    inner = _opened(made)
    assert (inner["Subject"], inner.get_content().strip()) == ("A letter", "Hello.")
    content = message_from_bytes(made).get_payload(decode=True)
    assert isinstance(content, bytes)
    aes_256_cbc = bytes.fromhex("60864801650304012a")
    assert aes_256_cbc in content
    with pytest.raises(CertificateUnusable):
        encrypt(PLAINLY, "p@mail.example", certificate(), "number", datetime(2031, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    ("pem", "says"),
    [
        ("no certificate", "no certificate in PEM"),
        (certificate(ec.generate_private_key(ec.SECP256R1())), "RSA key"),
    ],
)
def test_a_pack_with_an_unusable_certificate_is_refused_when_it_is_read(pem: str, says: str) -> None:
    assert _contact(certificate()).certificate is not None
    with pytest.raises(ValidationError, match=says):
        _contact(pem)


def _contact(pem: str) -> Contact:
    return Contact.model_validate(
        {"name": {"en": "Police"}, "email": "duty@police.example", "language": "en", "certificate": pem}
    )


@SQLITE_ONLY
def test_a_key_that_is_none_is_an_error_that_names_the_setting(story: Story, tmp_path: Path) -> None:
    settings = story.runtime.settings.model_copy(update={"dkim_selector": "letters", "dkim_key_file": tmp_path})
    with pytest.raises(ConfigurationError, match="QORGAN_DKIM_KEY_FILE"):
        signer(settings, "ministry.example")
