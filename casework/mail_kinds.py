"""What a mail that came in is. Only an answer speaks for a person, so a machine must not pass for one.

Headers decide. Words count as a last resort, only at the top of what the sender wrote, and only where nothing in it is
an answer: a person who quotes an absence note, or speaks of one, is still a person.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from casework.inbound_mail import DeliveryReport, InboundMail
from casework.mail_answer import own_words, read_answer
from casework.vocabulary import MailKind

MAX_HOPS = 30
"""A mail that passed more servers goes round."""


@dataclass(frozen=True, slots=True)
class OurMail:
    """How our own mail is known."""

    addresses: frozenset[str]
    """Of our mailbox and unit, in lower case, without the signed part."""
    message_id_domain: str


@dataclass(frozen=True, slots=True)
class Classified:
    """A mail's kind, and what in it showed that; no addresses in ``because``."""

    kind: MailKind
    because: str


def classify(mail: InboundMail, ours: OurMail) -> Classified:
    """The first that fits: loop, our own mail, a mail server's report, a machine's answer, a person's."""
    return (
        _loop(mail, ours)
        or _own(mail, ours)
        or (_report(mail.report) if mail.report is not None else None)
        or _auto_by_headers(mail)
        or _auto_by_words(mail)
        or Classified(MailKind.ANSWER, "nothing in it is a machine's mark")
    )


def _loop(mail: InboundMail, ours: OurMail) -> Classified | None:
    hops = len(mail.headers.get("received", ()))
    if hops >= MAX_HOPS:
        return Classified(MailKind.LOOP, f"it passed {hops} mail servers")
    if any(_ours(address.strip("<> ").lower(), ours) for address in mail.headers.get("x-loop", ())):
        return Classified(MailKind.LOOP, "X-Loop names our own mailbox")
    if mail.report is not None and mail.report.about_report:
        return Classified(MailKind.LOOP, "a report about a report")
    return None


def _own(mail: InboundMail, ours: OurMail) -> Classified | None:
    domain = re.escape(ours.message_id_domain)
    if re.fullmatch(rf"<letter\.\d+\.[0-9a-f]+@{domain}>", mail.message_id, re.IGNORECASE):
        return Classified(MailKind.OWN, "its Message-ID is one of ours")
    if _ours(mail.sender, ours):
        return Classified(MailKind.OWN, "its sender is our own mailbox")
    if mail.report is None and "x-qorgan-letter" in mail.headers:
        return Classified(MailKind.OWN, "it carries the number of a letter of ours")
    return None


def _ours(address: str, ours: OurMail) -> bool:
    box, _, domain = address.rpartition("@")
    return f"{box.partition('+')[0]}@{domain}" in ours.addresses


# --- Reports ---------------------------------------------------------------------------------------------

_FULL = re.compile(
    r"quota|(?:mailbox|inbox|storage) (?:is |has )?(?:been )?(?:full|exceeded)|over ?quota|out of storage|"
    r"ящик (?:пере)?полон|переполнен|превышена? квот|квот\w{1,20} превыш|жәші[кг]\w{0,20} (?:толы|толған)|квота",
    re.IGNORECASE,
)


def _report(report: DeliveryReport) -> Classified:
    """A server that gave up has not delivered, whatever its code says: only 'delayed' leaves hope.

    'Relayed' is no proof: the letter went on to a server that confirms nothing.
    """
    shown = f"delivery report: {report.action}{' ' if report.status else ''}{report.status}"
    if report.action in ("delivered", "expanded"):
        return Classified(MailKind.DELIVERED, shown)
    if report.action == "relayed":
        return Classified(MailKind.AUTO_REPLY, f"{shown}, which proves no delivery")
    if report.action == "delayed":
        return Classified(MailKind.BOUNCE_TRANSIENT, shown)
    if report.status in ("5.2.2", "4.2.2") or _FULL.search(report.words):
        return Classified(MailKind.BOUNCE_FULL, f"{shown}, mailbox full")
    return Classified(MailKind.BOUNCE_PERMANENT, shown)


# --- Machines' answers -----------------------------------------------------------------------------------

_ANY_VALUE = ("x-auto-response-suppress", "x-autoreply", "x-autorespond", "x-auto-reply-from", "x-loop", "list-id")
_BULK = frozenset({"bulk", "junk", "list", "auto_reply"})


def _auto_by_headers(mail: InboundMail) -> Classified | None:
    """RFC 3834 and what was used before it and beside it."""
    for value in mail.headers.get("auto-submitted", ()):
        word = re.split(r"[\s;(]", value.strip().lower(), maxsplit=1)[0]
        if word and word != "no":
            return Classified(MailKind.AUTO_REPLY, "header Auto-Submitted")
    if "disposition-notification" in next(iter(mail.headers.get("content-type", ())), "").lower():
        return Classified(MailKind.AUTO_REPLY, "a read receipt")
    for value in mail.headers.get("precedence", ()):
        if value.strip().lower() in _BULK:
            return Classified(MailKind.AUTO_REPLY, "header Precedence")
    for name in _ANY_VALUE:
        if any(value.strip().lower() not in ("", "no", "none", "false") for value in mail.headers.get(name, ())):
            return Classified(MailKind.AUTO_REPLY, f"header {name.title()}")
    if mail.return_path == "":
        return Classified(MailKind.AUTO_REPLY, "an empty Return-Path without a report")
    return None


_SUBJECT = re.compile(
    r"(?:automatic reply|auto[ -]?(?:matic )?(?:reply|response)|auto:|out[ -]of[ -](?:the )?office|"
    r"автоответ(?:чик)?|автоматический ответ|вне офиса|отсутствую на работе|автоматты жауап|жұмыс орнында жоқ|"
    r"abwesenheit\w*|automatische antwort|réponse automatique)"
    r"(?:(?: auto[ -]?reply| message| notification)?\s*(?:[:(–-]|$)|(?<=:))|"
    r"[^:]{1,80} (?:is|will be) out of (?:the )?office\b",
    re.IGNORECASE,
)
_FIRST_LINE = re.compile(
    r"(?:this is an? (?:automatic|automated|automatically)\b|i am (?:currently )?out of (?:the )?office|"
    r"i will be out of (?:the )?office|это автоматический ответ|это письмо (?:создано|сформировано) автоматически|"
    r"(?:сейчас |в настоящее время )?(?:я )?(?:нахожусь в отпуске|отсутствую на рабочем месте)|"
    r"бұл (?:хат )?автоматты|мен қазір (?:демалыстамын|жұмыс орнында жоқпын)|"
    r"ich bin (?:derzeit )?nicht im (?:büro|haus))",
    re.IGNORECASE,
)


def _auto_by_words(mail: InboundMail) -> Classified | None:
    if _SUBJECT.match(mail.subject):
        return Classified(MailKind.AUTO_REPLY, "its subject is an absence note's")
    lines = [line.strip() for line in own_words(mail.text[:5_000]).split("\n") if line.strip()][:3]
    if not any(_FIRST_LINE.match(line) for line in lines):
        return None
    answer = read_answer(mail.text)
    if answer.acknowledges or answer.outcomes:
        return None
    return Classified(MailKind.AUTO_REPLY, "its first lines are an absence note's")
