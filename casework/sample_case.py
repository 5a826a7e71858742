"""A case that reads like a real one and is none: what any letter says about it, in every language of letters."""

from __future__ import annotations

from typing import Any, cast

from casework.letter_context import DeadlineText, LetterContext, Phrase, RungRow, SummaryRow, empty_context
from casework.letters import LETTERS
from casework.sample_words import SAMPLE
from casework.signed_head import BEGIN, END
from casework.vocabulary import Recipient

CASE_NUMBER = "KZ-2026-000123"

LINKS = ("hxxps://instagram[.]example/p/AbC123", "hxxps://instagram[.]example/reel/XyZ789")
"""Defanged and under a reserved name: nobody can ever be behind them."""

ACK_LINK = "https://cases.ministry.example/acknowledge/EXAMPLE"
"""Leads nowhere: the name is reserved."""

_MONTHS = {"en": "June", "ru": "июня", "kk": "маусым"}

_RUNGS = {"liaison_escalation": 1, "liaison_head_escalation": 2, "authority_escalation": 2}
"""Rungs that were raised before a letter of an escalation."""

_OVERDUE = {"platform_reminder", "overdue_reminder", "breach_notice", *_RUNGS}
_URGENT = {"police_referral", "duty_alert"}
_TO_EXPERTS = {"expert_referral", "expert_reminder"}
_OF_A_CHILD = {"police_report", *_URGENT, *_TO_EXPERTS}
_OWN_DUTY = {"extension_notice", "overdue_reminder", "deadline_warning", "breach_notice", *_TO_EXPERTS}
_WITH_DUTY_NAME = {"overdue_reminder", "deadline_warning", "breach_notice", *_TO_EXPERTS}
_WITHOUT_DEADLINE = {
    *("decision_confirmed", "decline", "closure", "police_referral", "police_report"),
    *("platform_appeal", "restoration_request", "address_request"),
}
_WRITTEN = {"overdue_reminder": (30, 20), "breach_notice": (30, 20), "deadline_warning": (29, 10)}
_REASONS = {
    "extension_notice": "extension_reasons",
    "platform_appeal": "appeal_reasons",
    "restoration_request": "restoration_reasons",
}


def moment(language: str, day: int, hour: int, minute: int = 0) -> Phrase:
    """A moment of June 2026, told in Asia/Almaty (+05:00) and in UTC."""
    month = _MONTHS[language]
    date = {"en": f"{day} {month} 2026", "ru": f"{day} {month} 2026 года", "kk": f"2026 жылғы {day} {month}"}[language]
    return {
        "local": f"{date}, {hour:02}:{minute:02} ({SAMPLE[language]['zone']}, UTC+05:00)",
        "utc": f"2026-06-{day:02} {hour - 5:02}:{minute:02} UTC",
    }


def sample_letter(name: str, language: str, *, child: bool | None = None) -> LetterContext:
    """What a letter of the registry says about the sample case, or, where it is about several, about sample cases.

    ``child`` says whether the case concerns a child; by default where such a letter is most often written.
    """
    words, line = SAMPLE[language], LETTERS[name]
    head: LetterContext = {
        **empty_context(language),
        "letter_number": "12-07/418",
        "written": moment(language, *_WRITTEN.get(name, (26, 17))),
        "recipient_name": words["recipient"].get(line.recipient.value, words["liaison"]),
        "authority": words["authority"],
        "emergency_numbers": words["emergency"],
        "reply_to": "reply@ministry.example",
        "authentic_language": words["authentic"],
    }
    if line.recipient is Recipient.EXPERT_GROUP:
        head["recipient_name"] = words["expert_group"]
    if line.about == "several":
        return _several(head, name, language)
    return _of_case(head, name, language, name in _OF_A_CHILD if child is None else child)


def _of_case(head: LetterContext, name: str, language: str, child: bool) -> LetterContext:
    words, line = SAMPLE[language], LETTERS[name]
    urgent, prescribed = name in _URGENT, name == "platform_prescription"
    outcomes = words["acted"] if name == "closure" else words["outcomes"]
    failed = words["failed"]
    return {
        **head,
        "case_number": CASE_NUMBER,
        "submission_number": f"{CASE_NUMBER}/1",
        "received": moment(language, 24, 9, 30),
        "submitted": moment(language, 24, 15),
        "platform": "Instagram",
        "platform_legal_entity": "Example Platforms Ltd",
        "platform_reference": "EX-778899",
        "instrument": words["prescription" if prescribed else "instrument"],
        "instrument_code": "prescription" if prescribed else "request",
        "ground": words["ground"],
        "requested_action": words["requested_action"],
        "priority": "P0" if urgent else words["priority"],
        "category": words["child_category"] if child else words["category"],
        "territories": [words["territory"]],
        "legal_basis": [
            {"citation": words["law"], "title": words["law_title"], "verified": True},
            {"citation": words["other_law"], "title": words["other_law_title"], "verified": False},
        ],
        "policy_basis": [words["policy"]],
        "reasons": words[_REASONS.get(name, "reasons")],
        "items": [
            {
                "number": number,
                "link": link,
                "kind": kind,
                "category": words["category"],
                "outcome": outcome,
                "reason": words["item_reason"],
            }
            for number, (link, kind, outcome) in enumerate(zip(LINKS, words["kinds"], outcomes, strict=True), start=1)
        ],
        "deadline": None if name in _WITHOUT_DEADLINE else _deadline(name, language),
        "overdue": words["overdue"] if name in _OVERDUE else "",
        "duty_name": words["duty_name"] if name in _WITH_DUTY_NAME else "",
        "missing": words["missing"],
        "question": words["question"],
        "rungs": _rungs(name, language),
        "rung": _RUNGS.get(name, 0) + 1,
        "ack_due": moment(language, 27, 17) if name.startswith("liaison") else None,
        "preserve": True,
        "child": child,
        "disposition": words["disposition"],
        "disposition_code": "action_taken",
        "redress": words["redress"],
        "answer": words["answer"] if name == "platform_answer" else "",
        "expert_group": words["expert_group"] if line.recipient is Recipient.EXPERT_GROUP else "",
        "threshold": words["threshold"] if name in {"deadline_warning", "expert_reminder"} else "",
        "failed": {
            "letter_number": f"{CASE_NUMBER}/L417",
            "kind": failed[0],
            "recipient": failed[1],
            "words": failed[2],
        }
        if name == "address_request"
        else None,
        "ack_link": ACK_LINK if name.startswith("liaison") else "",
        "ack_link_until": moment(language, 30, 17) if name.startswith("liaison") else None,
    }


def _deadline(name: str, language: str) -> DeadlineText:
    """Our own duty by law, the platform's time by law, or a date that we have set ourselves."""
    words, line = SAMPLE[language], LETTERS[name]
    own = name in _OWN_DUTY
    statutory = own or (line.recipient is not Recipient.REPORTER and name not in _URGENT)
    if name == "extension_notice":
        due, counted = (30, 18), "extended_counted"
    elif own or not statutory:
        due, counted = (29, 18), "own_counted"
    else:
        due, counted = (25, 15), "counted"
    return {
        "due": moment(language, *due),
        "counted": words[counted],
        "source": words["own_law" if own else "law" if statutory else "own_rules"],
        "verified": not statutory,
        "statutory": statutory,
        "qualitative": "",
    }


def _rungs(name: str, language: str) -> list[RungRow]:
    return [
        {"number": number, "name": rung, "sent": moment(language, 25, 15 + number), "acknowledged": False}
        for number, rung in enumerate(SAMPLE[language]["rungs"][: _RUNGS.get(name, 0)], start=1)
    ]


_COUNTS = {"liaison_weekly": "counts", "unproven_letters": "proof_counts"}
_UNDUE = {"unproven_letters", "operations_alarm"}
"""Letters whose lines have no date by which anything is due."""


def _several(head: LetterContext, name: str, language: str) -> LetterContext:
    words = SAMPLE[language]
    if name == "audit_head":
        lines = [BEGIN, *("EXAMPLE" + "A" * 57,) * 3, END]
        head["signed_head"] = {"seq": 123456, "hash": "5a" * 32, "key_id": "c3" * 16, "lines": lines}
        return {**head, "period_to": moment(language, 26, 9)}
    daily = name == "unproven_letters"
    return {
        **head,
        "platform": "" if LETTERS[name].recipient is Recipient.UNIT else "Instagram",
        "rows": _rows(name, language),
        "counts": [{"label": label, "count": count} for label, count in words.get(_COUNTS.get(name, ""), ())],
        "period_from": moment(language, 25 if daily else 20, 9),
        "period_to": moment(language, 26, 9 if daily else 17),
    }


def _rows(name: str, language: str) -> list[SummaryRow]:
    """Two cases: one past its time, the other not yet; of letters without proof nothing is due."""
    words = SAMPLE[language]
    what = words[{"digest": "asked", "unit_digest": "own_asked", "operations_alarm": "alarms"}.get(name, "letters")]
    late, waiting, unproven = words["states"]
    undue, stateless = name in _UNDUE, name.endswith("digest") or name == "operations_alarm"
    common: dict[str, Any] = {"ack_link": ACK_LINK if name == "digest" else "", "overdue": "", "due": None, "rung": 0}
    first = {"since": moment(language, 25, 10), "state": unproven}
    second = {"since": moment(language, 25, 15), "state": unproven}
    if not undue:
        due, overdue = moment(language, 23, 9), words["long_overdue"]
        first = {"since": moment(language, 22, 9), "due": due, "overdue": overdue, "rung": 2, "state": late}
        second = {"since": moment(language, 24, 15), "due": moment(language, 27, 15), "rung": 1, "state": waiting}
    numbers = ("KZ-2026-000098", 311), (CASE_NUMBER, 417)
    return [
        cast(
            SummaryRow,
            {
                **common,
                **row,
                **({"state": ""} if stateless else {}),
                "case_number": number,
                "letter_number": f"{number}/L{letter}",
                "what": asked,
            },
        )
        for row, (number, letter), asked in zip((first, second), numbers, what, strict=True)
    ]
