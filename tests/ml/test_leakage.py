"""A feature that tells the answer is found in whatever dress, and honest ones are left in peace."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from include.ml.leakage import SMOOTHING_ROWS, alone_auc, count, determines

ROWS = 4000
Kind = Literal["numeric", "categorical"]


@pytest.fixture(scope="module")
def labels() -> np.ndarray:
    return (np.random.default_rng(5).random(ROWS) < 0.22).astype(int)


@pytest.fixture(scope="module")
def half() -> np.ndarray:
    return np.random.default_rng(6).permutation(ROWS) % 2


def _auc(values: object, kind: Kind, labels: np.ndarray, half: np.ndarray) -> float:
    dtype = "float64" if kind == "numeric" else "str"
    return alone_auc(count(pd.Series(values, dtype=dtype), kind, labels, half))


def _by_rates_in_a_loop(values: list[object], labels: np.ndarray, half: np.ndarray) -> float:
    """Return the mean AUC of smoothed rates by value, learnt on one half and judged by scikit-learn on the other."""
    areas = []
    for judged in (1, 0):
        learnt = [(value, label) for value, label, h in zip(values, labels, half, strict=True) if h != judged]
        prior = sum(label for _, label in learnt) / len(learnt)
        rows: dict[object, list[int]] = {}
        for value, label in learnt:
            rows.setdefault(value, []).append(label)
        scores, truth = [], []
        for value, label, h in zip(values, labels, half, strict=True):
            if h == judged:
                seen = rows.get(value, [])
                scores.append((sum(seen) + SMOOTHING_ROWS * prior) / (len(seen) + SMOOTHING_ROWS))
                truth.append(label)
        areas.append(roc_auc_score(truth, scores))
    return float(np.mean(areas))


@pytest.mark.parametrize("strength", [1.5, 0.4, -0.8])
@pytest.mark.parametrize("decimals", [12, 1])
def test_a_number_sorts_the_rows_as_scikit_learn_says_in_either_direction(
    strength: float, decimals: int, labels: np.ndarray, half: np.ndarray
) -> None:
    values = (strength * labels + np.random.default_rng(1).normal(size=ROWS)).round(decimals)
    expected = roc_auc_score(labels, values)
    assert _auc(values, "numeric", labels, half) == pytest.approx(max(expected, 1 - expected), abs=1e-12)


@pytest.mark.parametrize("end", [-99.0, 99.0])
@pytest.mark.parametrize("sign", [1, -1])
def test_a_missing_number_is_placed_at_the_better_end(
    end: float, sign: int, labels: np.ndarray, half: np.ndarray
) -> None:
    chance = np.random.default_rng(2)
    values = 0.8 * labels + chance.normal(size=ROWS)
    # the rows of one class are missing more often: those that the end belongs to
    gone = chance.random(ROWS) < np.where(labels == (end > 0), 0.6, 0.1)
    expected = roc_auc_score(labels, np.where(gone, end, values))
    assert expected > 0.75
    assert _auc(sign * np.where(gone, np.nan, values), "numeric", labels, half) == pytest.approx(expected, abs=1e-12)


def test_where_few_rows_have_a_value_they_count_among_themselves(labels: np.ndarray, half: np.ndarray) -> None:
    chance = np.random.default_rng(3)
    known = chance.random(ROWS) < 0.3
    values = np.where(known, labels + 0.1 * chance.normal(size=ROWS), np.nan)
    assert roc_auc_score(labels, np.where(known, values, -9)) < 0.7
    assert _auc(values, "numeric", labels, half) > 0.999
    words = [None if not there else "refund" if label else "none" for there, label in zip(known, labels, strict=True)]
    assert _auc(words, "categorical", labels, half) > 0.999
    # but not when they are a handful: so many rows are sorted by chance
    few = np.where(np.cumsum(known) <= 60, values, np.nan)
    assert _auc(few, "numeric", labels, half) < 0.6


@pytest.mark.parametrize("n_values", [2, 12, 300])
def test_a_category_sorts_by_the_rates_that_a_slow_loop_learns_on_the_other_half(
    n_values: int, labels: np.ndarray, half: np.ndarray
) -> None:
    chance = np.random.default_rng(n_values)
    shift = chance.normal(size=n_values)
    likely = np.exp(np.outer(labels, shift))
    place = [chance.choice(n_values, p=row / row.sum()) for row in likely]
    values = [f"v{each}" for each in place]
    expected = _by_rates_in_a_loop(list(values), labels, half)
    assert expected > 0.55
    assert _auc(values, "categorical", labels, half) == pytest.approx(expected, abs=1e-12)


def test_a_number_of_few_values_that_leaks_without_order_is_found(labels: np.ndarray, half: np.ndarray) -> None:
    chance = np.random.default_rng(8)
    # odd codes for positives: no threshold tells the classes apart
    values = 2 * chance.integers(0, 10, ROWS) + labels
    assert abs(roc_auc_score(labels, values) - 0.5) < 0.06
    found = _auc(values, "numeric", labels, half)
    assert found == pytest.approx(_by_rates_in_a_loop(values.tolist(), labels, half), abs=1e-12)
    assert found > 0.999


def test_a_number_that_leaks_at_both_ends_is_found(labels: np.ndarray, half: np.ndarray) -> None:
    chance = np.random.default_rng(9)
    values = np.where(
        labels == 1, chance.choice([-1, 1], ROWS) * chance.uniform(1, 2, ROWS), chance.uniform(-1, 1, ROWS)
    )
    assert abs(roc_auc_score(labels, values) - 0.5) < 0.05
    assert _auc(values, "numeric", labels, half) > 0.98


def test_a_category_learnt_by_heart_is_not_praised(labels: np.ndarray, half: np.ndarray) -> None:
    names = [f"customer {number}" for number in range(ROWS)]
    assert _auc(names, "categorical", labels, half) == 0.5
    twice = [f"customer {number % (ROWS // 2)}" for number in range(ROWS)]
    assert _auc(twice, "categorical", labels, half) < 0.55


@pytest.mark.parametrize("kind", ["numeric", "categorical"])
def test_a_feature_that_says_nothing_has_a_half(kind: Kind, labels: np.ndarray, half: np.ndarray) -> None:
    for values in ([1.0] * ROWS, [None] * ROWS):
        assert _auc(values, kind, labels, half) == 0.5


def test_honest_features_of_every_sort_stay_near_a_half(labels: np.ndarray, half: np.ndarray) -> None:
    chance = np.random.default_rng(11)
    for number in range(40):
        gaps = chance.random(ROWS) < 0.2
        assert _auc(np.where(gaps, np.nan, chance.normal(size=ROWS)), "numeric", labels, half) < 0.56
        words = [
            None if gap else f"v{word}" for gap, word in zip(gaps, chance.integers(0, 5 + number, ROWS), strict=True)
        ]
        assert _auc(words, "categorical", labels, half) < 0.56


TRUTH = np.array([0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1])
NAMES: list[tuple[str, Kind, list[object], bool]] = [
    ("the target itself", "numeric", list(TRUTH), True),
    ("turned round and scaled", "numeric", [7.5 if label == 0 else -3 for label in TRUTH], True),
    ("in words", "categorical", ["a"] * 6 + ["b"] * 6, True),
    ("missing for one class", "categorical", ["a"] * 6 + [None] * 6, True),
    ("missing for one class, a number", "numeric", [None] * 6 + [5] * 6, True),
    ("three words, of three rows each", "categorical", ["a"] * 6 + ["b"] * 3 + ["c"] * 3, False),
    ("one row of the other class", "categorical", ["a"] * 5 + ["b"] * 7, False),
    ("a constant", "numeric", [1] * 12, False),
    ("nothing at all", "categorical", [None] * 12, False),
    ("a number that never repeats", "numeric", list(range(12)), False),
    ("a name that never repeats", "categorical", [f"n{number}" for number in range(12)], False),
]


@pytest.mark.parametrize(("kind", "values", "expected"), [row[1:] for row in NAMES], ids=[row[0] for row in NAMES])
def test_the_target_under_another_name_is_told_from_chance(kind: Kind, values: list[object], expected: bool) -> None:
    column = pd.Series(values, dtype="float64" if kind == "numeric" else "str")
    assert determines(count(column, kind, TRUTH, np.zeros(12, dtype=int)).whole) is expected


def test_many_values_determine_the_target_when_they_repeat(labels: np.ndarray, half: np.ndarray) -> None:
    chance = np.random.default_rng(12)
    reasons = [f"reason {chance.integers(0, 40)}" if label else f"stay {chance.integers(0, 3)}" for label in labels]
    assert determines(count(pd.Series(reasons, dtype="str"), "categorical", labels, half).whole)
    assert not determines(count(pd.Series(reasons[::-1], dtype="str"), "categorical", labels, half).whole)
