"""Events of correspondence as sentences: what became of a letter, and what came home."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Data = Mapping[str, Any]


def _words(code: Any) -> str:
    return str(code or "").replace("_", " ")


def _letter(what: str) -> Callable[[Data], str]:
    def say(data: Data) -> str:
        kind = f" '{_words(data['kind'])}'" if data.get("kind") else ""
        return f"Letter {data.get('letter', '')}{kind} {what}."

    return say


def _mail(what: str) -> Callable[[Data], str]:
    def say(data: Data) -> str:
        return f"Mail {data.get('mail', '')} {what}."

    return say


def _answered(data: Data) -> str:
    by = f" by {data['contact']}" if data.get("contact") else ""
    about = f" to letter {data['letter']}" if data.get("letter") else ""
    found = f", found by {_words(data['matched_by'])}" if data.get("matched_by") else ""
    count = data.get("attachments", 0)
    kept = f"; {count} attachment(s) in quarantine" if count else ""
    return f"Mail {data.get('mail', '')} is an answer{about}{by}{found}{kept}."


def _suggested(data: Data) -> str:
    said = ", ".join(f"item {number} {_words(outcome)}" for number, outcome in data.get("outcomes", ()))
    return f"Mail {data.get('mail', '')} states outcomes: {said}. An officer records them, or does not."


def _bounced(data: Data) -> str:
    status = f" ({data['status']})" if data.get("status") else ""
    return f"Letter {data.get('letter', '')} came back{status}, says mail {data.get('mail', '')}."


SENTENCES: dict[str, Callable[[Data], str]] = {
    "letter.bounced": _bounced,
    "letter.bundled": lambda d: (
        f"Letter {d.get('letter')} '{_words(d.get('kind'))}' goes out as a line of digest {d.get('digest')}."
    ),
    "letter.delivered": lambda d: (
        f"Letter {d.get('letter')} '{_words(d.get('kind'))}' arrived:"
        f" proven by {_words(d.get('by', 'a confirmation'))}."
    ),
    "letter.delayed": lambda d: f"A mail server is still trying to deliver letter {d.get('letter')}.",
    "letter.dropped": _letter("is not sent"),
    "letter.given_up": _letter("is given up"),
    "letter.held": lambda d: (
        f"Letter {d.get('letter')} '{_words(d.get('kind'))}' waits: {_words(d.get('because', 'held back'))}."
    ),
    "letter.redirected": lambda d: (
        f"Letter {d.get('letter')} '{_words(d.get('kind'))}' goes to {d.get('to')} instead ({d.get('because')})."
    ),
    "letter.stopped": _letter("was stopped: too many about this case to one address"),
    "address.failed": lambda d: (
        f"Letters to {d.get('contact')} do not arrive: the mailbox is "
        + ("full." if d.get("state") == "full" else "gone.")
    ),
    "address.mended": lambda d: f"Letters to {d.get('contact')} may go out again.",
    "rung.not_delivered": lambda d: f"The letter of rung {d.get('rung')} did not arrive; the next rung is raised.",
    "mail.answered": _answered,
    "mail.assigned": _mail("was found by a person to belong to this case"),
    "mail.noted": lambda d: f"Mail {d.get('mail', '')} noted: {_words(d.get('kind', ''))}.",
    "mail.opened": _mail("was opened and read"),
    "outcomes.suggested": _suggested,
    "question.noted": _mail("asks for something; a person looks"),
}
