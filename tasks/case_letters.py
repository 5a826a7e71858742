"""Letters that a moment or a threshold of a clock calls for, and letters that nobody needs any more when they could go.

What is written at which moment is the pack's; the clocks' own letters are of the policy that the clock follows.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from casework.clocks import Subject, Threshold
from casework.facts import CaseFacts
from casework.letters import LETTERS
from casework.moments import Moment
from casework.policy_letters import awaited_group, letters_at, threshold_letters
from casework.policy_pack import Pack
from casework.vocabulary import OPEN_STATUSES, ClockState, Recipient
from db.base import JsonDict
from db.queries.cases import case_by_id, last_opinion
from db.queries.clocks import running_clocks
from db.tables import CaseFile, Clock, Letter, Submission
from tasks.case_facts import facts_of
from tasks.clock_history import rule_of
from tasks.outbox import queue_letters
from tasks.runtime import Runtime

END_WITH_CASE = frozenset(
    {"expert_referral", "expert_reminder", "deadline_warning", "overdue_reminder"}
    | {"platform_reminder", "liaison_escalation", "liaison_head_escalation", "authority_escalation"}
)
"""Letters that ask somebody to do what nobody needs once the case has ended. That a duty of ours was breached stays
true, and the head of unit hears of it."""

END_WITH_CLOCK = END_WITH_CASE - {"expert_referral"}
"""Letters about a duty: they fall away with the clock that they speak of."""


def queue_at_moment(
    session: Session, runtime: Runtime, case: CaseFile, moment: Moment, subject: Subject, at: datetime, once: str
) -> list[Letter]:
    """Intend the letters that a moment calls for; those written now.

    ``once`` names the moment's event. A letter about a notice is written once a notice, whatever brought the moment.
    """
    pack = runtime.pack.at(at)
    if not pack.letters.at(moment):
        return []
    notice = session.get(Submission, subject.id) if subject.kind == "submission" else None
    facts = facts_of(session, case)
    written: list[Letter] = []
    for rule in letters_at(moment, facts, pack, notice.channel if notice else None):
        said: JsonDict = {"moved_at": at.isoformat(), **_expert_group(rule.letter, facts, pack)}
        if notice is not None:
            said["submission"] = notice.number
        if rule.clock is not None:
            # A clock that was just started has its number once it is written.
            session.flush()
            running = {clock.rule_id: clock.id for clock in running_clocks(session, case.id)}
            said["clock"] = running.get(rule.clock)
        written += queue_letters(
            session, case, rule.letter, at, runtime.pack,
            once=f"{case.id}:{once}" if notice is None else str(notice.id),
            platform=notice.platform if notice else None, context=said,
        )  # fmt: skip
    return written


def _expert_group(letter: str, case: CaseFacts, pack: Pack) -> JsonDict:
    """Which group a letter to one is to, as it was then."""
    if LETTERS[letter].recipient is not Recipient.EXPERT_GROUP:
        return {}
    group = awaited_group(case, pack)
    return {"expert_group": group.id if group else None}


def queue_at_threshold(
    session: Session, runtime: Runtime, case: CaseFile, clock: Clock, threshold: Threshold, now: datetime
) -> list[Letter]:
    """Intend the letters that a warning or a breach calls for: once for each clock, threshold and recipient.

    A warning that is given again after more time was granted is another threshold.
    """
    rule, _ = rule_of(session, runtime.policies, clock)
    facts, pack = facts_of(session, case), runtime.pack.at(now)
    notice = session.get(Submission, clock.subject_id) if clock.subject_kind == "submission" else None
    written: list[Letter] = []
    for name in threshold_letters(clock.duty, rule, facts, pack, breach=threshold.breach):
        said: JsonDict = {"clock": clock.id, **_expert_group(name, facts, pack)}
        if notice is not None:
            said["submission"] = notice.number
        if not threshold.breach:
            said["threshold"] = threshold.level
        written += queue_letters(
            session, case, name, now, runtime.pack,
            once=f"{clock.id}:{threshold.level}:{threshold.at:%Y%m%dT%H%M%S}",
            platform=notice.platform if notice else None, context=said,
        )  # fmt: skip
    return written


def still_wanted(session: Session, letter: Letter) -> str:
    """'' for a letter that still makes sense, or why not. Ask in the transaction that sends it.

    Between a letter's intention and its sending a case may end, a platform answer, an expert group decide.
    """
    if letter.case_id is None or letter.kind not in END_WITH_CASE:
        return ""
    case = case_by_id(session, letter.case_id)
    if case.status not in OPEN_STATUSES:
        return f"the case is '{case.status}' meanwhile"
    clock = session.get(Clock, letter.context["clock"]) if letter.context.get("clock") else None
    if letter.kind in END_WITH_CLOCK and clock is not None and clock.state != ClockState.RUNNING:
        return f"clock '{clock.rule_id}' is '{clock.state}' meanwhile"
    if letter.recipient == Recipient.EXPERT_GROUP and last_opinion(session, case.id) is not None:
        return "the expert group has given its opinion"
    return ""
