"""Nobody can change, drop, swap or add an event without the log saying so."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from casework.errors import AuditBroken
from casework.event_chain import GENESIS, EventContent, verify

Row = tuple[EventContent, str, str]
AT = datetime(2026, 4, 1, 6, 0, tzinfo=UTC)


def content(seq: int, **overrides: Any) -> EventContent:
    values: dict[str, Any] = {
        "seq": seq,
        "case_id": 123,
        "at": AT + timedelta(minutes=seq),
        "kind": "case.moved",
        "actor_id": "daniyar",
        "actor_name": "Данияр",
        "from_status": "in_legal_review",
        "to_status": "approved",
        "reason": "Полная проверка",
        "policy_version": "kz-ministry/2026-11+12345678",
        "data": {"priority": "P2", "items": [1, 2]},
    }
    return EventContent(**values | overrides)


def chained(events: list[EventContent]) -> list[Row]:
    rows, previous = [], GENESIS
    for event in events:
        digest = event.digest(previous)
        rows.append((event, previous, digest))
        previous = digest
    return rows


def head_of(rows: list[Row]) -> tuple[int, str]:
    return (rows[-1][0].seq, rows[-1][2]) if rows else (0, GENESIS)


ROWS = chained([content(seq) for seq in range(1, 6)])
HEAD = head_of(ROWS)

CHANGES: dict[str, Any] = {
    "seq": 99,
    "case_id": 124,
    "at": AT + timedelta(minutes=3, microseconds=1),
    "kind": "case.merged",
    "actor_id": "saule",
    "actor_name": "Данияp",
    "from_status": None,
    "to_status": "declined",
    "reason": "Полная проверка ",
    "policy_version": "kz-ministry/2026-11+12345679",
    "data": {"priority": "P2", "items": [2, 1]},
}


def test_an_untouched_log_is_walked_to_its_end() -> None:
    assert verify(ROWS, HEAD) == 5


def test_an_empty_log_is_whole() -> None:
    assert verify([], (0, GENESIS)) == 0


def test_every_field_of_an_event_is_tried_here() -> None:
    assert set(CHANGES) == {field.name for field in fields(EventContent)}


@pytest.mark.parametrize("field", sorted(CHANGES))
@pytest.mark.parametrize("position", [0, 2, 4])
def test_a_change_of_any_single_field_is_found_at_its_event(field: str, position: int) -> None:
    event, previous, digest = ROWS[position]
    altered = [*ROWS]
    altered[position] = (replace(event, **{field: CHANGES[field]}), previous, digest)
    with pytest.raises(AuditBroken, match=rf"event {position + 1} ") as broken:
        verify(altered, HEAD)
    assert broken.value.rule == "audit.broken"


@pytest.mark.parametrize("position", range(5))
def test_a_changed_event_with_its_hash_made_to_fit_is_found_all_the_same(position: int) -> None:
    event, previous, _ = ROWS[position]
    forged = replace(event, reason="Another reason")
    altered = [*ROWS]
    altered[position] = (forged, previous, forged.digest(previous))
    with pytest.raises(AuditBroken):
        verify(altered, HEAD)


def test_a_log_written_anew_from_the_forged_event_on_is_found_by_its_head() -> None:
    forged = chained([replace(event, reason="Another reason") for event, _, _ in ROWS])
    with pytest.raises(AuditBroken, match="head"):
        verify(forged, HEAD)


@pytest.mark.parametrize("position", range(4))
def test_a_removed_event_is_missed(position: int) -> None:
    with pytest.raises(AuditBroken, match=f"event {position + 1} is missing; the next one found is {position + 2}"):
        verify(ROWS[:position] + ROWS[position + 1 :], HEAD)


@pytest.mark.parametrize("left", range(5))
def test_events_removed_from_the_end_are_missed(left: int) -> None:
    with pytest.raises(AuditBroken, match=f"ends at event {left}, but its head says 5"):
        verify(ROWS[:left], HEAD)


def test_a_removed_event_is_missed_even_when_the_rest_is_numbered_and_hashed_anew() -> None:
    rest = [event for event, _, _ in ROWS if event.seq != 3]
    renumbered = [replace(event, seq=seq) for seq, event in enumerate(rest, start=1)]
    with pytest.raises(AuditBroken):
        verify(chained(renumbered), HEAD)


@pytest.mark.parametrize("first", range(4))
def test_two_events_that_changed_places_are_found(first: int) -> None:
    swapped = [*ROWS]
    swapped[first], swapped[first + 1] = swapped[first + 1], swapped[first]
    with pytest.raises(AuditBroken, match=f"event {first + 1} "):
        verify(swapped, HEAD)


def test_an_added_event_is_found_by_the_head() -> None:
    with pytest.raises(AuditBroken, match="head"):
        verify(chained([content(seq) for seq in range(1, 7)]), HEAD)


def test_an_event_that_stands_twice_is_found() -> None:
    with pytest.raises(AuditBroken):
        verify([*ROWS[:3], ROWS[2], *ROWS[3:]], HEAD)


@pytest.mark.parametrize("field", [1, 2])
def test_a_changed_hash_is_found(field: int) -> None:
    row = list(ROWS[2])
    row[field] = "f" * 64
    with pytest.raises(AuditBroken, match="event 3 "):
        verify([*ROWS[:2], tuple(row), *ROWS[3:]], HEAD)  # type: ignore[list-item]


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
logs = st.lists(
    st.builds(
        content,
        seq=st.just(0),
        case_id=st.none() | st.integers(1, 9),
        reason=texts,
        data=st.dictionaries(texts, st.integers() | texts | st.booleans(), max_size=3),
    ),
    min_size=1,
    max_size=6,
).map(lambda events: [replace(event, seq=seq) for seq, event in enumerate(events, start=1)])


@given(logs, st.data())
def test_in_any_log_any_other_content_of_any_event_is_found(events: list[EventContent], data: st.DataObject) -> None:
    rows = chained(events)
    assert verify(rows, head_of(rows)) == len(events)
    position = data.draw(st.integers(0, len(rows) - 1))
    event, previous, digest = rows[position]
    other = replace(event, reason=data.draw(texts), case_id=data.draw(st.none() | st.integers(1, 9)))
    altered = [*rows[:position], (other, previous, digest), *rows[position + 1 :]]
    if other == event:
        assert verify(altered, head_of(rows)) == len(rows)
    else:
        with pytest.raises(AuditBroken):
            verify(altered, head_of(rows))


def test_text_cannot_be_moved_from_one_field_to_the_next_unseen() -> None:
    one = content(1, actor_id="ab", actor_name="c")
    two = content(1, actor_id="a", actor_name="bc")
    assert one.digest(GENESIS) != two.digest(GENESIS)


def test_the_order_in_which_data_was_written_does_not_matter() -> None:
    one = content(1, data={"a": 1, "b": 2})
    two = content(1, data={"b": 2, "a": 1})
    assert one.digest(GENESIS) == two.digest(GENESIS)


def test_the_digest_is_fixed_for_good() -> None:
    """Logs of earlier years must verify with the code of later ones."""
    assert content(1).digest(GENESIS) == "d7650927d5479c10e894fef0800c3f866338b9be58cb30d830f9c67dada83495"
