"""Opinions of expert groups: checked, written once, and never changed."""

from __future__ import annotations

from sqlalchemy.exc import IntegrityError

from casework.errors import CaseError, NotAllowed
from casework.expert_opinion import Opinion, faults_of
from casework.facts import CaseFacts
from casework.vocabulary import OPEN_STATUSES
from db.queries.cases import case_by_id
from db.tables import ExpertOpinion
from tasks.case_facts import facts_of, find_case
from tasks.record import note, transaction
from tasks.runtime import Runtime

LONGEST_REFERENCE = 80
"""Signs in the number of a group's record."""


class OpinionRefused(CaseError):
    """The opinion does not count; nothing was written."""

    rule = "expert.opinion_refused"


def record_opinion(runtime: Runtime, number: str, opinion: Opinion, actor_id: str) -> CaseFacts:
    """Enter what the expert group of the case's instrument decided; the case afterwards.

    Raises NotAllowed for somebody who may not enter it, OpinionRefused for an opinion without quorum, majority or
    reasons, for a case whose instrument needs none, and for a record entered before.
    """
    actor = runtime.users.actor(actor_id)
    at = runtime.now()
    try:
        with transaction(runtime) as session:
            case = find_case(session, number)
            group = runtime.pack.at(at).expert_group(case.instrument, case.category)
            if group is None or case.status not in OPEN_STATUSES:
                why = f"a '{case.instrument}' needs no group's opinion" if group is None else f"it is '{case.status}'"
                raise OpinionRefused(number, why, rule="expert.not_needed")
            if not actor.has(*group.recorded_by):
                raise NotAllowed(
                    f"{number}: an opinion of '{group.id}' is entered by {' or '.join(group.recorded_by)};"
                    f" {actor.id} is not",
                    next_step="The chair or the deputy enters it.",
                )
            faults = faults_of(opinion, group, case.received_at, at)
            if not 1 <= len(opinion.reference.strip()) <= LONGEST_REFERENCE:
                faults += (f"the record has no number of at most {LONGEST_REFERENCE} signs",)
            if faults:
                raise OpinionRefused(
                    number, f"the opinion of '{group.id}' does not count: {'; '.join(faults)}",
                    next_step="Correct the record; nothing was written.",
                )  # fmt: skip
            session.add(
                ExpertOpinion(
                    case_id=case.id,
                    group_id=group.id,
                    reference=opinion.reference,
                    present=list(opinion.present),
                    conflicted=list(opinion.conflicted),
                    in_favour=opinion.in_favour,
                    against=opinion.against,
                    confirmed=opinion.confirmed,
                    reasons=opinion.reasons,
                    dissent=list(opinion.dissent),
                    recorded_by=actor.id,
                    policy_version=runtime.pack.version,
                    decided_at=opinion.decided_at,
                    recorded_at=at,
                )
            )
            case.expert_decision = opinion.reference
            session.flush()
            data = {
                "group": group.id, "reference": opinion.reference, "confirmed": opinion.confirmed,
                "present": len(opinion.present), "conflicted": len(opinion.conflicted),
                "in_favour": opinion.in_favour, "against": opinion.against, "dissents": len(opinion.dissent),
            }  # fmt: skip
            note(session, runtime, case, "expert.decided", actor, at, moment="expert.decided", data=data, wake=True)
            return facts_of(session, case_by_id(session, case.id))
    except IntegrityError:
        raise OpinionRefused(
            number, f"record '{opinion.reference}' was entered before", rule="expert.repeated"
        ) from None
