"""The expected calibration error is that of scikit-learn's curve, of a slow loop, and of a shift that is known."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss

from include.domain.evidence import Calibration
from include.ml.calibration import calibration


def _scored(rows: int, seed: int = 4, decimals: int = 17) -> tuple[np.ndarray, np.ndarray]:
    """Return labels and scores that are too sure of themselves; few decimals make ties."""
    chance = np.random.default_rng(seed)
    scores = chance.random(rows)
    labels = (chance.random(rows) < 0.25 + 0.5 * scores).astype(int)
    return labels, scores.round(decimals)


def _row_by_row(labels: np.ndarray, scores: np.ndarray, bins: int) -> tuple[float, list[int]]:
    """Return the error and the rows of each bin: a cut goes to the nearest row at which the score changes."""
    pairs = sorted(zip(scores.tolist(), labels.tolist(), strict=True), key=lambda pair: pair[0])
    cuts = {0, len(pairs)}
    for number in range(1, bins):
        exact = number * len(pairs) / bins
        whole = [row for row in range(1, len(pairs)) if pairs[row - 1][0] != pairs[row][0]]
        # of two equally near, the lower
        cuts.add(min([0, *whole, len(pairs)], key=lambda row: (abs(row - exact), row)))
    error, sizes = 0.0, []
    ordered = sorted(cuts)
    for start, end in pairwise(ordered):
        held = pairs[start:end]
        gap = sum(score for score, _ in held) / len(held) - sum(label for _, label in held) / len(held)
        error += len(held) / len(pairs) * abs(gap)
        sizes.append(len(held))
    return error, sizes


def _sizes(found: Calibration) -> list[int]:
    return [one.rows for one in found.bins]


@pytest.mark.parametrize(("rows", "bins"), [(600, 10), (600, 15), (40, 20)])
def test_the_bins_without_ties_are_those_of_scikit_learn(rows: int, bins: int) -> None:
    labels, scores = _scored(rows)
    found = calibration(labels, scores, bins)
    positive_rate, mean_score = calibration_curve(labels, scores, n_bins=bins, strategy="quantile")
    assert [one.positive_rate for one in found.bins] == pytest.approx(positive_rate, abs=1e-12)
    assert [one.mean_score for one in found.bins] == pytest.approx(mean_score, abs=1e-12)
    assert _sizes(found) == [rows // bins] * bins
    assert found.ece == pytest.approx(np.mean(np.abs(positive_rate - mean_score)), abs=1e-12)


@pytest.mark.parametrize(
    ("rows", "bins", "decimals"), [(603, 10, 17), (601, 10, 1), (997, 15, 2), (7, 10, 17), (50, 4, 0), (1, 5, 2)]
)
def test_the_error_is_that_of_a_slow_loop_also_with_ties_and_uneven_numbers(
    rows: int, bins: int, decimals: int
) -> None:
    labels, scores = _scored(rows, decimals=decimals)
    error, sizes = _row_by_row(labels, scores, bins)
    found = calibration(labels, scores, bins)
    assert _sizes(found) == sizes
    assert found.ece == pytest.approx(error, abs=1e-12)


def test_the_brier_score_is_scikit_learns_and_its_reliability_what_moving_each_bin_would_save() -> None:
    labels, scores = _scored(600)
    found = calibration(labels, scores, bins=10)
    assert found.brier_score == pytest.approx(brier_score_loss(labels, scores), abs=1e-12)
    gaps = [one.rows / 600 * (one.mean_score - one.positive_rate) ** 2 for one in found.bins]
    assert found.reliability == pytest.approx(sum(gaps), abs=1e-12)
    # where each bin has one score, it is what the Brier score loses when that score becomes the share of positives
    coarse = np.repeat([0.1, 0.4, 0.7], 200)
    right = np.repeat([labels[:200].mean(), labels[200:400].mean(), labels[400:].mean()], 200)
    found = calibration(labels, coarse, bins=10)
    assert found.brier_score is not None
    saved = found.brier_score - brier_score_loss(labels, right)
    assert found.reliability == pytest.approx(saved, abs=1e-12)


def test_equal_scores_are_never_divided() -> None:
    scores = [0.1] * 6 + [0.4] + [0.8] * 3
    found = calibration([0, 1] * 5, scores, bins=5)
    assert _sizes(found) == [6, 1, 3]
    assert [one.mean_score for one in found.bins] == pytest.approx([0.1, 0.4, 0.8])


def test_the_order_of_the_rows_does_not_matter() -> None:
    labels, scores = _scored(500, decimals=1)
    shuffled = np.random.default_rng(0).permutation(500)
    again = calibration(labels[shuffled], scores[shuffled], bins=7)
    assert again.ece == pytest.approx(calibration(labels, scores, bins=7).ece, abs=1e-12)


def test_a_single_score_makes_one_bin() -> None:
    found = calibration([1, 0, 0, 0], [0.4] * 4, bins=10)
    assert _sizes(found) == [4]
    assert found.ece == pytest.approx(0.15)


@pytest.mark.parametrize(("label", "error"), [(0, 0.25), (1, 0.75)])
def test_one_class_is_measured_too(label: int, error: float) -> None:
    assert calibration([label] * 4, [0.1, 0.2, 0.3, 0.4], bins=2).ece == pytest.approx(error)


def test_scores_that_are_probabilities_have_a_small_error_and_a_shift_is_found() -> None:
    chance = np.random.default_rng(8)
    scores = chance.uniform(0.2, 0.7, 40_000)
    labels = (chance.random(40_000) < scores).astype(int)
    # of 4000 rows a share strays by half in the square root of them
    stray = 0.5 / math.sqrt(4000)
    assert calibration(labels, scores, bins=10).ece < 1.5 * stray
    assert calibration(labels, scores + 0.2, bins=10).ece == pytest.approx(0.2, abs=stray)


def test_a_shift_of_scores_that_are_exactly_right_is_the_error() -> None:
    labels = np.concatenate([np.arange(20) < positives for positives in (2, 8, 14)]).astype(int)
    scores = np.repeat([0.1, 0.4, 0.7], 20)
    assert calibration(labels, scores, bins=3).ece == pytest.approx(0, abs=1e-12)
    assert calibration(labels, scores + 0.13, bins=3).ece == pytest.approx(0.13, abs=1e-12)
