"""A project that declares one gate is protected from leaks that it never asked to be protected from."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from include.io.ledger import read_decision
from tests.support.model_nights import DAYS, FIRST, HOLDOUT_DAYS, NO_PROCESS, Nights, make_project, make_rows
from tests.support.tracking import copy_prepared

AS_OF = FIRST + timedelta(days=20)
FIRST_HELD_OUT = AS_OF - timedelta(days=HOLDOUT_DAYS - 1)
Make = Callable[[date], pd.DataFrame]


def _dated(day: date, frame: pd.DataFrame) -> pd.DataFrame:
    """Return rows with keys that hold their day, as those of orders do."""
    return frame.assign(parcel=[f"{day}-{row}" for row in range(len(frame))])


def _learnt(day: date) -> date:
    """Return the day of the train part whose rows come again on a day of the holdout."""
    return day if day < FIRST_HELD_OUT else day - timedelta(days=HOLDOUT_DAYS + 1)


def honest(day: date) -> pd.DataFrame:
    return _dated(day, make_rows(day))


def every_parcel_every_day(day: date) -> pd.DataFrame:
    return make_rows(day)


def place_in_a_sorted_file(day: date) -> pd.DataFrame:
    ordered = honest(day).sort_values("late", kind="stable", ignore_index=True)
    return ordered.assign(distance=np.arange(len(ordered), dtype="float64"))


def copy_of_the_target(day: date) -> pd.DataFrame:
    return honest(day).assign(distance=lambda frame: frame["late"].astype("float64"))


def same_rows_with_the_same_keys(day: date) -> pd.DataFrame:
    return honest(_learnt(day))


def same_rows_under_other_dates(day: date) -> pd.DataFrame:
    return _dated(day, make_rows(_learnt(day)))


def half_the_rows_come_again(day: date) -> pd.DataFrame:
    again = _dated(_learnt(day), make_rows(_learnt(day)))
    return pd.concat([honest(day).iloc[::2], again.iloc[1::2]], ignore_index=True).drop_duplicates("parcel")


@pytest.mark.parametrize(
    ("make", "verdict", "says"),
    [
        (honest, "PROMOTE", ""),
        (every_parcel_every_day, "PROMOTE", ""),
        (place_in_a_sorted_file, "REJECT", "tells too much by itself: distance"),
        (copy_of_the_target, "REJECT", "the target under another name: distance"),
        (same_rows_with_the_same_keys, "REJECT", "repeated_rows 1 "),
        (same_rows_under_other_dates, "REJECT", "repeated_rows 1 "),
        (half_the_rows_come_again, "REJECT", "repeated_rows 0.5 "),
    ],
)
def test_a_leak_is_rejected_though_no_gate_of_leaks_is_declared(
    tmp_path: Path, prepared_tracking: Path, make: Make, verdict: str, says: str
) -> None:
    copy_prepared(prepared_tracking, tmp_path)
    gates = [{"kind": "minimum", "metric": "roc_auc", "value": 0.5}, *NO_PROCESS]
    linear = [{"name": "linear", "estimator": "logistic_regression"}]
    nights = Nights(tmp_path, make_project(tmp_path, candidates=linear, gates=gates))
    for back in range(DAYS):
        day = AS_OF - timedelta(days=back)
        nights.write_day(day, make(day))
    result = nights.evaluate(AS_OF)
    decision = read_decision(nights.store, "parcels", result.decision_id)
    assert (result.verdict, says in decision.reason) == (verdict, True), decision.reason
    off = {gate.kind: gate.because for gate in decision.gates if gate.outcome == "off"}
    assert off == {gate["kind"]: gate["because"] for gate in NO_PROCESS}
