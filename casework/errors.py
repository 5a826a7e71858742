"""Every error a person may meet. Each names the case, the rule and the next step.

Messages never carry a reported URL, a name or the text of a letter.
"""

from __future__ import annotations


class QorganError(Exception):
    """Base of all our errors; ``rule`` is stable and may be searched for."""

    rule = "qorgan"

    def __init__(self, message: str, *, rule: str | None = None, next_step: str = "") -> None:
        self.rule = rule or self.rule
        self.message = message
        self.next_step = next_step
        super().__init__(f"{message} [{self.rule}]" + (f" {next_step}" if next_step else ""))


class CaseError(QorganError):
    """An error about one case; ``case_number`` names it."""

    def __init__(self, case_number: str, message: str, *, rule: str | None = None, next_step: str = "") -> None:
        self.case_number = case_number
        super().__init__(f"{case_number}: {message}", rule=rule, next_step=next_step)


class MoveRefused(CaseError):
    """The lifecycle table or one of its guards forbids the move."""

    rule = "lifecycle.no_such_move"


class CaseMovedMeanwhile(CaseError):
    """Somebody else moved the case first; nothing was changed."""

    rule = "lifecycle.moved_meanwhile"


class CaseNotFound(CaseError):
    """No case has that number."""

    rule = "case.not_found"


class NotAllowed(QorganError):
    """The person is unknown or does not have the role."""

    rule = "actor.not_allowed"


class PackError(QorganError):
    """A policy pack cannot be used; the message gives file and line of every fault."""

    rule = "policy.invalid"


class ReportRefused(QorganError):
    """A report cannot be used; it goes to the holding pen with ``reason`` (a HoldReason value)."""

    rule = "intake.refused"

    def __init__(self, reason: str, message: str, *, next_step: str = "") -> None:
        self.reason = reason
        super().__init__(message, rule=f"intake.{reason}", next_step=next_step)


class ConfigurationError(QorganError):
    """The installation lacks something; the message says what to set."""

    rule = "configuration"


class AuditBroken(QorganError):
    """The event log does not add up; the message names the first event that fails."""

    rule = "audit.broken"
