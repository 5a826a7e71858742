"""Questions about cases and their items."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, exists, func, or_, select, text, update
from sqlalchemy.orm import Session

from casework.vocabulary import OPEN_STATUSES, Lane, Priority, Status
from db.queries.held import keep_answer, while_held
from db.tables import CaseFile, ContentItem, ExpertOpinion, NumberSequence, Review


@while_held(CaseFile, "number")
def case_by_number(session: Session, number: str) -> CaseFile | None:
    """The case with this number; a fresh read, never a stale object."""
    case = session.scalars(
        select(CaseFile).where(CaseFile.number == number).execution_options(populate_existing=True)
    ).one_or_none()
    if case is not None:
        keep_answer(session, case_by_id, case.id, case)
    return case


@while_held(CaseFile, "id")
def case_by_id(session: Session, case_id: int) -> CaseFile:
    """The case with this id, which must exist."""
    return session.scalars(
        select(CaseFile).where(CaseFile.id == case_id).execution_options(populate_existing=True)
    ).one()


ITEMS = select(ContentItem).order_by(ContentItem.number).execution_options(populate_existing=True)
"""Items in order of their numbers."""


@while_held(ContentItem)
def items_of_case(session: Session, case_id: int) -> Sequence[ContentItem]:
    """A case's items in order of their numbers."""
    return session.scalars(ITEMS.where(ContentItem.case_id == case_id)).all()


REVIEWS = select(Review).order_by(Review.id)
"""Reviews, oldest first."""


@while_held(Review)
def reviews_of_case(session: Session, case_id: int) -> Sequence[Review]:
    """A case's reviews, oldest first."""
    return session.scalars(REVIEWS.where(Review.case_id == case_id)).all()


_ENDED = frozenset(Status) - OPEN_STATUSES


def open_cases_by_key(session: Session, keys: Sequence[str]) -> dict[str, int]:
    """For each item key that an open case has: the id of the earliest such case."""
    found: dict[str, int] = {}
    for start in range(0, len(keys), 500):
        rows = session.execute(
            select(ContentItem.key, func.min(ContentItem.case_id))
            .join(CaseFile, CaseFile.id == ContentItem.case_id)
            # "not in" on purpose: an index on the status would be walked once for every key.
            .where(ContentItem.key.in_(keys[start : start + 500]), CaseFile.status.not_in(_ENDED))
            .group_by(ContentItem.key)
        )
        found.update({key: case_id for key, case_id in rows})
    return found


_FIRST_OF_YEAR = text(
    "INSERT INTO number_sequence (authority, year, last) VALUES (:authority, :year, 0) ON CONFLICT DO NOTHING"
)


def take_numbers(session: Session, authority: str, year: int, count: int) -> range:
    """Reserve ``count`` case numbers of a year. Gaps may arise when a transaction fails; reuse never does."""
    # Two takers may want the first number of a year at once: both find the row afterwards.
    session.execute(_FIRST_OF_YEAR, {"authority": authority, "year": year})
    taken = session.execute(
        update(NumberSequence)
        .where(NumberSequence.authority == authority, NumberSequence.year == year)
        .values(last=NumberSequence.last + count)
        .returning(NumberSequence.last)
    ).scalar_one()
    return range(taken - count + 1, taken + 1)


def _ready(lane: str | None, now: datetime) -> list[ColumnElement[bool]]:
    return [*_called_for(lane, now), or_(CaseFile.lease_until.is_(None), CaseFile.lease_until < now)]


def _called_for(lane: str | None, now: datetime) -> list[ColumnElement[bool]]:
    """Cases in which the system has a next step, whoever may hold them."""
    conditions = [CaseFile.drive_at.is_not(None), CaseFile.drive_at <= now]
    if lane == Lane.CHILD_SAFETY:
        # A life in danger waits behind no backlog, whichever lane its case belongs to.
        conditions.append(or_(CaseFile.lane == lane, CaseFile.priority_rank == Priority.P0.rank))
    elif lane is not None:
        conditions.append(CaseFile.lane == lane)
    return conditions


_BY_URGENCY = (CaseFile.priority_rank, CaseFile.next_due_at.is_(None), CaseFile.next_due_at, CaseFile.id)


def claim_cases(
    session: Session,
    lane: str | None,
    owner: str,
    now: datetime,
    lease: timedelta,
    limit: int,
    only: Collection[str] | None = None,
) -> list[str]:
    """Claim ready cases, or ``only`` these, by priority, then due time. Two claimers never get the same case."""
    wanted = [] if only is None else [CaseFile.number.in_(only)]
    ids = session.scalars(
        select(CaseFile.id)
        .where(*_ready(lane, now), *wanted)
        .order_by(*_BY_URGENCY)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()
    claimed = session.execute(
        update(CaseFile)
        .where(CaseFile.id.in_(ids), *_ready(lane, now))
        .values(lease_owner=owner, lease_until=now + lease)
        .returning(CaseFile.id, CaseFile.number)
        .execution_options(synchronize_session=False)
    )
    numbers = dict(claimed.tuples().all())
    return [numbers[case_id] for case_id in ids if case_id in numbers]


def renew_claims(session: Session, owner: str, numbers: Collection[str], until: datetime) -> int:
    """Keep these claims of ``owner`` until then; how many it still had.

    Not of a case that somebody is writing now: who waits for several rows at once may wait for ever.
    """
    mine = select(CaseFile.id).where(CaseFile.number.in_(numbers), CaseFile.lease_owner == owner)
    free = session.scalars(mine.with_for_update(skip_locked=True)).all()
    held = and_(CaseFile.id.in_(free), CaseFile.lease_owner == owner)
    return session.execute(update(CaseFile).where(held).values(lease_until=until)).rowcount  # type: ignore[attr-defined, no-any-return]


def release_claims(session: Session, owner: str, numbers: Collection[str]) -> None:
    """Give these claims of ``owner`` back: the next drive may take the cases at once."""
    held = and_(CaseFile.number.in_(numbers), CaseFile.lease_owner == owner)
    session.execute(update(CaseFile).where(held).values(lease_owner=None, lease_until=None))


def by_urgency(session: Session, numbers: Collection[str]) -> Sequence[str]:
    """These cases in the order in which they are driven, as they are now."""
    return session.scalars(select(CaseFile.number).where(CaseFile.number.in_(numbers)).order_by(*_BY_URGENCY)).all()


def driven_apart(session: Session, numbers: Collection[str]) -> Sequence[tuple[str, str]]:
    """Number and priority of those among these that are a P0 or failed before, the most urgent first."""
    apart = or_(CaseFile.priority_rank == Priority.P0.rank, CaseFile.failures > 0)
    query = select(CaseFile.number, CaseFile.priority).where(CaseFile.number.in_(numbers), apart)
    return session.execute(query.order_by(*_BY_URGENCY)).tuples().all()


def more_urgent_ready(session: Session, lane: str | None, now: datetime, number: str) -> bool:
    """Whether a case of a higher priority than this one's is ready."""
    rank = select(CaseFile.priority_rank).where(CaseFile.number == number).scalar_subquery()
    return bool(session.scalar(select(exists().where(*_ready(lane, now), CaseFile.priority_rank < rank))))


def next_lapse(session: Session, lane: str | None, now: datetime, owner: str) -> datetime | None:
    """When the first claim of somebody else runs out that keeps a ready case of the lane; None without one."""
    others = (CaseFile.lease_until >= now, CaseFile.lease_owner != owner)
    return session.scalar(select(func.min(CaseFile.lease_until)).where(*_called_for(lane, now), *others))


def count_ready(session: Session, lane: str | None, now: datetime) -> int:
    """How many cases the system could drive now."""
    return session.scalar(select(func.count()).select_from(CaseFile).where(*_ready(lane, now))) or 0


def list_cases(
    session: Session, *, status: str | None = None, priority: str | None = None, limit: int = 200
) -> Sequence[CaseFile]:
    """Cases for a listing: most urgent first, then oldest."""
    query = select(CaseFile).order_by(CaseFile.priority_rank, CaseFile.id).limit(limit)
    if status:
        query = query.where(CaseFile.status == status)
    if priority:
        query = query.where(CaseFile.priority == priority)
    return session.scalars(query).all()


def next_for_review(session: Session, reviewer: str) -> CaseFile | None:
    """The most urgent case this reviewer may decide: not taken in by them, not endorsed by them already."""
    endorsed = select(Review.case_id).where(
        Review.reviewer_id == reviewer, Review.verdict.in_(("endorsed", "declined"))
    )
    return session.scalars(
        select(CaseFile)
        .where(
            CaseFile.status == Status.IN_LEGAL_REVIEW,
            CaseFile.intake_by != reviewer,
            CaseFile.id.not_in(endorsed),
        )
        .order_by(*_BY_URGENCY)
        .limit(1)
    ).one_or_none()


def count_by(session: Session, column: str) -> dict[str, int]:
    """Cases counted by one of their columns, such as status, priority or lane."""
    field = getattr(CaseFile, column)
    rows = session.execute(select(field, func.count()).group_by(field))
    return {str(value): count for value, count in rows}


def last_opinion(session: Session, case_id: int) -> ExpertOpinion | None:
    """The expert opinion entered last for a case, or None."""
    query = select(ExpertOpinion).where(ExpertOpinion.case_id == case_id)
    return session.scalars(query.order_by(ExpertOpinion.id.desc()).limit(1)).one_or_none()


def open_case_ids(session: Session) -> list[int]:
    """Ids of every case in which work is still owed, oldest first."""
    return list(session.scalars(select(CaseFile.id).where(CaseFile.status.in_(OPEN_STATUSES)).order_by(CaseFile.id)))
