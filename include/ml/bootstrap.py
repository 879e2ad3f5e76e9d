"""Say how sure a metric, or a difference of two models on the same rows, is: draws of whole groups of rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from scipy.stats import t as student_t

from include.domain.evidence import Difference
from include.domain.metrics import MetricName, improvement
from include.ml.metrics import THRESHOLD, Predictions

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
        threshold: A score of at least this is a yes, for the metrics of answers.
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


# hits, yeses, positives and rows of each draw, each of shape (n_draws,)
_Counts = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def _of_answers(formula: Callable[[_Counts], np.ndarray]) -> _OverDraws:
    """Return a metric that knows of the answers only how many there are of each kind."""

    def metric(
        labels: np.ndarray, scores: np.ndarray, group: np.ndarray, drawn: np.ndarray, threshold: float
    ) -> np.ndarray:
        positive, said = labels == 1, scores >= threshold
        kinds = (positive & said, said, positive, np.ones(len(labels)))
        hits, yeses, positives, rows = (drawn @ _by_group(kind, group, drawn.shape[1]) for kind in kinds)
        return formula((hits, yeses, positives, rows))

    return metric


def _matthews(counts: _Counts) -> np.ndarray:
    """Correlate answers and labels, and say 0 where one of them is the same for all rows (B. W. Matthews, 1975)."""
    hits, yeses, positives, rows = counts
    spread = yeses * (rows - yeses) * positives * (rows - positives)
    return _share(hits * rows - yeses * positives, np.sqrt(spread))


def _balanced(counts: _Counts) -> np.ndarray:
    hits, yeses, positives, rows = counts
    negatives = rows - positives
    return np.asarray((hits / positives + (negatives - yeses + hits) / negatives) / 2)


def _share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Return `part / whole`, and 0 where the whole is nothing."""
    return np.divide(part, whole, out=np.zeros(len(part)), where=whole > 0)


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
    "balanced_accuracy": _of_answers(_balanced),
    "f1": _of_answers(lambda counts: _share(2 * counts[0], counts[1] + counts[2])),
    "matthews_corrcoef": _of_answers(_matthews),
    "precision": _of_answers(lambda counts: _share(counts[0], counts[1])),
    "recall": _of_answers(lambda counts: counts[0] / counts[2]),
}
LEVEL = 0.95
INTERVAL_RESAMPLES = 500
# fewer days do not show how much days differ; an interval of theirs would promise what it cannot keep
MIN_DAYS = 5
# draws that hold one class only have no value; more of them than this and the rest is no fair sample
MAX_UNDEFINED = 0.05


def interval_by_days(
    metric: MetricName,
    labels: Sequence[int] | np.ndarray,
    scores: Sequence[float] | np.ndarray,
    days: Sequence[str] | np.ndarray,
    seed: int,
    threshold: float = THRESHOLD,
) -> tuple[float, float] | None:
    """Return the 95 % interval of a metric, the same for the same arguments.

    With one seed and the same days, two models are measured on the same draws.

    Args:
        metric: Its direction does not matter.
        labels: 0 or 1, shape (n_rows,).
        scores: Probability of 1, shape (n_rows,).
        days: The day of each row, shape (n_rows,).
        seed: Of the draws.
        threshold: From which score on the answer is yes.

    Returns:
        The lower and the upper end; None when there are fewer than `MIN_DAYS` days, or when too many draws hold one
        class only.
    """
    names, day = np.unique(np.asarray(days, dtype=str), return_inverse=True)
    if len(names) < MIN_DAYS:
        return None
    drawn = np.random.default_rng(seed).multinomial(len(names), [1 / len(names)] * len(names), size=INTERVAL_RESAMPLES)
    values = over_draws(metric, np.asarray(labels, dtype=int), np.asarray(scores, "float64"), day, drawn, threshold)
    defined = values[np.isfinite(values)]
    if len(defined) < (1 - MAX_UNDEFINED) * INTERVAL_RESAMPLES:
        return None
    low, high = np.quantile(defined, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


RESAMPLES = 2000
# of a holdout of fewer than MIN_DAYS days: rows are then drawn as if they were independent, in this many random blocks
BLOCKS = 100


def difference(
    metric: MetricName, scored: Predictions, confidence: float, resamples: int = RESAMPLES
) -> Difference | None:
    """Return the challenger's gain at one confidence; see `differences`."""
    return next(iter(differences(metric, scored, (confidence,), resamples)), None)


def differences(
    metric: MetricName, scored: Predictions, confidences: Sequence[float], resamples: int = RESAMPLES
) -> tuple[Difference, ...]:
    """Return the challenger's gain over the champion in one metric, the same for the same arguments.

    The draws are made and measured once, however many confidences are asked for.

    Args:
        metric: Its direction is taken care of: a positive gain is better.
        scored: Labels and scores of both models.
        confidences: Of the two bounds, each one-sided.
        resamples: How many draws; they know the standard error to 1 in the square root of twice their number.

    Returns:
        One for each confidence; none without a champion, and when too many draws hold one class only.
    """
    if scored.champion is None:
        return ()
    return differences_to(metric, scored, (scored.champion, scored.champion_threshold), confidences, resamples)


def differences_to(
    metric: MetricName,
    scored: Predictions,
    rival: tuple[np.ndarray, float],
    confidences: Sequence[float],
    resamples: int = RESAMPLES,
) -> tuple[Difference, ...]:
    """Return the challenger's gain over any scores of the same rows; see `differences`.

    Args:
        rival: The scores it is compared with, shape (n_rows,), and the threshold of their answers.
    """
    group, n_groups, unit = _groups(scored)
    drawn = np.random.default_rng(scored.seed).multinomial(n_groups, [1 / n_groups] * n_groups, size=resamples)
    # the last draw is the holdout itself: every group once
    drawn = np.vstack([drawn, np.ones((1, n_groups), dtype=drawn.dtype)])
    ours = over_draws(metric, scored.labels, scored.challenger, group, drawn, scored.challenger_threshold)
    theirs = over_draws(metric, scored.labels, rival[0], group, drawn, rival[1])
    gains = improvement(metric, 1.0, 0.0) * (ours - theirs)
    value, gains = float(gains[-1]), gains[:-1][np.isfinite(gains[:-1])]
    if len(gains) < (1 - MAX_UNDEFINED) * resamples:
        return ()
    error = float(np.std(gains, ddof=1)) * float(np.sqrt(n_groups / (n_groups - 1)))
    reach = {level: float(student_t.ppf(level, n_groups - 1)) * error for level in confidences}
    return tuple(
        Difference(
            metric=metric,
            value=value,
            standard_error=error,
            confidence=level,
            lower=value - reach[level],
            upper=value + reach[level],
            p_value=_p_value(value, error, n_groups),
            method=f"paired bootstrap, {resamples} draws of {n_groups} {unit}",
            degrees_of_freedom=n_groups - 1,
        )
        for level in confidences
    )


def _groups(scored: Predictions) -> tuple[np.ndarray, int, str]:
    """Return each row's group, how many groups there are, and what they are."""
    names, day = np.unique(scored.days.astype(str), return_inverse=True)
    if len(names) >= MIN_DAYS:
        return day, len(names), "days"
    rows = len(scored.labels)
    blocks = min(BLOCKS, rows)
    return np.random.default_rng(scored.seed).permutation(rows) % blocks, blocks, "random blocks of rows"


def _p_value(value: float, error: float, n_groups: int) -> float:
    if error == 0:
        return 0.0 if value > 0 else 1.0
    return float(student_t.sf(value / error, n_groups - 1))
