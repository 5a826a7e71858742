"""A case's events as sentences. An event says codes and numbers; here they become English."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from desk import timeline_mail
from desk.output import visible

Data = Mapping[str, Any]


def sentence(kind: str, data: Data, from_status: str | None, to_status: str | None) -> str:
    """What happened. An event nobody has words for yet is shown as it is, never left out."""
    if kind.startswith("moved."):
        return _moved(kind.removeprefix("moved."), data, from_status, to_status)
    say = _SENTENCES.get(kind)
    if say is None:
        return visible(f"{kind} {_rest(data)}".strip())
    return visible(say(data))


def _moved(action: str, data: Data, from_status: str | None, to_status: str | None) -> str:
    moved = "" if from_status == to_status else f", {_words(from_status)} → {_words(to_status)}"
    parts = [f"{_words(action).capitalize()}{moved}"]
    if "priority" in data:
        parts.append(f"priority {data['priority']}")
    if "score" in data:
        parts.append(f"completeness {data['score']} %")
    if data.get("missing"):
        parts.append(f"missing: {_list(data['missing'])}")
    if data.get("basis"):
        parts.append(f"on {_list(data['basis'])}")
    if data.get("merge_into"):
        parts.append(f"into {data['merge_into']}")
    if data.get("disposition"):
        parts.append(f"ended as {_words(data['disposition'])}")
    return visible("; ".join(parts) + ".")


def _received(data: Data) -> str:
    parts = [f"Received as report {data['report']} with {_count(data.get('items', 0), 'item')}"]
    parts.append(f"{data.get('category', '')}, {data.get('priority', '')}")
    if data.get("suggested"):
        parts.append(f"guessed and to be confirmed: {_list(data['suggested'])}")
    if data.get("left_out"):
        parts.append(f"left out, in the holding pen: {_list(data['left_out'])}")
    if data.get("unread_fields"):
        parts.append(f"fields not read: {_list(data['unread_fields'])}")
    return "; ".join(parts) + "."


def _letter(what: str) -> Callable[[Data], str]:
    def say(data: Data) -> str:
        to = f" to {_words(data['to'])}" if data.get("to") else ""
        said = f" ({data['answer']})" if data.get("answer") else ""
        return f"Letter {data.get('letter', '')} '{_words(data.get('kind', ''))}'{to} {what}{said}."

    return say


def _notice(what: str) -> Callable[[Data], str]:
    def say(data: Data) -> str:
        said = f" ({data['answer']})" if data.get("answer") else ""
        return f"Notice {data.get('submission', '')} {what}{said}."

    return say


def _asked(data: Data, what: str) -> str:
    items = f", item {_list(data['items'])}" if data.get("items") else ""
    return (
        f"The platform of notice {data.get('submission', '')} is asked {what}{items}; letter {data.get('letter', '')}."
    )


def _clock(data: Data) -> str:
    late = ", found late" if data.get("late_detected") else ""
    if data.get("level") == "breach":
        return f"Time ran out: {data.get('rule')} (duty of {data.get('duty')}), due {_short(data.get('due_at'))}{late}."
    return f"Warning {data.get('level')}: {data.get('rule')} falls due {_short(data.get('due_at'))}{late}."


_SENTENCES: dict[str, Callable[[Data], str]] = {
    "case.received": _received,
    "case.amended": lambda d: f"File corrected: {_list(d.get('fields', ()))}.",
    "case.merged_in": lambda d: f"{d.get('from')} was merged into this case.",
    "report.joined": lambda d: f"Report {d.get('report')} of the same items joined; {d.get('reporters')} reports now.",
    "report.held": lambda d: f"Part '{d.get('part')}' held as {d.get('held')}: {_words(d.get('reason', ''))}.",
    "hold.settled": lambda d: f"Held {d.get('held')} settled.",
    "priority.raised": lambda d: f"Priority raised by the rules from {d.get('from')} to {d.get('to')}.",
    "priority.changed": lambda d: (
        f"Priority changed from {d.get('from')} to {d.get('to')}"
        + (f", confirmed by {d['confirmed_by']}." if d.get("confirmed_by") else ".")
    ),
    "submission.attempt": lambda d: f"Notice {d.get('submission')}: attempt {d.get('attempt')}.",
    "submission.sent": lambda d: f"Notice {d.get('submission')} accepted by {d.get('platform')}.",
    "answer.sent": lambda d: f"Answer {d.get('submission')} accepted by {d.get('platform')}.",
    "answer.given_up": lambda d: f"No answer comes to its question: the time of {d.get('submission')} goes on.",
    "case.submitted": lambda _: "Every notice and answer is with its platform.",
    "submission.handed_over": _notice("handed to the officer who enters it in the portal"),
    "submission.refused": _notice("refused by the platform"),
    "submission.not_accepted": _notice("not accepted yet; it is tried again"),
    "submission.unknown": _notice("may or may not have arrived; the platform is asked before anything else"),
    "submission.dropped": _notice("given up"),
    "submission.may_be_entered": _notice("may be in the portal already, since before a restore; somebody looks there"),
    "appeal.asked": lambda d: _asked(d, "to look at its decision again"),
    "restoration.asked": lambda d: _asked(d, "to put back what it took down"),
    "dossier.opened": _notice("opened as a dossier"),
    "outcome.recorded": lambda d: f"Item {d.get('item')} of {d.get('submission')}: {_words(d.get('outcome', ''))}.",
    "platform.asked": _notice("needs more information, says the platform"),
    "platform.decided": _notice("decided on all its items"),
    "rung.raised": lambda d: f"Rung {d.get('rung')} raised on {d.get('submission')}, to {_words(d.get('to', ''))}.",
    "rung.acknowledged": lambda d: f"Rung {d.get('rung')} acknowledged by {d.get('via')}.",
    "clock.warned": _clock,
    "clock.breached": _clock,
    "clock.repeated": lambda d: f"Still owed, reminder {str(d.get('level', ''))[1:]}: {d.get('rule')}.",
    "clock.paused": lambda d: f"{d.get('rule')} stands still; due {_short(d.get('due_at'))} at the latest.",
    "clock.resumed": lambda d: f"{d.get('rule')} goes on; due {_short(d.get('due_at'))}.",
    "clock.extended": lambda d: (
        f"{d.get('rule')} extended from {_short(d.get('due_before'))} to {_short(d.get('due_at'))}."
    ),
    "clock.recomputed": lambda d: (
        f"{d.get('rule')} recomputed from {_short(d.get('due_before'))} to {_short(d['due_at'])}."
        if d.get("due_at")
        else f"{d.get('rule')} ended: the policy has no such rule any more."
    ),
    "priority.recomputed": lambda d: f"Priority recomputed from {d.get('from')} to {d.get('to')}.",
    "expert.decided": lambda d: (
        f"{d.get('group')} {'confirmed' if d.get('confirmed') else 'did not confirm'} the case, record"
        f" {d.get('reference')}: {d.get('in_favour')} to {d.get('against')}."
    ),
    "extension.granted": lambda _: "The reporter is to be told of the extension.",
    "extension.notified": lambda _: "The reporter was told of the extension.",
    "case.answered": lambda _: "The reporter has an answer.",
    "reconciled.ready": lambda _: "No drive would have found the case; it is ready again.",
    "reconciled.submission": lambda _: "No drive would have tried its notice again; it is ready again.",
    "reconciled.lease": lambda d: f"Held by a drive that {d.get('because')}; free again.",
    "reconciled.letter": lambda d: f"Letter {d.get('letter')} had lost its sender.",
    "letter.attempt": _letter("being sent"),
    "letter.sent": _letter("sent"),
    "letter.queued": _letter("waits for another try"),
    "letter.refused": _letter("refused"),
    "letter.unknown": _letter("may or may not have arrived"),
    "letter.not_made": _letter("could not be made"),
    "letter.abandoned": _letter("was left by its sender before the answer was written"),
    "letter.found_arrived": _letter("found to have arrived"),
    "letter.replayed": _letter("sent on its way again"),
    "letter.opened": _letter("opened and read"),
    **timeline_mail.SENTENCES,
    "drive.failed": lambda d: (
        f"Could not be driven: {d.get('error')} in {str(d.get('where', '')).rpartition(' > ')[2]};"
        f" failure {d.get('failures')} in a row, tried again later."
    ),
    "hold.placed": lambda d: f"Legal hold {d.get('hold')} placed: nothing of it is erased.",
    "hold.lifted": lambda d: f"Legal hold {d.get('hold')} lifted.",
    "records.erased": lambda d: f"Erased: {_list(map(_words, d.get('erased', {})))}.",
    "case.exported": lambda d: (
        f"Exported as a file, {'with' if d.get('identities') else 'without'} the identities of its people."
    ),
    "vault.opened": lambda d: f"Vault opened for {d.get('purpose', '')}.",
}


def _words(code: Any) -> str:
    return str(code or "").replace("_", " ")


def _list(values: Any) -> str:
    return ", ".join(str(value) for value in values)


def _count(number: Any, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")


def _short(stamp: Any) -> str:
    return str(stamp or "")[:16].replace("T", " ") + " UTC"


def _rest(data: Data) -> str:
    return ", ".join(f"{key} {value}" for key, value in data.items())
