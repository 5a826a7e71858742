"""Many cases read at once: a question about each of them costs a statement for all."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from typing import Any

from sqlalchemy import ColumnElement, Select, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from db.queries.cases import ITEMS, REVIEWS, case_by_id, case_by_number, items_of_case, reviews_of_case
from db.queries.clocks import RUNNING, running_clocks
from db.queries.events import read_last_events
from db.queries.held import keep_answer
from db.queries.letters import REPORTERS, once_keys_of_case, reporters_of_case
from db.queries.submissions import SUBMISSIONS, submissions_of_case
from db.tables import CaseFile, Clock, ContentItem, Letter, Party, Review, Submission

LOOKED_FOR = ("moved.reopen", "case.amended")
"""Events whose last time the facts of a case depend on."""


def read_cases(session: Session, numbers: Collection[str]) -> None:
    """Read these cases and what belongs to them, in a transaction that holds the event log."""
    _read_cases(session, CaseFile.number.in_(numbers))


def read_cases_of_letters(session: Session, letters: Collection[int]) -> None:
    """Read the cases that these letters, given by id, are about; as :func:`read_cases`."""
    _read_cases(session, CaseFile.id.in_(select(Letter.case_id).where(Letter.id.in_(letters))))


def _read_cases(session: Session, which: ColumnElement[bool]) -> None:
    ids = []
    for case in session.scalars(select(CaseFile).where(which).execution_options(populate_existing=True)):
        ids.append(case.id)
        keep_answer(session, case_by_number, case.number, case)
        keep_answer(session, case_by_id, case.id, case)
    read_last_events(session, ids, LOOKED_FOR)
    keys: dict[int, set[str]] = {one: set() for one in ids}
    for case_id, key in session.execute(select(Letter.case_id, Letter.once_key).where(Letter.case_id.in_(ids))):
        keys[case_id].add(key)
    for one in ids:
        keep_answer(session, once_keys_of_case, one, keys[one])
    _read(session, ids, items_of_case, ITEMS, ContentItem.case_id)
    _read(session, ids, reviews_of_case, REVIEWS, Review.case_id)
    _read(session, ids, submissions_of_case, SUBMISSIONS, Submission.case_id)
    _read(session, ids, running_clocks, RUNNING, Clock.case_id)
    _read(session, ids, reporters_of_case, REPORTERS, Party.case_id)


def _read(
    session: Session, ids: Collection[int], question: object, query: Select[Any], case_id: InstrumentedAttribute[Any]
) -> None:
    found: defaultdict[int, list[Any]] = defaultdict(list)
    for row in session.scalars(query.where(case_id.in_(ids))):
        found[row.case_id].append(row)
    for one in ids:
        keep_answer(session, question, one, found[one])
