"""A due time as a letter says it: when, how it was counted, and what stands behind it."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from casework.derivation import StepKind, derive
from casework.letter_context import DeadlineText, Phrase
from casework.limits import Limit, Unit
from casework.policy_clocks import LimitSpec
from db.tables import Clock
from tasks.clock_history import history_of, rule_of
from tasks.letterpress import Letterpress
from tasks.runtime import Runtime


def phrase(at: datetime, zone: ZoneInfo, language: str) -> Phrase:
    """A moment to print: local with offset and zone name, and UTC."""
    local = at.astimezone(zone)
    offset = local.strftime("%z")
    written = local.strftime("%Y-%m-%d %H:%M") if language == "en" else local.strftime("%d.%m.%Y %H:%M")
    return Phrase(
        local=f"{written} (UTC{offset[:3]}:{offset[3:]}, {zone.key})",
        utc=at.astimezone(ZoneInfo("UTC")).strftime("%Y-%m-%d %H:%M UTC"),
    )


def deadline_text(session: Session, runtime: Runtime, clock: Clock, language: str) -> DeadlineText:
    """A due time with its counting: by the policy version the clock follows, and by its own limit and history."""
    rule, pack = rule_of(session, runtime.policies, clock)
    zone = ZoneInfo(runtime.pack.authority.zone)
    history = history_of(clock)
    limit = LimitSpec.model_validate(clock.limit_spec).limit
    calendar = pack.working_calendar(clock.calendar)
    derivation = derive(limit, clock.started_at, calendar, history.pauses, history.extension)

    def line(code: str, **values: str) -> str:
        return runtime.letterpress.word("counting", code, language).format(**values)

    def at(instant: datetime) -> str:
        return phrase(instant, zone, language)["local"]

    lines = [line("started", start=at(clock.started_at)), _length(limit, runtime.letterpress, language)]
    skipped = [_day(step.local_from, language) for step in derivation.steps if step.kind is StepKind.SKIPPED]
    if skipped:
        lines.append(line("skipped", days=", ".join(skipped)))
    for pause in history.pauses:
        reason = runtime.letterpress.word("pause_reason", pause.reason, language)
        lines.append(line("paused", since=at(pause.began_at), until=at(pause.ended_at), reason=reason))
    if history.extension is not None:
        lines.append(line("extended", decided=at(history.extension.granted_at), until=at(history.extension.until)))
    lines.append(line("due", due=at(clock.due_at)))
    words = rule.qualitative if rule is not None else None
    return DeadlineText(
        due=phrase(clock.due_at, zone, language),
        counted=lines,
        source=clock.source,
        verified=clock.verified,
        statutory=clock.statutory,
        qualitative=clock.qualitative if words is None else words.in_language(language),
    )


def _length(limit: Limit, press: Letterpress, language: str) -> str:
    if limit.unit is Unit.WORKING_DAYS:
        shape = "working_start_counts" if limit.count_start_day else "working"
    else:
        shape = "working_time" if limit.working else "elapsed"
    unit = press.word("unit", limit.unit.value, language)
    return press.word("counting", shape, language).format(amount=str(limit.amount), unit=unit)


def duty_name(session: Session, runtime: Runtime, clock: Clock, language: str) -> str:
    """The duty in words, by the rule the clock follows; the rule's id where that is not on record."""
    rule = rule_of(session, runtime.policies, clock)[0]
    return clock.rule_id if rule is None else rule.name.in_language(language)


def _day(at: datetime | None, language: str) -> str:
    if at is None:
        return ""
    return at.strftime("%Y-%m-%d") if language == "en" else at.strftime("%d.%m.%Y")
