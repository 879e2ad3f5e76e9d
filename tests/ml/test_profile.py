"""The profile counts as a slow loop does, and its small model tells parts apart only when they differ."""

from __future__ import annotations

import itertools
import math
from datetime import date

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from include.ml.calibration import psi
from include.ml.profile import (
    BINS,
    MAX_CATEGORIES,
    adversarial_auc,
    feature_profile,
    rank_correlation,
    target_by_day,
)


def _series(values: object, dtype: str = "float64") -> pd.Series:
    return pd.Series(values, name="x", dtype=dtype)


def test_a_histogram_counts_each_value_once_and_missing_ones_apart() -> None:
    chance = np.random.default_rng(1)
    train = np.where(chance.random(3000) < 0.2, np.nan, chance.normal(size=3000))
    holdout = np.append(chance.normal(1, 1, 999), 1e9)
    found = feature_profile(_series(train), _series(holdout), True)
    assert (found.name, found.kind, found.categories) == ("x", "numeric", ())
    assert len(found.edges) == BINS + 1
    assert np.allclose(np.diff(found.edges), found.edges[1] - found.edges[0])
    # a single wild value does not stretch the picture
    assert -4 < found.edges[0] < found.edges[-1] < 5
    for values, shares in ((train, found.train), (holdout, found.holdout)):
        counts = [0] * BINS
        for value in values:
            if not math.isnan(value):
                place = sum(value >= edge for edge in found.edges[1:-1])
                counts[place] += 1
        assert shares == pytest.approx([count / len(values) for count in counts], abs=1e-6)
    assert found.missing == {"train": pytest.approx(np.isnan(train).mean()), "holdout": 0.0}
    assert sum(found.train) + found.missing["train"] == pytest.approx(1, abs=1e-4)
    assert found.psi > 0.5


def test_whole_numbers_of_a_short_range_have_a_bin_each() -> None:
    found = feature_profile(_series([0, 1, 1, 3]), _series([3, 3, np.nan, 0]), True)
    assert found.edges == (-0.5, 0.5, 1.5, 2.5, 3.5)
    assert (found.train, found.holdout) == ((0.25, 0.5, 0, 0.25), (0.25, 0, 0, 0.5))


@pytest.mark.parametrize(
    ("train", "holdout", "edges"),
    [
        ([2.5, 2.5], [2.5], (2.0, 3.0)),
        ([7.0, 7.0], [7.0], (6.5, 7.5)),
        ([np.nan, np.nan], [np.nan], (0.0, 1.0)),
        ([np.inf, -np.inf, np.nan], [np.inf], (0.0, 1.0)),
    ],
)
def test_a_feature_of_one_value_or_none_has_a_picture_too(
    train: list[float], holdout: list[float], edges: tuple[float, ...]
) -> None:
    found = feature_profile(_series(train), _series(holdout), True)
    assert found.edges == edges
    assert sum(found.train) + found.missing["train"] == pytest.approx(1)
    assert found.psi == 0


def test_the_index_of_a_number_is_that_of_a_slow_loop_over_tenths() -> None:
    chance = np.random.default_rng(2)
    train = np.where(chance.random(2000) < 0.1, np.nan, chance.normal(size=2000))
    holdout = np.where(chance.random(500) < 0.3, np.nan, chance.normal(0.3, 1, 500))
    cuts = [float(np.nanpercentile(train, percent)) for percent in range(10, 100, 10)]
    ends = [-math.inf, *cuts, math.inf]
    total = 0.0
    for low, high in [*itertools.pairwise(ends), (None, None)]:
        shares = []
        for values in (train, holdout):
            inside = [math.isnan(v) if low is None else low < v <= high for v in values.tolist()]
            shares.append(max(sum(inside), 0.5) / len(values))
        total += (shares[1] - shares[0]) * math.log(shares[1] / shares[0])
    assert feature_profile(_series(train), _series(holdout), True).psi == pytest.approx(total, abs=1e-9)


def test_rows_in_the_same_shares_have_no_index() -> None:
    assert psi(np.array([10, 30]), np.array([1, 3])) == pytest.approx(0, abs=1e-12)
    assert psi(np.array([0, 10, 0, 30]), np.array([0, 1, 0, 3])) == pytest.approx(0, abs=1e-12)
    assert psi(np.array([0, 40]), np.array([20, 20])) == pytest.approx(
        (0.5 - 0.0125) * math.log(0.5 / 0.0125) + (0.5 - 1) * math.log(0.5)
    )


def test_the_largest_categories_are_named_and_the_rest_is_one() -> None:
    chance = np.random.default_rng(3)
    names = [f"v{number:02}" for number in range(20)]
    likely = np.arange(20, 0, -1) / np.arange(20, 0, -1).sum()
    train = pd.Series(chance.choice(names, 4000, p=likely), name="x", dtype="str")
    train[::10] = None
    holdout = pd.Series(["v00"] * 6 + ["new"] * 4, name="x", dtype="str")
    found = feature_profile(train, holdout, False)
    assert found.kind == "categorical"
    assert len(found.categories) == MAX_CATEGORIES + 1
    assert (found.categories[0], found.categories[-1]) == ("v00", "(other)")
    for name, share in zip(found.categories[:-1], found.train, strict=False):
        assert share == pytest.approx((train == name).sum() / 4000, abs=1e-6)
    assert found.missing == {"train": 0.1, "holdout": 0.0}
    assert sum(found.train) == pytest.approx(0.9, abs=1e-5)
    assert found.holdout == (0.6, *[0.0] * (MAX_CATEGORIES - 1), 0.4)
    few = feature_profile(_series(["a", "b", None], "str"), _series(["b", "b"], "str"), False)
    assert (few.categories, few.train, few.holdout) == (("b", "a"), (0.333333, 0.333333), (1.0, 0.0))


def test_categories_that_are_all_missing_have_no_names() -> None:
    found = feature_profile(_series([None, None], "str"), _series([None], "str"), False)
    assert (found.categories, found.train, found.missing, found.psi) == ((), (), {"train": 1.0, "holdout": 1.0}, 0.0)


def test_days_are_counted_in_order_and_the_holdout_is_marked() -> None:
    days = pd.Series(["2013-04-03", "2013-04-01", "2013-04-03", "2013-04-02"], index=[5, 5, 6, 7])
    labels = pd.Series([1, 0, 0, 1], index=[0, 1, 2, 3], dtype="int8")
    found = target_by_day(days, labels, (date(2013, 4, 2), date(2013, 4, 3)))
    assert [(each.day.day, each.rows, each.positive_rate, each.holdout) for each in found] == [
        (1, 1, 0.0, False),
        (2, 1, 1.0, True),
        (3, 2, 0.5, True),
    ]


def test_the_correlation_of_each_two_is_scipys_over_the_rows_that_have_both() -> None:
    chance = np.random.default_rng(4)
    one = chance.normal(size=500)
    table = pd.DataFrame({"one": one, "two": one**3 + chance.normal(size=500), "three": 1.0, "late": one > 0.2})
    table.loc[::9, "one"] = np.nan
    table.loc[::7, "two"] = np.nan
    found = rank_correlation(table)
    for row, left in enumerate(table):
        for column, right in enumerate(table):
            if "three" in (left, right):
                assert found[row][column] is None
                continue
            both = table[[left, right]].astype("float64").dropna()
            expected = spearmanr(both[left], both[right]).statistic if left != right else 1.0
            assert found[row][column] == pytest.approx(expected, abs=1e-12)


def _part(seed: int, rows: int = 1500, shift: float = 0.0, towns: int = 5) -> pd.DataFrame:
    chance = np.random.default_rng(seed)
    towns_there = [f"t{number}" for number in range(towns)]
    frame = pd.DataFrame({"n": chance.normal(shift, 1, rows), "c": chance.choice(towns_there, rows)})
    frame.loc[::6, "n"] = np.nan
    frame.loc[::8, "c"] = None
    return frame.astype({"c": "str"})


def test_a_small_model_tells_parts_apart_only_when_they_differ() -> None:
    numeric = frozenset({"n"})
    alike = adversarial_auc(_part(1), _part(2), numeric, seed=3)
    assert alike == pytest.approx(0.5, abs=0.05)
    assert adversarial_auc(_part(1), _part(2), numeric, seed=3) == alike
    moved = adversarial_auc(_part(1), _part(2, shift=2), numeric, seed=3)
    assert moved is not None
    assert moved > 0.85
    other_towns = adversarial_auc(_part(1, towns=2), _part(2, towns=8), numeric, seed=3)
    assert other_towns is not None
    assert other_towns > 0.75
    assert adversarial_auc(_part(1), _part(2, rows=99), numeric, seed=3) is None
