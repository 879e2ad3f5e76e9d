"""Rows of the holdout that a model has learnt from are found, whatever date they carry; what is natural is not one."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from include.domain.evidence import Repeats
from include.ml.leakage import find_repeats

TRAIN_DAYS, HOLDOUT_DAYS, ROWS = 4, 2, 60


def _day(number: int, *, rows: int = ROWS) -> pd.DataFrame:
    chance = np.random.default_rng(number)
    amount = chance.uniform(10, 100, rows).round(2)
    return pd.DataFrame(
        {
            "day": f"2024-03-{number + 1:02d}",
            "key": [f"{number}-{row}" for row in range(rows)],
            "amount": amount,
            "country": chance.choice(["DE", "FR", None], rows),
            "y": (amount + chance.normal(0, 20, rows) > 60).astype("int8"),
        }
    )


def _find(days: list[pd.DataFrame], features: tuple[str, ...] = ("amount", "country")) -> Repeats:
    train, holdout = pd.concat(days[:TRAIN_DAYS]), pd.concat(days[TRAIN_DAYS:])
    return find_repeats(train, holdout, keys=["key"], features=features, target="y", day="day")


def _days() -> list[pd.DataFrame]:
    return [_day(number) for number in range(TRAIN_DAYS + HOLDOUT_DAYS)]


def _dated(frame: pd.DataFrame, number: int, *, keys: bool = True) -> pd.DataFrame:
    """Return the rows of a day under another date."""
    moved = frame.assign(day=f"2024-03-{number + 1:02d}")
    return moved.assign(key=[f"{number}-{row}" for row in range(len(frame))]) if keys else moved


def test_honest_days_share_hardly_a_row() -> None:
    found = _find(_days())
    assert (found.rows, found.keys, found.keys_by_nature, found.copied) == (0.0, 0.0, 0.0, 0.0)
    assert found.alike < 0.05 and found.alike_by_nature < 0.05


def test_train_days_that_come_again_are_found_by_their_keys() -> None:
    days = _days()
    days[4:] = [_dated(days[0], 4, keys=False), _dated(days[2], 5, keys=False)]
    found = _find(days)
    assert (found.rows, found.keys, found.keys_by_nature, found.alike) == (1.0, 1.0, 0.0, 1.0)


def test_yesterdays_file_under_todays_date_is_found_by_its_rows() -> None:
    days = _days()
    days[4] = _dated(days[3], 4).sample(frac=1, random_state=1)
    found = _find(days)
    assert (found.rows, found.keys, found.copied) == (0.0, 0.0, 0.5)
    assert found.copied_days == (("2024-03-05", "2024-03-04"),)
    assert found.alike >= 0.5 and found.alike_by_nature < 0.05


def test_a_file_that_comes_every_day_is_found_though_the_train_part_repeats_itself() -> None:
    found = _find([_dated(_day(0), number) for number in range(6)])
    assert found.copied == 1.0
    assert found.alike_by_nature == 1.0


def test_train_rows_dealt_over_the_holdout_are_found_by_what_chance_explains() -> None:
    days = _days()
    learnt = pd.concat(days[:4]).sample(2 * ROWS, random_state=1)
    days[4:] = [_dated(learnt.iloc[:ROWS], 4), _dated(learnt.iloc[ROWS:], 5)]
    found = _find(days)
    assert (found.rows, found.copied, found.alike) == (0.0, 0.0, 1.0)
    assert found.alike_by_nature < 0.05


@pytest.mark.parametrize("features", [("country",), ("hour",), ("hour", "country")])
def test_few_coarse_features_are_equal_by_nature(features: tuple[str, ...]) -> None:
    days = [day.assign(hour=np.random.default_rng(n).integers(0, 24, len(day))) for n, day in enumerate(_days())]
    found = _find(days, features)
    assert found.copied == 0.0
    assert found.alike <= 0.05 + 1.5 * found.alike_by_nature


def test_customers_who_come_every_day_with_other_features_are_natural() -> None:
    days = [day.assign(key=range(len(day))) for day in _days()]
    found = _find(days)
    assert (found.keys, found.keys_by_nature, found.rows) == (1.0, 1.0, 0.0)


@pytest.mark.parametrize(("fresh", "rows"), [(True, 0.0), (False, 1.0)])
def test_customers_whose_features_never_change_need_new_labels(fresh: bool, rows: float) -> None:
    first = _day(0)
    days = [_dated(first, number, keys=False) for number in range(6)]
    if fresh:
        days = [day.assign(y=_day(number)["y"].to_numpy()) for number, day in enumerate(days)]
    assert _find(days).rows == rows
