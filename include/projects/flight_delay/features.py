"""Make features of a flight that are known before its day begins: its schedule, its aircraft, and yesterday.

Nothing of the day itself is used but the timetable: no times of departure or arrival, no weather observed on the day.
Weather and punctuality are yesterday's, and of yesterday only what was known by midnight.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

MINUTES_A_DAY = 24 * 60
# a delay of a day or two says no more than one of three hours
DELAY_BOUNDS_MINUTES = (-20, 180)
LOW_VISIBILITY_MILES = 2


def assemble(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Join the day's flights with aircraft, destinations and yesterday's weather; one row a flight.

    Aircraft are known for five flights in six, four destinations (SJU, BQN, STT, PSE) are in no list, and there is no
    weather of 31 December: what is not known is left missing.
    """
    flights = tables["flights"]
    planes = tables["planes"].rename(columns={"year": "plane_built", "seats": "plane_seats"})
    planes = planes[["tailnum", "plane_built", "plane_seats"]].drop_duplicates("tailnum")
    airports = tables["airports"].rename(columns={"faa": "dest", "lat": "dest_latitude", "lon": "dest_longitude"})
    airports = airports[["dest", "dest_latitude", "dest_longitude"]].drop_duplicates("dest")
    joined = flights.merge(planes, on="tailnum", how="left", validate="many_to_one")
    joined = joined.merge(airports, on="dest", how="left", validate="many_to_one")
    weather = _visibility_by_origin(tables.get("previous_weather"))
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
        "low_visibility_yesterday": _low(raw["yesterday_visibility"]),
        **_yesterday(raw, history),
    }
    categorical = {"airline": raw["carrier"], "origin_airport": raw["origin"], "dest_airport": raw["dest"]}
    return pd.DataFrame(
        {name: values.astype("float64") for name, values in numeric.items()}
        | {name: values.astype("str") for name, values in categorical.items()},
        index=raw.index,
    )


def _yesterday(raw: pd.DataFrame, history: pd.DataFrame | None) -> dict[str, pd.Series]:
    """Return by how many minutes the same flight, and the aircraft's last flight, left late yesterday.

    Only what was known by midnight counts: a flight that had not left by then has no delay yet. So these features need
    no label of yesterday; they are missing where a flight or an aircraft did not leave New York yesterday.
    """
    if history is None or history.empty:
        nothing = pd.Series(np.nan, index=raw.index)
        return {"same_flight_delay_yesterday": nothing, "aircraft_delay_yesterday": nothing}
    scheduled = _minute_of_day(history["sched_dep_time"])
    left = history[scheduled + history["dep_delay"] <= MINUTES_A_DAY]
    delay = left["dep_delay"].clip(*DELAY_BOUNDS_MINUTES)
    by_flight = delay.groupby(_flight_name(left)).mean()
    by_aircraft = delay.loc[scheduled[left.index].sort_values(kind="stable").index].groupby(left["tailnum"]).last()
    return {
        "same_flight_delay_yesterday": _flight_name(raw).map(by_flight),
        "aircraft_delay_yesterday": raw["tailnum"].map(by_aircraft),
    }


def _flight_name(flights: pd.DataFrame) -> pd.Series:
    """Return what a flight is called every day: "UA 1545 EWR"."""
    return flights["carrier"] + " " + flights["flight"].astype("str") + " " + flights["origin"]


def _low(visibility: pd.Series) -> pd.Series:
    # as a number it would tell 60 days apart, and a model would learn those days by heart
    return (visibility < LOW_VISIBILITY_MILES).astype("float64").where(visibility.notna())


def _minute_of_day(clock: pd.Series) -> pd.Series:
    """Return minutes since midnight of clock times written as HHMM integers (2359, and 2400 for midnight)."""
    return (clock // 100 * 60 + clock % 100).astype("float64")


def _visibility_by_origin(weather: pd.DataFrame | None) -> pd.DataFrame:
    """Return the worst visibility of a day at each airport, in miles: an hour that is there twice does no harm."""
    if weather is None:
        return pd.DataFrame({"origin": pd.Series(dtype="str"), "yesterday_visibility": pd.Series(dtype="float64")})
    return weather.groupby("origin", as_index=False).agg(yesterday_visibility=("visib", "min"))
