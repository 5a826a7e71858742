"""The key that signs heads of the event log and exports of cases: Ed25519, in a file apart from the database."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from casework.errors import ConfigurationError
from casework.signed_head import key_id_of
from tasks.settings import Settings


@dataclass(frozen=True, slots=True, repr=False)
class SigningKey:
    """Signs bytes. The private part is never shown, not even by repr."""

    _private: Ed25519PrivateKey

    @property
    def public_key(self) -> bytes:
        """32 bytes."""
        return self._private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    @property
    def key_id(self) -> str:
        return key_id_of(self.public_key)

    def sign(self, data: bytes) -> bytes:
        """64 bytes."""
        return self._private.sign(data)


def make_key(path: Path) -> SigningKey:
    """A new key in a new file (PEM, mode 0600). Raises ConfigurationError where there is a file already."""
    private = Ed25519PrivateKey.generate()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise ConfigurationError(
            f"there is a file '{path.name}' already, and a key is never written over",
            rule="signing.key_exists",
            next_step="Give another file with --to; keep the old one until nothing is signed with it any more.",
        ) from None
    except OSError as error:
        raise ConfigurationError(
            f"the key cannot be written: {error.strerror}", rule="signing.key_not_written"
        ) from None
    with os.fdopen(handle, "wb") as file:
        file.write(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return SigningKey(private)


def find_key(settings: Settings) -> SigningKey | None:
    """The key of the settings; None where there is no file. Raises ConfigurationError for one that cannot be used."""
    path = settings.signing_key
    try:
        pem = path.read_bytes()
    except FileNotFoundError:
        if settings.signing_key_file is None:
            return None
        raise _unusable("is not there") from None
    except OSError:
        raise _unusable("cannot be read") from None
    try:
        private = load_pem_private_key(pem, None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise _unusable("holds no private key without a password") from None
    if not isinstance(private, Ed25519PrivateKey):
        raise _unusable("holds a key of another kind: Ed25519 is needed")
    return SigningKey(private)


def key_of(settings: Settings) -> SigningKey:
    """The key of the settings. Raises ConfigurationError where there is none."""
    found = find_key(settings)
    if found is None:
        raise ConfigurationError(
            "there is no key to sign with",
            rule="signing.no_key",
            next_step="Run 'qorgan audit key new', and note its public key down outside this machine.",
        )
    return found


def _unusable(why: str) -> ConfigurationError:
    return ConfigurationError(
        f"the file of the signing key {why}",
        rule="signing.bad_key",
        next_step="Set QORGAN_SIGNING_KEY_FILE, or restore the file.",
    )
