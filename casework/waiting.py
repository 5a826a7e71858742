"""What a case waits for, in words: the name of the state its run ends in, and 'explain next'."""

from __future__ import annotations

from dataclasses import dataclass

from casework.facts import CaseFacts
from casework.vocabulary import DeliveryState, Role, Status


@dataclass(frozen=True, slots=True)
class Wait:
    """``name`` is the badge in the operators' run list; ``who`` moves next; ``what`` would go on."""

    name: str
    who: str
    what: str


_WAITS = {
    Status.RECEIVED: Wait("Ready to triage", Role.SYSTEM, "It gets its priority in the next drive."),
    Status.REOPENED: Wait("Ready to triage", Role.SYSTEM, "It gets its priority in the next drive."),
    Status.TRIAGED: Wait("Ready for the gate", Role.SYSTEM, "The completeness gate looks at it in the next drive."),
    Status.RETURNED: Wait("Awaiting reporter", "reporter", "What was missing is supplied, or the time runs out."),
    Status.IN_LEGAL_REVIEW: Wait("Awaiting legal review", Role.LEGAL_REVIEWER, "A reviewer decides it."),
    Status.APPROVED: Wait("Awaiting submission", Role.SYSTEM, "The notice goes out in the next drive."),
    Status.SUBMITTED: Wait("Awaiting platform", "platform", "The platform answers, or a rung is raised."),
    Status.MORE_INFO: Wait("Awaiting our answer", Role.LEGAL_REVIEWER, "A reviewer answers the platform's question."),
    Status.DECIDED: Wait("Ready to close", Role.SYSTEM, "The reporter is told and the case closed in the next drive."),
    Status.CLOSED: Wait("Closed", "nobody", "Nothing; it can be reopened."),
    Status.DECLINED: Wait("Declined", "nobody", "Nothing; the reporter may appeal and it can be reopened."),
    Status.WITHDRAWN: Wait("Withdrawn", "nobody", "Nothing; it can be reopened."),
    Status.MERGED: Wait("Merged", "nobody", "Nothing; see the case it was merged into."),
}  # fmt: skip

_SECOND_REVIEWER = Wait(
    "Awaiting second reviewer", Role.LEGAL_REVIEWER, "Another reviewer approves what the first endorsed."
)
_ENTRY = Wait("Awaiting portal entry", Role.SPECIALIST, "The officer enters the dossier and records the reference.")
_UNKNOWN = Wait("Unknown whether sent", Role.SPECIALIST, "A person finds out whether the platform has it.")
_MUTED = Wait("Sending is muted", Role.HEAD_OF_UNIT, "Somebody lifts the mute: 'qorgan sending unmute'.")
_REFUSED = Wait("Submission refused", Role.SPECIALIST, "A person reads the platform's refusal and mends the notice.")


def waiting_for(case: CaseFacts, *, muted: bool = False) -> Wait:
    """What the case waits for now. ``muted``: nothing leaves at present."""
    if case.status is Status.IN_LEGAL_REVIEW and case.political and case.endorsed_by:
        return _SECOND_REVIEWER
    if case.status in (Status.APPROVED, Status.SUBMITTED):
        # A submitted case has its notices out; what may not be there yet is an answer to the platform's question.
        approved = case.status is Status.APPROVED
        states = {paper.state for paper in case.submissions if approved or paper.kind == "answer"}
        if muted and states & {DeliveryState.QUEUED, DeliveryState.UNKNOWN}:
            return _MUTED
        for state, wait in (
            (DeliveryState.UNKNOWN, _UNKNOWN),
            (DeliveryState.REFUSED, _REFUSED),
            (DeliveryState.HANDED_OVER, _ENTRY),
        ):
            if state in states:
                return wait
    return _WAITS[case.status]
