"""Make features of a flight that are known before its day begins: its schedule, its aircraft, and yesterday.

Nothing of the day itself is used but the timetable: no times of departure or arrival, no weather observed on the day.
Weather and punctuality are yesterday's, and of yesterday only what was known by midnight.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

LATE_MINUTES = 15
MINUTES_A_DAY = 24 * 60

_WEATHER = {
    "wind": ("wind_speed", "max"),
    "rain": ("precip", "sum"),
    "visibility": ("visib", "min"),
    "pressure": ("pressure", "min"),
    "temperature": ("temp", "mean"),
}


def assemble(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Join the day's flights with aircraft, destinations and yesterday's weather; one row a flight.

    Aircraft are known for five flights in six, four destinations (SJU, BQN, STT, PSE) are in no list, and there is no
    weather of 31 December: what is not known is left missing.
    """
    flights = tables["flights"]
    planes = tables["planes"].rename(columns={"year": "plane_built", "seats": "plane_seats", "engine": "plane_engine"})
    planes = planes[["tailnum", "plane_built", "plane_seats", "plane_engine"]].drop_duplicates("tailnum")
    airports = tables["airports"].rename(columns={"faa": "dest", "lat": "dest_latitude", "lon": "dest_longitude"})
    airports = airports[["dest", "dest_latitude", "dest_longitude"]].drop_duplicates("dest")
    joined = flights.merge(planes, on="tailnum", how="left", validate="many_to_one")
    joined = joined.merge(airports, on="dest", how="left", validate="many_to_one")
    weather = _weather_by_origin(tables.get("previous_weather"))
    return joined.merge(weather, on="origin", how="left", validate="many_to_one")


def build_features(raw: pd.DataFrame, history: pd.DataFrame | None) -> pd.DataFrame:
    """Return one row of features for each flight of `raw`, indexed like it.

    Args:
        raw: The flights of one day, without what is known only afterwards.
        history: The flights of the day before, all columns; None or empty when there are none.
    """
    scheduled = _minute_of_day(raw["sched_dep_time"])
    numeric = {
        "departure_minute": scheduled,
        "arrival_minute": _minute_of_day(raw["sched_arr_time"]),
        "distance_miles": raw["distance"],
        "flights_same_hour": scheduled.groupby([raw["origin"], scheduled // 60]).transform("size"),
        "plane_built": raw["plane_built"],
        "plane_seats": raw["plane_seats"],
        "dest_latitude": raw["dest_latitude"],
        "dest_longitude": raw["dest_longitude"],
        **{f"yesterday_{name}": raw[f"yesterday_{name}"] for name in _WEATHER},
        **_yesterday(raw, history),
    }
    weekday = pd.to_datetime(raw[["year", "month", "day"]]).dt.day_name()
    categorical = {
        "airline": raw["carrier"],
        "origin_airport": raw["origin"],
        "dest_airport": raw["dest"],
        "weekday": weekday,
        "plane_engine": raw["plane_engine"],
    }
    return pd.DataFrame(
        {name: values.astype("float64") for name, values in numeric.items()}
        | {name: values.astype("str") for name, values in categorical.items()},
        index=raw.index,
    )


def _minute_of_day(clock: pd.Series) -> pd.Series:
    """Return minutes since midnight of clock times written as HHMM integers (2359, and 2400 for midnight)."""
    return (clock // 100 * 60 + clock % 100).astype("float64")


def _weather_by_origin(weather: pd.DataFrame | None) -> pd.DataFrame:
    """Return one row an airport of a day's weather: over all its hours, so an hour lived twice does no harm."""
    names = [f"yesterday_{name}" for name in _WEATHER]
    if weather is None:
        return pd.DataFrame({"origin": pd.Series(dtype="str"), **{name: pd.Series(dtype="float64") for name in names}})
    hours = weather.drop_duplicates(["origin", "hour"])
    return hours.groupby("origin", as_index=False).agg(**{f"yesterday_{k}": how for k, how in _WEATHER.items()})


def _yesterday(raw: pd.DataFrame, history: pd.DataFrame | None) -> dict[str, pd.Series]:
    """Return how punctual yesterday was: in all, at the airport, of the airline.

    Only what was known by midnight counts: flights that had left by then, by how late they had left, and the share
    that had not left (cancelled, or still waiting). So yesterday's features do not need yesterday's labels.
    """
    names = ("yesterday_late", "yesterday_late_origin", "yesterday_late_airline", "yesterday_not_left_origin")
    if history is None or history.empty:
        return {name: pd.Series(np.nan, index=raw.index) for name in names}
    left = _minute_of_day(history["sched_dep_time"]) + history["dep_delay"] <= MINUTES_A_DAY
    late = (history["dep_delay"] > LATE_MINUTES).where(left).astype("float64")
    not_left = (~left).astype("float64")
    return dict(
        zip(
            names,
            (
                pd.Series(late.mean(), index=raw.index),
                raw["origin"].map(late.groupby(history["origin"]).mean()),
                raw["carrier"].map(late.groupby(history["carrier"]).mean()),
                raw["origin"].map(not_left.groupby(history["origin"]).mean()),
            ),
            strict=True,
        )
    )
