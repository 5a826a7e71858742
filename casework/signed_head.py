"""The signed head of the event log: what the log was at one moment, in a form that a stranger can check.

A statement names the newest event and its hash, and the root of a tree over the hashes of all events up to it
(RFC 6962, 2.1: SHA-256, 0x00 before a leaf, 0x01 before a node). The head shows that nothing before it changed.
The root shows that one event was among them and tells nothing about the others: an event's hash covers its content,
so a span of the chain could only be checked by somebody who reads every case in it.

Signed are the bytes of :meth:`HeadStatement.canonical`, with Ed25519 (RFC 8032).
"""

from __future__ import annotations

import email
import json
import re
from base64 import b64decode, b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email import policy
from hashlib import sha256
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from casework.errors import AuditBroken, QorganError
from casework.event_chain import GENESIS

KIND = "qorgan.audit_head/1"
"""What is signed, and in which form: a signature under anything else can never pass for one of these."""

BEGIN, END = "-----BEGIN QORGAN AUDIT HEAD-----", "-----END QORGAN AUDIT HEAD-----"
LONGEST = 20_000_000
"""Bytes of a mail that is read for a statement."""

_LINE = 64
_HEX = re.compile(r"[0-9a-f]{64}")


class StatementRefused(QorganError):
    """This is no statement of ours, or not as it was signed."""

    rule = "audit.statement"


@dataclass(frozen=True, slots=True)
class HeadStatement:
    """The log as it was at ``at``: ``seq`` events, the last of which has ``hash``.

    ``previous`` is the SHA-256 of the statement signed before this one, so that none can be left out.
    """

    authority: str
    seq: int
    hash: str
    root: str
    at: datetime
    previous: str
    key_id: str

    def canonical(self) -> bytes:
        """The bytes that are signed: JSON with sorted keys and no spaces."""
        said = {
            "kind": KIND,
            "authority": self.authority,
            "seq": self.seq,
            "hash": self.hash,
            "root": self.root,
            "at": self.at.astimezone(UTC).isoformat(timespec="microseconds"),
            "previous": self.previous,
            "key_id": self.key_id,
        }
        return json.dumps(said, sort_keys=True, separators=(",", ":")).encode()

    def digest(self) -> str:
        """SHA-256 of the statement: what the next one names as its ``previous``."""
        return sha256(self.canonical()).hexdigest()


@dataclass(frozen=True, slots=True)
class SignedHead:
    """A statement with its signature and the public key that it is checked with, both as raw bytes."""

    statement: HeadStatement
    signature: bytes
    public_key: bytes

    def check_signature(self) -> None:
        """Raises StatementRefused for a key that is not the one named, or a signature that is not of these bytes."""
        if key_id_of(self.public_key) != self.statement.key_id:
            raise StatementRefused("the statement names another key than the one beside it", rule="audit.statement_key")
        try:
            Ed25519PublicKey.from_public_bytes(self.public_key).verify(self.signature, self.statement.canonical())
        except (InvalidSignature, ValueError):
            raise StatementRefused(
                "the signature is not of this statement: it was altered, or somebody else wrote it",
                rule="audit.statement_forged",
                next_step="Take the mail as it came, or the other officer's.",
            ) from None

    def as_dict(self) -> dict[str, Any]:
        """The statement as it is signed, signature and public key (both in hexadecimal digits)."""
        return {
            "statement": json.loads(self.statement.canonical()),
            "signature": self.signature.hex(),
            "public_key": self.public_key.hex(),
        }

    def armoured(self) -> list[str]:
        """Lines of at most 64 characters that survive quoting, wrapping and copying by hand."""
        packed = b64encode(json.dumps(self.as_dict(), sort_keys=True, separators=(",", ":")).encode()).decode()
        lines = [packed[start : start + _LINE] for start in range(0, len(packed), _LINE)]
        return [BEGIN, *lines, END]


def key_id_of(public_key: bytes) -> str:
    """A key's name: the first 16 bytes of its SHA-256, in hexadecimal digits. No other key can have it."""
    return sha256(public_key).hexdigest()[:32]


# Reading a statement back


def read_statement(data: bytes) -> SignedHead:
    """A statement out of a mail, out of text that was copied from one, or out of JSON. Its signature is checked.

    Raises StatementRefused where there is none, or it is not as it was signed.
    """
    if len(data) > LONGEST:
        raise StatementRefused("that is too long for a statement")
    for text in _texts(data):
        packed = _between_marks(text)
        if packed is not None:
            found = _from_json(packed)
            found.check_signature()
            return found
    raise StatementRefused(
        "there is no statement in it",
        rule="audit.statement_missing",
        next_step=f"Give the mail as it was saved, or the lines from '{BEGIN}' on.",
    )


def _texts(data: bytes) -> Iterable[str]:
    """The text as it is; then, where it is a mail, each of its readable parts."""
    yield data.decode("utf-8", "replace")
    for part in email.message_from_bytes(data, policy=policy.default).walk():
        if part.get_content_type() == "text/plain":
            payload = part.get_payload(decode=True)
            if isinstance(payload, bytes):
                yield payload.decode("utf-8", "replace")


def _between_marks(text: str) -> bytes | None:
    stripped = text.strip()
    if stripped.startswith("{"):
        return stripped.encode()
    begin, end = text.find(BEGIN), text.find(END)
    if begin < 0 or end < begin:
        return None
    try:
        return b64decode(re.sub(r"[^A-Za-z0-9+/=]", "", text[begin + len(BEGIN) : end]), validate=True)
    except ValueError:
        return None


def _from_json(packed: bytes) -> SignedHead:
    try:
        data = json.loads(packed)
        said = data["statement"]
        found = SignedHead(
            HeadStatement(
                authority=str(said["authority"]),
                seq=int(said["seq"]),
                hash=_digest(said["hash"]),
                root=_digest(said["root"]),
                at=datetime.fromisoformat(said["at"]),
                previous=_digest(said["previous"]),
                key_id=str(said["key_id"]),
            ),
            bytes.fromhex(data["signature"]),
            bytes.fromhex(data["public_key"]),
        )
        if json.loads(found.statement.canonical()) != said:
            raise ValueError
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise StatementRefused("what stands there is no statement of a head") from None
    return found


def _digest(value: Any) -> str:
    if not isinstance(value, str) or not _HEX.fullmatch(value):
        raise ValueError
    return value


# The tree over all events


def leaf(event_hash: str) -> bytes:
    return sha256(b"\x00" + bytes.fromhex(event_hash)).digest()


def _node(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


@dataclass(frozen=True, slots=True)
class Tree:
    """The root over all leaves, and for each leaf asked for the path to it: its neighbours from the leaf upwards."""

    root: str
    paths: dict[int, tuple[str, ...]]


def tree_over(hashes: Iterable[str], wanted: Sequence[int] = ()) -> Tree:
    """The tree over event hashes in order. ``wanted`` are positions from 1; memory grows with them, not with the log.

    An empty log has the root of no event (64 zeros).
    """
    paths: dict[int, list[str]] = {position: [] for position in wanted}
    # Whole subtrees waiting for a right neighbour: (number of leaves, hash, wanted positions below it).
    waiting: list[tuple[int, bytes, list[int]]] = []
    for position, event_hash in enumerate(hashes, start=1):
        size, digest, below = 1, leaf(event_hash), [position] if position in paths else []
        while waiting and waiting[-1][0] == size:
            size, digest, below = _joined(waiting.pop(), (size, digest, below), paths)
        waiting.append((size, digest, below))
    if not waiting:
        return Tree(GENESIS, {})
    # What is left over is joined from the right: the tree of RFC 6962, whatever the number of leaves.
    joined = waiting.pop()
    while waiting:
        joined = _joined(waiting.pop(), joined, paths)
    return Tree(joined[1].hex(), {position: tuple(path) for position, path in paths.items()})


def _joined(
    left: tuple[int, bytes, list[int]], right: tuple[int, bytes, list[int]], paths: dict[int, list[str]]
) -> tuple[int, bytes, list[int]]:
    for position in left[2]:
        paths[position].append(right[1].hex())
    for position in right[2]:
        paths[position].append(left[1].hex())
    return left[0] + right[0], _node(left[1], right[1]), [*left[2], *right[2]]


# A statement against the log


def compare(statement: HeadStatement, head: tuple[int, str], hash_there: str | None, root_there: str) -> None:
    """Whether the log still begins with what was signed. ``hash_there`` and ``root_there`` are the log's own, now.

    Raises AuditBroken with the position when it does not.
    """
    signed = f"signed on {statement.at:%Y-%m-%d %H:%M} UTC"
    if hash_there is None:
        raise AuditBroken(
            f"the log ends at event {head[0]}, but event {statement.seq} was {signed}: the newest were removed",
            rule="audit.head_missing",
        )
    if hash_there != statement.hash or root_there != statement.root:
        raise AuditBroken(
            f"event {statement.seq} is not the one that was {signed}: the log was rewritten at or before it",
            rule="audit.head_rewritten",
        )
