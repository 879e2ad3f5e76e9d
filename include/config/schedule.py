"""Read a schedule without Airflow: when it fires, in UTC, at most once a day because a partition is a day."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from functools import cache

PRESETS: tuple[str, ...] = ("@daily", "@weekly", "@monthly", "@quarterly", "@yearly")
_EXAMPLE = "five fields like '0 2 * * *' (minute hour day month weekday)"
ALLOWED = (*PRESETS, _EXAMPLE)
# croniter's own extensions: R draws at random, H hashes; neither is cron, and neither repeats
_NOT_CRON = re.compile(r"(^|[^a-z])[rh]($|[^a-z])", re.IGNORECASE)


@cache
def schedule_fault(schedule: str) -> str:
    """Return what is wrong with a schedule, as a sentence; empty when nothing is."""
    if schedule.startswith("@"):
        return "" if schedule in PRESETS else "not a schedule"
    fields = schedule.split()
    if len(fields) != 5 or _NOT_CRON.search(schedule):
        return "not a schedule"
    # 30 ms, and loaded by Airflow already where it matters; left out of every other process
    from croniter import CroniterBadDateError, croniter

    if not croniter.is_valid(schedule):
        return "not a schedule"
    minutes, hours = croniter.expand(schedule)[0][:2]
    if [len(minutes), len(hours)] != [1, 1] or "*" in (minutes[0], hours[0]):
        return "fires more than once a day, but a run is about one day"
    try:
        croniter(schedule, datetime(2024, 1, 1, tzinfo=UTC)).get_next(datetime)
    except CroniterBadDateError:
        return "never fires: no month has that day"
    return ""


def scheduled_days(schedule: str, first: date, last: date) -> list[date]:
    """Return the days from `first` to `last`, both included, that runs of a schedule are about.

    A run is about the day before its tick, as in plugins/daily_partition.py.
    """
    from croniter import croniter

    moment = datetime(first.year, first.month, first.day, tzinfo=UTC) + timedelta(days=1)
    ticks = croniter(schedule, moment - timedelta(seconds=1))
    days = []
    while (day := ticks.get_next(datetime).date() - timedelta(days=1)) <= last:
        days.append(day)
    return days
