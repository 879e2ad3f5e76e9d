"""Hold the timetable to its promise on this version of Airflow: it leans on private hooks."""

from __future__ import annotations

from typing import Any

import pendulum
import pytest
from airflow.exceptions import AirflowTimetableInvalid, InvalidPartitionKeyError
from airflow.timetables.base import DagRunInfo, TimeRestriction
from daily_partition import DailyPartitionTimetable

from include.config.schedule import scheduled_days

ANY_TIME = TimeRestriction(earliest=pendulum.datetime(2012, 1, 1), latest=None, catchup=False)


def utc(*parts: int) -> pendulum.DateTime:
    return pendulum.datetime(*parts, tz="UTC")


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> pendulum.DateTime:
    """Stop the clock on 10 April 2013, at 12:00 UTC."""
    moment = utc(2013, 4, 10, 12)
    monkeypatch.setattr("airflow.timetables.trigger.utcnow", lambda: moment)
    monkeypatch.setattr("daily_partition.pendulum.now", lambda zone: moment)
    return moment


# a Dag that has run before: the newest missed night is made up for
LONG_AGO = DagRunInfo(run_after=utc(2013, 1, 2, 3, 15), data_interval=None, partition_date=None, partition_key=None)


def backfill(timetable: DailyPartitionTimetable, first: pendulum.DateTime, last: pendulum.DateTime) -> list[DagRunInfo]:
    return list(timetable.iter_partition_dagrun_infos(earliest=first, latest=last))


def next_run(timetable: DailyPartitionTimetable, last: DagRunInfo | None, **change: Any) -> DagRunInfo:
    restriction = ANY_TIME._replace(**change)
    info = timetable.next_dagrun_info_v2(last_dagrun_info=last, restriction=restriction)
    assert info is not None
    return info


def test_a_scheduled_run_is_about_the_day_before_its_tick(now: pendulum.DateTime) -> None:
    info = next_run(DailyPartitionTimetable("15 3 * * *"), LONG_AGO)
    assert info.run_after == utc(2013, 4, 10, 3, 15)
    assert info.partition_key == "2013-04-09"
    assert info.partition_date == utc(2013, 4, 9)
    assert info.data_interval is None


def test_the_run_after_it_is_the_next_day(now: pendulum.DateTime) -> None:
    timetable = DailyPartitionTimetable("15 3 * * *")
    info = next_run(timetable, next_run(timetable, LONG_AGO))
    assert (info.run_after, info.partition_key) == (utc(2013, 4, 11, 3, 15), "2013-04-10")


@pytest.mark.parametrize(
    ("cron", "key"),
    [
        ("15 3 * * *", "2013-04-10"),  # missed hours ago: the next night is the first
        ("50 11 * * *", "2013-04-09"),  # ten minutes ago: the scheduler is late, not the person
        ("59 23 * * *", "2013-04-09"),
    ],
)
def test_a_new_dag_begins_with_the_next_night(now: pendulum.DateTime, cron: str, key: str) -> None:
    assert next_run(DailyPartitionTimetable(cron), None).partition_key == key


def test_a_new_dag_does_not_begin_before_its_start_date(now: pendulum.DateTime) -> None:
    info = next_run(DailyPartitionTimetable("15 3 * * *"), None, earliest=utc(2013, 5, 1))
    assert info.run_after == utc(2013, 5, 1, 3, 15)


def test_a_backfill_takes_both_dates(now: pendulum.DateTime) -> None:
    infos = backfill(DailyPartitionTimetable("15 3 * * *"), utc(2013, 4, 1), utc(2013, 4, 3))
    assert [info.partition_key for info in infos] == ["2013-04-01", "2013-04-02", "2013-04-03"]


@pytest.mark.parametrize("cron", ["15 3 * * *", "0 0 * * *", "@daily", "59 23 * * *"])
def test_a_backfilled_day_is_the_day_a_scheduled_run_has(now: pendulum.DateTime, cron: str) -> None:
    timetable = DailyPartitionTimetable(cron)
    scheduled = next_run(timetable, LONG_AGO)
    day = scheduled.partition_date
    assert day is not None
    assert backfill(timetable, day, day) == [scheduled]


def test_a_backfill_of_yesterday_is_not_followed_by_a_nightly_run_of_yesterday(now: pendulum.DateTime) -> None:
    timetable = DailyPartitionTimetable("15 3 * * *")
    [yesterday] = backfill(timetable, utc(2013, 4, 9), utc(2013, 4, 9))
    assert next_run(timetable, yesterday).partition_key == "2013-04-10"


def test_a_backfill_leaves_out_days_that_are_not_complete(now: pendulum.DateTime) -> None:
    infos = backfill(DailyPartitionTimetable("15 3 * * *"), utc(2013, 4, 8), utc(2013, 5, 8))
    assert [info.partition_key for info in infos] == ["2013-04-08", "2013-04-09"]


def test_a_weekly_project_is_backfilled_by_its_own_days(now: pendulum.DateTime) -> None:
    timetable = DailyPartitionTimetable("0 4 * * 1")
    infos = backfill(timetable, utc(2013, 3, 1), utc(2013, 3, 31))
    assert [info.partition_key for info in infos] == [f"2013-03-{day:02}" for day in (3, 10, 17, 24, 31)]
    assert next_run(timetable, LONG_AGO).partition_key == "2013-04-07"


@pytest.mark.parametrize(
    "cron", ["15 3 * * *", "0 0 * * *", "0 4 * * 1", "0 9 2 * *", "59 23 29 2 *", "@weekly", "@monthly", "0 2 * * 5#2"]
)
def test_the_command_line_knows_the_days_without_airflow(cron: str) -> None:
    first, last = utc(2011, 12, 25), utc(2013, 3, 2)
    keys = [info.partition_key for info in backfill(DailyPartitionTimetable(cron), first, last)]
    assert keys
    assert [str(day) for day in scheduled_days(cron, first.date(), last.date())] == keys


def test_summer_time_does_not_move_a_day(now: pendulum.DateTime) -> None:
    infos = backfill(DailyPartitionTimetable("30 2 * * *"), utc(2013, 3, 1), utc(2013, 4, 5))
    dates = [info.partition_date for info in infos]
    assert len(dates) == 36
    assert all(date == utc(2013, 3, 1).add(days=number) for number, date in enumerate(dates))


def test_a_key_given_by_hand_is_the_same_day(now: pendulum.DateTime) -> None:
    timetable = DailyPartitionTimetable("15 3 * * *")
    assert timetable.resolve_partition_date("2013-04-01") == utc(2013, 4, 1)
    assert timetable.resolve_partition_date(None) is None


@pytest.mark.parametrize("key", ["2013-4-1", "2013-04", "2013-02-30", "2013-04-01T00:00:00", "yesterday"])
def test_a_key_that_is_no_day_is_refused(key: str) -> None:
    with pytest.raises(InvalidPartitionKeyError):
        DailyPartitionTimetable("15 3 * * *").resolve_partition_date(key)


def test_a_run_by_hand_without_a_key_is_about_the_newest_complete_day() -> None:
    interval = DailyPartitionTimetable("15 3 * * *").infer_manual_data_interval(run_after=utc(2013, 4, 10, 1))
    assert (interval.start, interval.end) == (utc(2013, 4, 9), utc(2013, 4, 10))


def test_catchup_would_begin_at_the_start_date(now: pendulum.DateTime) -> None:
    info = next_run(DailyPartitionTimetable("15 3 * * *"), None, catchup=True)
    assert info.partition_key == "2011-12-31"


def test_it_survives_being_stored(now: pendulum.DateTime) -> None:
    from airflow.sdk import DAG
    from airflow.serialization.serialized_objects import DagSerialization

    dag = DAG("stored", schedule=DailyPartitionTimetable("15 3 * * *"), start_date=utc(2012, 1, 1))
    stored = DagSerialization.from_dict(DagSerialization.to_dict(dag))
    assert type(stored.timetable).__name__ == "DailyPartitionTimetable"
    assert stored.timetable.partitioned
    infos = list(stored.iter_dagrun_infos_between(utc(2013, 4, 1), utc(2013, 4, 3)))
    assert [info.partition_key for info in infos] == ["2013-04-01", "2013-04-02", "2013-04-03"]


def test_it_says_what_it_does() -> None:
    timetable = DailyPartitionTimetable("15 3 * * *")
    assert timetable.summary == "15 3 * * *"
    assert timetable.description == "At 03:15 UTC, about the day before"


@pytest.mark.parametrize("cron", ["* 3 * * *", "0 * * * *", "0 3,15 * * *", "*/30 3 * * *", "@hourly"])
def test_two_runs_on_one_day_are_refused(cron: str) -> None:
    with pytest.raises(AirflowTimetableInvalid, match="at most one run a day"):
        DailyPartitionTimetable(cron).validate()


def test_nonsense_is_refused() -> None:
    with pytest.raises(AirflowTimetableInvalid):
        DailyPartitionTimetable("late at night").validate()
