from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from include.ml.metrics import MAX_POINTS, precision_recall_points, roc_points


def _area(points: list[tuple[float, float]]) -> float:
    x, y = (np.array(axis) for axis in zip(*points, strict=True))
    return float(np.sum(np.diff(x) * (y[1:] + y[:-1]) / 2))


def test_a_long_curve_is_thinned_and_keeps_its_ends_and_area() -> None:
    random = np.random.default_rng(0)
    labels = random.integers(0, 2, size=20_000)
    scores = np.clip(0.3 * labels + random.normal(0.4, 0.2, size=20_000), 0, 1)
    points = roc_points(labels, scores)
    assert len(points) <= MAX_POINTS
    assert (points[0], points[-1]) == ((0.0, 0.0), (1.0, 1.0))
    assert _area(points) == pytest.approx(roc_auc_score(labels, scores), abs=0.001)
    assert points == sorted(points)


def test_a_short_curve_is_kept_whole() -> None:
    assert roc_points([0, 0, 1, 1], np.array([0.1, 0.6, 0.4, 0.9])) == [
        (0.0, 0.0), (0.0, 0.5), (0.5, 0.5), (0.5, 1.0), (1.0, 1.0),
    ]  # fmt: skip


def test_a_constant_score_is_the_diagonal() -> None:
    assert roc_points([0, 1, 1], np.full(3, 0.4)) == [(0.0, 0.0), (1.0, 1.0)]


def test_a_long_precision_recall_curve_is_thinned_and_keeps_its_end_and_area() -> None:
    random = np.random.default_rng(0)
    labels = (random.random(20_000) < 0.2).astype(int)
    scores = np.clip(0.3 * labels + random.normal(0.4, 0.2, size=20_000), 0, 1)
    points = precision_recall_points(labels, scores)
    assert len(points) <= MAX_POINTS
    recall, precision = (np.array(axis) for axis in zip(*points, strict=True))
    assert np.all(np.diff(recall) > 0)
    assert (recall[-1], precision[-1]) == (1.0, pytest.approx(labels.mean(), abs=1e-6))
    steps = np.diff(recall, prepend=0) * precision
    assert float(steps.sum()) == pytest.approx(average_precision_score(labels, scores), abs=0.005)


def test_each_point_of_a_short_precision_recall_curve_but_the_first_is_that_of_a_threshold() -> None:
    # yes to 0.9; to 0.6 and above; to 0.4 and above; to all
    assert precision_recall_points([0, 0, 1, 1], np.array([0.1, 0.6, 0.4, 0.9])) == [
        (0.0, 1.0), (0.5, 1.0), (0.5, 0.5), (1.0, 0.666667), (1.0, 0.5),
    ]  # fmt: skip
    assert precision_recall_points([0, 1, 1], np.full(3, 0.4)) == [(0.0, 0.666667), (1.0, 0.666667)]


@pytest.mark.parametrize("wrong", [0, 1, 7])
def test_a_precision_recall_curve_starts_at_recall_0_without_an_upright_line(wrong: int) -> None:
    # so many of the highest scores are negatives: their precision is 0, and no positive is found yet
    labels = [0] * wrong + [1, 0, 1, 0, 0]
    points = precision_recall_points(labels, np.linspace(0.9, 0.1, len(labels)))
    assert points[0] == (0.0, round(1 / (wrong + 1), 6))
    assert points[1] == (0.5, points[0][1])
    assert all(precision > 0 for _, precision in points)
