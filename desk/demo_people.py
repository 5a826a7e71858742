"""The practice people of the demo. They decide through the same functions as the command line."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from casework.completeness import ACCOUNT_KINDS
from casework.errors import QorganError
from casework.expert_opinion import Opinion
from casework.move_guards import MoveDetails
from casework.vocabulary import Action, AgeBand, DeliveryState, Ground, Outcome, RequestedAction, Status
from db.queries.cases import list_cases
from db.queries.letters import escalations_of_case
from db.queries.submissions import submissions_of_case
from sandbox.outcomes import draw_outcome, generator
from tasks.case_facts import facts_of, find_case
from tasks.collect_outcomes import record_outcome
from tasks.escalation import acknowledge
from tasks.expert_opinions import record_opinion
from tasks.legal_review import ReviewSheet, Supplied, next_review, supply
from tasks.record import move_case
from tasks.runtime import Runtime
from tasks.submission import record_reference

SPECIALIST, REVIEWER, SECOND, OFFICER, CHAIR = "aigerim", "daniyar", "saule", "olzhas", "gulnara"

UNSORTED = "unclassified"
CHILD_RULES = "Community rules: safety of children"
OTHER_RULES = "Community rules: dangerous or illegal goods, services and conduct"
NOTHING_UNLAWFUL = ("false_information", "political_events")


@dataclass
class People:
    """Seeded: the same reports are decided the same way in every demo."""

    runtime: Runtime
    seed: int
    answered: set[str] = field(default_factory=set)

    def review(self) -> int:
        """Every reviewer works through what waits for them; how many decisions were made."""
        return sum(self._work_through(person) for person in (REVIEWER, SECOND))

    def _work_through(self, person: str) -> int:
        decided = 0
        seen: set[str] = set()
        while (sheet := next_review(self.runtime, person)) is not None and sheet.case.number not in seen:
            seen.add(sheet.case.number)
            self._decide(sheet, person)
            decided += 1
        return decided

    def _decide(self, sheet: ReviewSheet, person: str) -> None:
        """Approve what has a basis, send political requests through two reviewers, decline what has none."""
        number, facts, pack = sheet.case.number, sheet.facts, self.runtime.pack
        category = pack.category(facts.category)
        if any(pack.platform(item.platform) is None for item in facts.items):
            self._move(
                number,
                Action.DECLINE,
                person,
                "The content is on no platform that we reach; another body is competent.",
            )
        elif facts.category == UNSORTED or (facts.ground != Ground.PLATFORM_POLICY and not category.basis):
            self._move(number, Action.DECLINE, person, "No provision was found that this content would break.")
        elif facts.political and facts.category in NOTHING_UNLAWFUL:
            self._move(
                number,
                Action.DECLINE,
                person,
                "Criticism of public bodies is protected; removal would not be proportionate.",
            )
        elif facts.opinion is None and self.runtime.pack.expert_group(facts.instrument, facts.category) is not None:
            self._expert_group_confirms(number)
            self._approve(sheet, person)
        else:
            self._approve(sheet, person)

    def _expert_group_confirms(self, number: str) -> None:
        """The group met with four members, one of whom knew the family and took no part."""
        opinion = Opinion(
            reference=f"Practice record {number[-3:]}",
            present=("member-1", "member-2", "member-3", "member-4"),
            conflicted=("member-4",),
            in_favour=2,
            against=1,
            confirmed=True,
            reasons="The posts humiliate one child, by name, again and again over a week.",
            dissent=("One post alone would have been a quarrel; the week makes the difference, which I do not see.",),
            decided_at=self.runtime.now(),
        )
        record_opinion(self.runtime, number, opinion, CHAIR)

    def _approve(self, sheet: ReviewSheet, person: str) -> None:
        facts = sheet.facts
        weighty = facts.political or facts.requested_action == RequestedAction.SUSPEND_ACCOUNT
        details = MoveDetails(
            reason="The content meets the elements of the provision cited; the exact items are listed.",
            basis=self.runtime.pack.category(facts.category).basis[:2],
            policy_line=facts.policy_line or (CHILD_RULES if facts.child else OTHER_RULES),
            proportionality="A narrower measure was considered and would not end the harm." if weighty else "",
        )
        first = facts.political and not facts.endorsed_by
        move_case(self.runtime, facts.number, Action.ENDORSE if first else Action.APPROVE, person, details)

    def _move(self, number: str, action: Action, person: str, reason: str) -> None:
        move_case(self.runtime, number, action, person, MoveDetails(reason=reason))

    def enter_portals(self) -> int:
        """The officer enters what was handed over and records the portal's references."""
        entered = 0
        for number in self._numbers():
            with self.runtime.sessions.read() as session:
                case = find_case(session, number)
                waiting = [
                    row.number
                    for row in submissions_of_case(session, case.id)
                    if row.state == DeliveryState.HANDED_OVER
                ]
            for submission in waiting:
                record_reference(self.runtime, submission, f"CRS-{submission.replace('/', '-')}", SPECIALIST)
                entered += 1
        return entered

    def read_portals(self) -> int:
        """The officer records what the portal shows, by the real rates of each category."""
        recorded = 0
        for number in self._numbers():
            with self.runtime.sessions.read() as session:
                case = find_case(session, number)
                facts = facts_of(session, case)
                portal = [
                    row
                    for row in submissions_of_case(session, case.id)
                    if row.channel == "portal" and row.state == DeliveryState.SENT
                ]
            for submission in portal:
                for item in facts.items:
                    if item.id in submission.item_ids and item.outcome is Outcome.PENDING:
                        chance = generator(self.seed, submission.number, str(item.number))
                        outcome = draw_outcome(chance, facts.category, may_ask=submission.kind == "notice")
                        record_outcome(self.runtime, submission.number, item.number, Outcome(outcome.value), SPECIALIST)
                        recorded += 1
        return recorded

    def answer_questions(self) -> int:
        """A reviewer answers what platforms ask."""
        asked = self._numbers(Status.MORE_INFO)
        for number in asked:
            self._move(
                number, Action.ANSWER, REVIEWER, "The passage and its translation are given; the age is confirmed."
            )
        return len(asked)

    def supply_missing(self) -> int:
        """Every second reporter answers; the others let their time run out."""
        supplied = 0
        for position, number in enumerate(sorted(self._numbers(Status.RETURNED))):
            if position % 2 or number in self.answered:
                continue
            self.answered.add(number)
            with self.runtime.sessions.read() as session:
                facts = facts_of(session, find_case(session, number))
            if any(item.opaque or not item.exact or item.kind in ACCOUNT_KINDS for item in facts.items):
                continue
            added = Supplied(
                observed_at=self.runtime.now().isoformat(),
                description=facts.description or "The reporter described the content by telephone.",
                age_band=AgeBand.TEEN if facts.child and facts.age_band is AgeBand.UNKNOWN else None,
            )
            try:
                supply(self.runtime, number, SPECIALIST, added, "The reporter called back.")
                supplied += 1
            except QorganError:
                continue
        return supplied

    def acknowledge_some(self) -> int:
        """The liaison takes every second rung in hand."""
        taken = 0
        chance = random.Random(self.seed)  # noqa: S311  practice, not security
        for number in self._numbers(Status.SUBMITTED):
            with self.runtime.sessions.read() as session:
                case = find_case(session, number)
                open_rungs = [r.id for r in escalations_of_case(session, case.id) if r.acknowledged_at is None]
            if open_rungs and chance.random() < 0.5:
                acknowledge(self.runtime, open_rungs[-1], OFFICER, "phone")
                taken += 1
        return taken

    def _numbers(self, status: Status | None = None) -> list[str]:
        with self.runtime.sessions.read() as session:
            return [case.number for case in list_cases(session, status=status, limit=1_000)]
