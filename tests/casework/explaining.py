"""Clocks on record, letters on record and a small practice pack, for the tests of the answers to 'why'."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, date, datetime, time
from functools import cache
from pathlib import Path
from typing import Any

from casework.clock_changes import ClockChange, ClockFacts
from casework.clocks import thresholds
from casework.explain import ClockOnRecord, Explanation
from casework.facts import CaseFacts
from casework.limits import due_at
from casework.policy_clocks import ClockRule, Ladder, Sla
from casework.policy_pack import Category, Pack, PriorityPolicy
from casework.policy_people import Retention
from casework.policy_regime import InstrumentRule
from casework.vocabulary import AgeBand, Priority, Status
from casework.working_time import DayOverride, WorkingCalendar
from tests.casework.building import the_pack

GOLDEN = Path(__file__).parent / "golden"
NUMBER = "KZ-2026-000001"
NOW = datetime(2026, 3, 18, 4, 0, tzinfo=UTC)
"""Wednesday, 09:00 in Almaty."""
VERSION = "practice/2026-01+00000000"


def a_calendar(*closed: date, name: str = "Nauryz") -> WorkingCalendar:
    """Monday to Friday with a lunch break; closed on the given days besides."""
    return WorkingCalendar(
        id="practice",
        zone="Asia/Almaty",
        windows=((time(9), time(13)), (time(14, 30), time(18, 30))),
        first_year=2026,
        last_year=2027,
        overrides={day: DayOverride(kind="closed", name=name) for day in closed},
    )


CALENDAR = a_calendar(date(2026, 3, 23), date(2026, 3, 24), date(2026, 3, 25))

OWN = {"ref": "Internal target", "verified_on": "2026-01-15"}
ACT = {"ref": "Act 1, Art. 2", "verified_on": None}


def a_rule(**fields: Any) -> ClockRule:
    """A clock rule of three working days, our own target."""
    plain = {
        "id": "practice.review", "name": {"en": "Legal review"}, "duty": "authority", "start": "review.opened",
        "stop": ["review.approved", "case.ended"], "limit": {"amount": 3, "unit": "working_days"},
        "warn_at": ["80%"], "statutory": False, "source": OWN,
    }  # fmt: skip
    return ClockRule.model_validate({**plain, **fields})


REVIEW = a_rule()
PLATFORM = a_rule(
    id="practice.platform_24h", name={"en": "The platform's consideration"}, duty="platform", start="submission.sent",
    stop=["platform.decided", "case.ended"], limit={"amount": 24, "unit": "hours"}, warn_at=["-6h"],
    ladder="silence", statutory=True, source=ACT, applies={"instrument": ["request"]},
)  # fmt: skip
EXPERTS = a_rule(
    id="practice.experts", name={"en": "The experts' opinion"}, start="case.received", statutory=True, source=ACT,
    applies={"category": ["bullying"]}, valid_from="2026-01-01", valid_to="2026-12-31",
    pause=[{
        "reason": "awaiting_applicant", "begins": ["case.returned"], "ends": ["case.supplied"],
        "ordered_by": ["expert_chair"], "at_most": {"amount": 5, "unit": "working_days"}, "source": ACT,
    }, {
        "reason": "more_info_needed", "ordered_by": ["head_of_unit"], "then": "restart",
        "at_most": {"amount": 10, "unit": "calendar_days"}, "source": ACT,
    }],
    extension={
        "roles": ["expert_chair"], "ceiling": {"amount": 15, "unit": "calendar_days", "due_at": "end_of_day"},
        "notice": "extension_notice", "notice_clock": "practice.extension_notice", "source": ACT,
    },
    repeat={"every": {"amount": 1, "unit": "working_days"}, "at_most": 3, "letter": "overdue_reminder"},
)  # fmt: skip
REFUSAL = a_rule(
    id="practice.refusal", name={"en": "Notice of a refusal"}, statutory=True, source=ACT,
    qualitative={"en": "without undue delay"},
)  # fmt: skip
ANSWER = a_rule(
    id="practice.answer", name={"en": "The reporter's answer"}, duty="reporter", start="case.returned",
    stop=["case.supplied", "case.ended"], limit={"amount": 5, "unit": "working_days"}, lapse=True,
)  # fmt: skip

_WAIT = {"amount": 4, "unit": "hours"}
LADDER = Ladder.model_validate(
    {
        "id": "silence",
        "rungs": [
            {
                "rung": rung, "name": {"en": name}, "letter": letter, "recipient": to,
                "acknowledge_within": _WAIT, "after_acknowledgement": _WAIT,
            }
            for rung, name, letter, to in (
                (1, "Reminder", "platform_reminder", "platform"),
                (2, "Regional liaison", "liaison_escalation", "liaison"),
                (3, "Next authority", "authority_escalation", "authority"),
            )
        ],
    }
)  # fmt: skip


def begun(rule: ClockRule, at: datetime = NOW, calendar: WorkingCalendar = CALENDAR) -> ClockFacts:
    """The clock of a rule as it starts."""
    due = due_at(rule.limit.limit, at, calendar)
    return ClockFacts(NUMBER, rule, calendar, at, due, thresholds(rule, at, due, calendar), 0)


def changed(clock: ClockFacts, change: ClockChange) -> ClockFacts:
    """The clock after a change."""
    return replace(clock, history=change.history, due_at=change.due_at, marks=change.marks, fired=change.fired)


def recorded(clock: ClockFacts, /, **columns: Any) -> ClockOnRecord:
    """The clock as it stands in the case file."""
    rule = clock.rule
    values: dict[str, Any] = {
        "about": f"{NUMBER}/S1" if rule.start == "submission.sent" else NUMBER,
        "rule_id": rule.id, "name": rule.name.en, "duty": rule.duty.value, "statutory": rule.statutory,
        "qualitative": rule.qualitative.en if rule.qualitative else "", "source": rule.source.ref,
        "verified": rule.source.verified, "policy_version": VERSION, "limit": rule.limit.limit,
        "calendar": clock.calendar, "today": clock.calendar, "started_at": clock.started_at, "due_at": clock.due_at,
        "marks": clock.marks, "fired": clock.fired, "stop_on": tuple(rule.stop), "rule": rule,
        "history": clock.history, "ladder_id": rule.ladder, "ladder": LADDER if rule.ladder else None,
        "next_rung": 1 if rule.ladder else None, "lapse": rule.lapse,
    }  # fmt: skip
    return ClockOnRecord(**{**values, **columns})


def a_clock(of: ClockRule = REVIEW, at: datetime = NOW, /, **columns: Any) -> ClockOnRecord:
    """The clock of a rule, on record since ``at``."""
    return recorded(begun(of, at), **columns)


def a_case(**changes: Any) -> CaseFacts:
    """An adult's fraud case whose notice the platform has."""
    plain = CaseFacts(
        id=1,
        number=NUMBER,
        status=Status.SUBMITTED,
        priority=Priority.P3,
        category="fraud",
        political=False,
        child=False,
        age_band=AgeBand.ADULT,
        language="ru",
        instrument="request",
        ground="local_law",
        requested_action="remove",
        intake_by="aigerim",
        received_at=NOW,
    )
    return replace(plain, **changes)


@cache
def practice_pack() -> Pack:
    """Few rules, none of them of a real authority, so that only the tests change them."""
    pack = the_pack()

    def category(code: str, **fields: Any) -> Category:
        plain = {
            "name": {"en": code}, "plain_name": {"en": code}, "child": "never",
            "dsa_category": "STATEMENT_CATEGORY_SCAMS_AND_FRAUD",
            "instrument": "request", "ground": "local_law", "requested_action": "remove", "source": OWN,
        }  # fmt: skip
        return Category.model_validate({"code": code, **plain, **fields})

    def rule(name: str, level: str, **fields: Any) -> dict[str, Any]:
        return {"id": name, "level": level, "why": f"Because of {name}.", "source": ACT, **fields}

    priority = PriorityPolicy.model_validate(
        {
            "rules": [
                rule("p0.life", "P0", any_indicator=["threat_to_life", "live_abuse"]),
                rule("p1.abuse", "P1", any_indicator=["abuse"], any_category=["abuse"]),
                rule("p2.child", "P2", any_category=["bullying", "fraud"], child=True),
                rule("p3.unlawful", "P3", any_category=["fraud", "speech", "bullying"]),
            ],
            "modifiers": [
                {"id": "m.spread", "reports_over": 5, "why": "It spreads.", "source": ACT},
                {"id": "m.platforms", "platforms_over": 2, "why": "It is everywhere.", "source": ACT},
                {"id": "m.child_reports", "reporter_is_child": True, "why": "A child asks for help.", "source": ACT},
            ],
            "highest_by_modifier": "P1", "default": "P4", "child_safety_lane": ["P0", "P1", "P2"],
            "child_indicators": ["school_name"],
        }
    )  # fmt: skip
    removal = InstrumentRule.model_validate(
        {
            "instrument": "removal_notice", "grounds": ["local_law"], "redress": {"en": "You may object."},
            "source": ACT,
            "precondition": {
                "id": "practice.provider_first", "name": {"en": "the provider was told first"},
                "fact": "provider_told", "wait": {"amount": 48, "unit": "hours"}, "source": ACT,
            },
        }
    )  # fmt: skip
    regime = pack.regime.model_copy(update={"id": "practice/2026-01", "instruments": (removal,)})
    kept = [{"record": "case_file", "keep": {"amount": 60, "unit": "months"}, "source": {"ref": "unsourced"}}]
    return pack.model_copy(
        update={
            "digest": "0" * 64,
            "regime": regime,
            "categories": (
                category("fraud"), category("abuse", child="always", police_referral=True), category("bullying"),
                category("speech", political=True), category("other"),
            ),
            "priority": priority,
            "sla": Sla(clocks=(REVIEW, PLATFORM, EXPERTS, REFUSAL, ANSWER), ladders=(LADDER,)),
            "retention": Retention.model_validate({"rules": kept}),
        }
    )  # fmt: skip


def assert_golden(told: Explanation, name: str) -> None:
    """The text is as it was when somebody last read it; QORGAN_UPDATE_SNAPSHOTS=1 writes it anew."""
    path = GOLDEN / f"explain-{name}.txt"
    if os.environ.get("QORGAN_UPDATE_SNAPSHOTS") == "1":
        path.parent.mkdir(exist_ok=True)
        path.write_text(told.text + "\n", encoding="utf-8")
    assert path.exists(), f"{path.name} is missing: run once with QORGAN_UPDATE_SNAPSHOTS=1 and read it"
    assert told.text + "\n" == path.read_text(encoding="utf-8")
