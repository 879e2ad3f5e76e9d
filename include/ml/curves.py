"""Draw curves as few points, small enough for a decision's record."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sklearn.metrics import precision_recall_curve, roc_curve

MAX_POINTS = 200


def roc_points(
    labels: Sequence[int] | np.ndarray, scores: np.ndarray, max_points: int = MAX_POINTS
) -> list[tuple[float, float]]:
    """Return (false positive rate, true positive rate) from (0, 0) to (1, 1), at most `max_points` of them.

    Long curves are thinned at equal steps of their length (|dx| + |dy|), so that steep parts keep their points.
    """
    false_rate, true_rate, _ = roc_curve(np.asarray(labels, dtype=int), scores)
    return _thinned(false_rate, true_rate, false_rate + true_rate, max_points)


def precision_recall_points(
    labels: Sequence[int] | np.ndarray, scores: np.ndarray, max_points: int = MAX_POINTS
) -> list[tuple[float, float]]:
    """Return (recall, precision) by rising recall from 0 to 1, at most `max_points` of them.

    At recall 0 stands the precision of the first positive that is found, as average precision counts it. Neither the
    (0, 1) that is often put there, which no threshold gives, nor the zeros of higher scores without any positive are
    drawn: both would be an upright line at the edge. Long curves are thinned at equal steps of recall: the few rows of
    the highest scores make a curve jagged, and would take all points.
    """
    precision, recall, _ = precision_recall_curve(np.asarray(labels, dtype=int), scores)
    # from the highest threshold to the lowest, without the point that belongs to none
    precision, recall = precision[-2::-1], recall[-2::-1]
    found = recall > 0
    precision, recall = precision[found], recall[found]
    points = _thinned(recall, precision, recall, max_points - 1)
    return [(0.0, points[0][1]), *points]


def _thinned(x: np.ndarray, y: np.ndarray, along: np.ndarray, max_points: int) -> list[tuple[float, float]]:
    """Return the points at equal steps of `along`, which rises; the first and the last are kept."""
    if len(x) > max_points:
        wanted = np.linspace(along[0], along[-1], max_points)
        keep = np.unique(np.searchsorted(along, wanted).clip(0, len(along) - 1))
        x, y = x[keep], y[keep]
    return [(round(float(each), 6), round(float(other), 6)) for each, other in zip(x, y, strict=True)]
