"""The words of the case file explain themselves and divide their matter without gap or overlap."""

from __future__ import annotations

import pytest

from casework import vocabulary
from casework.vocabulary import (
    ACTED_OUTCOMES,
    CHILD_BANDS,
    FINAL_OUTCOMES,
    OPEN_STATUSES,
    READY_STATUSES,
    AgeBand,
    Explained,
    Outcome,
    Priority,
    RequestedAction,
    Status,
)

WORDS = sorted(
    (kind for kind in vars(vocabulary).values() if isinstance(kind, type) and issubclass(kind, Explained)),
    key=lambda kind: kind.__name__,
)
KINDS = [kind for kind in WORDS if kind is not Explained]


def test_there_are_words_to_look_at() -> None:
    assert len(KINDS) > 15


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_word_carries_a_sentence(kind: type[Explained]) -> None:
    for word in kind:
        assert word.meaning.endswith("."), word
        assert word.meaning[0].isupper(), word
    assert kind.__doc__


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_no_two_words_of_a_kind_mean_the_same(kind: type[Explained]) -> None:
    assert len({word.meaning for word in kind}) == len(list(kind))


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_a_stored_word_is_read_back_as_itself(kind: type[Explained]) -> None:
    for word in kind:
        assert kind(word.value) is word
        assert str(word) == word.value == f"{word}"
    with pytest.raises(ValueError, match="no_such_word"):
        kind("no_such_word")


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_our_own_words_never_call_abuse_by_a_name_that_hurts_the_child(kind: type[Explained]) -> None:
    for word in kind:
        assert "porn" not in f"{word.value} {word.meaning}".lower()


def test_p0_is_worked_on_first() -> None:
    assert sorted(Priority, key=lambda priority: priority.rank) == list(Priority)
    assert [Priority.of_rank(rank) for rank in (-3, 0, 2, 4, 9)] == [
        Priority.P0, Priority.P0, Priority.P2, Priority.P4, Priority.P4,
    ]  # fmt: skip


def test_open_and_ended_statuses_are_all_statuses() -> None:
    assert set(Status) - OPEN_STATUSES == {Status.CLOSED, Status.DECLINED, Status.WITHDRAWN, Status.MERGED}


def test_the_system_drives_open_cases_only_and_never_past_a_lawyer() -> None:
    assert READY_STATUSES < OPEN_STATUSES
    assert Status.IN_LEGAL_REVIEW not in READY_STATUSES
    assert Status.RETURNED not in READY_STATUSES


def test_outcomes_are_acted_gone_left_or_open_and_nothing_besides() -> None:
    gone = {Outcome.ALREADY_UNAVAILABLE, Outcome.NOT_FOUND}
    left = {Outcome.NO_ACTION}
    still_open = {Outcome.PENDING, Outcome.MORE_INFO_NEEDED}
    parts = [ACTED_OUTCOMES, gone, left, still_open]
    assert sum(len(part) for part in parts) == len(Outcome)
    assert set().union(*parts) == set(Outcome)
    assert set(Outcome) - still_open == FINAL_OUTCOMES


def test_a_child_of_unknown_age_is_a_child() -> None:
    assert set(AgeBand) - CHILD_BANDS == {AgeBand.ADULT, AgeBand.UNKNOWN, AgeBand.NOBODY}


def test_actions_are_ordered_from_the_narrowest_to_the_widest() -> None:
    assert list(RequestedAction) == [
        RequestedAction.LABEL, RequestedAction.AGE_RESTRICT, RequestedAction.RESTRICT_IN_COUNTRY,
        RequestedAction.REMOVE, RequestedAction.SUSPEND_ACCOUNT,
    ]  # fmt: skip
