"""Golden case histories, lived through under every pack: a change of the engine that changes a decision is seen.

After an intended change: QORGAN_UPDATE_SNAPSHOTS=1, read the difference, and commit it with the change.
"""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from pathlib import Path
from typing import Any

import pytest

from casework.case_history import KINDS, CaseHistory, Happened
from casework.pack_reader import read_pack
from casework.policy_clocks import LimitSpec, PauseRule, RepeatRule
from casework.policy_pack import Pack
from casework.replay import CannotReplay, replay
from casework.replayed import NOTHING, Replayed, ReplayedClock, compare
from casework.rulebook import Memory, Rulebook, newest_day, timeless
from casework.vocabulary import AgeBand, PauseReason, Priority

PACKS = sorted(path.parent.name for path in (Path(__file__).parents[2] / "policies").glob("*/regime.yaml"))
GOLDEN = Path(__file__).parent / "golden" / "histories"
HISTORIES = sorted(path.stem for path in GOLDEN.glob("*.json"))


@cache
def the_pack(name: str) -> Pack:
    folder = Path(__file__).parents[2] / "policies" / name
    texts = {path.stem: path.read_text(encoding="utf-8") for path in folder.glob("*.yaml")}
    return read_pack(name, texts | {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.csv")})


def read_history(name: str) -> tuple[CaseHistory, datetime]:
    data = json.loads((GOLDEN / f"{name}.json").read_text(encoding="utf-8"))
    case = data["case"]
    history = CaseHistory(
        number=name,
        category=case["category"],
        age_band=AgeBand(case["age_band"]),
        indicators=frozenset(case.get("indicators", ())),
        happened=tuple(_happened(**step) for step in data["happened"]),
        reports=tuple(at(text) for text in case.get("reports", ())),
        platforms=case.get("platforms", 1),
        reporter_is_child=case.get("reporter_is_child", False),
    )
    return history, at(data["until"])


def _happened(**said: Any) -> Happened:
    levels = {key: Priority(said[key]) for key in ("level", "level_before") if key in said}
    times = {key: at(said[key]) for key in ("at", "until") if key in said}
    return Happened(**{**said, **levels, **times})


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def told(found: Replayed) -> dict[str, Any]:
    """What became of a case, one line for each clock and letter."""
    return {
        "level": f"{found.level} by {found.set_by}, lane {found.lane}",
        "clocks": [
            f"{clock.rule}{_about(clock.notice)}: {_utc(clock.started_at)}, due {_utc(clock.due_at)}"
            + (f", {clock.warned} warned" if clock.warned else "")
            + (f", breached {_utc(clock.breached_at)}" if clock.breached_at else "")
            + (f", stopped {_utc(clock.stopped_at)} by {clock.stopped_by}" if clock.stopped_at else "")
            for clock in found.clocks
        ],
        "letters": [f"{_utc(letter.at)} {letter.kind}{_about(letter.notice)}" for letter in found.letters],
        "lapsed": [_utc(lapsed_at) for lapsed_at in found.lapsed_at],
        "refused": [f"{clock}: {rule}" for clock, rule in found.refused],
    }


def _about(notice: int) -> str:
    return f" of notice {notice}" if notice else ""


def _utc(when: datetime) -> str:
    return f"{when.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def test_there_are_histories_and_packs_to_replay() -> None:
    assert len(HISTORIES) >= 10
    assert "kz-ministry" in PACKS


@pytest.mark.parametrize("pack", PACKS)
@pytest.mark.parametrize("name", HISTORIES)
def test_a_history_comes_to_what_it_came_to_when_somebody_last_read_it(name: str, pack: str) -> None:
    history, until = read_history(name)
    assert {step.kind for step in history.happened} <= KINDS
    text = json.dumps(told(replay(history, the_pack(pack), until)), indent=2) + "\n"
    path = GOLDEN / pack / f"{name}.json"
    if os.environ.get("QORGAN_UPDATE_SNAPSHOTS") == "1":
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert path.exists(), f"{pack}/{path.name} is missing: run once with QORGAN_UPDATE_SNAPSHOTS=1 and read it"
    assert text == path.read_text(encoding="utf-8")


# What a replay does that the golden files could not show alone

START = datetime(2026, 6, 1, 5, 0, tzinfo=UTC)
"""Monday, ten in the morning in Almaty."""


def later(**by: float) -> datetime:
    return START + timedelta(**by)


def a_case(*steps: Happened, **said: Any) -> CaseHistory:
    """A case of unlawful gambling that was submitted at once and then met with these events."""
    way = ("case.received", "moved.triage", "moved.complete", "moved.approve")
    begun = [Happened(START, kind) for kind in way]
    sent = [Happened(START, "submission.sent", notice=1), Happened(START, "moved.submit")]
    return CaseHistory(
        **{
            "number": "KZ-2026-000001",
            "category": "gambling_advertising",
            "age_band": AgeBand.ADULT,
            "indicators": frozenset(),
            "happened": (*begun, *sent, *steps),
            **said,
        }
    )


def with_clock(pack: Pack, rule_id: str, **fields: Any) -> Pack:
    clocks = tuple(rule.model_copy(update=fields) if rule.id == rule_id else rule for rule in pack.sla.clocks)
    return pack.model_copy(update={"sla": pack.sla.model_copy(update={"clocks": clocks})})


def spec(amount: int, unit: str = "hours") -> LimitSpec:
    return LimitSpec(amount=amount, unit=unit)  # type: ignore[arg-type]


KZ = the_pack("kz-ministry")
PLATFORM = "kz.platform_24h"
DECIDED = partial(Happened, kind="platform.decided", notice=1)
ASKED = partial(Happened, kind="platform.asked", notice=1)


def the_clock(found: Replayed, rule: str = PLATFORM) -> ReplayedClock:
    return next(clock for clock in found.clocks if clock.rule == rule)


@pytest.mark.parametrize(("seconds", "breached"), [(-1, False), (0, False), (1, True)])
def test_what_is_done_at_the_due_instant_is_done_in_time(seconds: int, breached: bool) -> None:
    decided_at = later(hours=24, seconds=seconds)
    found = replay(a_case(DECIDED(decided_at)), KZ, later(days=9))
    assert (the_clock(found).breached_at is not None, the_clock(found).stopped_at) == (breached, decided_at)
    assert ("platform_reminder" in {letter.kind for letter in found.letters}) == breached


def test_only_what_was_before_the_end_is_told() -> None:
    """A threshold of this very instant has come; what the record says of later has not happened yet."""
    case = a_case(DECIDED(later(hours=30)))
    assert the_clock(replay(case, KZ, later(hours=23, minutes=59))).breached_at is None
    assert the_clock(replay(case, KZ, later(hours=24))).breached_at == later(hours=24)
    assert the_clock(replay(case, KZ, later(hours=24))).stopped_at is None


def test_a_pause_by_a_moment_of_the_case_moves_the_due_time_and_ends_by_itself() -> None:
    """The platform asks after six hours; eighteen are left when it has our answer, or after the longest pause."""
    rule = PauseRule(
        reason=PauseReason.MORE_INFO_NEEDED, begins=("platform.asked",), ends=("answer.sent",), at_most=spec(48),
        source=KZ.sla.clock(PLATFORM).source,
    )  # fmt: skip
    pack = with_clock(KZ, PLATFORM, pause=(rule,), stop=("platform.decided",), starts_again=())
    answered = a_case(ASKED(later(hours=6)), Happened(later(hours=16), "answer.sent", notice=2))
    assert the_clock(replay(answered, pack, later(days=9))).due_at == later(hours=6 + 48 + 18)
    same_notice = a_case(ASKED(later(hours=6)), Happened(later(hours=16), "answer.sent", notice=1))
    assert the_clock(replay(same_notice, pack, later(days=9))).due_at == later(hours=16 + 18)


def test_a_pause_that_a_person_ordered_holds_where_the_rule_lists_its_reason() -> None:
    rule = PauseRule(
        reason=PauseReason.FORCE_MAJEURE, ordered_by=("head_of_unit",), at_most=spec(72),  # type: ignore[arg-type]
        source=KZ.sla.clock(PLATFORM).source,
    )  # fmt: skip
    case = a_case(
        Happened(later(hours=2), "clock.paused", clock=PLATFORM, reason=PauseReason.FORCE_MAJEURE),
        Happened(later(hours=12), "clock.resumed", clock=PLATFORM),
    )
    found = replay(case, with_clock(KZ, PLATFORM, pause=(rule,)), later(days=9))
    assert (the_clock(found).due_at, found.refused) == (later(hours=34), ())
    unlisted = replay(case, KZ, later(days=9))
    assert the_clock(unlisted).due_at == later(hours=24)
    assert unlisted.refused == ((PLATFORM, "clock.pause_unlisted"), (PLATFORM, "clock.not_paused"))


def test_repeats_go_out_until_the_duty_is_done() -> None:
    pack = with_clock(KZ, PLATFORM, repeat=RepeatRule(every=spec(10), at_most=5, letter="overdue_reminder"))
    found = replay(a_case(DECIDED(later(hours=50))), pack, later(days=9))
    reminders = [letter.at for letter in found.letters if letter.kind == "overdue_reminder"]
    assert reminders == [later(hours=34), later(hours=44)]


def test_an_acknowledgement_counts_for_the_rung_that_is_open_under_this_pack() -> None:
    """With more time for the platform nobody has been asked yet when somebody acknowledged in fact."""
    case = a_case(Happened(later(hours=30), "rung.acknowledged", notice=1, rung=2))
    rules = {clock.rule for clock in replay(case, KZ, later(hours=31)).clocks}
    assert "kz.platform_silence.rung2.follow_up" in rules
    patient = replay(case, with_clock(KZ, PLATFORM, limit=spec(27)), later(hours=31))
    assert "kz.platform_silence.rung1.follow_up" in {clock.rule for clock in patient.clocks}
    slow = replay(case, with_clock(KZ, PLATFORM, limit=spec(48)), later(hours=31))
    assert not [clock for clock in slow.clocks if "silence" in clock.rule]


def test_what_a_person_raised_is_never_below_what_the_rules_give() -> None:
    """Somebody raised P3 to P2 in fact; under rules that say P0 the case stays P0. What two lowered is lowered."""
    raised = Happened(later(hours=1), "priority.changed", level=Priority.P2, level_before=Priority.P3)
    urgent = {"indicators": frozenset({"threat_to_life_of_child"})}
    assert replay(a_case(raised), KZ, later(hours=2)).level is Priority.P2
    assert replay(a_case(raised, **urgent), KZ, later(hours=2)).level is Priority.P0
    lowered = Happened(later(hours=1), "priority.changed", level=Priority.P3, level_before=Priority.P0)
    found = replay(a_case(lowered, **urgent), KZ, later(hours=2))
    assert (found.level, found.set_by) == (Priority.P3, "a person")
    joined = Happened(later(hours=2), "report.joined")
    again = replay(a_case(lowered, joined, **urgent), KZ, later(hours=3))
    assert again.level is Priority.P3, "the same facts again do not undo what two people decided"


def test_a_reopening_of_a_case_that_has_not_lapsed_is_the_reporters_answer() -> None:
    """In fact it had lapsed; with sixty days to answer the reporter comes in time, and the waiting ends."""
    steps = (("case.received", 0), ("moved.triage", 0), ("moved.return", 0), ("moved.reopen", 20), ("moved.triage", 20))
    case = a_case(happened=tuple(Happened(later(days=days), kind) for kind, days in steps))
    lapsed = replay(case, KZ, later(days=21))
    assert (len(lapsed.lapsed_at), the_clock(lapsed, "kz.reporter.answer").stopped_by) == (1, "case.ended")
    patient = replay(case, with_clock(KZ, "kz.reporter.answer", limit=spec(60, "calendar_days")), later(days=21))
    waited = the_clock(patient, "kz.reporter.answer")
    assert (waited.stopped_at, waited.stopped_by, patient.lapsed_at) == (later(days=20), "case.supplied", ())


def test_a_clock_that_runs_already_is_not_started_again() -> None:
    pack = with_clock(KZ, PLATFORM, starts_again=("answer.sent",), stop=("platform.decided",))
    answered = a_case(
        Happened(later(hours=3), "answer.sent", notice=1), Happened(later(hours=4), "answer.sent", notice=2)
    )
    started = [clock.notice for clock in replay(answered, pack, later(hours=5)).clocks if clock.rule == PLATFORM]
    assert started == [1, 2]


def test_the_form_of_notice_follows_the_category_unless_a_person_chose_it() -> None:
    assert PLATFORM in {clock.rule for clock in replay(a_case(), KZ, START).clocks}
    chosen = replay(a_case(instrument="prescription"), KZ, START)
    assert "kz.removal_24h" in {clock.rule for clock in chosen.clocks}


def test_clocks_start_by_the_rule_in_force_on_their_day_and_a_timeless_pack_has_one_for_all() -> None:
    old = KZ.sla.clock(PLATFORM)
    day = START.date()
    texts = (
        old.model_copy(update={"valid_to": day}),
        old.model_copy(update={"valid_from": day + timedelta(days=1), "limit": spec(5)}),
    )
    others = tuple(rule for rule in KZ.sla.clocks if rule.id != PLATFORM)
    pack = KZ.model_copy(update={"sla": KZ.sla.model_copy(update={"clocks": (*others, *texts)})})
    case = a_case(Happened(later(days=2), "submission.sent", notice=2))
    dues = [clock.due_at for clock in replay(case, pack, later(days=9)).clocks if clock.rule == PLATFORM]
    assert dues == [later(hours=24), later(days=2, hours=5)]
    assert newest_day(pack, day) == day + timedelta(days=1)
    always = timeless(pack, newest_day(pack, day))
    dues = [clock.due_at for clock in replay(case, always, later(days=9)).clocks if clock.rule == PLATFORM]
    assert dues == [later(hours=5), later(days=2, hours=5)]


@pytest.mark.parametrize("name", HISTORIES)
def test_what_is_remembered_from_other_cases_and_packs_changes_no_result(name: str) -> None:
    """Two packs with one memory, in either order and twice, come to what each comes to alone."""
    history, until = read_history(name)
    other = with_clock(KZ, PLATFORM, limit=spec(12))
    alone = [replay(history, pack, until) for pack in (KZ, other)]
    memory = Memory()
    books = [Rulebook(KZ, memory), Rulebook(other, memory)]
    for _again in range(2):
        for earlier in HISTORIES:
            for book in books:
                replay(read_history(earlier)[0], book, until)
        assert [replay(history, book, until) for book in books] == alone


def test_waiting_for_an_acknowledgement_and_following_it_up_are_two_clocks() -> None:
    book = Rulebook(KZ)
    asked = book.rung("kz.platform_silence", 2, START)
    followed = book.rung("kz.platform_silence", 2, START, acknowledged=True)
    assert (asked.due_at, followed.due_at) == (later(hours=12), later(hours=24))


def test_a_difference_names_what_moved_and_equal_replays_have_none() -> None:
    case = a_case(DECIDED(later(hours=20)))
    old = replay(case, KZ, later(days=9))
    new = replay(case, with_clock(KZ, PLATFORM, limit=spec(12)), later(days=9))
    assert compare(old, old) == NOTHING
    found = compare(old, new)
    assert found.newly_breached == (
        (PLATFORM, 1, 1), ("kz.platform_silence.rung1", 1, 1),
    )  # fmt: skip
    assert found.due_moved == ((PLATFORM, 1, 1),)
    assert found.letters_new == (("liaison_escalation", 1, 1), ("platform_reminder", 1, 1))
    assert (found.level, found.lane, found.lapses, found.no_longer_breached) == (None, None, None, ())
    sooner = replay(case, with_clock(KZ, PLATFORM, limit=spec(11)), later(days=9))
    still = compare(new, sooner)
    assert (still.newly_breached, still.due_moved[0]) == ((), (PLATFORM, 1, 1)), "late before, late after"
    back = compare(new, old)
    assert (back.no_longer_breached, back.letters_gone) == (found.newly_breached, found.letters_new)
    assert {which[0] for which in back.clocks_gone} == {f"kz.platform_silence.rung{rung}" for rung in (1, 2)}


def test_a_pack_without_the_category_refuses_in_a_sentence() -> None:
    with pytest.raises(CannotReplay, match=r"KZ-2026-000001: policy kz-ministry/.* has no category 'unheard_of'"):
        replay(a_case(category="unheard_of"), KZ, START)
    with pytest.raises(CannotReplay, match=r"nothing is known of 'case\.vanished'"):
        replay(a_case(Happened(START, "case.vanished")), KZ, START)
