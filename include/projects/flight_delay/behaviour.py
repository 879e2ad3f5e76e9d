"""Say how a model of delays must behave, whatever its metrics: what makes a flight late does not make it punctual.

How often each holds for honest models, and so each `share`: README.md.
"""

from __future__ import annotations

import pandas as pd

from include.config.behaviour import Directional, Invariance, Test

HOUR = 60.0
MORNING_UNTIL = 9 * HOUR


def build_behaviour() -> list[Test]:
    """Return what changed flights may and must do to a model's scores."""
    return [
        Directional("in the evening instead of the morning: no more punctual", _evening, "up", share=0.9),
        Directional("an hour late yesterday instead of on time: no more punctual", _flight_late, "up", share=0.6),
        Invariance("two minutes in the timetable hardly matter", _two_minutes, tolerance=0.03, share=0.95),
        Invariance("one seat more hardly matters", _one_seat, tolerance=0.03, share=0.95),
    ]


def _flight_late(rows: pd.DataFrame) -> pd.DataFrame:
    delay = rows["same_flight_delay_yesterday"]
    return rows.assign(same_flight_delay_yesterday=delay.mask(delay <= 0, HOUR))


def _evening(rows: pd.DataFrame) -> pd.DataFrame:
    """Let flights of the early morning leave ten hours later, where they still land on that day."""
    moved = (rows["departure_minute"] < MORNING_UNTIL) & (rows["arrival_minute"] < 14 * HOUR)
    later = 10 * HOUR * moved
    return rows.assign(departure_minute=rows["departure_minute"] + later, arrival_minute=rows["arrival_minute"] + later)


def _two_minutes(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(departure_minute=rows["departure_minute"] + 2, arrival_minute=rows["arrival_minute"] + 2)


def _one_seat(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(plane_seats=rows["plane_seats"] + 1)
