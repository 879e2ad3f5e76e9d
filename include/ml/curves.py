"""Draw ROC curves as few points, small enough for a decision's record."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sklearn.metrics import roc_curve

MAX_POINTS = 200


def roc_points(
    labels: Sequence[int] | np.ndarray, scores: np.ndarray, max_points: int = MAX_POINTS
) -> list[tuple[float, float]]:
    """Return (false positive rate, true positive rate) from (0, 0) to (1, 1), at most `max_points` of them.

    Long curves are thinned at equal steps of their length (|dx| + |dy|), so that steep parts keep their points.
    """
    false_rate, true_rate, _ = roc_curve(np.asarray(labels, dtype=int), scores)
    if len(false_rate) > max_points:
        length = false_rate + true_rate
        wanted = np.linspace(0, length[-1], max_points)
        keep = np.unique(np.searchsorted(length, wanted).clip(0, len(length) - 1))
        false_rate, true_rate = false_rate[keep], true_rate[keep]
    return [(round(float(x), 6), round(float(y), 6)) for x, y in zip(false_rate, true_rate, strict=True)]
