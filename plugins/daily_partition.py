"""Schedule one run a day, each about one named day: the timetable of every Nightshift Dag.

Airflow loads this file by itself, in every process, and never by version; so it stands alone and imports nothing of
ours. It leans on private hooks of Airflow 3.3.2 (`_get_partition_date`, `_decode_partition_date`, `_align_to_next`);
tests/plugins/test_daily_partition.py says when an upgrade moves them. Why: docs/adr/0005-daily-partitions.md.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import pendulum
from airflow.exceptions import AirflowTimetableInvalid, InvalidPartitionKeyError
from airflow.plugins_manager import AirflowPlugin
from airflow.timetables.base import DagRunInfo, DataInterval, TimeRestriction, Timetable
from airflow.timetables.trigger import CronPartitionTimetable
from croniter import croniter
from pendulum import DateTime

KEY_FORMAT = "%Y-%m-%d"
ONE_DAY = timedelta(days=1)
# a Dag that is new at its tick still runs: the scheduler may be a little late
FIRST_RUN_BUFFER = timedelta(minutes=15)


class DailyPartitionTimetable(CronPartitionTimetable):
    """Run at the cron's time (UTC); the run's partition is the day before, the newest one that is complete.

    A day has one identity (key `YYYY-MM-DD`, partition date midnight UTC) whether its run is scheduled, backfilled or
    asked for by hand, and a backfill takes both its dates inclusively.

    Args:
        cron: When to run, at most once a day: "15 3 * * *", "0 4 * * 1".
    """

    def __init__(self, cron: str) -> None:
        super().__init__(cron, timezone="UTC", key_format=KEY_FORMAT, run_immediately=FIRST_RUN_BUFFER)
        if self.description:
            self.description = f"{self.description} UTC, about the day before"

    def validate(self) -> None:
        """Refuse a cron expression that is wrong, or that runs twice on one day.

        Raises:
            AirflowTimetableInvalid: With the reason.
        """
        super().validate()
        minutes, hours = croniter(self._expression).expanded[:2]
        if any(len(ticks) != 1 or ticks == ["*"] for ticks in (minutes, hours)):
            raise AirflowTimetableInvalid(
                f"schedule: a partition is one day, so at most one run a day; got: {self._expression!r}; "
                "hint: give one minute and one hour, such as '15 3 * * *'"
            )

    def serialize(self) -> dict[str, Any]:
        """Return what `deserialize` needs."""
        return {"expression": self._expression}

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> Timetable:
        """Return the timetable that `serialize` described."""
        return cls(data["expression"])

    def infer_manual_data_interval(self, *, run_after: DateTime) -> DataInterval:
        """Return the newest day that was complete at `run_after`, for a run by hand without a partition key."""
        end = _midnight(run_after)
        return DataInterval(end - ONE_DAY, end)

    def next_dagrun_info_v2(
        self, *, last_dagrun_info: DagRunInfo | None, restriction: TimeRestriction
    ) -> DagRunInfo | None:
        """Return the next scheduled run; a Dag's first one is the next night, not the one before it was unpaused.

        Airflow does so for a Dag without a start date. With one, unpausing a new Dag starts the newest missed night at
        once: a person who asks for one run gets two. Nights that are missed later on are made up for as ever.
        """
        started = restriction.earliest is not None and restriction.earliest <= pendulum.now("UTC")
        if last_dagrun_info is None and started and not restriction.catchup:
            restriction = restriction._replace(earliest=None)
        return super().next_dagrun_info_v2(last_dagrun_info=last_dagrun_info, restriction=restriction)

    def iter_partition_dagrun_infos(self, *, earliest: datetime, latest: datetime) -> Iterable[DagRunInfo]:
        """Yield one run for each day from `earliest` to `latest`, both included, that a scheduled run would be about.

        `run_after` is the tick that would have scheduled the day: Airflow computes the next nightly run from it, so
        that a backfill of yesterday is not followed by a second run of yesterday. Days that are not complete are left
        out: one of them, queued for later, would stop the nightly runs until then.
        """
        now = pendulum.now("UTC")
        day, last = _midnight(earliest), _midnight(latest)
        while day <= last and day + ONE_DAY <= now:
            tick = self._align_to_next(day + ONE_DAY)
            if self._get_partition_date(run_date=tick) == day:
                yield DagRunInfo(
                    run_after=tick, data_interval=None, partition_date=day, partition_key=self._format_key(day)
                )
            day += ONE_DAY

    def _get_partition_date(self, *, run_date: DateTime) -> DateTime:
        return _midnight(run_date) - ONE_DAY

    def _decode_partition_date(self, partition_key: str) -> datetime:
        day = super()._decode_partition_date(partition_key)
        if day.strftime(KEY_FORMAT) != partition_key:
            raise InvalidPartitionKeyError(f"Partition key {partition_key!r} is not a day as YYYY-MM-DD")
        return day


def _midnight(moment: datetime) -> DateTime:
    return pendulum.instance(moment).in_timezone("UTC").start_of("day")


class DailyPartitionPlugin(AirflowPlugin):
    """Register the timetable, so that the scheduler can read it back from a stored Dag."""

    name = "nightshift_daily_partition"
    timetables = [DailyPartitionTimetable]
