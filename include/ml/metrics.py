"""Measure binary scores against labels: one name, one function, one direction."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from sklearn import metrics as sk

from include.config.errors import EvaluationError
from include.config.gates import LOWER_IS_BETTER, MetricName

THRESHOLD = 0.5

# each takes labels, scores and the threshold, which only those of answers look at
_FUNCTIONS: dict[MetricName, Callable[[np.ndarray, np.ndarray, float], float]] = {
    "roc_auc": lambda labels, scores, _: sk.roc_auc_score(labels, scores),
    "average_precision": lambda labels, scores, _: sk.average_precision_score(labels, scores),
    "brier_score": lambda labels, scores, _: sk.brier_score_loss(labels, scores),
    "log_loss": lambda labels, scores, _: sk.log_loss(labels, scores, labels=[0, 1]),
    "accuracy": lambda labels, scores, threshold: sk.accuracy_score(labels, scores >= threshold),
    "f1": lambda labels, scores, threshold: sk.f1_score(labels, scores >= threshold, zero_division=0),
}


def lower_is_better(metric: str) -> bool:
    """Tell the direction of a metric."""
    return metric in LOWER_IS_BETTER


def improvement(metric: str, value: float, over: float) -> float:
    """Return by how much `value` is better than `over`: positive is better, whatever the metric's direction."""
    return over - value if lower_is_better(metric) else value - over


def measure(
    names: Iterable[MetricName],
    labels: Sequence[int] | np.ndarray,
    scores: Sequence[float] | np.ndarray,
    where: str,
    threshold: float = THRESHOLD,
) -> dict[str, float]:
    """Return each named metric of `scores`.

    Args:
        names: Metrics; `accuracy` and `f1` count a score of at least `threshold` as a yes.
        labels: 0 or 1, shape (n_rows,).
        scores: Probability of 1, shape (n_rows,).
        where: What is measured, for the error: "holdout of telco_churn, 2024-05-01".
        threshold: See `names`.

    Raises:
        EvaluationError: There are no rows, one class only, or scores that are no probabilities.
    """
    truth = np.asarray(labels, dtype=int)
    predicted = np.asarray(scores, dtype="float64")
    _check(truth, predicted, where)
    return {name: float(_FUNCTIONS[name](truth, predicted, threshold)) for name in dict.fromkeys(names)}


def _check(labels: np.ndarray, scores: np.ndarray, where: str) -> None:
    classes = np.unique(labels)
    if len(classes) < 2:
        found = f"{len(labels)} rows, all of class {classes[0]}" if len(classes) else "no rows"
        raise EvaluationError(
            where,
            "both classes are needed to measure a model",
            got=found,
            hint="lengthen window.holdout_days, or look at the target's rule",
        )
    check_probabilities(scores, where)


def check_probabilities(scores: np.ndarray, where: str) -> None:
    """Refuse scores that are no probabilities.

    Args:
        scores: Shape (n_rows,).
        where: What they are of, for the error.

    Raises:
        EvaluationError: With how many they are.
    """
    bad = int((~((scores >= 0) & (scores <= 1))).sum())
    if bad:
        raise EvaluationError(
            where,
            "a model returned scores that are no probabilities",
            got=f"{bad} of {len(scores)} rows outside 0..1 or NaN",
            allowed=("0..1",),
            hint="train the candidate again with force",
        )
