"""How old a job's last success may be, from the rhythm of the job itself."""

from __future__ import annotations

from datetime import timedelta

import pytest

from casework.schedules import late_after

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@pytest.mark.parametrize(
    ("cron", "late"),
    [
        ("* * * * *", 5 * MINUTE),
        ("*/2 * * * *", 6 * MINUTE),
        ("*/5 * * * *", 15 * MINUTE),
        ("17 * * * *", 2 * HOUR),
        ("0 8 * * *", DAY + HOUR),
        ("0 9 * * 1", 7 * DAY + HOUR),
        ("*/30 9-17 * * 1-5", 2 * DAY + 15 * HOUR + 30 * MINUTE + HOUR),
        ("0 6 1 * *", 31 * DAY + HOUR),
    ],
)
def test_a_success_is_late_after_the_longest_pause_of_its_schedule_and_some_room(cron: str, late: timedelta) -> None:
    assert late_after(cron, "Asia/Almaty") == late


def test_what_is_no_cron_line_is_refused() -> None:
    with pytest.raises(ValueError):
        late_after("every minute", "Asia/Almaty")
