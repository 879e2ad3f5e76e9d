"""DeLong's test is that of the definition over all pairs, and that of another implementation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from MLstatkit import Delong_test
from scipy.stats import norm
from sklearn.metrics import roc_auc_score

from include.domain.evidence import PairedTest
from include.ml.paired_tests import delong

# 15 decimals leave no ties, 1 decimal leaves eleven different scores
CASES = [(seed, rows, decimals) for seed in (1, 2, 3) for rows in (30, 400) for decimals in (15, 2, 1)]


def _scored(seed: int, rows: int, decimals: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return labels and two models' scores, which are alike because the rows are the same."""
    chance = np.random.default_rng(seed)
    labels = (np.arange(rows) % 4 == 0).astype(int)
    shared = chance.normal(size=rows)
    one, other = (1 / (1 + np.exp(-(gain * labels + shared + chance.normal(size=rows)))) for gain in (1.2, 0.8))
    return labels, one.round(decimals), other.round(decimals)


def _over_all_pairs(labels: np.ndarray, *models: np.ndarray) -> tuple[float, float, float]:
    """Return gain, z and p from the covariance of the two areas as DeLong, DeLong and Clarke-Pearson define it."""
    by_positive, by_negative = [], []
    for scores in models:
        above, below = scores[labels == 1][:, None], scores[labels == 0][None, :]
        psi = (above > below) + 0.5 * (above == below)
        by_positive.append(psi.mean(axis=1))
        by_negative.append(psi.mean(axis=0))
    areas = np.mean(by_positive, axis=1)
    covariance = np.cov(by_positive) / len(by_positive[0]) + np.cov(by_negative) / len(by_negative[0])
    contrast = np.array([1.0, -1.0])
    z = contrast @ areas / np.sqrt(contrast @ covariance @ contrast)
    return float(contrast @ areas), float(z), float(2 * norm.cdf(-abs(z)))


def _test(labels: np.ndarray, challenger: np.ndarray, champion: np.ndarray) -> PairedTest:
    found = delong(labels, challenger, champion)
    assert found is not None
    return found


def _numbers(test: PairedTest) -> tuple[float, float, float]:
    return test.gain, test.statistic, test.p_value


@pytest.mark.parametrize(("seed", "rows", "decimals"), CASES)
def test_it_is_the_definition_over_all_pairs(seed: int, rows: int, decimals: int) -> None:
    labels, challenger, champion = _scored(seed, rows, decimals)
    expected = _over_all_pairs(labels, challenger, champion)
    assert _numbers(_test(labels, challenger, champion)) == pytest.approx(expected, abs=1e-10, rel=0)


@pytest.mark.parametrize(("seed", "rows", "decimals"), CASES)
def test_it_is_that_of_mlstatkit(seed: int, rows: int, decimals: int) -> None:
    labels, challenger, champion = _scored(seed, rows, decimals)
    # its z has the sign of the second model less the first
    z, p, _, _, *areas, how = Delong_test(labels, champion, challenger)
    assert how["method"] == "delong"
    assert _numbers(_test(labels, challenger, champion)) == pytest.approx((areas[1] - areas[0], z, p), abs=1e-10, rel=0)


def test_the_gain_is_the_difference_of_the_areas() -> None:
    labels, challenger, champion = _scored(seed=4, rows=300, decimals=1)
    found = _test(labels, challenger, champion)
    expected = roc_auc_score(labels, challenger) - roc_auc_score(labels, champion)
    assert found.gain == pytest.approx(expected, abs=1e-12)
    assert (found.name, found.metric) == ("DeLong", "roc_auc")
    assert "independent" in found.note


def test_the_models_change_places_and_only_the_signs_change() -> None:
    labels, challenger, champion = _scored(seed=5, rows=200, decimals=2)
    one, other = _test(labels, challenger, champion), _test(labels, champion, challenger)
    assert _numbers(one) == (-other.gain, -other.statistic, other.p_value)
    assert one.gain > 0


def test_another_scale_of_the_scores_changes_nothing() -> None:
    labels, challenger, champion = _scored(seed=6, rows=200, decimals=2)
    stretched = np.exp(5 * challenger) - 7
    assert _test(labels, stretched, champion) == _test(labels, challenger, champion)


@pytest.mark.parametrize("decimals", [15, 1])
def test_models_that_order_rows_alike_have_p_1(decimals: int) -> None:
    labels, scores, _ = _scored(seed=7, rows=997, decimals=decimals)
    for same in (scores, 3 * scores + 1):
        assert _numbers(_test(labels, scores, same)) == (0.0, 0.0, 1.0)


def test_equal_models_are_told_apart_as_rarely_as_p_says() -> None:
    chance = np.random.default_rng(8)
    labels = np.repeat([0, 1], [60, 40])
    shared = labels + chance.normal(size=(1000, 100))
    values = [_test(labels, *(row + chance.normal(size=(2, 100)))).p_value for row in shared]
    assert np.mean(np.array(values) < 0.1) == pytest.approx(0.1, abs=4 * math.sqrt(0.1 * 0.9 / 1000))


@pytest.mark.parametrize("labels", [[], [0, 0, 0], [0, 0, 1], [1, 1, 0]])
def test_a_class_of_fewer_than_two_rows_has_no_test(labels: list[int]) -> None:
    scores = np.linspace(0.1, 0.9, len(labels))
    assert delong(labels, scores, scores[::-1]) is None


def test_a_gain_without_any_spread_has_no_test() -> None:
    assert delong([0, 0, 1, 1], [0.1, 0.2, 0.8, 0.9], [0.5, 0.5, 0.5, 0.5]) is None


def test_two_rows_of_each_class_are_enough() -> None:
    labels, challenger, champion = [0, 0, 1, 1], [0.1, 0.4, 0.3, 0.9], [0.2, 0.7, 0.1, 0.7]
    expected = _over_all_pairs(np.array(labels), np.array(challenger), np.array(champion))
    assert _numbers(_test(labels, challenger, champion)) == pytest.approx(expected, abs=1e-10)
