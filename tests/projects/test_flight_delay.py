"""Check what is particular to flights: quirks of the joins, what was known by midnight, which days are bad."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest

from include.config.project_code import load_module
from include.io.expectations import SuiteReport, SuiteRunner
from include.io.tables import to_parquet
from tests.projects.delivered import Delivered

QUIRKS = [date(2013, 2, 8), date(2013, 2, 9), date(2013, 11, 3), date(2013, 11, 4), date(2013, 12, 31)]
ORDINARY = date(2013, 11, 4)


@pytest.fixture(scope="module")
def flights(tmp_path_factory: pytest.TempPathFactory) -> Delivered:
    found = Delivered.into(tmp_path_factory.mktemp("flights"), "flight_delay")
    for day in [*QUIRKS, date(2014, 1, 1)]:
        found.load(day, day)
    return found


@pytest.fixture(scope="module")
def module(flights: Delivered) -> ModuleType:
    return load_module(flights.project, "features")


def checked(flights: Delivered, frame: pd.DataFrame) -> SuiteReport:
    suite = load_module(flights.project, "expectations").build_suite()
    return SuiteRunner("flight_delay", suite).run(frame)


def failures(flights: Delivered, frame: pd.DataFrame) -> dict[str, bool]:
    """Return the failing checks with whether they speak of single rows."""
    return {check.label: check.rows is not None for check in checked(flights, frame).checks if not check.success}


@pytest.mark.parametrize("day", QUIRKS)
def test_a_storm_a_clock_change_and_a_day_without_weather_pass(flights: Delivered, day: date) -> None:
    assert failures(flights, flights.frame(day)) == {}


def test_no_join_adds_or_loses_a_flight(flights: Delivered) -> None:
    for day, rows in [(date(2013, 2, 9), 684), (date(2013, 11, 4), 978), (date(2014, 1, 1), 842)]:
        assert len(flights.frame(day)) == rows


def test_what_no_list_knows_is_missing(flights: Delivered) -> None:
    frame = flights.frame(ORDINARY)
    unknown = frame["dest_latitude"].isna()
    assert set(frame.loc[unknown, "dest"]) <= {"SJU", "BQN", "STT", "PSE"}
    assert 0 < unknown.mean() < 0.05
    assert 0.05 < frame["plane_built"].isna().mean() < 0.3


def test_an_hour_of_weather_lived_twice_does_no_harm(flights: Delivered) -> None:
    # 4 November looks at the weather of the 3rd
    assert flights.frame(ORDINARY)["yesterday_visibility"].notna().all()


def test_new_year_has_no_weather_of_the_day_before(flights: Delivered) -> None:
    assert flights.frame(date(2014, 1, 1))["yesterday_visibility"].isna().all()
    assert flights.features(date(2014, 1, 1))["low_visibility_yesterday"].isna().all()
    assert flights.frame(date(2013, 12, 31))["yesterday_visibility"].notna().all()


def test_the_weather_of_the_day_itself_is_never_read(flights: Delivered, tmp_path: Path) -> None:
    found = Delivered.into(tmp_path, "flight_delay").load(ORDINARY, ORDINARY)
    before = to_parquet(found.features(ORDINARY))
    key = f"landing/nyc_flights/weather/date={ORDINARY}.parquet"
    found.store.put(key, b"no weather at all")
    assert to_parquet(found.features(ORDINARY)) == before


def test_cancelled_flights_have_no_label(flights: Delivered) -> None:
    storm = flights.frame(date(2013, 2, 9))
    assert storm["arr_delay"].isna().mean() > 0.5
    assert storm.loc[storm["dep_time"].isna(), "arr_delay"].isna().all()


def leaving(**changes: object) -> pd.DataFrame:
    """Return yesterday's flights: one that left on time, one late, one after midnight, one cancelled."""
    history = pd.DataFrame(
        {
            "carrier": ["UA", "UA", "B6", "AA"],
            "flight": [1, 2, 3, 4],
            "origin": ["EWR", "EWR", "JFK", "LGA"],
            "tailnum": ["N1", "N1", "N3", None],
            "sched_dep_time": [2000, 900, 2330, 1200],
            "dep_delay": [-3.0, 600.0, 29.0, np.nan],
        }
    )
    return history.assign(**changes)


@pytest.fixture
def today(flights: Delivered) -> pd.DataFrame:
    """Return yesterday's flights again, as today's timetable."""
    return flights.known(ORDINARY).head(4).assign(**leaving().drop(columns="dep_delay"))


def test_a_delay_of_yesterday_counts_by_flight_and_by_aircraft(module: ModuleType, today: pd.DataFrame) -> None:
    features = module.build_features(today, leaving())
    # ten hours count as three; the aircraft N1 flew UA 2 in the morning, UA 1 in the evening
    assert features["same_flight_delay_yesterday"].tolist()[:3] == [-3.0, 180.0, 29.0]
    assert np.isnan(features["same_flight_delay_yesterday"].iloc[3])
    assert features["aircraft_delay_yesterday"].tolist()[:3] == [-3.0, -3.0, 29.0]
    assert np.isnan(features["aircraft_delay_yesterday"].iloc[3])


@pytest.mark.parametrize("minutes", [31.0, 45.0, 600.0])
def test_what_left_after_midnight_was_not_known_by_midnight(
    module: ModuleType, today: pd.DataFrame, minutes: float
) -> None:
    late = module.build_features(today, leaving(dep_delay=[-3.0, 600.0, minutes, np.nan]))
    not_left = module.build_features(today, leaving(dep_delay=[-3.0, 600.0, np.nan, np.nan]))
    pd.testing.assert_frame_equal(late, not_left)
    assert np.isnan(late["same_flight_delay_yesterday"].iloc[2])


def test_no_label_of_yesterday_is_used(module: ModuleType, flights: Delivered) -> None:
    raw, history = flights.known(ORDINARY), flights.history(ORDINARY)
    assert history is not None
    without = history.drop(columns=["arr_delay", "arr_time", "air_time", "dep_time"])
    pd.testing.assert_frame_equal(module.build_features(raw, without), module.build_features(raw, history))


@pytest.mark.parametrize(
    ("clock", "minute"), [(0, 0), (1, 1), (59, 59), (100, 60), (1315, 795), (2359, 1439), (2400, 1440)]
)
def test_clock_times_become_minutes(module: ModuleType, flights: Delivered, clock: int, minute: int) -> None:
    raw = flights.known(ORDINARY).head(3).assign(sched_dep_time=clock)
    assert module.build_features(raw, None)["departure_minute"].tolist() == [minute] * 3


Spoil = Callable[[pd.DataFrame], pd.DataFrame]


def some(column: str, value: object, share: float) -> Spoil:
    return lambda frame: frame.assign(**{column: frame[column].mask(frame.index < share * len(frame), value)})


@pytest.mark.parametrize(
    ("spoil", "check"),
    [
        (some("arr_delay", np.nan, 0.3), "expect_column_proportion_of_non_null_values_to_be_between(arr_delay)"),
        (some("arr_time", np.nan, 0.9), "expect_column_proportion_of_non_null_values_to_be_between(arr_time)"),
        (lambda frame: frame.head(299), "expect_table_row_count_to_be_between()"),
        (
            lambda frame: frame[frame["origin"] != "LGA"].reset_index(drop=True),
            "expect_column_distinct_values_to_contain_set(origin)",
        ),
        (some("day", 5, 0.5), "expect_column_unique_value_count_to_be_between(day)"),
        (
            lambda frame: frame.assign(arr_delay=frame["arr_delay"] * 60),
            "expect_column_stdev_to_be_between(arr_delay)",
        ),
        (lambda frame: frame.assign(distance=frame["distance"].astype("str")), "expect_column_type_to_be(distance)"),
        (lambda frame: frame.assign(carrier=1), "expect_column_type_to_be(carrier)"),
        (lambda frame: frame.drop(columns="distance"), "expect_table_columns_to_match_set()"),
    ],
)
def test_a_bad_day_is_rejected(flights: Delivered, spoil: Spoil, check: str) -> None:
    found = failures(flights, spoil(flights.frame(ORDINARY)))
    assert found.get(check) is False


@pytest.mark.parametrize(
    ("column", "value", "check"),
    [
        ("origin", "BOS", "expect_column_values_to_be_in_set(origin)"),
        ("carrier", None, "expect_column_values_to_not_be_null(carrier)"),
        ("dest", "Boston", "expect_column_values_to_match_regex(dest)"),
        ("flight", 0, "expect_column_values_to_be_between(flight)"),
        ("sched_dep_time", 9999, "expect_column_values_to_be_between(sched_dep_time)"),
        ("distance", -5, "expect_column_values_to_be_between(distance)"),
        ("dep_delay", 99999.0, "expect_column_values_to_be_between(dep_delay)"),
        ("arr_delay", -999.0, "expect_column_values_to_be_between(arr_delay)"),
    ],
)
def test_a_bad_flight_is_set_aside(flights: Delivered, column: str, value: object, check: str) -> None:
    frame = flights.frame(ORDINARY)
    report = checked(flights, some(column, value, 3 / len(frame))(frame))
    failing = {each.label: each.rows for each in report.checks if not each.success}
    assert failing[check] == (0, 1, 2)
    assert all(rows is not None for rows in failing.values())


def test_both_copies_of_a_flight_are_named(flights: Delivered) -> None:
    frame = flights.frame(ORDINARY)
    twice = pd.concat([frame, frame.head(2)], ignore_index=True)
    (check,) = [each for each in checked(flights, twice).checks if not each.success]
    assert check.rows == (0, 1, len(frame), len(frame) + 1)
