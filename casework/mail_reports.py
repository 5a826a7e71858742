"""What a mail server reports about a letter of ours: by RFC 3464, and in the words of servers that do not follow it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from casework.mail_parts import Fields, fields_of_head
from casework.mail_text import clean, one_line, words_of

Headers = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    """One report about one recipient; of several recipients the one that fared worst."""

    action: str
    """failed, delayed, delivered, relayed or expanded (RFC 3464, 2.3.3)."""
    status: str
    """As in RFC 3463, '5.1.1'; '' where none is stated."""
    recipient: str
    """Address in lower case; '' where none is stated."""
    message_id: str
    """Of the letter that it is about; '' where it is not returned."""
    envelope_id: str
    words: str
    """What the server said: one line, no addresses, at most 200 characters."""
    about_report: bool = False
    """Whether what came back is itself a report, or another machine's answer."""


@dataclass(slots=True)
class Returned:
    """What a report carries for machines: its status fields, and the headers of what came back."""

    status: bytes = b""
    head: Fields = field(default_factory=dict)


ACTIONS = ("failed", "delayed", "relayed", "expanded", "delivered")
"""Worst first."""
_MACHINES = re.compile(r"(?:mailer-?daemon|postmaster|mail-?daemon|mdaemon|mail\.?delivery|microsoftexchange\w*)@")


def read_report(
    sender: str, return_path: str | None, subject: str, headers: Headers, text: str, returned: Returned
) -> DeliveryReport | None:
    """The report in a mail; None where it is none.

    A person who passes a report on writes a mail with one in it: only a mail server's own mail counts as one.
    """
    stated = next(iter(headers.get("content-type", ())), "").lower()
    automatic = next(iter(headers.get("auto-submitted", ())), "").lower()
    machine = _MACHINES.match(sender) is not None or "x-failed-recipients" in headers
    by_server = machine or (return_path == "" and not automatic.startswith("auto-replied"))
    report_type = "multipart/report" in stated and "disposition-notification" not in stated
    if returned.status and (by_server or report_type):
        report = _by_fields(returned, text)
        if report is not None:
            return report
    if by_server or report_type:
        return _by_words(subject, headers, text, returned)
    return None


# --- RFC 3464 --------------------------------------------------------------------------------------------


def _by_fields(returned: Returned, text: str) -> DeliveryReport | None:
    blocks = [fields_of_head(block) for block in re.split(rb"\n\s*\n", returned.status.replace(b"\r", b""))[:200]]
    about = next((block for block in blocks if "reporting-mta" in block or "original-envelope-id" in block), {})
    recipients = [block for block in blocks if "action" in block or "status" in block]
    if not recipients:
        return None
    block = min(recipients, key=lambda block: ACTIONS.index(_action(block)))
    address = _after_type(block, "final-recipient") or _after_type(block, "original-recipient")
    words = _after_type(block, "diagnostic-code") or _value(block, "status")
    return DeliveryReport(
        action=_action(block),
        status=status_in(_value(block, "status")) or status_in(words),
        recipient=next(iter(addresses_in(address)), ""),
        message_id=_returned_id(returned, text),
        envelope_id=_value(about, "original-envelope-id")[:200],
        words=server_words(words),
        about_report=_is_report(returned.head),
    )


def _action(block: Fields) -> str:
    """As stated; without a known word the class of the status says it."""
    stated = _value(block, "action").lower().partition(" ")[0].strip("();")
    by_class = {"2": "delivered", "4": "delayed"}.get(_value(block, "status")[:1], "failed")
    return stated if stated in ACTIONS else by_class


def _value(block: Fields, name: str) -> str:
    return one_line(words_of(next(iter(block.get(name, ())), b"")))


def _after_type(block: Fields, name: str) -> str:
    """'rfc822; somebody@there.example' without its type."""
    kind, semicolon, value = _value(block, name).partition(";")
    return value.strip() if semicolon else kind


def _returned_id(returned: Returned, text: str) -> str:
    stated = message_id_in(_value(returned.head, "message-id"))
    found = _QUOTED_ID.search(text)
    return stated or (message_id_in(found[1]) if found else "")


def _is_report(head: Fields) -> bool:
    kind, automatic = _value(head, "content-type").lower(), _value(head, "auto-submitted").lower()
    null_sender = "return-path" in head and not addresses_in(_value(head, "return-path"))
    sender = next(iter(addresses_in(_value(head, "from"))), "")
    return (
        "report-type=delivery-status" in kind.replace('"', "")
        or automatic.startswith("auto-replied")
        or null_sender
        or _MACHINES.match(sender) is not None
    )


# --- Servers with words of their own ---------------------------------------------------------------------

_QUOTED_ID = re.compile(
    r"^>?[ \t]*Message-ID:[ \t]{0,80}\n?[ \t]{0,80}(<[^<>\s]{1,250}>)", re.MULTILINE | re.IGNORECASE
)
_COPY = re.compile(
    r"^-{3,60}.{0,20}(?:below this line is a copy|this is a copy of|original message|the header of the original|"
    r"копия|исходное|заголов)",
    re.MULTILINE | re.IGNORECASE,
)
_DELAYED = re.compile(
    r"delayed|delay notification|will (?:be retried|retry|keep trying|continue to try)|still being retried|"
    r"not yet been delivered|temporar\w{1,20} (?:problem|failure)|задерж\w{1,20}|повторн\w{1,20} попыт\w{1,20}|"
    r"будут продолжены|кешіктір",
    re.IGNORECASE,
)
_FAILED = re.compile(
    r"undeliver\w{1,20}|delivery (?:status notification )?\(?fail\w{1,20}|failure notice|"
    r"returned mail|mail delivery failed|"
    r"(?:could not|couldn't|cannot|can't|was not|wasn't|unable to|not able to) (?:be )?deliver\w{0,20}|"
    r"permanent (?:fatal )?error|delivery (?:has )?failed|address (?:not found|rejected)|user unknown|no such user|"
    r"mailbox (?:is )?(?:full|unavailable)|"
    r"не (?:было |был |была )?доставлен\w{0,20}|недоставлен\w{0,20}|невозможно доставить|не удалось доставить|"
    r"не может быть доставлен\w{0,20}|пользовател\w{1,20} не (?:найден|существует)|ящик (?:пере)?полон|"
    r"жеткізілмеді|жеткізу мүмкін (?:емес|болмады)",
    re.IGNORECASE,
)
_SMTP_WORDS = re.compile(r"(?<![\d.])([45]\d\d)[ -](?:#?([45]\.\d{1,3}\.\d{1,3})(?!\.?\d)|[^\W\d]|<)")
_STATUS = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?!\.?\d)")


def _by_words(subject: str, headers: Headers, text: str, returned: Returned) -> DeliveryReport | None:
    copy = _COPY.search(text)
    own = text[: copy.start() if copy else 20_000][:20_000]
    failed_for = next(iter(headers.get("x-failed-recipients", ())), "")
    code = _SMTP_WORDS.search(own)
    told = f"{subject}\n{own}"
    failing = _FAILED.search(told)
    if not (failed_for or failing or (_DELAYED.search(told) and _ABOUT_DELIVERY.search(subject))):
        return None
    stated = code is not None and code[1].startswith("5")
    late = _DELAYED.search(subject) or (not stated and not failed_for and _DELAYED.search(own))
    found = _STATUS.search(own[code.start() :] if code else own)
    said = own[code.start() :] if code else told[failing.start() :] if failing else ""
    recipient = next(iter(addresses_in(failed_for)), "") or next(iter(_BRACKETED.findall(own)), "").lower()
    return DeliveryReport(
        action="delayed" if late else "failed",
        status=found[1] if found else "",
        recipient=recipient,
        message_id=_returned_id(returned, text),
        envelope_id="",
        words=server_words(said.partition("\n\n")[0]),
        about_report=_is_report(returned.head or _head_of_copy(text[copy.end() :] if copy else "")),
    )


_ABOUT_DELIVERY = re.compile(r"warning|delay|delivery|задерж|достав|кешіктір|жеткіз", re.IGNORECASE)
_BRACKETED = re.compile(r"<([^<>\s@]{1,100}@[^<>\s@]{1,150})>")


def _head_of_copy(copy: str) -> Fields:
    """Headers of a letter that stands as text under a server's words."""
    below = copy.partition("\n")[2].lstrip("\n")
    return fields_of_head(below.partition("\n\n")[0][:50_000].encode())


# --- Single values ---------------------------------------------------------------------------------------


def status_in(words: str) -> str:
    """The first status code by RFC 3463 in the words; '' without one."""
    found = _STATUS.search(words[:5_000])
    return found[1] if found else ""


def server_words(words: str) -> str:
    """A server's words on one line, without addresses, at most 200 characters."""
    return " ".join(word for word in clean(words[:5_000]).split() if "@" not in word)[:200]


_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*+"?')
_COMMENT = re.compile(r"\([^()]*+\)")
_ANGLE = re.compile(r"<\s*([^<>\s]{3,254})\s*>")
_ADDRESS = re.compile(r"[^\s<>()\[\],;:\"\\@]{1,100}@[^\s<>()\[\],;:\"\\@]{1,150}")


def addresses_in(value: str) -> list[str]:
    """Addresses of a header, in lower case. What stands in a name or a comment is no address."""
    bare = _COMMENT.sub(" ", _QUOTED.sub(" ", value))
    found = []
    for entry in re.split(r"[,;]", bare)[:1_000]:
        angle = _ANGLE.search(entry)
        address = _ADDRESS.search(angle[1] if angle else entry)
        if address is not None:
            found.append(address[0].lower().rstrip("."))
    return found


def message_id_in(value: str) -> str:
    """A Message-ID with its brackets and without blanks, at most 255 characters; '' without one."""
    found = re.search(r"<[^<>]{1,998}>", value)
    bare = "".join((found[0] if found else value).split())
    return bare[:255] if found or "@" in bare else ""
