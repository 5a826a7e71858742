"""The practice platform's memory: notices received, answers due, answers told.

Every public method takes the lock, so the HTTP side and a test in another thread may use one ledger together.
"""

from __future__ import annotations

import hashlib
import heapq
from collections import Counter
from datetime import UTC, datetime, timedelta
from threading import RLock
from typing import Any

from sandbox.behaviour import Behaviour
from sandbox.notices import KeptItem, Notice, NoticeIn, utc_text
from sandbox.outcomes import REASONS, Outcome, draw_outcome, generator


class KeyReused(ValueError):
    """An idempotency key came back with another body."""


class UnknownReference(LookupError):
    """No notice has this reference."""


class UnknownItem(LookupError):
    """The notice has no such item."""


class Ledger:
    """All in memory; gone when the process ends."""

    def __init__(self, seed: int, behaviour: Behaviour, now: datetime | None = None) -> None:
        """``now`` sets the clock, and must be aware; without it the real UTC clock runs."""
        self._lock = RLock()
        self._seed = seed
        self._behaviour = behaviour.model_copy(deep=True)
        self._set_now: datetime | None = None
        self._notices: dict[str, Notice] = {}
        self._by_key: dict[str, str] = {}
        self._schedule: list[tuple[datetime, int, str, str]] = []
        self._tickets = 0
        self._silent: list[tuple[int, str, str]] = []
        self._told: list[dict[str, Any]] = []
        self._answer_ids = 0
        self._counts: Counter[str] = Counter()
        self._outcomes: Counter[str] = Counter()
        if now is not None:
            self.set_clock(now)

    def now(self) -> datetime:
        """The platform's time, UTC."""
        with self._lock:
            return self._set_now or datetime.now(UTC)

    def set_clock(self, now: datetime | None) -> datetime:
        """Stop the clock at ``now``, or with None let the real one run; ValueError if ``now`` is naive."""
        if now is not None and now.tzinfo is None:
            raise ValueError("the practice clock needs a time with an offset")
        with self._lock:
            self._tell_what_is_due()
            self._set_now = now and now.astimezone(UTC)
            return self.now()

    def change_behaviour(self, changes: dict[str, Any]) -> Behaviour:
        """Apply ``changes`` to the knobs; pydantic.ValidationError leaves them as they were.

        Answers already due are told first. Items kept silent get another turn at once.
        """
        with self._lock:
            changed = self._behaviour.changed(changes)
            self._tell_what_is_due()
            self._behaviour = changed
            now = self.now()
            for ticket, reference, number in self._silent:
                heapq.heappush(self._schedule, (now, ticket, reference, number))
            self._silent.clear()
            return changed.model_copy(deep=True)

    def behaviour(self) -> Behaviour:
        """A copy of the knobs as they stand."""
        with self._lock:
            return self._behaviour.model_copy(deep=True)

    def use_up(self, knob: str) -> bool:
        """True, and one less left, if the counting ``knob`` is above zero."""
        with self._lock:
            used = self._behaviour.use_up(knob)
            self._counts[knob.removesuffix("_next")] += used
            return used

    def receive(self, key: str, body: bytes, notice: NoticeIn) -> tuple[dict[str, Any], bool]:
        """Record a notice once; the view of it, and whether it is new.

        Raises KeyReused for a known key with another body, UnknownReference for an answer to nothing.
        """
        digest = hashlib.sha256(body).hexdigest()
        with self._lock:
            if key in self._by_key:
                known = self._notices[self._by_key[key]]
                if known.body_sha256 != digest:
                    raise KeyReused(f"This key belongs to {known.reference}, and the body is not the same.")
                self._counts["replay"] += 1
                return self._view(known), False
            asked = self._origin(notice.in_reply_to) if notice.in_reply_to else None
            now = self.now()
            kept = Notice(
                reference=f"PP-{now.year}-{len(self._notices) + 1:07d}",
                idempotency_key=key,
                body_sha256=digest,
                received_at=now,
                submission=notice.submission,
                kind=notice.kind,
                in_reply_to=notice.in_reply_to,
                territories=notice.where(),
                items={item.item: KeptItem(item.item, item.category) for item in notice.items},
            )
            self._notices[kept.reference] = kept
            self._by_key[key] = kept.reference
            if asked is None:
                for item in kept.items.values():
                    self._put_on_schedule(kept, item, now)
            else:
                self._take_answer(asked, kept, now)
            return self._view(kept), True

    def notice(self, reference: str) -> dict[str, Any]:
        """The view of a notice; UnknownReference if there is none."""
        with self._lock:
            self._tell_what_is_due()
            return self._view(self._find(reference))

    def notice_by_key(self, key: str) -> dict[str, Any]:
        """The view of the notice sent under ``key``; UnknownReference if none arrived."""
        with self._lock:
            if key not in self._by_key:
                raise UnknownReference("No notice arrived under this key.")
            return self.notice(self._by_key[key])

    def answers(self, after: int, limit: int) -> dict[str, Any]:
        """Up to ``limit`` answers told after cursor ``after``, and the cursor to go on from."""
        with self._lock:
            self._tell_what_is_due()
            page = self._told[after : after + limit]
            return {"answers": [dict(answer) for answer in page], "next": after + len(page)}

    def force_answer(
        self,
        reference: str,
        item: str | None,
        outcome: Outcome,
        *,
        reason: str | None = None,
        ground: str | None = None,
        territories: list[str] | None = None,
    ) -> dict[str, Any]:
        """Answer now, in place of whatever was due; item None answers for the whole notice at once.

        What is left None follows the outcome. Raises UnknownReference or UnknownItem.
        """
        with self._lock:
            self._tell_what_is_due()
            notice = self._origin(reference)
            if item is not None and item not in notice.items:
                raise UnknownItem(f"{notice.reference} has no item {item}.")
            for kept in [notice.items[item]] if item is not None else notice.items.values():
                kept.outcome, kept.ticket = outcome, None
            answer = self._answer(notice, item, outcome, self.now())
            answer["reason"] = answer["reason"] if reason is None else reason
            answer["ground"] = answer["ground"] if ground is None else ground
            answer["territories"] = answer["territories"] if territories is None else territories
            self._outcomes[outcome] += 1
            return self._tell(answer)

    def state(self) -> dict[str, Any]:
        """Counts only: no links, no texts."""
        with self._lock:
            self._tell_what_is_due()
            first = [notice for notice in self._notices.values() if notice.in_reply_to is None]
            items = [item for notice in first for item in notice.items.values()]
            silent = sum(self._notices[ref].items[item].ticket == ticket for ticket, ref, item in self._silent)
            return {
                "environment": "practice",
                "now": utc_text(self.now()),
                "clock": "real" if self._set_now is None else "set",
                "notices": len(first),
                "answers_to_questions": len(self._notices) - len(first),
                "items": len(items),
                "items_by_status": dict(Counter(item.status for item in items)),
                "answers_told": len(self._told),
                "answers_scheduled": sum(item.ticket is not None for item in items) - silent,
                "items_kept_silent": silent,
                "outcomes_told": dict(self._outcomes),
                "happened": {name: count for name, count in self._counts.items() if count},
                "behaviour": self._behaviour.model_dump(mode="json"),
            }

    def _find(self, reference: str) -> Notice:
        if reference not in self._notices:
            raise UnknownReference(f"There is no notice {reference[:40]}.")
        return self._notices[reference]

    def _origin(self, reference: str) -> Notice:
        """The notice that began the matter, however many answers ago."""
        notice = self._find(reference)
        while notice.in_reply_to:
            notice = self._find(notice.in_reply_to)
        return notice

    def _view(self, notice: Notice) -> dict[str, Any]:
        """An answer shows how its items stand in the notice it belongs to."""
        if notice.in_reply_to is None:
            return notice.view()
        origin = self._origin(notice.reference)
        shown = [origin.items.get(number, item).view() for number, item in notice.items.items()]
        return {**notice.view(), "items": shown}

    def _put_on_schedule(self, notice: Notice, item: KeptItem, now: datetime) -> None:
        delay = self._behaviour.answer_delay_hours
        self._tickets += 1
        rng = generator(self._seed, notice.reference, item.number, f"delay {notice.answered}")
        item.ticket = self._tickets
        due_at = now + timedelta(hours=rng.uniform(delay.min, delay.max))
        heapq.heappush(self._schedule, (due_at, self._tickets, notice.reference, item.number))

    def _take_answer(self, asked: Notice, answer: Notice, now: datetime) -> None:
        """From here on no more questions about ``asked``; the items answered for go back to be decided."""
        asked.answered = True
        for number in answer.items:
            item = asked.items.get(number)
            if item is not None and item.outcome is Outcome.MORE_INFO_NEEDED:
                item.outcome = None
                self._put_on_schedule(asked, item, now)

    def _tell_what_is_due(self) -> None:
        now = self.now()
        while self.use_up("stray_answer_next"):
            self._tell(self._stray(now))
        while self._schedule and self._schedule[0][0] <= now:
            due_at, ticket, reference, number = heapq.heappop(self._schedule)
            notice = self._notices[reference]
            item = notice.items[number]
            if item.ticket != ticket:
                continue
            if item.category in self._behaviour.silent_categories:
                self._silent.append((ticket, reference, number))
                continue
            item.ticket = None
            if self.use_up("lose_answer_next"):
                continue
            item.outcome = self._decide(notice, item)
            self._outcomes[item.outcome] += 1
            self._tell(self._answer(notice, number, item.outcome, due_at))

    def _decide(self, notice: Notice, item: KeptItem) -> Outcome:
        may_ask = not notice.answered
        override = self._behaviour.outcome_overrides.get(item.category)
        if override is not None and (may_ask or override is not Outcome.MORE_INFO_NEEDED):
            return override
        rng = generator(self._seed, notice.reference, item.number)
        return draw_outcome(rng, item.category, may_ask=may_ask, more_info_share=self._behaviour.more_info_share)

    def _answer(self, notice: Notice, item: str | None, outcome: Outcome, decided_at: datetime) -> dict[str, Any]:
        return {
            "reference": notice.reference,
            "submission": notice.submission,
            "item": item,
            "outcome": outcome.value,
            "decided_at": utc_text(decided_at),
            "ground": outcome.ground,
            "territories": list(notice.territories) if outcome is Outcome.RESTRICTED_LOCALLY else [],
            "reason": REASONS[outcome],
        }

    def _stray(self, now: datetime) -> dict[str, Any]:
        """An answer that fits nothing: an item we never sent, then a reference nobody gave out, in turn."""
        latest = next(reversed(self._notices.values()), None)
        if latest is not None and self._counts["stray_answer"] % 2:
            return self._answer(self._origin(latest.reference), "999", Outcome.REMOVED_GLOBALLY, now)
        nobody = Notice(
            reference=f"PP-{now.year}-9999999",
            idempotency_key="",
            body_sha256="",
            received_at=now,
            submission="XX-0000-000000/S0",
            kind="notice",
            in_reply_to=None,
            territories=[],
        )
        return self._answer(nobody, "1", Outcome.NO_ACTION, now)

    def _tell(self, answer: dict[str, Any]) -> dict[str, Any]:
        self._answer_ids += 1
        for _ in range(2 if self._behaviour.repeat_answers else 1):
            told = {"cursor": len(self._told) + 1, "answer_id": f"A-{self._answer_ids:07d}", **answer}
            self._told.append(told)
        return dict(told)
