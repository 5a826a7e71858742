"""What protects a letter beside the connection: a signature that proves its sender, and encryption to one recipient.

Signing is DKIM (RFC 6376), encryption is S/MIME (RFC 8551). Both work on the finished message, so that what is
signed is what is stored and sent.
"""

from __future__ import annotations

import re
from base64 import encodebytes
from collections.abc import Callable
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.hazmat.primitives.serialization.pkcs7 import PKCS7EnvelopeBuilder, PKCS7Options

from casework.errors import ConfigurationError, QorganError
from tasks.composer import dkim_signer
from tasks.settings import Settings

Sign = Callable[[bytes], bytes]


class CertificateUnusable(QorganError):
    """A letter that should be encrypted cannot be; it is not sent at all, least of all in clear."""

    rule = "letter.certificate"


def signer(settings: Settings, domain: str) -> Sign | None:
    """What signs letters of ``domain``; None where no key is set.

    Raises ConfigurationError for a key that cannot be read, and where only one of selector and key is set.
    """
    selector, file = settings.dkim_selector, settings.dkim_key_file
    if selector is None and file is None:
        return None
    if selector is None or file is None:
        raise ConfigurationError(
            "letters cannot be signed: selector and key go together; nothing was sent",
            rule="mail.signature",
            next_step="Set both QORGAN_DKIM_SELECTOR and QORGAN_DKIM_KEY_FILE, or neither.",
        )
    try:
        return dkim_signer(selector, domain, file.read_bytes())
    except (OSError, ValueError) as error:
        raise ConfigurationError(
            f"letters cannot be signed: the key cannot be read ({type(error).__name__}); nothing was sent",
            rule="mail.signature",
            next_step="Mend QORGAN_DKIM_KEY_FILE: a private key in PEM.",
        ) from error


_FIELD_ENDS = re.compile(rb"\r\n(?![ \t])")
_INSIDE = (b"content-", b"subject:")
"""Header fields that go into the encrypted part, with all the text."""
_LEFT_OUT = (b"to:", b"mime-version:")
"""Header fields that are written anew: the recipient's name stays inside."""


def encrypt(message: bytes, recipient: str, certificate: str, subject: str, at: datetime) -> bytes:
    """The message (CRLF line ends) so that only the certificate's holder can read it; AES-256.

    ``subject`` is what everybody on the way may read in place of the real one, which goes inside. ``recipient`` is
    the bare address. Raises CertificateUnusable where the certificate is broken, over, or of a kind that cannot
    encrypt.
    """
    key = _usable(certificate, at)
    head, _, body = message.partition(b"\r\n\r\n")
    fields = _FIELD_ENDS.split(head)
    inside = [field for field in fields if field.lower().startswith(_INSIDE)]
    outside = [field for field in fields if not field.lower().startswith((*_INSIDE, *_LEFT_OUT))]
    try:
        sealed = (
            PKCS7EnvelopeBuilder()
            .set_data(b"\r\n".join([*inside, b"", body]))
            .add_recipient(key)
            .set_content_encryption_algorithm(AES256)
            .encrypt(Encoding.DER, [PKCS7Options.Binary])
        )
    except (TypeError, ValueError) as error:
        raise CertificateUnusable(
            f"the recipient's certificate cannot encrypt: {type(error).__name__}", next_step=_MEND
        ) from error
    written = [
        b"To: " + recipient.encode(),
        b"Subject: " + subject.encode(),
        b"MIME-Version: 1.0",
        b'Content-Type: application/pkcs7-mime; smime-type=enveloped-data; name="smime.p7m"',
        b"Content-Transfer-Encoding: base64",
        b'Content-Disposition: attachment; filename="smime.p7m"',
    ]
    return b"\r\n".join([*outside, *written, b"", encodebytes(sealed).replace(b"\n", b"\r\n")])


_MEND = "Give the contact a certificate in force in the policy pack, or none, and settle the letter to send it again."


def _usable(certificate: str, at: datetime) -> x509.Certificate:
    try:
        read = x509.load_pem_x509_certificate(certificate.encode())
    except ValueError as error:
        raise CertificateUnusable("the recipient's certificate cannot be read", next_step=_MEND) from error
    if not read.not_valid_before_utc <= at <= read.not_valid_after_utc:
        raise CertificateUnusable("the recipient's certificate is not in force", next_step=_MEND)
    return read
