"""Named moments of a case. Clocks start, stop, pause and go on at them; a clock never starts 'now'."""

from __future__ import annotations

from typing import Literal

Moment = Literal[
    "case.received",
    "case.triaged",
    "case.returned",
    "case.supplied",
    "review.opened",
    "review.approved",
    "review.urgent",
    "review.confirmed",
    "review.declined",
    "submission.sent",
    "answer.sent",
    "case.submitted",
    "platform.asked",
    "platform.answered_us",
    "platform.decided",
    "case.answered",
    "case.ended",
    "report.held",
    "hold.settled",
    "rung.raised",
    "rung.acknowledged",
    "recipient.answered",
    "outcome.recorded",
    "expert.decided",
    "extension.granted",
    "extension.notified",
]

MOMENTS: dict[str, str] = {
    "case.received": "the case is opened or reopened",
    "case.triaged": "the case has its priority",
    "case.returned": "the case goes back to the reporter",
    "case.supplied": "what was missing is supplied",
    "review.opened": "legal review begins",
    "review.approved": "a reviewer approves the notice",
    "review.urgent": "the notice goes out before review",
    "review.confirmed": "what went out urgently is confirmed",
    "review.declined": "a reviewer refuses",
    "submission.sent": "the platform accepts the notice",
    "answer.sent": "the platform has our answer to its question",
    "case.submitted": "every notice and answer of the case is with its platform",
    "platform.asked": "the platform asks for more",
    "platform.answered_us": "we answer the platform's question",
    "platform.decided": "the platform has decided every item",
    "case.answered": "the reporter has an answer",
    "case.ended": "the case ends",
    "report.held": "a report is held",
    "hold.settled": "what is held is settled",
    "rung.raised": "a rung is raised",
    "rung.acknowledged": "the recipient acknowledges",
    "recipient.answered": "somebody answers one of our letters",
    "outcome.recorded": "an outcome is recorded",
    "expert.decided": "the expert group has decided",
    "extension.granted": "a clock is extended",
    "extension.notified": "the reporter is told of the extension",
}
"""What each moment is, to end the sentence 'it stops when …'."""
