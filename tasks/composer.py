"""Writes messages, with ``emails``: one message to one recipient, its Message-ID given."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from emails.message import Message
from emails.signers import DKIMSigner


def compose(
    *,
    message_id: str,
    sender: tuple[str, str],
    recipient: tuple[str, str],
    reply_to: str,
    subject: str,
    text: str,
    html: str,
    at: datetime,
    headers: dict[str, str],
) -> bytes:
    """The message's bytes (CRLF line ends). Raises ValueError for a header with a line break in it.

    Marked as written by a machine (RFC 3834), so that absence notes do not answer it.
    """
    for value in (subject, *recipient, *sender, reply_to, message_id, *headers.values()):
        if "\r" in value or "\n" in value:
            raise ValueError("a header may not contain a line break")
    # A name that looks like an encoded word is shown as it stands: decoded, it could hold a line break after all.
    recipient = (recipient[0].replace("=?", "= ?"), recipient[1])
    message = Message(
        subject=subject,
        text=text,
        html=html,
        mail_from=sender,
        mail_to=recipient,
        reply_to=reply_to,
        message_id=message_id,
        date=at,
        headers={"Auto-Submitted": "auto-generated", "X-Auto-Response-Suppress": "All", **headers},
    )
    return bytes(message.as_bytes())


def dkim_signer(selector: str, domain: str, key: bytes) -> Callable[[bytes], bytes]:
    """Puts a DKIM signature (RFC 6376) in front of a message. ``key`` is PEM; raises ValueError when it is no key.

    Header and body are relaxed: a relay may fold a line and wrap a space without breaking the signature.
    """
    try:
        signer = DKIMSigner(selector, domain, key, canonicalize=(b"relaxed", b"relaxed"))
    except Exception as error:  # the library below has no common base for what it raises over a key
        raise ValueError(f"no private key: {type(error).__name__}") from error
    return lambda message: bytes(signer.sign_message_bytes(message))
