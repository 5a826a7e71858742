"""The long proof of the working clock: every minute counted one by one, over many calendars, zones and starts."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from casework.working_time import WorkingCalendar, add_working_seconds, working_seconds_between
from tests.casework.test_working_time import INSTANTS, is_open, some_calendars

pytestmark = pytest.mark.prove
EXAMPLES = 3_000


@settings(max_examples=EXAMPLES, derandomize=True, deadline=None)
@given(some_calendars(), INSTANTS, st.integers(1, 3_000))
def test_counting_and_adding_agree_with_every_minute(cal: WorkingCalendar, start: datetime, minutes: int) -> None:
    open_minutes = [m for m in range(minutes) if is_open(cal, start + timedelta(minutes=m))]
    end = start + timedelta(minutes=minutes)
    assert working_seconds_between(cal, start, end) == len(open_minutes) * 60
    if open_minutes:
        # The budget is used up at the end of the last minute that counted.
        due = add_working_seconds(cal, start, len(open_minutes) * 60)
        assert due == start + timedelta(minutes=open_minutes[-1] + 1)
