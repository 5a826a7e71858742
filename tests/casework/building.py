"""A case to start from, the people around it, and the ministry's pack, as it is or with one rule changed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from casework.facts import SYSTEM, Actor, CaseFacts, ItemFacts, OpinionFacts, SubmissionFacts
from casework.lifecycle import Decision, decide
from casework.move_guards import MoveDetails
from casework.pack_reader import read_pack
from casework.policy_base import Source
from casework.policy_clocks import ClockRule
from casework.policy_pack import Pack
from casework.policy_regime import BeforeReview
from casework.vocabulary import (
    Action,
    AgeBand,
    DeliveryState,
    Ground,
    Instrument,
    Outcome,
    Priority,
    RequestedAction,
    Role,
    Status,
)

FOLDER = Path(__file__).parents[2] / "policies" / "kz-ministry"

NOW = datetime(2026, 4, 1, 6, 0, tzinfo=UTC)
"""Wednesday, 11:00 in Almaty."""

AIGERIM = Actor("aigerim", "Aigerim (specialist)", frozenset({Role.SPECIALIST}))
DANIYAR = Actor("daniyar", "Daniyar (reviewer)", frozenset({Role.LEGAL_REVIEWER}))
SAULE = Actor("saule", "Saule (reviewer)", frozenset({Role.LEGAL_REVIEWER}))
MARAT = Actor("marat", "Marat (head of unit)", frozenset({Role.HEAD_OF_UNIT}))
OLZHAS = Actor("olzhas", "Olzhas (duty officer)", frozenset({Role.DUTY_OFFICER}))
DINA = Actor("dina", "Dina (auditor)", frozenset({Role.AUDITOR}))
EVERYBODY = Actor("everybody", "All roles at once", frozenset(Role))
PEOPLE = (AIGERIM, DANIYAR, SAULE, MARAT, OLZHAS, DINA, SYSTEM)

REASON = "The post tells children how to hurt themselves."
NOTE = "Only this one post is removed; nothing narrower would stop the harm."


def pack_texts(folder: Path = FOLDER) -> dict[str, str]:
    """The files of a pack, the ministry's by default, free to be changed by a test."""
    texts = {path.stem: path.read_text("utf-8") for path in folder.glob("*.yaml")}
    return texts | {path.name: path.read_text("utf-8") for path in folder.glob("*.csv")}


@cache
def the_pack() -> Pack:
    return read_pack(FOLDER.name, pack_texts())


def pack_with_clock(rule_id: str, *versions: dict[str, Any]) -> Pack:
    """The ministry's pack with versions of one clock in the place of it, each the clock with some keys changed."""
    clocks: list[ClockRule] = []
    for rule in the_pack().sla.clocks:
        changed = versions if rule.id == rule_id else ({},)
        clocks += [ClockRule.model_validate(rule.model_dump() | changes) for changes in changed]
    return the_pack().model_copy(update={"sla": the_pack().sla.model_copy(update={"clocks": tuple(clocks)})})


def pack_with_form(instrument: str, **changes: Any) -> Pack:
    """The ministry's pack with one form of notice changed."""
    regime = the_pack().regime
    forms = tuple(
        rule.model_copy(update=changes) if rule.instrument == instrument else rule for rule in regime.instruments
    )
    return the_pack().model_copy(update={"regime": regime.model_copy(update={"instruments": forms})})


@cache
def urgent_pack(instrument: str = "platform_report") -> Pack:
    """The ministry's pack, if its law let a P0 notice of that form go out before review."""
    allowed = BeforeReview(
        priority=Priority.P0, instrument=Instrument(instrument), source=Source(ref="An act made up for a test")
    )
    regime = the_pack().regime.model_copy(update={"before_review": (allowed,)})
    return the_pack().model_copy(update={"regime": regime})


def an_item(number: int = 1, **overrides: Any) -> ItemFacts:
    values: dict[str, Any] = {
        "id": number,
        "number": number,
        "key": f"tiktok:video:{number}",
        "url": f"https://tiktok.example/@practice/video/{number}",
        "kind": "video",
        "platform": "tiktok",
        "account": None,
        "exact": True,
        "opaque": False,
        "observed_at": datetime(2026, 3, 31, 12, 0, tzinfo=UTC),
    }
    return ItemFacts(**values | overrides)


def with_outcomes(*outcomes: Outcome) -> tuple[ItemFacts, ...]:
    return tuple(an_item(number, outcome=outcome) for number, outcome in enumerate(outcomes, start=1))


def a_submission(state: str = DeliveryState.SENT, number: int = 1, **overrides: Any) -> SubmissionFacts:
    values: dict[str, Any] = {
        "id": number,
        "number": f"KZ-2026-000123/S{number}",
        "platform": "tiktok",
        "kind": "notice",
        "state": state,
    }
    return SubmissionFacts(**values | overrides)


def a_case(**overrides: Any) -> CaseFacts:
    """A complete case of a teenager, taken in by Aigerim, in legal review, ready to be approved."""
    values: dict[str, Any] = {
        "id": 123,
        "number": "KZ-2026-000123",
        "status": Status.IN_LEGAL_REVIEW,
        "priority": Priority.P2,
        "category": "suicide_or_self_harm",
        "political": False,
        "child": True,
        "age_band": AgeBand.TEEN,
        "language": "ru",
        "instrument": Instrument.PLATFORM_REPORT,
        "ground": Ground.PLATFORM_POLICY,
        "requested_action": RequestedAction.REMOVE,
        "intake_by": AIGERIM.id,
        "received_at": datetime(2026, 4, 1, 4, 0, tzinfo=UTC),
        "quote": "Слова из публикации",
        "description": "A video that praises self-harm.",
        "why_unlawful": "It calls on teenagers to hurt themselves.",
        "policy_line": "Suicide and self-harm: promotion",
        "items": (an_item(),),
    }
    return CaseFacts(**values | overrides)


def a_speech_case(**overrides: Any) -> CaseFacts:
    """The same in a politically sensitive category, resting on law."""
    values: dict[str, Any] = {
        "category": "false_information",
        "political": True,
        "child": False,
        "age_band": AgeBand.NOBODY,
        "priority": Priority.P3,
        "instrument": Instrument.REQUEST,
        "ground": Ground.LOCAL_LAW,
        "requested_action": RequestedAction.LABEL,
    }
    return a_case(**values | overrides)


def an_opinion(**overrides: Any) -> OpinionFacts:
    """The expert group confirmed it, on the day after receipt."""
    values: dict[str, Any] = {
        "group": "kz.expert_group_on_cyberbullying",
        "confirmed": True,
        "reference": "Protocol 7",
        "decided_at": datetime(2026, 4, 1, 5, 0, tzinfo=UTC),
    }
    return OpinionFacts(**values | overrides)


def a_bullying_case(**overrides: Any) -> CaseFacts:
    """Cyberbullying of a child, for which a prescription goes out once the expert group has confirmed it."""
    values: dict[str, Any] = {
        "category": "cyberbullying_child",
        "instrument": Instrument.PRESCRIPTION,
        "ground": Ground.LOCAL_LAW,
        "opinion": an_opinion(),
    }
    return a_case(**values | overrides)


BULLYING_BASIS = ("kz.mass_media.40.1",)
SPEECH_BASIS = ("kz.platform_law.9.4.2",)


def move(case: CaseFacts, action: Action, actor: Actor, *, pack: Pack | None = None, **said: Any) -> Decision:
    """The decision on a move at ``NOW``, with a good reason unless the test says otherwise."""
    return move_at(NOW, case, action, actor, pack=pack, **said)


def move_at(
    at: datetime, case: CaseFacts, action: Action, actor: Actor, *, pack: Pack | None = None, **said: Any
) -> Decision:
    """The same at another time."""
    details = MoveDetails(**{"reason": REASON, **said})
    return decide(case, action, actor, at, pack or the_pack(), details)


def moved(case: CaseFacts, action: Action, actor: Actor, **said: Any) -> CaseFacts:
    """The case after the move."""
    return replace(case, status=move(case, action, actor, **said).to)
