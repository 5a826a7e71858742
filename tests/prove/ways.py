"""The ways that a case can go, as steps of people, of the system and of the world outside.

A step may be repeated: a person looks before acting again, and the system's own steps are made for it. What a killed
process left behind is found by the same steps, later.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from sqlalchemy import select

from casework.mail_tokens import reply_address
from casework.move_guards import MoveDetails
from casework.vocabulary import Action, DeliveryState, Outcome, Status
from db.queries.cases import case_by_number
from db.queries.clocks import running_clocks
from db.queries.letters import escalations_of_case, letters_of_case
from db.queries.submissions import submissions_of_case
from db.tables import CaseFile, Letter
from tasks import case_lifecycle, correspondence
from tasks.collect_outcomes import collect
from tasks.inbox import take_in_inbox
from tasks.legal_review import Supplied, supply
from tasks.mail_reading import read_stored
from tasks.mailbox import fetch
from tasks.record import move_case
from tasks.runtime import Runtime
from tasks.sla_sweep import sweep
from tests.prove.evidence import tell_platform
from tests.stories import INTAKE, OTHER_INTAKE, OTHER_REVIEWER, REASON, REVIEWER, MovableClock, in_danger, report


@dataclass
class Office:
    """The people and the scheduled jobs of one installation, in one process."""

    runtime: Runtime
    clock: MovableClock
    case: str = "KZ-2026-000001"

    # The system

    def intake(self) -> None:
        for _batch in take_in_inbox(self.runtime):
            pass
        self.drive()

    def drive(self) -> None:
        """As a lane's drive: a P0 by itself, all others together."""
        while numbers := case_lifecycle.claim(self.runtime, None, "proof", 25):
            alone = case_lifecycle.alone_among(self.runtime, numbers)
            together = [number for number in numbers if number not in alone]
            for some in (*([number] for number in alone), together):
                for error in case_lifecycle.advance_all(self.runtime, some).failed.values():
                    raise error

    def drive_by_stages(self) -> None:
        """As a run of its own: each stage commits by itself."""
        while numbers := case_lifecycle.claim(self.runtime, None, "proof", 25):
            for number in numbers:
                case_lifecycle.advance_by_stages(self.runtime, number)

    def letters(self) -> None:
        correspondence.send_letters(self.runtime)

    def collect(self) -> None:
        collect(self.runtime)

    def sweep(self) -> None:
        sweep(self.runtime)
        self.letters()

    def mails(self) -> None:
        fetch(self.runtime)
        read_stored(self.runtime)

    # The people

    def approve(self, by: str = REVIEWER) -> None:
        if self.status() == Status.IN_LEGAL_REVIEW:
            with self.runtime.sessions.read() as session:
                basis = self.runtime.pack.category(self._case(session).category).basis
            self._move(Action.APPROVE, by, basis=tuple(basis))

    def approve_all(self) -> None:
        for office in self._each():
            office.approve()

    def decline(self) -> None:
        if self.status() == Status.IN_LEGAL_REVIEW:
            self._move(Action.DECLINE, REVIEWER)

    def appeal(self) -> None:
        if self.status() == Status.DECLINED:
            self._move(Action.REOPEN, OTHER_INTAKE)

    def appeal_approved(self) -> None:
        self.approve(OTHER_REVIEWER)

    def supplied(self) -> None:
        if self.status() == Status.RETURNED:
            given = Supplied(observed_at="2026-03-17T09:00:00+05:00", quote="Переведи.", why_unlawful="Обман.")
            supply(self.runtime, self.case, INTAKE, given, "The reporter answered.")

    def answer_question(self) -> None:
        if self.status() == Status.MORE_INFO:
            self._move(Action.ANSWER, REVIEWER)

    def look_after_unknown_letters(self) -> None:
        """A person asks the recipients of letters of which nobody knows whether they arrived: they did not."""
        with self.runtime.sessions.read() as session:
            unknown = list(session.scalars(select(Letter.id).where(Letter.state == DeliveryState.UNKNOWN)))
        for letter_id in unknown:
            correspondence.settle_letter(self.runtime, letter_id, INTAKE, "arrived", "the recipient has it")

    # The world outside

    def reports_arrive(self, *reports: dict[str, Any]) -> None:
        self.runtime.settings.inbox.mkdir(exist_ok=True)
        lines = "\n".join(json.dumps(one, ensure_ascii=False) for one in reports)
        (self.runtime.settings.inbox / "reports.jsonl").write_text(lines + '\n{"links": "unreadable', encoding="utf-8")

    def platform_answers_all(self, outcome: Outcome) -> None:
        for office in self._each():
            office.platform_answers(outcome)

    def _each(self) -> Iterator[Office]:
        with self.runtime.sessions.read() as session:
            numbers = list(session.scalars(select(CaseFile.number).order_by(CaseFile.number)))
        for number in numbers:
            yield replace(self, case=number)

    def platform_answers(self, outcome: Outcome) -> None:
        with self.runtime.sessions.read() as session:
            rows = submissions_of_case(session, self._case(session).id)
            references = [row.platform_reference for row in rows if row.kind == "notice" and row.platform_reference]
        tell_platform(self.runtime, "force-answer", reference=references[-1], outcome=outcome.value, item="1")

    def liaison_answers(self) -> None:
        """Whoever got the last rung's letter answers it."""
        with self.runtime.sessions.read() as session:
            case_id = self._case(session).id
            rung = escalations_of_case(session, case_id)[-1]
            [letter] = [row for row in letters_of_case(session, case_id) if row.context.get("escalation") == rung.id]
        key = self.runtime.vault.key_for("reply")
        to = reply_address(self.runtime.pack.authority.email, self.case, letter.sent_to or letter.contact, key)
        folder = self.runtime.settings.mail_folder
        folder.mkdir(exist_ok=True)
        (folder / "answer.eml").write_text(
            "Message-ID: <answer@platform.example>\nDate: Wed, 18 Mar 2026 12:00:00 +0500\n"
            f"From: liaison@platform.example\nTo: {to}\nSubject: Re: {self.case}\nIn-Reply-To: {letter.message_id}\n"
            "Content-Type: text/plain; charset=utf-8\n\nWe have it in hand.\n",
            encoding="utf-8",
        )

    def time_passes(self, time: timedelta) -> None:
        """For us and for the platform."""
        self.clock.set(self.clock.at + time)
        tell_platform(self.runtime, "clock", now=self.clock.at.isoformat())

    def next_deadline(self) -> None:
        """The moment at which the next clock of the case runs out."""
        with self.runtime.sessions.read() as session:
            running = running_clocks(session, self._case(session).id)
            due = min(clock.due_at for clock in running if clock.breached_at is None)
        self.time_passes(due - self.clock.at)

    # What is so

    def status(self) -> str:
        with self.runtime.sessions.read() as session:
            return self._case(session).status

    def _case(self, session: Any) -> CaseFile:
        case = case_by_number(session, self.case)
        assert case is not None, "its report was taken in"
        return case

    def _move(self, action: Action, by: str, **said: Any) -> None:
        move_case(self.runtime, self.case, action, by, MoveDetails(**{"reason": REASON, **said}))


@dataclass(frozen=True)
class Step:
    """One step. ``outside`` ones are not ours: nobody dies in them."""

    name: str
    do: Callable[[Office], None]
    outside: bool = False


def _outside(name: str, do: Callable[[Office], None]) -> Step:
    return Step(name, do, outside=True)


def _arrive(*reports: dict[str, Any]) -> Step:
    return _outside("reports arrive", lambda office: office.reports_arrive(*reports))


def _told(outcome: Outcome) -> Step:
    return _outside(f"the platform says {outcome}", lambda office: office.platform_answers(outcome))


_LINKS = [f"https://www.tiktok.com/@practice/video/73{number:017d}" for number in range(7)]
_DEADLINE = _outside("a deadline comes", Office.next_deadline)
_GOOD = report(links=_LINKS[:1])

QUESTION = (
    _arrive(_GOOD, _GOOD, in_danger(links=_LINKS[1:2])),
    Step("intake", Office.intake),
    Step("letters", Office.letters),
    Step("review", Office.approve),
    Step("submission", Office.drive),
    _told(Outcome.MORE_INFO_NEEDED),
    Step("collection", Office.collect),
    Step("question", Office.drive),
    Step("answer", Office.answer_question),
    Step("answer's way", Office.drive),
    _told(Outcome.REMOVED_GLOBALLY),
    Step("collection", Office.collect),
    Step("end", Office.drive),
    Step("letters", Office.letters),
)
SILENCE = (
    _arrive(report(links=_LINKS[2:3], category="gambling_advertising")),
    Step("intake", Office.intake),
    Step("review", Office.approve),
    Step("submission", Office.drive),
    Step("letters", Office.letters),
    _DEADLINE,
    Step("escalation", Office.sweep),
    _DEADLINE,
    Step("escalation", Office.sweep),
    _outside("the liaison answers", Office.liaison_answers),
    Step("mailbox", Office.mails),
    _DEADLINE,
    Step("escalation", Office.sweep),
    _told(Outcome.NO_ACTION),
    Step("collection", Office.collect),
    Step("end", Office.drive),
    Step("letters", Office.letters),
)
APPEAL = (
    _arrive(report(links=_LINKS[3:4], observed_at=None, quote="", why_unlawful="")),
    Step("intake", Office.intake),
    Step("letters", Office.letters),
    Step("supply", Office.supplied),
    Step("gate", Office.drive_by_stages),
    Step("refusal", Office.decline),
    Step("letters", Office.letters),
    Step("appeal", Office.appeal),
    Step("gate", Office.drive_by_stages),
    Step("review", Office.appeal_approved),
    Step("submission", Office.drive_by_stages),
    _told(Outcome.RESTRICTED_LOCALLY),
    Step("collection", Office.collect),
    Step("end", Office.drive_by_stages),
    Step("letters", Office.letters),
)
TOGETHER = (
    _arrive(*(report(links=[link]) for link in _LINKS[4:7])),
    Step("intake", Office.intake),
    Step("review", Office.approve_all),
    Step("submission", Office.drive),
    _outside("the platform answers all", lambda office: office.platform_answers_all(Outcome.REMOVED_GLOBALLY)),
    Step("collection", Office.collect),
    Step("end", Office.drive),
    Step("letters", Office.letters),
)
WAYS = {
    "a question of the platform": QUESTION,
    "silence and escalation": SILENCE,
    "refusal and appeal": APPEAL,
    "several at once": TOGETHER,
}
