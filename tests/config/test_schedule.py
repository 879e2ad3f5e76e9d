"""A schedule fires at most once a day, or is refused; no Airflow is needed to tell."""

from __future__ import annotations

import pytest

from include.config.schedule import schedule_fault

MORE_THAN_DAILY = "fires more than once a day, but a run is about one day"


@pytest.mark.parametrize(
    ("schedule", "fault"),
    [
        ("0 2 * * *", ""),
        ("30 23 * * mon-fri", ""),
        ("0 2 29 2 *", ""),
        ("0 2 1,15 * *", ""),
        ("0 2 * * 5#2", ""),
        ("@daily", ""),
        ("@quarterly", ""),
        ("@hourly", "not a schedule"),
        ("@once", "not a schedule"),
        ("@continuous", "not a schedule"),
        ("", "not a schedule"),
        ("0 2 * *", "not a schedule"),
        ("0 2 * * * *", "not a schedule"),
        ("60 2 * * *", "not a schedule"),
        ("0 24 * * *", "not a schedule"),
        ("R 2 * * *", "not a schedule"),
        ("H 2 * * *", "not a schedule"),
        ("0 2 * * someday", "not a schedule"),
        ("*/5 2 * * *", MORE_THAN_DAILY),
        ("0 2,14 * * *", MORE_THAN_DAILY),
        ("0 * * * *", MORE_THAN_DAILY),
        ("* * * * *", MORE_THAN_DAILY),
        ("0 2 31 4 *", "never fires: no month has that day"),
    ],
)
def test_schedules(schedule: str, fault: str) -> None:
    assert schedule_fault(schedule) == fault
