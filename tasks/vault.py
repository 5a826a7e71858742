"""Sealing of what names people: raw reports, parties, letters as sent. AES-256-GCM, key apart from the database."""

from __future__ import annotations

import hashlib
import hmac
import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from casework.errors import ConfigurationError, QorganError

_NONCE = 12


class Vault:
    """Seals and opens bytes. ``purpose`` binds a sealed thing to its table, so that it opens nowhere else."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._cipher = AESGCM(key)

    def key_for(self, purpose: str) -> bytes:
        """A key of its own for one purpose, such as signing links; the vault's key cannot be told from it."""
        return HKDF(hashes.SHA256(), length=32, salt=None, info=purpose.encode()).derive(self._key)

    def fingerprint(self, text: str) -> str:
        """A keyed hash (64 hex digits): equal texts are recognised, and nobody without the key can try texts."""
        return hmac.new(self.key_for("fingerprint"), text.encode(), hashlib.sha256).hexdigest()

    def seal(self, plain: bytes, purpose: str) -> bytes:
        nonce = os.urandom(_NONCE)
        return nonce + self._cipher.encrypt(nonce, plain, purpose.encode())

    def open(self, sealed: bytes, purpose: str) -> bytes:
        """The plain bytes. Raises ConfigurationError when the key is another one or the bytes were altered.

        Nothing is what an erasure leaves: QorganError says so.
        """
        if not sealed:
            raise QorganError(
                "this record was erased",
                rule="retention.erased",
                next_step="'qorgan retention show' with the case's number says when, and under which rule.",
            )
        try:
            return self._cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], purpose.encode())
        except (InvalidTag, ValueError):
            raise ConfigurationError(
                "a sealed record does not open: the vault key is another one, or the record was altered",
                rule="vault.does_not_open",
                next_step="Check QORGAN_VAULT_KEY, or the file vault.key beside the database.",
            ) from None


def vault_from(key: str | None, key_file: Path) -> Vault:
    """The vault of a key in base64, or of the key file, which is made on first use (mode 0600).

    Raises ConfigurationError for a key that is not 32 bytes.
    """
    if key is None:
        if not key_file.exists():
            key_file.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(key_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "wb") as file:
                file.write(urlsafe_b64encode(AESGCM.generate_key(256)))
        key = key_file.read_text().strip()
    try:
        raw = urlsafe_b64decode(key)
    except ValueError:
        raw = b""
    if len(raw) != 32:
        raise ConfigurationError(
            "the vault key must be 32 bytes in URL-safe base64",
            rule="vault.bad_key",
            next_step="Set QORGAN_VAULT_KEY, or restore the file vault.key.",
        )
    return Vault(raw)
