"""Say how sure a metric is: its 95 % interval over the days that might have made up the holdout.

The rows of one day share its weather, its staff and its campaigns, so they are no independent draws: resampling single
rows would give far too narrow an interval. What is drawn here is whole days, with replacement, as many as the holdout
has; the interval is the 2.5 % and 97.5 % quantile of the metric over the draws.

Sources: the percentile interval is B. Efron and R. J. Tibshirani, An Introduction to the Bootstrap (1993), chapter 13;
drawing whole clusters and keeping their rows together is A. C. Davison and D. V. Hinkley, Bootstrap Methods and their
Application (1997), section 3.8, and C. A. Field and A. H. Welsh, Bootstrapping clustered data, JRSS B 69 (2007).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from include.config.gates import MetricName
from include.ml.metrics import THRESHOLD

LEVEL = 0.95
RESAMPLES = 500
# fewer days do not show how much days differ; an interval of theirs would promise what it cannot keep
MIN_DAYS = 5
# draws that hold one class only have no value; more of them than this and the rest is no fair sample
MAX_UNDEFINED = 0.05

_SMALLEST = np.finfo("float64").eps


def interval_by_days(
    metric: MetricName,
    labels: Sequence[int] | np.ndarray,
    scores: Sequence[float] | np.ndarray,
    days: Sequence[str] | np.ndarray,
    seed: int,
) -> tuple[float, float] | None:
    """Return the 95 % interval of a metric, the same for the same arguments.

    With one seed and the same days, two models are measured on the same draws.

    Args:
        metric: Its direction does not matter.
        labels: 0 or 1, shape (n_rows,).
        scores: Probability of 1, shape (n_rows,).
        days: The day of each row, shape (n_rows,).
        seed: Of the draws.

    Returns:
        The lower and the upper end; None when there are fewer than `MIN_DAYS` days, or when too many draws hold one
        class only.
    """
    names, day = np.unique(np.asarray(days, dtype=str), return_inverse=True)
    if len(names) < MIN_DAYS:
        return None
    drawn = np.random.default_rng(seed).multinomial(len(names), [1 / len(names)] * len(names), size=RESAMPLES)
    with np.errstate(divide="ignore", invalid="ignore"):
        values = _OVER_DRAWS[metric](np.asarray(labels, dtype=int), np.asarray(scores, "float64"), day, drawn)
    defined = values[np.isfinite(values)]
    if len(defined) < (1 - MAX_UNDEFINED) * RESAMPLES:
        return None
    low, high = np.quantile(defined, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


# each takes labels, scores and day index, shape (n_rows,), and how often each day was drawn, shape (n_draws, n_days);
# it returns the metric of each draw, shape (n_draws,), and what is no number where a draw holds one class only
_OverDraws = Callable[[np.ndarray, np.ndarray, np.ndarray, np.ndarray], np.ndarray]


def _roc_auc(labels: np.ndarray, scores: np.ndarray, day: np.ndarray, drawn: np.ndarray) -> np.ndarray:
    """Count the pairs once for each pair of days; a draw only weighs these counts.

    The area is the share of pairs of a positive and a negative that are in the right order, ties counting half
    (J. A. Hanley and B. J. McNeil, Radiology 143, 1982).
    """
    n_days = drawn.shape[1]
    positive = labels == 1
    right = np.zeros((n_days, n_days))
    for against in range(n_days):
        negatives = np.sort(scores[~positive & (day == against)])
        below = np.searchsorted(negatives, scores[positive], side="left")
        not_above = np.searchsorted(negatives, scores[positive], side="right")
        right[:, against] = np.bincount(day[positive], weights=(below + not_above) / 2, minlength=n_days)
    pairs = (drawn @ _by_day(positive, day, n_days)) * (drawn @ _by_day(~positive, day, n_days))
    return np.einsum("ri,ij,rj->r", drawn, right, drawn, optimize=True) / pairs


def _average_precision(labels: np.ndarray, scores: np.ndarray, day: np.ndarray, drawn: np.ndarray) -> np.ndarray:
    """Weigh each row by how often its day was drawn, in one order of the scores for all draws."""
    order = np.argsort(-scores, kind="stable")
    positive, of_day, sorted_scores = labels[order] == 1, day[order], scores[order]
    # precision and recall are taken where a score ends, so that rows of equal scores come in together
    ends = np.append(np.flatnonzero(np.diff(sorted_scores)), len(scores) - 1)
    values = np.empty(len(drawn))
    for index, times in enumerate(drawn):
        weights = times[of_day]
        found = np.cumsum(weights * positive)[ends]
        looked_at = np.cumsum(weights)[ends]
        precision = np.divide(found, looked_at, out=np.zeros(len(ends)), where=looked_at > 0)
        values[index] = np.sum(np.diff(found, prepend=0) * precision) / found[-1]
    return values


def _mean_of(loss: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> _OverDraws:
    """Return a metric that is the mean over rows of what `loss` says of each."""

    def over_draws(labels: np.ndarray, scores: np.ndarray, day: np.ndarray, drawn: np.ndarray) -> np.ndarray:
        n_days = drawn.shape[1]
        rows = np.bincount(day, minlength=n_days)
        return (drawn @ _by_day(loss(labels, scores), day, n_days)) / (drawn @ rows)

    return over_draws


def _f1(labels: np.ndarray, scores: np.ndarray, day: np.ndarray, drawn: np.ndarray) -> np.ndarray:
    n_days = drawn.shape[1]
    positive, said = labels == 1, scores >= THRESHOLD
    hits = drawn @ _by_day(positive & said, day, n_days)
    named = drawn @ (_by_day(positive, day, n_days) + _by_day(said, day, n_days))
    return np.divide(2 * hits, named, out=np.zeros(len(drawn)), where=named > 0)


def _by_day(values: np.ndarray, day: np.ndarray, n_days: int) -> np.ndarray:
    return np.bincount(day, weights=values.astype("float64"), minlength=n_days)


def _log_loss(labels: np.ndarray, scores: np.ndarray) -> np.ndarray:
    # as scikit-learn does it: a probability of 0 is the smallest that can be told from it
    chance = np.clip(np.where(labels == 1, scores, 1 - scores), _SMALLEST, 1 - _SMALLEST)
    return -np.log(chance)


_OVER_DRAWS: dict[MetricName, _OverDraws] = {
    "roc_auc": _roc_auc,
    "average_precision": _average_precision,
    "brier_score": _mean_of(lambda labels, scores: (labels - scores) ** 2),
    "log_loss": _mean_of(_log_loss),
    "accuracy": _mean_of(lambda labels, scores: (labels == 1) == (scores >= THRESHOLD)),
    "f1": _f1,
}
