"""Say which day a run is about, for every way a run comes to be."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from types import SimpleNamespace
from typing import Any

import pytest

from include.domain.errors import AsOfError
from include.orchestration.params import resolve_as_of

NOW = "2013-06-15T12:00:00"
MIDNIGHT = datetime(2013, 5, 2, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NIGHTSHIFT_NOW", NOW)


def context(
    as_of: str | None = None,
    key: str | None = None,
    interval: tuple[datetime, datetime] | None = None,
    logical: datetime | None = None,
    run_type: str = "manual",
    run_after: datetime = datetime(2013, 6, 1, 0, 5, tzinfo=UTC),
) -> dict[str, Any]:
    start, end = interval or (None, None)
    dag_run = SimpleNamespace(
        partition_key=key,
        data_interval_start=start,
        data_interval_end=end,
        logical_date=logical,
        run_type=run_type,
        run_after=run_after,
    )
    return {"params": {"as_of": as_of}, "dag_run": dag_run}


DAY_INTERVAL = (MIDNIGHT, MIDNIGHT + timedelta(days=1))
CASES = {
    "the form": (context(as_of="2013-04-01"), date(2013, 4, 1)),
    "scheduled or backfilled: the key": (context(key="2013-04-02"), date(2013, 4, 2)),
    "by hand with an empty form: the newest day when it was asked for": (context(), date(2013, 5, 31)),
    "by hand, just before midnight in UTC": (
        context(run_after=datetime(2013, 5, 31, 19, 59, tzinfo=timezone(timedelta(hours=-4)))),
        date(2013, 5, 30),
    ),
    "by hand for a logical date: the interval of the day before": (
        context(interval=DAY_INTERVAL, logical=datetime(2013, 5, 3, 9, 30, tzinfo=UTC)),
        date(2013, 5, 2),
    ),
    "an interval without a logical date": (context(interval=DAY_INTERVAL), date(2013, 5, 2)),
    "the form wins over the interval": (context(as_of="2013-04-01", interval=DAY_INTERVAL), date(2013, 4, 1)),
    "the key wins over the interval": (context(key="2013-04-02", interval=DAY_INTERVAL), date(2013, 4, 2)),
    "form and key agree": (context(as_of="2013-04-02", key="2013-04-02"), date(2013, 4, 2)),
    "an empty field is no answer": (context(as_of="", key="2013-04-02"), date(2013, 4, 2)),
    "the newest complete day": (context(key="2013-06-14"), date(2013, 6, 14)),
}


@pytest.mark.parametrize(("given", "day"), CASES.values(), ids=CASES)
def test_the_day(given: dict[str, Any], day: date) -> None:
    assert resolve_as_of(given) == day


REFUSED = {
    "triggered by an asset without a key": (
        context(run_type="asset_triggered"),
        "the day of the run: nothing says which day the run is about; hint: set 'as_of'",
    ),
    "today is not complete": (
        context(key="2013-06-15"),
        "the day is not complete yet; got: 2013-06-15; allowed: up to 2013-06-14",
    ),
    "the future": (context(as_of="2014-01-01"), "the day is not complete yet; got: 2014-01-01"),
    "a month": (context(key="2013-04"), "partition key: not a day; got: '2013-04'; allowed: YYYY-MM-DD"),
    "another spelling of a day": (context(as_of="20130401"), "param as_of: not a day; got: '20130401'"),
    "no such day": (context(as_of="2013-02-30"), "param as_of: not a day"),
    "two days": (
        context(as_of="2013-04-01", key="2013-04-02"),
        "name two days; got: as_of 2013-04-01, partition key 2013-04-02; hint: give one of them",
    ),
    "an hour": (
        context(interval=(MIDNIGHT, MIDNIGHT + timedelta(hours=1))),
        "data interval: not one whole day in UTC; got: 2013-05-02T00:00:00+00:00 to 2013-05-02T01:00:00+00:00",
    ),
    "a day that starts at noon": (
        context(interval=(MIDNIGHT + timedelta(hours=12), MIDNIGHT + timedelta(hours=36))),
        "data interval: not one whole day in UTC",
    ),
    "the command line's interval of now for a logical date of then": (
        context(interval=DAY_INTERVAL, logical=datetime(2013, 4, 1, tzinfo=UTC)),
        "the run's data interval is not the day before it; got: logical date 2013-04-01T00:00:00+00:00, "
        "interval of 2013-05-02",
    ),
}


@pytest.mark.parametrize(("given", "message"), REFUSED.values(), ids=REFUSED)
def test_the_day_is_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(AsOfError) as caught:
        resolve_as_of(given)
    assert message in str(caught.value)
