"""Instants are stored with their zone and come back in UTC, whatever the database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.exc import StatementError
from sqlalchemy.orm import Session

from db.base import NaiveDatetime
from db.tables import Heartbeat

ASTANA = timezone(timedelta(hours=5))


def _beat(name: str, at: datetime) -> Heartbeat:
    return Heartbeat(name=name, succeeded_at=at, detail={})


def test_a_datetime_without_a_zone_is_refused(engine: Engine) -> None:
    with Session(engine) as session:
        session.add(_beat("naive", datetime(2026, 3, 18, 9, 0)))
        with pytest.raises(StatementError) as refused:
            session.flush()
    assert isinstance(refused.value.orig, NaiveDatetime)


def test_a_datetime_without_a_zone_is_refused_in_a_question_too(engine: Engine) -> None:
    with Session(engine) as session, pytest.raises(StatementError, match="without a zone"):
        session.scalars(select(Heartbeat).where(Heartbeat.succeeded_at < datetime(2026, 3, 18))).all()


def test_an_instant_comes_back_in_utc_to_the_microsecond(engine: Engine) -> None:
    at = datetime(2026, 3, 18, 9, 0, 0, 123456, ASTANA)
    with Session(engine) as session:
        session.add(_beat("aware", at))
        session.commit()
        session.expire_all()
        stored = session.get_one(Heartbeat, "aware").succeeded_at
    assert stored == at
    assert stored.tzinfo is UTC


def test_instants_order_by_time_and_not_by_their_local_text(engine: Engine) -> None:
    earlier, later = datetime(2026, 3, 18, 9, 0, tzinfo=ASTANA), datetime(2026, 3, 18, 5, 0, tzinfo=UTC)
    with Session(engine) as session:
        session.add_all([_beat("later", later), _beat("earlier", earlier)])
        session.commit()
        names = session.scalars(select(Heartbeat.name).order_by(Heartbeat.succeeded_at)).all()
        before = session.scalars(select(Heartbeat.name).where(Heartbeat.succeeded_at < later)).all()
    assert names == ["earlier", "later"]
    assert before == ["earlier"]


def test_the_far_ends_of_the_calendar_survive(engine: Engine) -> None:
    instants = {"first": datetime(1, 1, 2, tzinfo=UTC), "last": datetime(9999, 12, 30, tzinfo=UTC)}
    with Session(engine) as session:
        session.add_all([_beat(name, at) for name, at in instants.items()])
        session.commit()
        session.expire_all()
        assert {row.name: row.succeeded_at for row in session.scalars(select(Heartbeat))} == instants
