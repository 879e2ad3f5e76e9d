"""Tell which day a run is about, in one place and in one order."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from include.config.clock import complete
from include.config.errors import AsOfError

WHERE = "the day of the run"
HINT = "set 'as_of' in the trigger form (or in --conf), or give the run a partition key: the day as YYYY-MM-DD"


def resolve_as_of(context: Mapping[str, Any]) -> date:
    """Return the as-of day of a task's run: the param `as_of`, else the partition key, else the data interval.

    A run that a person triggered with an empty form has none of them: it is about the newest day that was complete when
    it was asked for. `run_after` is stored with the run, so a cleared run is about the same day again.

    Args:
        context: A task's context; read are `params`, and of `dag_run` its partition key, data interval, logical date,
            type and `run_after`.

    Raises:
        AsOfError: None of them is there, two of them disagree, one is not a day, or the day is not complete yet.
    """
    dag_run = context["dag_run"]
    asked = _day(context["params"].get("as_of"), "param as_of")
    key = _day(dag_run.partition_key, "partition key")
    if asked and key and asked != key:
        raise AsOfError(
            WHERE,
            "param as_of and the run's partition key name two days",
            got=f"as_of {asked}, partition key {key}",
            hint="give one of them",
        )
    day = asked or key or _interval_day(dag_run) or _asked_day(dag_run)
    if day is None:
        raise AsOfError(WHERE, "nothing says which day the run is about", hint=HINT)
    return complete(day)


def _day(value: object, name: str) -> date | None:
    if value is None or value == "":
        return None
    try:
        day = date.fromisoformat(str(value))
    except ValueError:
        day = None
    if day is None or day.isoformat() != str(value):
        raise AsOfError(f"{WHERE}: {name}", "not a day", got=repr(value), allowed=("YYYY-MM-DD",))
    return day


def _asked_day(dag_run: Any) -> date | None:
    # compared with ==: str() of this enum is not its value
    if dag_run.run_type != "manual":
        return None
    asked: datetime = dag_run.run_after.astimezone(UTC)
    return asked.date() - timedelta(days=1)


def _interval_day(dag_run: Any) -> date | None:
    start, end = dag_run.data_interval_start, dag_run.data_interval_end
    if start is None or end is None:
        return None
    start, end = start.astimezone(UTC), end.astimezone(UTC)
    if start.time() != datetime.min.time() or end - start != timedelta(days=1):
        raise AsOfError(
            f"{WHERE}: data interval",
            "not one whole day in UTC",
            got=f"{start.isoformat()} to {end.isoformat()}",
            hint=HINT,
        )
    # `airflow dags trigger --logical-date X` infers the interval from the clock, not from X
    logical = dag_run.logical_date
    if logical is not None and logical.astimezone(UTC).date() - timedelta(days=1) != start.date():
        raise AsOfError(
            f"{WHERE}: logical date",
            "the run's data interval is not the day before it",
            got=f"logical date {logical.isoformat()}, interval of {start.date()}",
            hint=HINT,
        )
    return start.date()
