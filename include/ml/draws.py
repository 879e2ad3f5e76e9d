"""Measure a metric on many draws of groups of rows at once: a draw says how often each group's rows count.

Vectorised over the draws, because a bootstrap asks for thousands of them: what can be counted once for each group, or
once for each pair of groups, is; a draw then only weighs these counts.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from include.config.gates import MetricName
from include.ml.metrics import THRESHOLD

_SMALLEST = np.finfo("float64").eps
# so many counts are weighed at once: 8 MB
_AT_ONCE = 1_000_000


def over_draws(
    metric: MetricName,
    labels: np.ndarray,
    scores: np.ndarray,
    group: np.ndarray,
    drawn: np.ndarray,
    threshold: float = THRESHOLD,
) -> np.ndarray:
    """Return the metric of each draw, shape (n_draws,); no number where a draw holds one class only.

    Args:
        metric: Which.
        labels: 0 or 1, shape (n_rows,).
        scores: Probability of 1, shape (n_rows,).
        group: Index of each row's group, shape (n_rows,).
        drawn: How often each group was drawn, shape (n_draws, n_groups).
        threshold: A score of at least this is a yes; of the metrics of answers, `accuracy` and `f1`.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        return _OVER_DRAWS[metric](labels, scores, group, drawn, threshold)


_OverDraws = Callable[[np.ndarray, np.ndarray, np.ndarray, np.ndarray, float], np.ndarray]


def _roc_auc(
    labels: np.ndarray, scores: np.ndarray, group: np.ndarray, drawn: np.ndarray, threshold: float
) -> np.ndarray:
    """Count the pairs once for each pair of groups; a draw only weighs these counts.

    The area is the share of pairs of a positive and a negative that are in the right order, ties counting half
    (J. A. Hanley and B. J. McNeil, Radiology 143, 1982).
    """
    n_groups = drawn.shape[1]
    positive = labels == 1
    right = np.zeros((n_groups, n_groups))
    for against in range(n_groups):
        negatives = np.sort(scores[~positive & (group == against)])
        below = np.searchsorted(negatives, scores[positive], side="left")
        not_above = np.searchsorted(negatives, scores[positive], side="right")
        right[:, against] = np.bincount(group[positive], weights=(below + not_above) / 2, minlength=n_groups)
    pairs = (drawn @ _by_group(positive, group, n_groups)) * (drawn @ _by_group(~positive, group, n_groups))
    return np.einsum("ri,ij,rj->r", drawn, right, drawn, optimize=True) / pairs


def _average_precision(
    labels: np.ndarray, scores: np.ndarray, group: np.ndarray, drawn: np.ndarray, threshold: float
) -> np.ndarray:
    """Count, for each group, what lies above each positive, once for all draws; a draw only weighs these counts."""
    order = np.argsort(-scores, kind="stable")
    positive, of_group, sorted_scores = labels[order] == 1, group[order], scores[order]
    # precision and recall are taken where a score ends, so that rows of equal scores come in together
    ends = np.append(np.flatnonzero(np.diff(sorted_scores)), len(scores) - 1)
    # where no positive comes in, the recall does not rise, and the precision does not count
    ends = ends[np.diff(np.cumsum(positive)[ends], prepend=0) > 0]
    # whole numbers up to 16 million are exact in float32
    rows = np.eye(drawn.shape[1], dtype="float32")[of_group]
    found_by_group = np.cumsum(rows * positive[:, None], axis=0)[ends]
    looked_at_by_group = np.cumsum(rows, axis=0)[ends]
    values = np.empty(len(drawn))
    at_once = max(1, _AT_ONCE // max(1, len(ends)))
    for first in range(0, len(drawn), at_once):
        times = drawn[first : first + at_once].T.astype("float32")
        found, looked_at = found_by_group @ times, looked_at_by_group @ times
        nothing = np.zeros(found.shape)
        precision = np.divide(found, looked_at, out=nothing, where=looked_at > 0, dtype="float64")
        gained = np.einsum("er,er->r", np.diff(found, axis=0, prepend=0), precision)
        values[first : first + at_once] = gained / found[-1:].sum(axis=0)
    return values


def _mean_of(loss: Callable[[np.ndarray, np.ndarray, float], np.ndarray]) -> _OverDraws:
    """Return a metric that is the mean over rows of what `loss` says of each."""

    def means(
        labels: np.ndarray, scores: np.ndarray, group: np.ndarray, drawn: np.ndarray, threshold: float
    ) -> np.ndarray:
        n_groups = drawn.shape[1]
        rows = np.bincount(group, minlength=n_groups)
        return (drawn @ _by_group(loss(labels, scores, threshold), group, n_groups)) / (drawn @ rows)

    return means


def _f1(labels: np.ndarray, scores: np.ndarray, group: np.ndarray, drawn: np.ndarray, threshold: float) -> np.ndarray:
    n_groups = drawn.shape[1]
    positive, said = labels == 1, scores >= threshold
    hits = drawn @ _by_group(positive & said, group, n_groups)
    named = drawn @ (_by_group(positive, group, n_groups) + _by_group(said, group, n_groups))
    return np.divide(2 * hits, named, out=np.zeros(len(drawn)), where=named > 0)


def _by_group(values: np.ndarray, group: np.ndarray, n_groups: int) -> np.ndarray:
    return np.bincount(group, weights=values.astype("float64"), minlength=n_groups)


def _log_loss(labels: np.ndarray, scores: np.ndarray, _: float) -> np.ndarray:
    # as scikit-learn does it: a probability of 0 is the smallest that can be told from it
    chance = np.clip(np.where(labels == 1, scores, 1 - scores), _SMALLEST, 1 - _SMALLEST)
    return -np.log(chance)


_OVER_DRAWS: dict[MetricName, _OverDraws] = {
    "roc_auc": _roc_auc,
    "average_precision": _average_precision,
    "brier_score": _mean_of(lambda labels, scores, _: (labels - scores) ** 2),
    "log_loss": _mean_of(_log_loss),
    "accuracy": _mean_of(lambda labels, scores, threshold: (labels == 1) == (scores >= threshold)),
    "f1": _f1,
}
