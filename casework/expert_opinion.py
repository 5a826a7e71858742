"""When the opinion of an expert group counts: quorum without conflicts of interest, majority, reasons, dissent."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from casework.policy_regime import ExpertGroup


@dataclass(frozen=True, slots=True)
class Opinion:
    """What a group decided. Members are named by their ids; ``conflicted`` were present and took no part."""

    reference: str
    present: tuple[str, ...]
    conflicted: tuple[str, ...]
    in_favour: int
    against: int
    confirmed: bool
    reasons: str
    dissent: tuple[str, ...]
    decided_at: datetime

    @property
    def deciding(self) -> tuple[str, ...]:
        """Members who were present and had no conflict of interest."""
        return tuple(member for member in self.present if member not in self.conflicted)


def faults_of(opinion: Opinion, group: ExpertGroup, received_at: datetime, now: datetime) -> tuple[str, ...]:
    """Why the opinion does not count, one sentence each; empty when it counts."""
    faults = []
    if len(set(opinion.present)) != len(opinion.present):
        faults.append("a member is named twice among those present")
    strangers = sorted(set(opinion.conflicted) - set(opinion.present))
    if strangers:
        faults.append(f"'{strangers[0]}' is said to have a conflict of interest and was not present")
    deciding = len(opinion.deciding)
    if deciding < group.quorum:
        faults.append(f"{deciding} member(s) without a conflict of interest were present; the quorum is {group.quorum}")
    if opinion.in_favour < 0 or opinion.against < 0 or opinion.in_favour + opinion.against > deciding:
        faults.append(f"{opinion.in_favour} and {opinion.against} votes do not fit {deciding} deciding member(s)")
    if opinion.confirmed != (opinion.in_favour > opinion.against):
        faults.append(f"{opinion.in_favour} votes to {opinion.against} do not carry that decision")
    if len(opinion.reasons.strip()) < 20:
        faults.append("the reasons are missing")
    if opinion.against and not opinion.dissent and opinion.confirmed:
        faults.append("votes were cast against it, and no dissent is recorded")
    if not received_at <= opinion.decided_at <= now:
        faults.append("it was decided before the case was received, or in the future")
    return tuple(faults)
