"""Why a letter went, waits, or was never intended: one line for each letter of the registry.

What is on record comes first; for a letter that is not, explain_triggers says which trigger has not come.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from casework.explain import Explanation, LetterOnRecord, count, local, utc, utc_or_none, when, words
from casework.explain_triggers import CaseRecord, Fate, Verdict, not_intended
from casework.letters import LETTERS
from casework.vocabulary import DeliveryState


def explain_why_not(record: CaseRecord, kinds: Iterable[str] | None = None) -> Explanation:
    """One line for each letter: of ``kinds``, by default of those about a case and of what is on record besides."""
    of_cases = (line.name for line in LETTERS.values() if line.about == "case")
    every = (*of_cases, *(letter.kind for letter in record.letters))
    wanted = dict.fromkeys(every if kinds is None else kinds)
    lines = [f"{record.case.number} is '{words(record.case.status)}'. Its letters, sent or not, and why:"]
    data: list[dict[str, Any]] = []
    for kind in wanted:
        mine = [letter for letter in record.letters if letter.kind == kind]
        verdict = on_record(mine, record) if mine else not_intended(kind, record)
        to = words(LETTERS[kind].recipient) if kind in LETTERS else words(mine[0].to)
        lines.append(f"  {words(kind)} to {to}: {verdict.said}")
        data.append(
            {
                "letter": kind,
                "to": str(LETTERS[kind].recipient) if kind in LETTERS else mine[0].to,
                "fate": verdict.fate.value,
                "why": verdict.said,
                "due_at": utc_or_none(verdict.due_at),
                "on_record": [
                    {
                        "id": letter.id,
                        "to": letter.to,
                        "state": letter.state,
                        "created_at": utc(letter.created_at),
                        "sent_at": utc_or_none(letter.sent_at),
                        "not_before": utc_or_none(letter.not_before),
                        "attempts": letter.attempts,
                        "reason": _reason(letter),
                    }
                    for letter in mine
                ],
            }
        )
    return Explanation(tuple(lines), {"case": record.case.number, "letters": data})


def on_record(letters: Sequence[LetterOnRecord], record: CaseRecord) -> Verdict:
    """What became of the letters of one kind that are on record; the fate is the one that most needs somebody."""
    sent = [letter.sent_at or letter.created_at for letter in letters if letter.state == DeliveryState.SENT]
    parts = []
    if len(sent) == 1:
        parts.append(f"sent {local(sent[0], record.zone)}")
    elif sent:
        parts.append(f"sent {len(sent)} times, last {local(max(sent), record.zone)}")
    fates = {Fate.SENT} if sent else set()
    for letter in letters:
        if letter.state != DeliveryState.SENT:
            fate, said = _unsent(letter, record)
            fates.add(fate)
            parts.append(f"letter {letter.id} {said}")
    return Verdict(next(fate for fate in Fate if fate in fates), "; ".join(parts) + ".")


def _unsent(letter: LetterOnRecord, record: CaseRecord) -> tuple[Fate, str]:
    match letter.state:
        case DeliveryState.UNKNOWN:
            return Fate.UNKNOWN, "may have arrived: a person finds out, then 'qorgan letters resolve' or 'replay'"
        case DeliveryState.REFUSED:
            return Fate.REFUSED, f"was refused ({_reason(letter)}): 'qorgan letters replay' or 'resolve'"
        case DeliveryState.DROPPED:
            return Fate.DROPPED, f"was dropped: {_reason(letter)}"
        case DeliveryState.SENDING:
            return Fate.SENDING, "is being sent"
        case DeliveryState.BUNDLED:
            return Fate.WAITS, f"waits: it goes out as a line of digest {letter.digest}"
    tried = f"tried {count(letter.attempts, 'time')}, " if letter.attempts else ""
    if not record.mail_server:
        return Fate.WAITS, f"waits: {tried}no mail server is set (QORGAN_SMTP_HOST)"
    if letter.not_before is not None and letter.not_before > record.now:
        held = f"{letter.held}, " if letter.held else ""
        return Fate.WAITS, f"waits: {held}{tried}again {when(letter.not_before, record.zone, record.now)}"
    return Fate.WAITS, f"waits: {tried}it goes with the next run ('qorgan letters send')"


def _reason(letter: LetterOnRecord) -> str:
    """Why it was refused or dropped, as the system wrote it; what a person wrote about a letter is not repeated."""
    if letter.state in (DeliveryState.REFUSED, DeliveryState.DROPPED):
        return letter.reason.strip().rstrip(".") or "no reason was given"
    return ""
