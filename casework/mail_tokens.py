"""Signed addresses and links, by which an answer finds its case without a guess.

Each carries a keyed hash (HMAC-SHA-256, cut to 100 bits, base 32), so that nobody can make one for another case or
another recipient. The key comes from outside and is one of its own for each purpose. All text is in lower case: mail
systems on the way may change the case of an address.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from base64 import b32encode
from dataclasses import dataclass
from datetime import UTC, datetime

_SIGNATURE = 20
"""Characters of a signature: 100 bits."""
_TAG = 8
"""Characters that tell apart the recipients of one case."""
_REPLY = re.compile(r"(?P<box>[^+]+)\+(?P<case>[a-z]{2,6}-\d{4}-\d{6,9})\.(?P<tag>[a-z2-7]{8})\.(?P<mac>[a-z2-7]{20})")
_BOUNCE = re.compile(r"(?P<box>[^+]+)\+b(?P<letter>\d{1,18})\.(?P<mac>[a-z2-7]{20})")
_LINK = re.compile(r"(?P<rung>\d{1,18})\.(?P<tag>[a-z2-7]{8})\.(?P<until>\d{1,12})\.(?P<mac>[a-z2-7]{20})")


@dataclass(frozen=True, slots=True)
class ReplyToken:
    """What a genuine reply address says: one case and, by a tag, one of its recipients."""

    case_number: str
    tag: str


@dataclass(frozen=True, slots=True)
class AcknowledgementToken:
    """What a genuine link says: one rung, the recipient it was written to, and until when it counts."""

    escalation_id: int
    tag: str
    until: datetime


def recipient_tag(case_number: str, contact: str, key: bytes) -> str:
    """Tells apart the recipients of a case without naming them."""
    return _signature(key, "tag", case_number.lower(), contact)[:_TAG]


def reply_address(mailbox: str, case_number: str, contact: str, key: bytes) -> str:
    """The address to which this recipient answers about this case: ``box+case.tag.signature@domain``."""
    box, _, domain = mailbox.partition("@")
    number, tag = case_number.lower(), recipient_tag(case_number, contact, key)
    return f"{box}+{number}.{tag}.{_signature(key, 'reply', number, tag)}@{domain}"


def read_reply_address(address: str, mailbox: str, key: bytes) -> ReplyToken | None:
    """What a reply address to ``mailbox`` says; None for any other address, and for a forged one."""
    found = _local_part(_REPLY, address, mailbox)
    if found is None or not _genuine(found["mac"], key, "reply", found["case"], found["tag"]):
        return None
    return ReplyToken(found["case"].upper(), found["tag"])


def bounce_address(mailbox: str, letter_id: int, key: bytes) -> str:
    """The envelope's sender of one letter: what is returned to it is about that letter."""
    box, _, domain = mailbox.partition("@")
    return f"{box}+b{letter_id}.{_signature(key, 'bounce', str(letter_id))}@{domain}"


def read_bounce_address(address: str, mailbox: str, key: bytes) -> int | None:
    """The letter a bounce address stands for; None for any other address, and for a forged one."""
    found = _local_part(_BOUNCE, address, mailbox)
    if found is None or not _genuine(found["mac"], key, "bounce", found["letter"]):
        return None
    return int(found["letter"])


def looks_signed(address: str, mailbox: str) -> bool:
    """Whether an address has the shape of a signed one, genuine or not."""
    return any(_local_part(shape, address, mailbox) for shape in (_REPLY, _BOUNCE))


def acknowledgement_token(escalation_id: int, tag: str, until: datetime, key: bytes) -> str:
    """The token of a link that acknowledges one rung; ``until`` is aware, and whole seconds of it count."""
    seconds = str(int(until.timestamp()))
    mac = _signature(key, "acknowledge", str(escalation_id), tag, seconds)
    return f"{escalation_id}.{tag}.{seconds}.{mac}"


def read_acknowledgement_token(token: str, key: bytes) -> AcknowledgementToken | None:
    """What a token says, also when its time is over; None for a forged one."""
    found = _LINK.fullmatch(token)
    if found is None or not _genuine(found["mac"], key, "acknowledge", found["rung"], found["tag"], found["until"]):
        return None
    return AcknowledgementToken(int(found["rung"]), found["tag"], datetime.fromtimestamp(int(found["until"]), UTC))


def _local_part(shape: re.Pattern[str], address: str, mailbox: str) -> re.Match[str] | None:
    box, _, domain = mailbox.lower().partition("@")
    local, _, at = address.strip().lower().rpartition("@")
    found = shape.fullmatch(local)
    return found if found is not None and at == domain and found["box"] == box else None


def _genuine(mac: str, key: bytes, *parts: str) -> bool:
    return hmac.compare_digest(mac, _signature(key, *parts))


def _signature(key: bytes, *parts: str) -> str:
    digest = hmac.new(key, "\0".join(parts).encode(), hashlib.sha256).digest()
    return b32encode(digest).decode().lower()[:_SIGNATURE]
